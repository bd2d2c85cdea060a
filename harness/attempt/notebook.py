"""`try_kernel` and `load` for notebooks and programs: plain rows, and results that print as the command shows them."""

from __future__ import annotations

import atexit
import hashlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness import kernels_root, reports_root
from harness.attempt.attempts import FOLDER, Bench, Options
from harness.attempt.gather import variant_text
from harness.attempt.question import TryOptions
from harness.attempt.session import LIMIT_S, Session
from harness.store import Store
from harness.store.attempts import PREFIX, load_attempt
from harness.store.store import make_folder
from harness.suite.catalogue import bind_ops, bound_kernels
from harness.values.attempt import Attempt
from harness.values.measurement import Measurement
from harness.values.run import Run

reports_root.bind()

Rows = list[dict[str, Any]]

_sessions: dict[tuple[Path, float, bool], Session] = {}
"""Warm workers of this process, which end with it."""


class Tried:
    """The result of an attempt. It prints as the lines of `harness try`.

    attempt: everything that is stored. measurement: of the kernel; its samples are us per call, in order.
    """

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt

    @property
    def measurement(self) -> Measurement:
        return self.attempt.measurement

    @property
    def correct(self) -> bool:
        found = self.attempt.measurement.correctness
        return found is not None and found.correct

    def table(self) -> Rows:
        """One row for the kernel and one for its opponent."""
        from harness_reports.views.case_rows import attempt_row, plain_row

        other = self.attempt.against
        return [attempt_row(self.attempt), *([plain_row(other)] if other is not None else [])]

    def __repr__(self) -> str:
        from harness_reports.pages.attempt import headline, lines

        return "\n".join([f"try:{self.attempt.number}  {headline(self.attempt)}", *lines(self.attempt)])


class Loaded:
    """A stored run. `run`: all of it; `table()`: one row per case."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def table(self) -> Rows:
        from harness_reports.views.case_rows import plain_row

        return [plain_row(found) for found in self.run.measurements]

    def __repr__(self) -> str:
        rows = [f"  {row['case']}  {row['status']}{_us(row)}" for row in self.table()]
        return "\n".join([f"run {self.run.id}, {self.run.suite}, {self.run.started}: {len(rows)} cases", *rows])


def try_kernel(
    kernel: Callable[..., Any] | str | Path, *, op: str = "", site: str = "", model: str = "",
    shape: Mapping[str, int] | None = None, against: str = "", dtype: str = "bfloat16", tokens: int = 1,
    context: int = 1024, routing: str = "uniform", target: str = "sm_90", note: str = "", tag: str = "",
    store: str = "", limit_s: float = LIMIT_S, interpret: bool = False, **tunables: Any,
) -> Tried:  # fmt: skip
    """Check and time a kernel as `harness try` does, in a separate process that stays warm.

    kernel: a function, or the path of a file with a function `run`. Its positional parameters are the op's inputs, its
    keyword-only ones its tunables. The function's text and everything it uses are written to a file, which is kept.
    Raises HarnessError, one line, for a misspelt argument.
    """
    path = Path(kernel) if isinstance(kernel, str | Path) else _written(kernel)
    root = kernels_root.bound_root() or kernels_root.find(path if path.is_file() else Path.cwd() / "suite")
    kernels_root.bind(root)
    own = bound_kernels(Path.cwd()).with_own_found()
    bind_ops(own.sources, own.models)
    asked = TryOptions(
        file=str(path), op=op, site=site, model=model, shape=dict(shape or {}),
        tunables={name: str(value) for name, value in tunables.items()}, dtype=dtype, tokens=tokens, context=context,
        routing=routing, against=against, target=target,
    )  # fmt: skip
    session = _session(root, limit_s, interpret)
    options = Options(note=note, tags=(tag,) if tag else ())
    return Tried(Bench(Store(store), session, options).attempt(asked))


def load(name: str = "last", store: str = "") -> Loaded | Tried:
    """Return a stored run by `last`, `last~1`, its id, a tag or a file; an attempt by `try:7`, `try:last`."""
    runs = Store(store)
    return Tried(load_attempt(runs, name)) if name.startswith(PREFIX) else Loaded(runs.load(name))


def _session(root: Path, limit_s: float, interpret: bool) -> Session:
    key = root, limit_s, interpret
    if key not in _sessions:
        _sessions[key] = Session(root, limit_s, interpret)
        atexit.register(_sessions[key].end)
    return _sessions[key]


def _written(function: Callable[..., Any]) -> Path:
    """The file of a function: its own where it is a module's `run`, else a file generated from it."""
    module = inspect.getmodule(function)
    file = getattr(module, "__file__", None)
    if file and function.__module__ != "__main__" and getattr(module, "run", None) is function:
        return Path(file)
    text = variant_text(function)
    make_folder(FOLDER)
    path = FOLDER / f"{function.__name__.strip('<>')}_{hashlib.sha256(text.encode()).hexdigest()[:8]}.py"
    path.write_text(text, encoding="utf-8")
    return path


def _us(row: Mapping[str, Any]) -> str:
    return "" if row["us"] is None else f"  {row['us']:.4g} us [{row['low_us']:.4g}, {row['high_us']:.4g}]"
