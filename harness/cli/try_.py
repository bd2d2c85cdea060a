"""`harness try`: check and time one kernel file; fifty times a day."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import AsJson, Store
from harness.cli.quiet import is_quiet
from harness.errors import ExitStatus
from harness.secrets import masked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.attempt.attempts import Bench
    from harness.attempt.question import TryOptions, TryRequest
    from harness.values.attempt import Attempt

MOST_QUIET = 2
"""Lines of an attempt under `--quiet`: whether it is correct, and its time."""


def command(
    file: Annotated[
        str, typer.Argument(help="Python file with a `run(...)`, or the name of one of the op's variants.")
    ],
    tunables: Annotated[list[str] | None, typer.Argument(help="Tunables as name=value.")] = None,
    op: Annotated[str, typer.Option(help="The op; default: found by the file's folder or its inputs.")] = "",
    site: Annotated[str, typer.Option(help="Site in the model; default: the one that reads most bytes.")] = "",
    model: Annotated[str, typer.Option(help="Model in models.yaml that gives the shapes; default: the first.")] = "",
    shape: Annotated[str, typer.Option(help="Dims as n=7168,k=2048, instead of a model's.")] = "",
    against: Annotated[
        str, typer.Option(help="Compare with an arm, variant, file, git revision or none. [autotuned, else baseline]")
    ] = "",
    watch: Annotated[
        bool, typer.Option("--watch", help="Try again after every save, in a process that stays warm.")
    ] = False,
    dtype: Annotated[str, typer.Option(help="Dtype of the activations: bfloat16, float32, ... int8.")] = "bfloat16",
    tokens: Annotated[int, typer.Option(min=1, help="Tokens of the call.")] = 1,
    context: Annotated[int, typer.Option(min=0, help="Cached tokens, for ops that read a cache.")] = 1024,
    routing: Annotated[str, typer.Option(help="Routing to experts: uniform, skewed.")] = "uniform",
    target: Annotated[str, typer.Option(help="GPU to compile for when this machine has none.")] = "sm_90",
    limit: Annotated[float, typer.Option(min=0.1, help="Seconds before a step counts as hung.")] = 60.0,
    ncu: Annotated[bool, typer.Option("--ncu", help="Profile one call under Nsight Compute.")] = False,
    sanitize: Annotated[
        bool, typer.Option("--sanitize", help="Find races, stray accesses and uninitialized reads, by line.")
    ] = False,
    asm: Annotated[bool, typer.Option("--asm", help="Show TTGIR, PTX and the hot loop's SASS.")] = False,
    interpret: Annotated[bool, typer.Option("--interpret", help="Use Triton's interpreter, even with a GPU.")] = False,
    note: Annotated[str, typer.Option("-m", callback=masked, help="A note kept with the attempt.")] = "",
    tag: Annotated[str, typer.Option(help="A name for the attempt: `try:NAME`.")] = "",
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Check and time one kernel: no suite, no model built. Every attempt is kept with its source text."""
    from harness.attempt.attempts import Bench, Options
    from harness.attempt.question import TryOptions, ask, read_pairs, read_shape
    from harness.attempt.session import Session
    from harness.store import Store as RunStore

    root = _bound(file)
    asked = TryOptions(
        file=file, op=op, site=site, model=model, shape=read_shape([shape]) if shape else {},
        tunables=read_pairs(tunables or [], "tunable"), dtype=dtype, tokens=tokens, context=context, routing=routing,
        against=against, target=target,
    )  # fmt: skip
    question = ask(asked)  # what is misspelt is said before a process starts
    if sanitize:
        return _sanitize(question, root, limit, as_json)
    if ncu or asm:
        from harness.attempt.tools import run_tool

        raise typer.Exit(run_tool("ncu" if ncu else "asm", question, root, target))
    options = Options(note=note, tags=(tag,) if tag else ())
    with Session(root, limit, interpret, _say) as session, _stoppable(0 if watch else ExitStatus.INTERRUPTED):
        bench = Bench(RunStore(store), session, options)
        if watch:
            _watch(bench, asked, Path(question.file), as_json)
        else:
            _finish(_measure_once(bench, asked, as_json))


def _bound(file: str) -> Path:
    """Return the folder of kernels around a file, or around the current folder. Its ops, and those found here, become
    known."""
    from harness.kernels_root import bind, find
    from harness.suite.catalogue import bind_ops, bound_kernels

    root = find(Path(file) if Path(file).is_file() else Path.cwd() / "suite")
    bind(root)
    own = bound_kernels(Path.cwd()).with_own_found()
    bind_ops(own.sources, own.models)
    return root


@contextmanager
def _stoppable(status: int) -> Iterator[None]:
    """End the command with a word and this status on Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        _say("")
        print("stopped")
        raise typer.Exit(status) from None


def _measure_once(bench: Bench, asked: TryOptions, as_json: bool) -> Attempt:
    from harness.store.attempts import all_attempts, best_of

    attempt = bench.attempt(asked)
    _say("")
    if as_json:
        from harness_reports.documents.stored import attempt_text

        print(attempt_text(attempt), flush=True)
        return attempt
    from harness_reports.pages.attempt import headline, lines

    case = attempt.measurement.case
    today = all_attempts(bench.store, case.question, attempt.started[:10])
    alike = [a for a in today if a.number != attempt.number and a.measurement.case.dims == case.dims]
    best = best_of([a for a in alike if _same_machine(a, attempt)])
    print(headline(attempt))
    for line in lines(attempt, best)[: MOST_QUIET if is_quiet() else None]:
        print(line)
    print(f"try:{attempt.number} · {attempt.wall_s:.1f} s", flush=True)
    return attempt


def _sanitize(question: TryRequest, root: Path, limit_s: float, as_json: bool) -> None:
    """Show a table of the findings of memory tools in one call; exit with 5 where one found something, or where none
    could run."""
    from harness.attempt.sanitize import FOLDER, found_nothing, sanitize
    from harness.errors import ExitStatus

    reports = list(sanitize(question, root, limit_s, _say, FOLDER))
    _say("")
    status = ExitStatus.OK if found_nothing(reports) else ExitStatus.CASE_FAILED
    if as_json:
        from harness_reports.documents.sanitized import sanitized_text

        print(sanitized_text(question.case.id, question.file, reports, status))
    else:
        from harness_reports.formats.console import show
        from harness_reports.formats.terminal_table import Shown
        from harness_reports.tables.sanitized import access_errors

        show(Shown(access_errors(reports).known))
    raise typer.Exit(status)


def _same_machine(one: Attempt, other: Attempt) -> bool:
    here = other.environment
    return one.environment is not None and here is not None and one.environment.device_name == here.device_name


def _finish(attempt: Attempt) -> None:
    from harness.values.measurement import Status

    compiled = attempt.compiled is None or not attempt.compiled.is_broken
    if attempt.measurement.status is not Status.OK or not compiled:
        raise typer.Exit(ExitStatus.CASE_FAILED)


def _watch(bench: Bench, asked: TryOptions, file: Path, as_json: bool) -> None:
    """Try every save until Ctrl-C. A mistake in a saved file is reported, and the next save is tried."""
    from harness.attempt.watch import changes
    from harness.errors import HarnessError

    for others_changed in changes(file, bench.session.kernels_root):
        if others_changed:
            bench.session.end()  # what it imports has changed too: its process has the old text
        try:
            _measure_once(bench, asked, as_json)
        except HarnessError as error:
            _say("")
            print(f"error: {error}")
        print("--- waiting for a save (Ctrl-C ends) ---", flush=True)


def _say(what: str) -> None:
    """Show the current work on one line of a terminal, which the next one overwrites."""
    import sys

    if sys.stderr.isatty() and not is_quiet():
        sys.stderr.write(f"\r\x1b[K{what}")
        sys.stderr.flush()
