"""Compiles one side without a GPU in a separate process, since a side has its own folder of kernels, and may have its
own interpreter with another Triton.

This process does not import torch; the compilers that it starts do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from harness.errors import HarnessError
from harness.suite.catalogue import bind_ops
from harness.values.case import Case
from harness.values.compiled import Compiled
from harness.values.measurement import Status
from harness.values.suite import OpSource
from harness.worker.messages import Boot, Started
from harness.worker.process import WorkerDied, WorkerProcess
from harness.worker.wire import Wire

NAMES_TRITON = re.compile(r"triton", re.IGNORECASE)
MOST_FILES = 40


class CompileRequest(msgspec.Struct, frozen=True, tag=True):
    """targets: such as `sm_90`. jobs, limit_s: as in `static.pool`; None for its own."""

    cases: tuple[Case, ...]
    targets: tuple[str, ...]
    suite_folder: str
    kernels_root: str
    jobs: int | None = None
    limit_s: float | None = None
    ops: dict[str, OpSource] = {}
    """Ops outside of the library."""


class CompileReply(msgspec.Struct, frozen=True, tag=True):
    """The compiled cases of one side. left_out: ids of cases that launch no Triton kernel, or that cannot be followed
    and nowhere name Triton."""

    compiled: dict[str, tuple[Compiled, ...]] = {}
    """By target, in the order of the cases."""
    sources: dict[str, dict[str, str]] = {}
    """By `op/variant`, the texts of its files by name."""
    toolchain: dict[str, str] = {}
    left_out: tuple[str, ...] = ()


Report = Callable[[int, int], None]


def compile_side(
    asked: CompileRequest, python: str, tree: Path, report: Report | None = None,
    environment: Mapping[str, str] | None = None,
) -> CompileReply:  # fmt: skip
    """Compile every case for every target. Raises HarnessError where there is no Triton.

    report: called with cases done, of how many. environment: of the compilers, which may use another Triton because of
    it.
    """
    with WorkerProcess(
        "harness.runner.static_side", python=python, tree=tree, environment=environment, kernels_root=asked.kernels_root
    ) as side:
        try:
            side.send(asked)
            while isinstance(message := side.hear(Started | CompileReply), Started):
                if report is not None:
                    report(message.done, message.of)
        except WorkerDied as death:
            raise HarnessError(f"{python}: the compiler: {death.reason}") from death
    assert isinstance(message, CompileReply)
    return message


def serve(wire: Wire, _: Boot) -> None:
    """Compile one side: send a message for every finished case, then the answer."""
    from harness.static.pool import Compilation
    from harness.static.results import toolchain

    asked: CompileRequest = wire.receive(CompileRequest)
    bind_ops(asked.ops)
    sources: dict[str, dict[str, str]] = {}
    for case in asked.cases:
        key = case.implementation
        if key not in sources:
            sources[key] = _texts(case, asked.suite_folder)
    done, compiled, chains = 0, {}, {}
    for target in asked.targets if asked.cases else ():
        chains[target] = toolchain(target)
        compilation = Compilation(asked.cases, target, asked.suite_folder, asked.jobs, asked.limit_s)
        for found in compilation:
            done += 1
            wire.send(Started("compile", (found.case.id,), done, len(asked.cases) * len(asked.targets)))
        compiled[target] = compilation.results
    every = {found.case.id for several in compiled.values() for found in several}
    kept = {
        found.case.id for several in compiled.values() for found in several
        if _is_triton(found, sources[found.case.implementation])
    }  # fmt: skip
    compiled = {target: tuple(f for f in several if f.case.id in kept) for target, several in compiled.items()}
    wire.send(CompileReply(compiled, sources, chains, tuple(sorted(every - kept))))


def _is_triton(found: Compiled, texts: Mapping[str, str]) -> bool:
    """Whether a case launches a Triton kernel, however its code reaches Triton. For a case that could not be followed
    to its launches: whether its code names Triton at all."""
    return bool(found.launches) if found.status is Status.OK else any(map(NAMES_TRITON.search, texts.values()))


def _texts(case: Case, suite_folder: str) -> dict[str, str]:
    from harness.suite.catalogue import variant_file
    from harness.suite.closure import source_files

    assert case.op is not None
    file = variant_file(case.op, case.variant, suite_folder)
    files = source_files(file)[:MOST_FILES] if file is not None else ()
    return {found.name: found.read_text(encoding="utf-8", errors="replace") for found in files}
