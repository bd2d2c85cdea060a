"""A/A runs in several pairs of worktrees: the differences that this machine shows between identical code."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from harness.compare.calibration import noise_on
from harness.errors import HarnessError
from harness.revisions import repository_of
from harness.runner.live_sides import Live, prepare, suite_of
from harness.runner.stage import Options, Report
from harness.runner.terms import Terms
from harness.store import Store
from harness.values.environment import Environment
from harness.values.pairing import Noise


class Calibrated(msgspec.Struct, frozen=True):
    """The machine's noise, from this calibration and all earlier ones. runs: base and head of each pair of worktrees.
    failed: the reasons why cases have no times, by id."""

    environment: Environment
    noise: Noise
    runs: tuple[tuple[str, str], ...]
    failed: dict[str, str]


def calibrate(
    live: Live, worktrees: int, pairs: int, terms: Terms, store: Store, options: Options, report: Report,
    say: Callable[[str], None],
) -> Calibrated:  # fmt: skip
    """Measure `pairs` pairs of processes in each of `worktrees` pairs of worktrees of one tree.

    Each pair of worktrees is stored as two runs, even if a later one is stopped. Raises HarnessError for a suite
    outside of git.
    """
    suite, repository = suite_of(live, store)
    if repository is None and repository_of(suite.parent) is None:
        raise HarnessError(f"{suite}: calibrating needs worktrees, and this is in no git repository")
    environment: Environment | None = None
    runs = []
    failed: dict[str, str] = {}
    for number in range(worktrees):
        say(f"worktrees {number + 1} of {worktrees}")
        copies = live._replace(copies=(2 * number, 2 * number + 1))
        own = msgspec.structs.replace(
            terms, purpose="calibrate", pairs=pairs, worktrees=number, measure_identical=True,
            seed=None if terms.seed is None else terms.seed + number,
        )  # fmt: skip
        measured = prepare(copies, store, options, own, report, say)
        measured.run()
        runs.append((measured.base.record.run_id, measured.head.record.run_id))
        failed |= measured.head.record.failed | measured.base.record.failed
        environment = measured.base.environment
    assert environment is not None
    return Calibrated(environment, noise_on(environment, store), tuple(runs), failed)
