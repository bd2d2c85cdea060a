"""A causal language model of Hugging Face as it is: no op of the library's in it but the choice of the next token."""

from __future__ import annotations

import copy
from typing import Any

import torch

from harness_kernels.models.decoder import Bind, Decoder

MODELS = {
    "hf_qwen2_tiny": {"vocab_size": 2048, "hidden_size": 256, "num_hidden_layers": 2},
    "hf_qwen2_small": {"vocab_size": 2048, "hidden_size": 512, "num_hidden_layers": 4},
}


def random_weights(dims: dict[str, Any], dtype: torch.dtype, device: str, seed: int) -> torch.nn.Module:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(seed)
    config = Qwen2Config(**dims, num_attention_heads=4, num_key_value_heads=2, intermediate_size=512)
    return Qwen2ForCausalLM(config).to(device=device, dtype=dtype).eval()


def build(
    dims: dict[str, Any], weights: torch.nn.Module, ops: Any, batch: int, capacity: int, group: int,
    dtype: torch.dtype, device: str,
) -> Decoder:  # fmt: skip
    """Called once in the suite's dtype, and once in float32 for what the other is checked against."""
    from transformers import StaticCache

    module = weights if next(weights.parameters()).dtype == dtype else copy.deepcopy(weights).to(dtype)
    cache = StaticCache(config=module.config, max_cache_len=capacity)
    model = CausalLM({}, batch, capacity, device, Bind(ops, dims, group, None, {})("greedy"))
    model.module, model.cache = module, cache
    model._hidden("prefill", torch.zeros(batch, 1, dtype=torch.long, device=device), torch.arange(1, device=device))
    for number, layer in enumerate(cache.layers):  # whatever a step changes is a state: put back before each text
        tensors = {name: value for name, value in vars(layer).items() if isinstance(value, torch.Tensor)}
        model.states |= {f"{name}.{number}": value for name, value in tensors.items()}
    model.reset()
    return model


class CausalLM(Decoder):
    module: Any
    cache: Any

    @torch.no_grad()
    def _hidden(self, phase: str, token_ids: torch.Tensor, positions: torch.Tensor) -> tuple[torch.Tensor]:
        """token_ids [batch, length], positions [length] -> what `_logits` takes, [tokens, ...]."""
        found = self.module(
            token_ids, past_key_values=self.cache, cache_position=positions, position_ids=positions[None]
        )
        return (found.logits.flatten(0, 1),)

    def _logits(self, phase: str, *hidden: torch.Tensor) -> torch.Tensor:
        return hidden[0]
