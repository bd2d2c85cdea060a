"""A real server on a CPU: `transformers serve` over a tiny model, where its packages are installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.outside.engine import opened
from harness.outside.http.prompts import WORDS
from harness.values.outside import HttpEngine, OutsideEngine


def tiny_model(folder: Path) -> Path:
    """Two layers, which never end a text, and a tokenizer with a token for each word of a prompt."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = ["<unk>", *WORDS, *(f"w{number}" for number in range(47))]
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>").save_pretrained(folder)
    sizes = {"hidden_size": 64, "intermediate_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2}
    config = LlamaConfig(vocab_size=64, num_hidden_layers=2, bos_token_id=None, eos_token_id=None, **sizes)
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_transformers_serve_is_measured(tmp_path: Path) -> None:
    """Started, warmed up, asked by two clients at once and ended by the harness."""
    for package in ("fastapi", "uvicorn", "openai", "accelerate", "transformers.cli.serving.completion"):
        pytest.importorskip(package)
    folder = tiny_model(tmp_path / "model")
    settings = HttpEngine(
        start=f"{sys.executable} -m transformers.cli.transformers serve {folder} --port {{port}} --device cpu",
        model=str(folder), prompts="text", ignore_eos=False, prompt_tokens=16, new_tokens=8, requests=2,
        env={"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}, start_limit_s=120,
    )  # fmt: skip
    with opened(OutsideEngine(http=settings), tmp_path) as measuring:
        values = measuring.measure({"concurrency": 2}, check=False).values
    assert {name: len(found) for name, found in values.items()} == {"ttft": 4, "tpot": 4, "request": 4, "total": 1}
    assert all(float(us) > 0 for found in values.values() for us in found)
