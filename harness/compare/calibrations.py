"""What the calibrations in a store say about a machine: each one adds to those before it."""

from __future__ import annotations

from harness.compare.calibration import noise_of
from harness.compare.paired_runs import PairedRuns, paired_runs
from harness.compare.pairs import Pairs
from harness.store import Store, Summary
from harness.values.environment import Environment
from harness.values.pairing import Noise
from harness.values.run import Run

CALIBRATE = "calibrate"


def noise_on(environment: Environment, store: Store) -> Noise:
    """From every calibration on this machine, under the conditions that comparable runs must share."""
    halves: dict[str, list[Summary]] = {}
    for summary in store.runs():
        if summary.purpose == CALIBRATE:
            halves.setdefault(summary.comparison, []).append(summary)
    pairs: dict[str, list[Pairs]] = {}
    for halved in halves.values():
        if len(halved) != 2:
            continue
        runs = [store.load(half.id) for half in halved]
        if all(_same_machine(run, environment) for run in runs):
            found = paired_runs(*sorted(runs, key=lambda run: run.pairing.side if run.pairing else ""))
            if found is not None:
                _add(found, pairs)
    return noise_of(pairs)


def process_noise(noise: Noise) -> dict[str, float]:
    """By case id, as `Run.process_noise` keeps it."""
    return {case: known.process_sd for case, known in noise.cases.items()}


def _same_machine(run: Run, environment: Environment) -> bool:
    there = run.environment
    return there is not None and not there.differences(environment) and there.device_uuid == environment.device_uuid


def _add(found: PairedRuns, pairs: dict[str, list[Pairs]]) -> None:
    head = {m.case.id: m for m in found.head.measurements}
    for base in found.base.measurements:
        other = head.get(base.case.id)
        if other is None or not base.samples or not other.samples or found.outside:
            continue
        of_case = found.of(base, other)
        if of_case.n:
            pairs.setdefault(base.case.id, []).append(of_case)
