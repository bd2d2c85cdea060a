"""The matrix: a suite's cases in every version for every target, each cell judged against the version in use."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from harness.compilers.judge import judge_cell
from harness.compilers.twice import Found, timed_twice
from harness.compilers.versions import Compiler, installed_version
from harness.compilers.workload import Work
from harness.errors import HarnessError
from harness.runner.static_side import CompileReply, CompileRequest, Report, compile_side
from harness.static.target import parse_target
from harness.values.compiled import Compiled
from harness.values.compilers import Cell, CompilerMatrix, CompilerVersion, MatrixRow, cell_of
from harness.values.measurement import Status
from harness.values.suite import Suite


def compile_with(
    compiler: Compiler, asked: CompileRequest, tree: Path | None = None, report: Report | None = None
) -> CompileReply:
    """Compile the cases with one version; a case in its cache is not compiled again. Raises HarnessError as
    `compile_side`, and names the version.
    """
    try:
        return compile_side(asked, sys.executable, tree or Path.cwd(), report, compiler.environment)
    except HarnessError as error:
        named = HarnessError(f"Triton {compiler.name}: {error}")
        named.exit_status = error.exit_status
        raise named from error


def compile_matrix(
    suite: Suite, works: Sequence[Work], compilers: Sequence[Compiler], targets: Sequence[str], *, base: str,
    jobs: int | None = None, report: Callable[[str, int, int], None] | None = None,
) -> CompilerMatrix:  # fmt: skip
    """Compile every case with every version for every target, and judge each cell.

    `base`: name of the version to compare the others with. `report`: version, done, of. Raises HarnessError for an
    unknown target and where no case uses Triton.
    """
    start, started = time.perf_counter(), datetime.now(UTC).isoformat(timespec="seconds")
    asked = tuple(dict.fromkeys(parse_target(target).name for target in targets))
    usable = [work for work in works if not work.problem]
    request = CompileRequest(
        tuple(work.case for work in usable), asked, str(suite.folder), suite.kernels_root, jobs, ops=suite.ops
    )
    replies = {}
    for compiler in compilers:
        told = partial(report, f"Triton {compiler.name}") if report else None
        replies[compiler.name] = compile_with(compiler, request, suite.folder, told)
    left_out = set.intersection(*({*reply.left_out} for reply in replies.values()))
    kept = [work for work in works if work.problem or work.case.id not in left_out]
    if all(work.problem for work in kept):
        raise HarnessError(f"none of {len(works)} kernel cases uses Triton; there is nothing to compile")
    once = {name: _by_target(reply) for name, reply in replies.items()}
    found = timed_twice(once, compilers, base, request, suite.folder, compile_with)
    rows = tuple(_row(work, asked, found, base) for work in kept)
    places = [compiler.name for compiler in compilers]
    versions = tuple(
        CompilerVersion(
            compiler.name, compiler.triton, compiler.origin, places.index(compiler.name) > places.index(base),
            replies[compiler.name].toolchain,
        )
        for compiler in compilers
    )  # fmt: skip
    every = [one for reply in replies.values() for several in reply.compiled.values() for one in several]
    return CompilerMatrix(
        suite.name, base, versions, asked, rows, len(works) - len(kept), sum(not one.cached for one in every),
        sum(one.cached for one in every), time.perf_counter() - start, started,
    )  # fmt: skip


def _by_target(reply: CompileReply) -> Found:
    return {(target, one.case.id): one for target, several in reply.compiled.items() for one in several}


def _row(work: Work, targets: Sequence[str], found: dict[str, Found], base: str) -> MatrixRow:
    assert work.case.answer is not None
    cells = tuple(
        _cell(name, target, _compiled(work, found[base], target), _compiled(work, by_work, target), name == base)
        for name, by_work in found.items()
        for target in targets
    )
    return MatrixRow(work.case.question, work.case.answer.label, bool(work.arms), work.arms, cells)


def _compiled(work: Work, found: Found, target: str) -> Compiled:
    """The result of a case; one without binaries where the version finds no Triton in it."""
    if work.problem:
        return Compiled(msgspec.structs.replace(work.case, problem=work.problem), Status.UNSUPPORTED, work.problem)
    return found.get((target, work.case.id)) or Compiled(work.case, Status.OK)


def _cell(version: str, target: str, base: Compiled, own: Compiled, is_base: bool) -> Cell:
    cell = cell_of(version, own, target)
    if is_base:
        return cell
    verdict, reason = judge_cell(base, own)
    return msgspec.structs.replace(cell, verdict=verdict, reason=reason)


def base_of(compilers: Sequence[Compiler], wanted: str = "") -> str:
    """The version in use: the one named, else the installed one where it is among them, else the first. Raises
    HarnessError for a name that is not among them."""
    names = [compiler.name for compiler in compilers]
    if wanted:
        if wanted not in names:
            raise HarnessError(f"--base {wanted}: not among the versions; allowed: {', '.join(names)}")
        return wanted
    here = installed_version()
    same = [compiler for compiler in compilers if compiler.triton == here]
    same.sort(key=lambda compiler: compiler.origin != "installed")  # a private wheel may have its number
    return same[0].name if same else names[0]
