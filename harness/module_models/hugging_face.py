"""Causal language models that transformers builds from a config or a local folder, over a static cache."""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness.errors import CaseFailed, HarnessError, allowed
from harness.module_models.decoder import ModuleDecoder, Snapshot
from harness.module_models.static_cache import CacheStates, widen_counters
from harness.values.module_model import ModuleModel

CACHE_NAMES = ("past_key_values", "cache_params")
"""The names that `forward` gives its cache: in models with attention, and in those of state spaces alone."""
FIRST_USE = 16
"""Tokens of the call that makes the cache's tensors: some take their size from a prompt shorter than a convolution."""


def load(model: ModuleModel, dtype: torch.dtype, device: str, seed: int, causal: bool = True) -> nn.Module:
    """The model with its weights on the device. `causal`: with the head of a language model.

    Raises HarnessError where transformers is not installed or has no such model, CaseFailed for a key that its config
    lacks.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is looked up on a hub
    try:
        import transformers
    except ImportError as error:
        raise HarnessError(f"hf:{model.name}: transformers is not installed here") from error
    config, kind = config_of(model), transformers.AutoModelForCausalLM if causal else transformers.AutoModel
    if model.weights:
        loaded: nn.Module = kind.from_pretrained(model.weights, config=config, dtype=dtype, local_files_only=True)
        return loaded.to(device).eval()
    torch.manual_seed(seed)
    try:
        with torch.device(device):
            made: nn.Module = kind.from_config(config, dtype=dtype)
    except ValueError as error:
        if "AutoModel" not in str(error):
            raise
        what = "causal language model" if causal else "model"
        raise CaseFailed(f"hf:{model.name}: transformers has no {what} of this type") from error
    return made.to(device).eval()  # buffers that were made elsewhere


def config_of(model: ModuleModel) -> Any:
    """The config with the suite's settings. Raises HarnessError for a model type that this transformers lacks."""
    import transformers

    if Path(model.name).is_absolute():
        config = transformers.AutoConfig.from_pretrained(model.name, local_files_only=True)
        return _with(config, model, config.to_dict())
    known = transformers.CONFIG_MAPPING
    if model.name not in known:
        version = transformers.__version__
        raise HarnessError(f"hf:{model.name}: transformers {version} has no such model type{_near(model.name, known)}")
    return _with(known[model.name](), model, {})


DERIVED = ("layer_types",)
"""Keys that a config derives from others unless they are given: stale where the number of layers is changed."""


def _with(config: Any, model: ModuleModel, said: dict[str, Any]) -> Any:
    """A config of the same class with these values and the suite's settings.

    Raises CaseFailed for a key that neither the config has nor the model's source reads.
    """
    text = config.get_text_config(decoder=True)
    for key in model.config:
        if not (hasattr(config, key) or hasattr(text, key) or key in _read_by_model(config)):
            names = [name for name in config.to_dict() if not name.startswith("_")]
            raise CaseFailed(f"hf:{model.name}: config has no {key}{_near(key, names)}")
    named = next((name for name, value in vars(config).items() if value is text), None)
    if named is None:  # it is the text's own; of an encoder with a decoder `text` is a copy
        return type(config).from_dict(_changed(said, model.config))
    inner = {key: value for key, value in model.config.items() if hasattr(text, key)}
    outer = {key: value for key, value in model.config.items() if key not in inner}
    return type(config).from_dict({**said, **outer, named: _changed(said.get(named, {}), inner)})


def _changed(said: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    stale = DERIVED if "num_hidden_layers" in more else ()
    return {**{key: value for key, value in said.items() if key not in stale}, **more}


def _read_by_model(config: Any) -> set[str]:
    """The words of the model's source: some keys are read where they are set and stand in no default (`head_dim`)."""
    import transformers

    kind = transformers.MODEL_FOR_CAUSAL_LM_MAPPING.get(type(config), None)
    kind = kind or transformers.MODEL_MAPPING.get(type(config), None)
    source = inspect.getsource(sys.modules[kind.__module__]) if kind is not None else ""
    return {name for pair in re.findall(r"config\.(\w+)|config, \"(\w+)\"", source) for name in pair if name}


def _near(name: str, names: Iterable[str]) -> str:
    """The nearest name alone: there are hundreds."""
    _, found, near = allowed(name, names).partition("; did you mean ")
    return found + near


def vocabulary(module: Any) -> int:
    found: int = module.config.get_text_config(decoder=True).vocab_size
    return found


class CausalLM:
    """A model of transformers over a static cache, as `Decodes` requires: all sequences are in the cache's tensors."""

    def __init__(self, module: Any, like: Any, batch: int, capacity: int, device: str) -> None:
        """like: the model of the suite, where an arm has wrapped it. Raises CaseFailed for a model without a cache."""
        from transformers import StaticCache

        self._module, self._batch = module, batch
        named = keywords_of(module, like)
        cache_name = next((name for name in CACHE_NAMES if name in named), None)
        if cache_name is None:
            raise CaseFailed(f"{type(module).__name__} takes no cache ({' or '.join(CACHE_NAMES)})")
        self._cache = StaticCache(config=getattr(module, "config", like.config), max_cache_len=capacity)
        self._always = {cache_name: self._cache, "use_cache": True}
        self._named = named
        first = min(FIRST_USE, capacity - 1)
        self.prefill(torch.zeros(batch, first, dtype=torch.int64, device=device), 0)
        widen_counters(self._cache)
        self.cache_states = CacheStates(self._cache)
        at = torch.tensor([first], device=device)
        self.decode(torch.zeros(batch, dtype=torch.int64, device=device), at)
        self.cache_states.check_in_place()
        self.cache_states.reset()
        self.states = self.cache_states.tensors

    def prefill(self, token_ids: Tensor, start: int) -> Tensor:
        """Logits of the last position alone where the model can leave out the others, else of every position."""
        positions = torch.arange(start, start + token_ids.shape[1], device=token_ids.device)
        return self._logits(token_ids, positions, {"logits_to_keep": 1})

    def decode(self, token_ids: Tensor, position: Tensor) -> Tensor:
        return self._logits(token_ids.unsqueeze(1), position, {})[:, -1]

    def _logits(self, token_ids: Tensor, positions: Tensor, more: dict[str, Any]) -> Tensor:
        asked = {"position_ids": positions.expand(self._batch, -1), "cache_position": positions, **more}
        keywords = {name: value for name, value in asked.items() if name in self._named}
        return logits_of(self._module(token_ids, **self._always, **keywords))


class CausalLMDecoder(ModuleDecoder):
    """A `ModuleDecoder` whose snapshots include the cache's values on the host: lengths and flags of its layers."""

    module: CausalLM

    def __init__(self, module: Any, like: Any, batch: int, capacity: int, device: str) -> None:
        super().__init__(CausalLM(module, like, batch, capacity, device), batch, capacity)

    def reset(self) -> None:
        self.module.cache_states.reset()

    def snapshot(self) -> Snapshot:
        return {**super().snapshot(), "": self.module.cache_states.numbers()}

    def restore(self, snapshot: Any) -> None:
        super().restore(snapshot)
        self.module.cache_states.set_numbers(snapshot[""])


def keywords_of(module: Any, like: Any) -> frozenset[str]:
    """The keywords that the module's `forward` takes. One that takes any (a compiled module, a patched `forward`) is
    taken to pass them on to the model of the suite."""
    named = inspect.signature(module.forward).parameters
    passes_on = any(parameter.kind is parameter.VAR_KEYWORD for parameter in named.values())
    return frozenset(named) | (frozenset(inspect.signature(like.forward).parameters) if passes_on else frozenset())


def logits_of(made: Any) -> Tensor:
    """The logits in a record or a tuple of transformers. Raises CaseFailed for a result without any."""
    found = getattr(made, "logits", None)
    if found is None and isinstance(made, tuple) and made:
        found = made[0]
    if not isinstance(found, Tensor):
        raise CaseFailed(f"the model returned {type(made).__name__} without logits")
    return found


def whole_text(module: Any, like: Any, tokens: Tensor, steps: int) -> Tensor:
    """The logits [batch, steps, vocab] float32 of the last positions of tokens [batch, length], in one pass without a
    cache. The first token is at position 0, as in a step: models of RoBERTa's kind would count from another.
    """
    positions = torch.arange(tokens.shape[1], device=tokens.device).expand(tokens.shape)
    named = keywords_of(module, like)
    asked = {"logits_to_keep": steps, "position_ids": positions}
    keywords = {name: value for name, value in asked.items() if name in named}
    return logits_of(module(tokens, use_cache=False, **keywords))[:, -steps:].float()
