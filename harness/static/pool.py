"""Compiles many cases on all cores, each under a time limit, none twice. Imports no torch."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness import kernels_root
from harness.child import finding_this_harness
from harness.errors import HarnessError
from harness.lines import from_line, to_line
from harness.static.messages import Job, Result
from harness.static.results import Results
from harness.static.target import parse_target
from harness.values.case import Case
from harness.values.compiled import Compiled

LIMIT_S = 120.0
"""The slowest of the 432 configurations of a published kernel (256 x 256 on two warps) took 21 s alone on a core with
Triton 3.6, 8 s with 3.7, and more than 60 s on four cores that had twice as much to do."""
NOT_TILES = frozenset({"num_warps", "num_stages", "num_ctas", "maxnreg"})
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""A process that is to be forked must have no threads."""


def compile_cases(
    cases: Sequence[Case], target: str, suite_folder: str | Path, *, jobs: int | None = None,
    limit_s: float = LIMIT_S, on_result: Callable[[Compiled], None] | None = None, folder: Path | None = None,
    python: str = sys.executable,
) -> tuple[Compiled, ...]:  # fmt: skip
    """What came of each case, in the order of `cases`.

    target: `sm_90`. jobs: processes, as many as this process may use cores when left out. limit_s: wall time for each
    case. on_result: called in this thread with every result as it comes. folder: of the cache of results, the user's
    when left out. python: the interpreter whose Triton compiles. The binaries lie in Triton's own disk cache, where a
    launch on a GPU of this architecture finds them. Raises HarnessError for an unknown target and where no compiler
    can be started.
    """
    capability = parse_target(target)
    results = Results(f"sm_{capability}", suite_folder, folder)
    found: list[Compiled | None] = [results.load(case, limit_s) for case in cases]
    for known in found:
        if known is not None and on_result is not None:
            on_result(known)
    left = _in_order(cases, [i for i, known in enumerate(found) if known is None])
    if left:
        with tempfile.TemporaryDirectory(prefix="harness-compile-", ignore_cleanup_errors=True) as shared:
            root = str(kernels_root.in_use())
            job = Job(
                tuple(cases[i] for i in left),
                capability,
                str(suite_folder),
                root,
                shared,
                jobs or available_cores(),
                limit_s,
            )
            for result in _served(job, python):
                number = left[result.number]
                found[number] = result.compiled
                results.save(result.compiled, limit_s)
                if on_result is not None:
                    on_result(result.compiled)
    return tuple(known for known in found if known is not None)


def _served(job: Job, python: str) -> Iterator[Result]:
    """Results as the server gives them; it ends with this generator."""
    environment = finding_this_harness() | ENVIRONMENT
    environment.pop("TRITON_INTERPRET", None)
    own = ["-P"] if sys.flags.safe_path else []  # in the checkout of a revision that may have a harness of its own
    command = [python, *own, "-m", "harness.static.server"]
    with tempfile.TemporaryFile() as said:
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=environment)
        assert server.stdin is not None and server.stdout is not None
        count = 0
        try:
            try:
                server.stdin.write(to_line(job))
                server.stdin.flush()
            except BrokenPipeError:  # said below, with what it printed
                pass
            for line in server.stdout:
                count += 1
                yield from_line(line, Result)
        finally:
            server.stdin.close()
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            server.stdout.close()
        if count < len(job.cases):
            said.seek(0)
            last = [line for line in said.read().decode(errors="replace").splitlines() if line.strip()][-1:]
            raise HarnessError(
                f"the compiler ended after {count} of {len(job.cases)} cases, exit status {server.returncode}: "
                f"{''.join(last) or 'it said nothing'}"
            )


def _in_order(cases: Sequence[Case], numbers: Sequence[int]) -> list[int]:
    """Those that may turn out as the same code (they differ in the number of stages alone) one after the other, not
    side by side; among these, what is likely to take longest first, so that no core is alone with it at the end. It
    decides the order and nothing else."""
    turns: Counter[tuple[object, ...]] = Counter()
    keys = {}
    for i in numbers:
        answer = cases[i].answer
        tunables = answer.tunables if answer else {}
        alike = (
            cases[i].question, answer and answer.variant,
            *sorted((name, value) for name, value in tunables.items() if name != "num_stages"),
        )  # fmt: skip
        keys[i] = (turns[alike], -_size(cases[i]))
        turns[alike] += 1
    return sorted(numbers, key=keys.__getitem__)


def _size(case: Case) -> float:
    """Elements of a tile a warp."""
    tunables = case.answer.tunables if case.answer else {}
    numbers = {name: value for name, value in tunables.items() if isinstance(value, int) and value > 0}
    tile = math.prod(value for name, value in numbers.items() if name not in NOT_TILES)
    return tile / numbers.get("num_warps", 4)


def available_cores() -> int:
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
