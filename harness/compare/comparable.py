"""The conditions that two runs must share before they are compared, and notes for the reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from harness.compare import machine_state
from harness.compare.join import Joined
from harness.compare.paired_runs import paired_runs
from harness.compare.policy import INVALIDATING_THROTTLES, MACHINE_FIELDS, SUITE_FIELDS, Policy
from harness.compare.sides import StoredSide, same_run
from harness.errors import HarnessError, allowed
from harness.store.benchmark_file import SUITE
from harness.values.difference import Difference
from harness.values.environment import REFUSED_WHEN_DIFFERENT, Environment
from harness.values.run import Run, Setting, SuiteFacts

FIELDS = (
    "environment",
    *REFUSED_WHEN_DIFFERENT,
    "device_uuid",
    "suite",
    *(f"suite.{name}" for name in SUITE_FIELDS),
    "sizes",
    "timer",
    machine_state.FIELD,
)
"""Conditions that `--accept` takes."""


def differences(base: StoredSide, head: StoredSide, joined: Sequence[Joined]) -> tuple[Difference, ...]:
    """The conditions that differ; none for two arms of one run."""
    if same_run(base, head):
        return ()
    state = machine_state.differences(base.run, head.run)
    return (*_environment(base.run, head.run), *_suite(base.run, head.run), *_sizes(joined), *_timers(joined), *state)


def refused(found: Sequence[Difference], accept: Collection[str]) -> tuple[Difference, ...]:
    """The differences that were not accepted. Raises HarnessError for an unknown name."""
    for name in accept:
        if name not in FIELDS:
            raise HarnessError(f"--accept {name}: no such condition; {allowed(name, FIELDS)}")
    return tuple(difference for difference in found if difference.field not in accept)


def packages_under_test(base: StoredSide, head: StoredSide) -> tuple[Difference, ...] | None:
    """The packages that differ between the sides' interpreters. None where both sides have the same interpreter."""
    ours, theirs = (side.run.pairing.interpreter if side.run.pairing else None for side in (base, head))
    return ours.differences(theirs) if ours and theirs else None


def on_two_machines(found: Iterable[Difference]) -> bool:
    return any(difference.field in (*MACHINE_FIELDS, "environment") for difference in found)


def throttling(run: Run) -> str:
    """`hw_thermal_slowdown in 3 of 56 readings`, where the GPU protected itself while it was measured; else empty."""
    return _reasons(run, INVALIDATING_THROTTLES)


def notes(base: StoredSide, head: StoredSide) -> list[str]:
    """Notes that a reader must weigh beside the verdicts."""
    found = []
    if not same_run(base, head) and paired_runs(base.run, head.run) is None:
        found.append(
            "these runs were not interleaved: drift between them biases the ratios; "
            "alternate runs of both sides to see by how much"
        )
        found += machine_state.notes(base.run, head.run)
        if base.run.suite_hash != head.run.suite_hash:
            found.append("the suites differ in their text; equal cases are joined")
    if base.run.pairing is not None and (several := base.run.pairing.comparisons) > 1:
        whole, own = (100 * policy.family_error for policy in (Policy(), Policy().one_of(several)))
        found.append(
            f"one of {several} comparisons with this base: the chance of a false FASTER or SLOWER among the gated "
            f"cases is {whole:.2g} % over all of them, {own:.2g} % in this one"
        )
    for word, run in _runs(base, head):
        if run.suite == SUITE:
            found.append(
                f"{word}: a file of pytest-benchmark is one process, whose rounds do not show the noise between "
                "processes: the ratio is an estimate without a verdict"
            )
        if run.state != "complete":
            found.append(f"{word}: run {run.id} is {run.state}: cases after its end are missing")
        capped = _reasons(run, ("sw_power_cap",))
        if capped:
            found.append(f"{word}: at its power limit, {capped}")
    return found


def _runs(base: StoredSide, head: StoredSide) -> list[tuple[str, Run]]:
    return [("both", base.run)] if same_run(base, head) else [("base", base.run), ("head", head.run)]


def _environment(base: Run, head: Run) -> Iterable[Difference]:
    if base.environment is None or head.environment is None:
        states = ["unknown" if run.environment is None else run.environment.device_name for run in (base, head)]
        return [Difference("environment", states[0], states[1])]
    return environment_differences(base.environment, head.environment)


def environment_differences(base: Environment, head: Environment) -> tuple[Difference, ...]:
    """The differences that forbid a comparison, and another device of the same kind."""
    uuids = base.device_uuid, head.device_uuid
    another = [Difference("device_uuid", str(uuids[0]), str(uuids[1]))] if uuids[0] != uuids[1] else []
    return (*base.differences(head), *another)


def _suite(base: Run, head: Run) -> Iterable[Difference]:
    if base.suite != head.suite:
        yield Difference("suite", base.suite, head.suite)
    yield from suite_differences(base.suite_facts, head.suite_facts)


def suite_differences(base: SuiteFacts | None, head: SuiteFacts | None) -> Iterable[Difference]:
    """Differences that change a question without being in its id; none where a side's suite is unknown. Settings of the
    weights count where both sides know them."""
    if base is None or head is None:
        return
    for name in SUITE_FIELDS:
        ours, theirs = getattr(base, name), getattr(head, name)
        if name == "weights":
            other = [key for key in ours if key in theirs and ours[key] != theirs[key]]
            if other:
                yield Difference("suite.weights", *(_settings(other, weights) for weights in (ours, theirs)))
        elif ours != theirs:
            yield Difference(f"suite.{name}", ours, theirs)


def _settings(names: Sequence[str], weights: Mapping[str, Setting]) -> str:
    """`{group: 32, dense: [router]}`"""
    shown = {name: f"[{', '.join(v)}]" if isinstance(v := weights[name], tuple) else v for name in names}
    return "{" + ", ".join(f"{name}: {value}" for name, value in shown.items()) + "}"


def _sizes(joined: Iterable[Joined]) -> Iterable[Difference]:
    for question in joined:
        if question.base is None or question.head is None:
            continue
        ours, theirs = question.base.case.dims, question.head.case.dims
        other = [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]
        if other:
            one, two = (", ".join(f"{name} {dims.get(name, 'unset')}" for name in other) for dims in (ours, theirs))
            yield Difference("sizes", one, two, question.name)


def _timers(joined: Iterable[Joined]) -> Iterable[Difference]:
    """Each pair of different timers once: the time of a call between two events is not its time in a graph."""
    both = ((q.base.measurement, q.head.measurement) for q in joined if q.base and q.head)
    timers = dict.fromkeys((base.timer, head.timer) for base, head in both if base and head)
    return [Difference("timer", base, head) for base, head in timers if base and head and base != head]


def _reasons(run: Run, wanted: Collection[str]) -> str:
    counts = Counter(reason for c in run.conditions for reason in c.throttle_reasons if reason in wanted)
    of = len(run.conditions)
    return ", ".join(f"{reason} in {count} of {of} readings" for reason, count in sorted(counts.items()))
