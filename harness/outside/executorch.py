"""`engine: executorch` outside: an LLM runner of ExecuTorch, one fresh process per sample, read from its output.

Per iteration, `[iter 3] prefill 588.0 tok/s (1200 tok, 2041.0 ms) | decode 98.1 tok/s (512 tok, 5219.0 ms)`, and for
the last one `PyTorchObserver {json}` (examples/models/qwen3_5_moe of ExecuTorch, August 2026). Its clock is whole
milliseconds, and decode includes detokenising. It shows text, no logits: nothing is checked against a reference.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from harness.errors import CaseFailed
from harness.outside.engine import Found, Measuring, run_to_its_end
from harness.outside.group import Group
from harness.values.case import AxisValue
from harness.values.outside import ExecutorchEngine

ITERATION = re.compile(
    r"^\[iter (?P<number>\d+)(?P<warmup> warmup)?\] "
    r"prefill \S+ tok/s \((?P<prompt>\d+) tok, (?P<prefill_ms>\d+\.?\d*) ms\) \| "
    r"decode \S+ tok/s \((?P<new>\d+) tok, (?P<decode_ms>\d+\.?\d*) ms\)",
    re.MULTILINE,
)
OBSERVER = re.compile(r"^PyTorchObserver (\{.*\})\s*$", re.MULTILINE)
MOST_MEGABYTES = 1e9
"""No machine has as much memory."""
DIGEST = 16
"""Shown hex digits of a checksum."""


class Observed(msgspec.Struct, frozen=True):
    """The used part of the runner's report about its last iteration."""

    first_token_ms: float = 0
    prompt_eval_end_ms: float = 0
    inference_start_ms: float = 0
    inference_end_ms: float = 0
    model_load_start_ms: float = 0
    model_load_end_ms: float = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    gpu_peak_usage_mb: float = 0


class Iteration(NamedTuple):
    """us per token of each phase."""

    prefill_us: float
    decode_us: float


@contextmanager
def opened(settings: ExecutorchEngine, folder: Path) -> Iterator[Measuring]:
    """Open the runner with its files. Raises CaseFailed where a file is missing."""
    for name in ("model", "data", "tokenizer"):
        file = getattr(settings, name)
        if file and not (folder / file).is_file():
            raise CaseFailed(f"{name}: {file}: no such file (in {folder})")
    yield _Runner(settings, folder)


class _Runner:
    def __init__(self, settings: ExecutorchEngine, folder: Path) -> None:
        self.settings, self.folder = settings, folder

    def measure(self, axes: Mapping[str, AxisValue], check: bool) -> Found:
        words = self._words(check)
        with Group(words, self.folder, self.settings.env) as runner:
            run_to_its_end(runner, words[0], self.settings.timeout_s)
            iterations, observed = read_runner(runner.stdout, self.settings.new_tokens)
        return Found(
            {"decode": [i.decode_us for i in iterations], "prefill": [i.prefill_us for i in iterations]},
            {"decode": "runner", "prefill": "runner"},
            _since(observed.inference_start_ms, observed.first_token_ms, 1e3),
            _peak_bytes(observed.gpu_peak_usage_mb),
            self._notes(observed),
            ("decode", self.settings.new_tokens * (self.settings.warmup + len(iterations))),
        )

    def _words(self, check: bool) -> list[str]:
        """check: the fewest iterations that count."""
        s = self.settings
        data = [f"--data_path={s.data}"] if s.data else []
        graph = ["--cuda_graph"] if s.cuda_graph else []
        return [
            s.runner, f"--model_path={s.model}", *data, f"--tokenizer_path={s.tokenizer}", f"--prompt={s.prompt}",
            "--temperature=0", f"--max_new_tokens={s.new_tokens}", f"--warmup={s.warmup}",
            f"--num_iters={1 if check else s.iterations}", *graph, *s.args,
        ]  # fmt: skip

    def _notes(self, observed: Observed) -> tuple[str, ...]:
        """The runner and model by checksum and size, and the load time."""
        s = self.settings
        files = [("model", s.model), ("data", s.data), ("tokenizer", s.tokenizer)]
        files += [("runner", s.runner)] if "/" in s.runner else []
        found = [f"{name} {file}: {_checksum(self.folder / file)}" for name, file in files if file]
        load_us = _since(observed.model_load_start_ms, observed.model_load_end_ms, 1e3)
        return (*found, *([f"loaded in {load_us / 1e6:.2f} s"] if load_us else []))


def read_runner(text: str, new_tokens: int) -> tuple[list[Iteration], Observed]:
    """The iterations that count, and the observations of the last one. Raises CaseFailed for a text that no runner
    wrote, and for answers shorter than requested: they end early, and decode another number of tokens."""
    rows = [match for match in ITERATION.finditer(text) if not match["warmup"]]
    told = OBSERVER.search(text)
    if told is None:
        raise CaseFailed(f"the runner printed no line `PyTorchObserver {{...}}`{_end_of(text)}")
    try:
        observed = msgspec.json.decode(told[1], type=Observed, strict=False)
    except msgspec.DecodeError as error:
        raise CaseFailed(f"the runner's PyTorchObserver line cannot be read: {error}") from error
    if not rows:
        return [_from_observer(observed, new_tokens)], observed
    found = []
    for row in rows:
        _whole(int(row["new"]), new_tokens, f"iteration {row['number']}")
        if not int(row["prompt"]):
            raise CaseFailed(f"iteration {row['number']}: it prefilled no token")
        prefill_ms, decode_ms = float(row["prefill_ms"]), float(row["decode_ms"])
        if not prefill_ms or not decode_ms:
            raise CaseFailed(f"iteration {row['number']}: less than the millisecond that the runner's clock has")
        found.append(Iteration(1e3 * prefill_ms / int(row["prompt"]), 1e3 * decode_ms / int(row["new"])))
    return found, observed


def _from_observer(observed: Observed, new_tokens: int) -> Iteration:
    """The only iteration of a runner that prints none."""
    _whole(observed.generated_tokens, new_tokens, "PyTorchObserver")
    prefill_us = _since(observed.inference_start_ms, observed.prompt_eval_end_ms, 1e3)
    decode_us = _since(observed.prompt_eval_end_ms, observed.inference_end_ms, 1e3)
    if not prefill_us or not decode_us or not observed.prompt_tokens:
        raise CaseFailed("the runner's PyTorchObserver line has no times of prefill and decode")
    return Iteration(prefill_us / observed.prompt_tokens, decode_us / observed.generated_tokens)


def _whole(made: int, asked: int, where: str) -> None:
    if made < asked:
        raise CaseFailed(f"{where}: {made} of {asked} tokens were made: the model ended its text early; ask for fewer")
    if made > asked:
        raise CaseFailed(f"{where}: {made} tokens were made, {asked} were asked for")


def _since(start: float, end: float, factor: float) -> float | None:
    return (end - start) * factor if start and end > start else None


def _peak_bytes(megabytes: float) -> int | None:
    """None where the runner does not know it: it then says -1."""
    return round(megabytes * 1e6) if 0 < megabytes < MOST_MEGABYTES else None


def _end_of(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"; its output ends with: {lines[-1][:200]}" if lines else "; it printed nothing"


def _checksum(file: Path) -> str:
    """`sha256 4f2c..., 1,234 bytes`; computed once for as long as the file is unchanged."""
    try:
        facts = file.stat()
        return f"sha256 {_digest(file, facts.st_mtime_ns, facts.st_size)}, {facts.st_size:,} bytes"
    except OSError as error:
        raise CaseFailed(f"{file}: cannot be read: {error.strerror}") from error


@cache
def _digest(file: Path, written_ns: int, size: int) -> str:
    with file.open("rb") as opened_file:
        return hashlib.file_digest(opened_file, "sha256").hexdigest()[:DIGEST]
