"""`harness compare --pythons A,B,C`: the suite under several interpreters, each compared with the first."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from harness.cli.quiet import is_quiet, remark
from harness.errors import HarnessError
from harness.values.interpreter_matrix import Beside, InterpreterMatrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.compare.explain import Explanation
    from harness.runner.live_sides import Live
    from harness.store import Store
    from harness.values.verdict import FailOn

OPTION = "--pythons"


def command(
    live: Live, pythons: Sequence[str], store: Store, asked: tuple[list[str], float, bool, int], rounds: int | None,
    note: str, fails: tuple[FailOn, ...], html: Path | None, markdown: str, as_json: bool,
) -> NoReturn:  # fmt: skip
    """Measure, show and end with the worst status. Raises HarnessError for a wrong interpreter.

    asked: Accepted conditions, budget in seconds for all together (0: the suite's for each), whether to measure
        identical code, GPUs.
    fails: The gated results that fail.
    """
    if any(live.pythons):
        raise HarnessError(f"--base-python, --head-python: beside {OPTION}, which names every interpreter")
    found, explanations = _measure(live, _paths(pythons), store, asked, rounds, note, fails)
    _show(found, explanations, html, markdown, as_json)
    raise typer.Exit(int(found.exit_status))


def _paths(pythons: Sequence[str]) -> list[str]:
    """Their absolute paths. Each is asked for its packages now, so that a wrong one costs no measurement."""
    from harness.runner.interpreter import interpreter_of, python_path

    found = [python_path(python, OPTION) for python in pythons]
    twice = next((path for path in found if found.count(path) > 1), None)
    if len(found) < 2 or twice:
        got = f"{twice} stands there twice" if twice else f"got {len(found)}"
        raise HarnessError(f"{OPTION} {','.join(pythons)}: {got}; wanted two different interpreters or more")
    for path in found:
        interpreter_of(path, OPTION)
    return found


def _measure(
    live: Live, paths: Sequence[str], store: Store, asked: tuple[list[str], float, bool, int], rounds: int | None,
    note: str, fails: tuple[FailOn, ...],
) -> tuple[InterpreterMatrix, list[Explanation | None]]:  # fmt: skip
    """One comparison after the other, each in worktrees of its own. One that fails leaves the others."""
    from harness.cli.compare_live import measure, stored_sides, terms
    from harness.compare.explain import explained
    from harness.history.gating import gated
    from harness.runner.interpreter import interpreter_of
    from harness.values.interpreter import under_test

    base = interpreter_of(paths[0], OPTION)
    others: list[Beside] = []
    explanations: list[Explanation | None] = []
    for number, path in enumerate(paths[1:], 1):
        own = interpreter_of(path, OPTION)
        differ = base.differences(own)
        remark(f"under test  {under_test(differ)}  ({path})")
        both = live._replace(pythons=(base.python, path), copies=(0, number), python_options=(OPTION, OPTION))
        try:
            found, binaries = measure(both, store, terms(both, *asked, len(paths) - 1), rounds, note)
        except HarnessError as error:
            print(f"{path}: {error}", file=sys.stderr, flush=True)
            others.append(Beside(own, differ, problem=str(error), status=error.exit_status))
            explanations.append(None)
            continue
        found = gated(found, fails, store)
        others.append(Beside(own, differ, found))
        explanations.append(explained(found, stored_sides(found, store), binaries))
        remark(f"exit status {int(found.exit_status)}: harness compare {found.base.run} {found.head.run}")
    return InterpreterMatrix(base, tuple(others)), explanations


def _show(
    found: InterpreterMatrix, explanations: Sequence[Explanation | None], html: Path | None, markdown: str,
    as_json: bool,
) -> None:  # fmt: skip
    if html is not None:
        from harness.cli.output_file import write
        from harness_reports.pages.interpreters_page import render as page

        write("--html", html, page(found, explanations))
    if markdown:
        from harness.cli.output_file import write_markdown
        from harness_reports.pages.interpreters import markdown as as_markdown

        write_markdown(markdown, as_markdown(found))
    if as_json:
        from harness_reports.documents.comparisons import interpreters_text

        print(interpreters_text(found, explanations))
    elif markdown != "-":
        from harness_reports.formats.console import show
        from harness_reports.pages.interpreters import render, summary

        show(summary(found) if is_quiet() else render(found, explanations))
