"""`harness compilers`: a suite's Triton kernels compiled by several releases of Triton for several targets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import Arms, AsJson, Match, Store, csv
from harness.cli.quiet import is_quiet, remark
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.values.compilers import CompilerMatrix
    from harness.values.suite import Suite

TRITON = (
    "Versions, oldest first: 3.9.0, newest, installed, a wheel or the folder of a source build. Default: the suite's."
)
TARGET = "Architectures, comma-separated: sm_90, gfx942. Default: the suite's."


def command(
    suite: Annotated[Path, typer.Argument(help="Suite file (YAML).")],
    triton: Annotated[str, typer.Option(help=TRITON)] = "",
    target: Annotated[str, typer.Option(help=TARGET)] = "",
    base: Annotated[str, typer.Option(help="The version in use; default: the installed one, else the first.")] = "",
    wheels: Annotated[Path | None, typer.Option(help="Install versions from this folder, without an index.")] = None,
    device: Annotated[str, typer.Option(help="Read the tuned files of this GPU: nvidia-h100-80gb-hbm3.")] = "",
    match: Match = "",
    arms: Arms = "",
    neighbours: Annotated[bool, typer.Option(help="Also compile the configurations next to the chosen one.")] = True,
    jobs: Annotated[int, typer.Option(min=0, help="Processes that compile; 0: one per core.")] = 0,
    markdown: Annotated[str, typer.Option(help="Write Markdown to this file; - prints it instead of text.")] = "",
    html: Annotated[Path | None, typer.Option(help="Write a page to this file.")] = None,
    keep: Annotated[bool, typer.Option(help="Keep the result in the store, to date later changes.")] = True,
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Find kernels that another Triton release compiles worse. For NVIDIA and AMD targets. Exit status 0: none, 1:
    worse, 5: does not compile."""
    from harness.suite.load import load_suite

    if as_json and markdown == "-":
        raise HarnessError("--json and --markdown -: both go to standard output; name a file for one of them")
    loaded = load_suite(suite)
    found = _compiled(
        loaded, csv(triton), csv(target), base, wheels, device, match, csv(arms), neighbours, jobs
    )  # fmt: skip
    earlier = _kept(loaded, found, store, keep)
    _show(found, earlier, markdown, html, as_json)
    raise typer.Exit(int(found.exit_status))


def _compiled(
    suite: Suite, triton: list[str], targets: list[str], base: str, wheels: Path | None, device: str, match: str,
    arms: list[str], neighbours: bool, jobs: int,
) -> CompilerMatrix:  # fmt: skip
    from harness.cli.compare_live import interruptible
    from harness.cli.progress import RunProgress
    from harness.compilers.matrix import base_of, compile_matrix
    from harness.compilers.versions import find_compilers
    from harness.compilers.workload import workload
    from harness.plan import expand
    from harness.static.target import parse_target

    asked = suite.compilers
    with _named(suite, asked_here=bool(targets)):
        for target in targets or asked.targets:  # all is checked before a version is installed
            parse_target(target)
    expand(suite, arms=arms or None, match=match or None)
    kept = "no result was stored; the kernels that were compiled are known to the next call"
    with interruptible(kept), RunProgress() as progress:
        with _named(suite, asked_here=bool(triton)):
            compilers = find_compilers(triton or asked.triton, wheels, remark)
        with _named(suite, asked_here=bool(base)):
            base = base_of(compilers, base or asked.base)
        in_use = next(compiler for compiler in compilers if compiler.name == base)
        plan = expand(
            suite, arms=arms or None, match=match or None, device_slug=device or None,
            triton=in_use.triton if device else None,
        )  # fmt: skip
        works = workload(plan, neighbours and asked.neighbours)
        return compile_matrix(
            suite, works, compilers, targets or asked.targets, base=base, jobs=jobs or None,
            report=lambda word, done, of: progress(word, "compile", done, of),
        )  # fmt: skip


@contextmanager
def _named(suite: Suite, *, asked_here: bool) -> Iterator[None]:
    """Put the suite's section before an error about a value that stands there, and not on the command line."""
    try:
        yield
    except HarnessError as error:
        if asked_here:
            raise
        raise HarnessError(f"{suite.path}: compilers: {error}") from error


def _kept(suite: Suite, found: CompilerMatrix, store: str, keep: bool) -> list[CompilerMatrix]:
    """The suite's matrices in the store before this one, oldest first. keep: adds this one."""
    from harness.store import Store as RunStore
    from harness.store.compilations import add, matrices
    from harness.store.writer import this_command

    runs = RunStore(store)
    earlier = matrices(runs, suite.name)
    if keep:
        add(runs, suite, found, this_command())
    return earlier


def _show(
    found: CompilerMatrix, earlier: list[CompilerMatrix], markdown: str, html: Path | None, as_json: bool
) -> None:  # fmt: skip
    if markdown:
        from harness.cli.output_file import write_markdown
        from harness_reports.pages.compilers import markdown as as_markdown

        write_markdown(markdown, as_markdown(found))
    if html is not None:
        from harness.cli.output_file import write
        from harness_reports.pages.compilers_page import render as page

        write("--html", html, page(found, earlier))
    if as_json:
        from harness_reports.documents.compilers import matrix_text

        print(matrix_text(found))
    elif markdown != "-":
        from harness_reports.formats.console import show
        from harness_reports.pages.compilers import render, summary

        show((summary if is_quiet() else render)(found))
