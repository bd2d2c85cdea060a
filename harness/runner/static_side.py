"""One side compiled without a GPU, in a process of its own: it has its own folder of kernels, and may have its own
interpreter with another Triton.

Started as `python -m harness.runner.static_side`: one line in, a line for every case that is done, and the result. No
torch in this process; the compilers it starts have it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from harness.child import Child, ChildDied, finding_this_harness
from harness.errors import ExitStatus, HarnessError
from harness.lines import Outbox, from_line, to_line
from harness.parent import end_with_parent
from harness.values.case import Case
from harness.values.compiled import Compiled

USES_TRITON = re.compile(r"^\s*(?:import|from)\s+triton\b", re.MULTILINE)
MOST_FILES = 40


class Asked(msgspec.Struct, frozen=True):
    """targets: `sm_90`. jobs, limit_s: as of `static.pool`, None for its own."""

    cases: tuple[Case, ...]
    targets: tuple[str, ...]
    suite_folder: str
    kernels_root: str
    jobs: int | None = None
    limit_s: float | None = None


class Done(msgspec.Struct, frozen=True, tag=True):
    """So many cases, of so many."""

    cases: int
    of: int


class Answer(msgspec.Struct, frozen=True, tag=True):
    """compiled: of each target, in the order of the cases that use Triton. sources: by `op/variant`, the texts of its
    files by name. left_out: ids of cases whose code never imports Triton. problem: why there is nothing, in one line.
    """

    compiled: dict[str, tuple[Compiled, ...]] = {}
    sources: dict[str, dict[str, str]] = {}
    toolchain: dict[str, str] = {}
    left_out: tuple[str, ...] = ()
    problem: str = ""
    status: int = 0


Report = Callable[[int, int], None]


def compile_side(asked: Asked, python: str, tree: Path, report: Report) -> Answer:
    """Every case for every target. report: cases done, of so many. Raises HarnessError where there is no Triton."""
    child = Child([python, "-P", "-m", "harness.runner.static_side"], env=finding_this_harness(), cwd=tree)
    try:
        child.send(to_line(asked))
        while isinstance(message := from_line(child.line(), Done | Answer), Done):
            report(message.cases, message.of)
    except ChildDied as death:
        raise HarnessError(f"{python}: the compiler: {death.reason}") from death
    finally:
        child.close()
    answer: Answer = message
    if answer.problem:
        error = HarnessError(answer.problem)
        error.exit_status = ExitStatus(answer.status)
        raise error
    return answer


def main() -> None:
    end_with_parent()
    outbox = Outbox()
    try:
        outbox.send(_answer(from_line(sys.stdin.buffer.readline(), Asked), outbox))
    except HarnessError as error:
        outbox.send(Answer(problem=str(error), status=int(error.exit_status)))


def _answer(asked: Asked, outbox: Outbox) -> Answer:
    from harness import kernels_root
    from harness.static.pool import LIMIT_S, compile_cases
    from harness.static.results import toolchain
    from harness.static.target import parse_target

    kernels_root.bind(Path(asked.kernels_root))
    sources: dict[str, dict[str, str]] = {}
    for case in asked.cases:
        key = variant_key(case)
        if key not in sources:
            sources[key] = _texts(case, asked.suite_folder)
    kept = [case for case in asked.cases if any(map(USES_TRITON.search, sources[variant_key(case)].values()))]
    left_out = tuple(case.id for case in asked.cases if case not in kept)
    done = 0

    def told(_: Any) -> None:
        nonlocal done
        done += 1
        outbox.send(Done(done, len(kept) * len(asked.targets)))

    compiled, chains = {}, {}
    for target in asked.targets if kept else ():
        chains[target] = toolchain(parse_target(target))
        compiled[target] = compile_cases(
            kept, target, asked.suite_folder, jobs=asked.jobs, limit_s=asked.limit_s or LIMIT_S, on_result=told
        )
    return Answer(compiled, sources, chains, left_out)


def variant_key(case: Case) -> str:
    assert case.answer is not None
    return f"{case.op}/{case.answer.variant}"


def _texts(case: Case, suite_folder: str) -> dict[str, str]:
    from harness.suite.catalogue import variant_file
    from harness.suite.closure import source_files

    assert case.op is not None and case.answer is not None
    file = variant_file(case.op, case.answer.variant, suite_folder)
    files = source_files(file)[:MOST_FILES] if file is not None else ()
    return {found.name: found.read_text(encoding="utf-8", errors="replace") for found in files}


if __name__ == "__main__":
    main()
