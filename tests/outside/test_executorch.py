"""`engine: executorch` outside: a runner's output to figures, and every way in which it can fail to a reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from harness.errors import CaseFailed
from harness.outside.engine import Found, TimedOut, opened
from harness.outside.executorch import read_runner
from harness.values.outside import ExecutorchEngine, OutsideEngine

from .programs import program

OBSERVER = {
    "prompt_tokens": 1200, "generated_tokens": 512, "model_load_start_ms": 1000, "model_load_end_ms": 3500,
    "inference_start_ms": 4000, "prompt_eval_end_ms": 6041, "inference_end_ms": 11260, "first_token_ms": 6045,
    "gpu_peak_usage_mb": 19800.5,
}  # fmt: skip
ITERATIONS = """\
I 00:00:01 executorch:main.cpp:61] loading
[iter 0 warmup] prefill 300.0 tok/s (1200 tok, 4000.0 ms) | decode 50.0 tok/s (512 tok, 10240.0 ms)
[iter 1] prefill 588.0 tok/s (1200 tok, 2041.0 ms) | decode 98.1 tok/s (512 tok, 5219.0 ms)
[iter 2] prefill 600.0 tok/s (1200 tok, 2000.0 ms) | decode 100.0 tok/s (512 tok, 5120.0 ms)
Prefill: 1200 tokens in 2000.0 ms (600.0 tok/s)
Decode: 512 tokens in 5120.0 ms (100.0 tok/s)
"""


def observer(**more: float) -> str:
    return f"PyTorchObserver {json.dumps({**OBSERVER, **more})}\n"


PRINTED = ITERATIONS + observer() + "=== mean over 2 iterations\n"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An artefact, and a runner that prints what a real one does."""
    for name in ("m.pte", "m.ptd", "t.json"):
        (tmp_path / name).write_text(name)
    (tmp_path / "printed").write_text(PRINTED)
    program(tmp_path / "runner", 'echo "$@" > asked', "cat printed")
    return tmp_path


def measured(folder: Path, check: bool = False, **more: object) -> Found:
    settings = {"runner": "./runner", "model": "m.pte", "data": "m.ptd", "tokenizer": "t.json", "new_tokens": 512}
    engine = OutsideEngine(executorch=msgspec.convert({**settings, **more}, ExecutorchEngine))
    with opened(engine, folder) as measuring:
        return measuring.measure({}, check)


def test_each_iteration_but_warmups_is_a_sample(folder: Path) -> None:
    """us per token of both phases; time to the first token and peak memory as the runner says them."""
    found = measured(folder)
    assert found.values == {
        "decode": [pytest.approx(5219e3 / 512), pytest.approx(5120e3 / 512)],
        "prefill": [pytest.approx(2041e3 / 1200), pytest.approx(2000e3 / 1200)],
    }
    assert found.first_token_us == 2045e3 and found.peak_memory_bytes == 19_800_500_000
    assert found.timers == {"decode": "runner", "prefill": "runner"}


def test_artefacts_are_kept_by_checksum(folder: Path) -> None:
    """And how long the model took to load."""
    notes = measured(folder).notes
    digest = hashlib.sha256(b"m.pte").hexdigest()[:16]
    assert notes[0] == f"model m.pte: sha256 {digest}, 5 bytes" and notes[-1] == "loaded in 2.50 s"
    assert [note.split()[0] for note in notes] == ["model", "data", "tokenizer", "runner", "loaded"]


def test_the_runner_is_asked_by_its_flags(folder: Path) -> None:
    """Greedy; a check takes one iteration."""
    measured(folder, cuda_graph=True, args=["--x", "1", "--x", "2"], prompt="a b")
    asked = (folder / "asked").read_text().strip()
    assert asked == (
        "--model_path=m.pte --data_path=m.ptd --tokenizer_path=t.json --prompt=a b --temperature=0 "
        "--max_new_tokens=512 --warmup=1 --num_iters=3 --cuda_graph --x 1 --x 2"
    )
    measured(folder, check=True)
    assert "--num_iters=1" in (folder / "asked").read_text()


def test_a_runner_without_iterations_is_read_by_its_observer() -> None:
    """Older ones print nothing else."""
    [found], _ = read_runner(observer(), 512)
    assert found.decode_us == pytest.approx(5219e3 / 512) and found.prefill_us == pytest.approx(2041e3 / 1200)


@pytest.mark.parametrize("megabytes", [-1, 0, 1e308])
def test_memory_that_a_runner_does_not_know_is_unknown(megabytes: float, folder: Path) -> None:
    (folder / "printed").write_text(ITERATIONS + observer(gpu_peak_usage_mb=megabytes))
    assert measured(folder).peak_memory_bytes is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "printed no line `PyTorchObserver {...}`; it printed nothing"),
        ("hello\n", "its output ends with: hello"),
        (ITERATIONS, "its output ends with: Decode: 512"),
        (PRINTED.replace("(512 tok, 5120.0 ms)", "(37 tok, 400.0 ms)"), "iteration 2: 37 of 512 tokens were made"),
        (PRINTED.replace("5219.0 ms", "0.0 ms"), "iteration 1: less than the millisecond"),
        (PRINTED.replace("(512 tok, 5120.0 ms)", "(513 tok, 5120.0 ms)"), "513 tokens were made, 512 were asked for"),
        (PRINTED.replace("(1200 tok, 2000.0 ms) |", "(0 tok, 2000.0 ms) |"), "iteration 2: it prefilled no token"),
        ("PyTorchObserver {not json}\n", "PyTorchObserver line cannot be read"),
        (observer(generated_tokens=3), "PyTorchObserver: 3 of 512 tokens were made"),
        (observer(prompt_eval_end_ms=0), "has no times of prefill and decode"),
    ],
)
def test_what_is_no_measurement_is_a_reason(text: str, words: str) -> None:
    with pytest.raises(CaseFailed) as raised:
        read_runner(text, 512)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("runner", "settings", "words"),
    [
        ("echo cannot load method decode >&2; exit 1", {}, "./runner ended with exit status 1: cannot load method"),
        ("kill -SEGV $$", {}, "./runner was killed by signal 11"),
        ("sleep 60", {"timeout_s": 0.2}, "./runner: still ran after 0.2 s, and was ended"),
        ("true", {"runner": "./none"}, "./none: no such program"),
        ("true", {"runner": "./m.pte"}, "./m.pte: not executable"),
        ("true", {"model": "n.pte"}, "model: n.pte: no such file"),
        ("true", {"data": "n.ptd"}, "data: n.ptd: no such file"),
        ("true", {"tokenizer": "n.json"}, "tokenizer: n.json: no such file"),
    ],
)
def test_a_runner_that_fails_is_a_reason(runner: str, settings: dict[str, object], words: str, folder: Path) -> None:
    program(folder / "runner", runner)
    with pytest.raises(CaseFailed) as raised:
        measured(folder, **settings)
    assert words in str(raised.value) and isinstance(raised.value, TimedOut) == ("still ran" in words)
