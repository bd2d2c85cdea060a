"""Runs that were measured as pairs: made up, with the noise of a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

import msgspec

from harness.compare import StoredSide
from harness.values.measurement import Measurement
from harness.values.pairing import Noise, Pairing, Slot, Tree
from harness.values.run import Run
from tests.compare.stored_runs import kernel, measured, stored

SLOT = Slot(0, "kernels", 0, "2026-01-01T00:00:00.000+00:00", 2.0, read_gb_s=3000.0)


def slots(
    pairs: int, disturbed: Mapping[int, str] | None = None, outside: str = "", control: float = 1.0, head: bool = False
) -> list[Slot]:
    """The check, then one process a pair; head is first, second, second, first, and so on."""
    rng = random.Random(9)
    found = []
    for process in range(pairs + 1):
        found.append(
            msgspec.structs.replace(
                SLOT, process=process, position=int((process // 2 % 2 == 0) is not head),
                disturbed=(disturbed or {}).get(process, ""),
                outside=(outside,) if outside else (), read_gb_s=3000 * control * math.exp(rng.gauss(0, 0.001)),
            )
        )  # fmt: skip
    return found


def two_sides(
    medians: Mapping[str, tuple[Sequence[float], Sequence[float]]], *, noise: Noise | None = None,
    identical: Sequence[str] = (), disturbed: Mapping[int, str] | None = None, outside: str = "", control: float = 1.0,
    state: str = "complete", purpose: str = "compare", comparison: str = "one", worktrees: int = 0,
    measure_identical: bool = False,
) -> tuple[StoredSide, StoredSide]:  # fmt: skip
    """By site, the medians of the processes of base and head; process n + 1 of both sides are a pair."""
    runs = []
    for side, word in enumerate(("base", "head")):
        cases = [_from_process_1(measured(kernel(site), both[side])) for site, both in medians.items()]
        planned = [*(m.case for m in cases), *(kernel(site) for site in identical)]
        pairs = max((len(both[side]) for both in medians.values()), default=0)
        pairing = Pairing(
            comparison, word, Tree(word, "0123456789"), purpose, worktrees,
            identical=tuple(kernel(site).id for site in identical), noise=noise or Noise(),
            measure_identical=measure_identical,
        )  # fmt: skip
        made = stored(
            *cases, run_id=str(side + 1), planned=planned, pairing=pairing, state=state, processes=pairs,
            slots=tuple(slots(pairs, disturbed, outside if side else "", control if side else 1.0, bool(side))),
        )  # fmt: skip
        runs.append(StoredSide(made))
    return runs[0], runs[1]


def _from_process_1(m: Measurement) -> Measurement:
    return msgspec.structs.replace(
        m, samples=tuple(msgspec.structs.replace(s, process=s.process + 1) for s in m.samples)
    )


def noisy_pairs(
    rng: random.Random, us: float, change: float = 0.0, pairs: int = 8, spread: float = 0.003
) -> tuple[list[float], list[float]]:
    """Medians of both sides; head is slower by `change`, a log ratio."""
    base = [us * math.exp(rng.gauss(0, spread)) for _ in range(pairs)]
    return base, [us * math.exp(change + rng.gauss(0, spread)) for _ in range(pairs)]


def calibration(rng: random.Random, number: int, spread: float = 0.003, pairs: int = 4) -> tuple[Run, Run]:
    """Both runs of one pair of worktrees of a calibration of cases a and b."""
    sides = two_sides(
        {site: noisy_pairs(rng, 10, pairs=pairs, spread=spread) for site in "ab"}, purpose="calibrate",
        comparison=f"calibration {number}", worktrees=number,
    )  # fmt: skip
    return sides[0].run, sides[1].run
