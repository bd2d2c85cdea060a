"""From two sides to a comparison: joins the cases, refuses incomparable runs, decides."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import replace

from harness.compare import comparable
from harness.compare.decide import Decision, Evidence, decide, paired, unpaired
from harness.compare.interim import InterimAnalyses, replay
from harness.compare.join import Joined, join
from harness.compare.op_sites import replaced_in_head
from harness.compare.outputs import outputs_notes, with_outputs
from harness.compare.paired_runs import paired_runs
from harness.compare.pairs import Pairs
from harness.compare.policy import Policy, policy_of
from harness.compare.quality import quality_notes, with_quality
from harness.compare.reasons import decided, not_ok
from harness.compare.sides import StoredSide, same_run
from harness.compare.without_verdict import notes_on, unsupported_on_both
from harness.errors import NotComparable
from harness.stats import estimate, process_medians, ratio
from harness.stats.energy import in_joules
from harness.stats.statistics_alone import ratio_of_statistics, statistics_of
from harness.values.case import Case
from harness.values.estimate import Ratio
from harness.values.measurement import Measurement, Status
from harness.values.pairing import CaseNoise
from harness.values.reason import (
    NOT_TIMED,
    EnergyUnknown,
    HeadNotAsked,
    MeasuredOnce,
    MemoryChange,
    SameCode,
    SameLaunches,
    StatisticsAlone,
    Throttled,
    TooFewPairs,
    TooFewProcesses,
    TwoMachines,
    Undetermined,
)
from harness.values.verdict import CaseVerdict, Comparison, Verdict

MEMORY, ENERGY = "peak_memory_bytes", "energy_j"


def compare(
    base: StoredSide, head: StoredSide, policy: Policy | None = None, accept: Collection[str] = ()
) -> Comparison:
    """Return the verdict on every question that both sides were asked.

    policy: the base's own when left out. accept: conditions that may differ, by the names in `comparable.FIELDS`.
    Conditions that differ and were not accepted give a comparison without verdicts. Raises NotComparable where the
    sides have no question in common.
    """
    policy = policy or policy_of(base.run)
    joined = join(base, head)
    found = comparable.differences(base, head, joined)
    packages = comparable.packages_under_test(base, head)
    if comparable.refused(found, (*accept, *(base.run.pairing.accepted if base.run.pairing else ()))):
        return Comparison(base.facts, head.facts, False, found, under_test=packages)
    if not any(question.base and question.head for question in joined):
        raise NotComparable(f"{_words(base)} and {_words(head)} have no case in common; `harness show RUN` lists them")
    judge = _Judge(base, head, policy, comparable.on_two_machines(found))
    verdicts, notes = judge.verdicts(joined)
    if not verdicts:
        raise NotComparable(f"{_words(base)} and {_words(head)}: every case in common is UNSUPPORTED on both sides")
    verdicts = with_quality(with_outputs(verdicts, joined), joined)
    said = (*comparable.notes(base, head), *notes, *outputs_notes(verdicts), *quality_notes(verdicts))
    return Comparison(base.facts, head.facts, True, found, tuple(verdicts), said, under_test=packages)


def _words(side: StoredSide) -> str:
    return f"run {side.run.id}{f' arm {side.arm}' if side.arm else ''} ({side.run.suite})"


class _Judge:
    """The facts that all cases of one comparison share."""

    def __init__(self, base: StoredSide, head: StoredSide, policy: Policy, two_machines: bool) -> None:
        self.policy, self.two_machines = policy, two_machines
        self.one_run = same_run(base, head)
        self.pairs = paired_runs(base.run, head.run)
        pairing = self.pairs.pairing if self.pairs else None
        self.not_timed: dict[str, SameCode | SameLaunches] = {}
        if pairing and not pairing.measure_identical:
            self.not_timed |= dict.fromkeys(pairing.same_launches, SameLaunches())
            self.not_timed |= dict.fromkeys(pairing.identical, SameCode())
        self.of_case: dict[str, Pairs] = {}
        self.two_modes: set[str] = set()
        self.noise: dict[str, CaseNoise] = {}
        self.throttling = Throttled(comparable.throttling(base.run), comparable.throttling(head.run))

    def verdicts(self, joined: Sequence[Joined]) -> tuple[list[CaseVerdict], list[str]]:
        """A verdict for each question and metric, and notes on the questions that have none."""
        found: list[CaseVerdict] = []
        evidence: dict[str, Evidence] = {}
        replaced = replaced_in_head(joined)
        remaining = [question for question in joined if question.name not in replaced]
        for question in remaining:
            for verdict, of_it in self._first(question):
                found.append(verdict)
                if of_it is not None:
                    evidence[_key(verdict)] = of_it
        notes = notes_on(joined, replaced)
        if not any(verdict.gated for verdict in found):
            gates = ", ".join(self.policy.gate)
            notes.append(f"no gated case ({gates}) was measured on both sides: every case gates")
            found = [replace(verdict, gated=True) for verdict in found]
        unchanged = {question.name for question in joined if question.same_code}
        if self.pairs is not None:
            notes += self._pair_notes()
        return self._decide(found, evidence, unchanged), notes

    def _first(self, question: Joined) -> list[tuple[CaseVerdict, Evidence | None]]:
        """Verdicts that need no statistics, and evidence for the others, whose verdict is UNDECIDED until then."""
        case = question.case
        metric, gated = case.metric, self._gated(case, "time")
        empty = CaseVerdict(question.name, metric, Verdict.UNDECIDED, Undetermined(), gated)
        if question.head is None and empty.gated:
            return [(replace(empty, reason=HeadNotAsked()), None)]
        if question.base is None or question.head is None or unsupported_on_both(question):
            return []
        base, head = question.base.measurement, question.head.measurement
        empty = empty if self.one_run else question.with_changes(empty)
        if self.pairs is not None and self.pairs.outside:
            return [(replace(empty, verdict=Verdict.INVALID, reason=self.pairs.outside, failed=True), None)]
        if question.name in self.not_timed and all(m is None or _only_checked(m) for m in (base, head)):
            return [(replace(empty, verdict=Verdict.SAME, reason=self.not_timed[question.name]), None)]
        if self.pairs is not None and base and head and _only_checked(base) and _only_checked(head):
            return [(self._too_few(empty, 0, self.pairs.lost(case)), None)]
        sides = {"base": base, "head": head}
        if self.pairs is not None and any(m is not None and m.status is not Status.OK for m in (base, head)):
            sides = {side: m for side, m in sides.items() if m is not None}  # not measured for what the other one lacks
        problem = not_ok(sides)
        if problem is not None:
            invalid = problem.failed or (base is not None and head is not None)
            verdict = Verdict.INVALID if invalid else Verdict.UNDECIDED
            return [(replace(empty, verdict=verdict, reason=problem.reason, failed=problem.failed), None)]
        assert base is not None and head is not None
        memory = self._memory(question.name, case, base, head)
        found = [self._time(empty, base, head), *([(memory, None)] if memory else [])]
        if base is not head:
            found += self._energy(replace(empty, metric=ENERGY, gated=self._gated(case, ENERGY)), base, head)
        return found

    def _energy(
        self, empty: CaseVerdict, base: Measurement, head: Measurement
    ) -> list[tuple[CaseVerdict, Evidence | None]]:
        """The energy verdict; none where a side does not know its energy, unless energy gates."""
        if base.energy and head.energy:
            return [self._time(empty, in_joules(base), in_joules(head))]
        why = ["" if m.energy else m.no_energy or "its energy was not measured" for m in (base, head)]
        return [(replace(empty, reason=EnergyUnknown(*why)), None)] if empty.gated else []

    def _gated(self, case: Case, metric: str) -> bool:
        if metric in (MEMORY, ENERGY):
            return {MEMORY: "peak_memory", ENERGY: "energy"}[metric] in self.policy.gate
        return case.gate in self.policy.gate

    def _time(self, empty: CaseVerdict, base: Measurement, head: Measurement) -> tuple[CaseVerdict, Evidence | None]:
        if base is head:
            value = _value(base)
            return replace(empty, verdict=Verdict.SAME, reason=MeasuredOnce(), base=value, head=value), None
        alone = tuple(side for side, m in (("base", base), ("head", head)) if m.statistics)
        if alone:
            found = ratio_of_statistics(statistics_of(base), statistics_of(head))
            values = (statistics_of(base).median_us, statistics_of(head).median_us)
            return replace(empty, reason=StatisticsAlone(alone), base=values[0], head=values[1], ratio=found), None
        in_pairs = self.one_run or self.pairs is not None
        shown = replace(
            empty, base=_value(base), head=_value(head), ratio=ratio(base.samples, head.samples, paired=in_pairs)
        )
        if self.pairs is not None:
            return self._paired_time(shown, base, head), None
        if self.throttling.base or self.throttling.head:
            return replace(shown, verdict=Verdict.INVALID, reason=self.throttling), None
        if self.two_machines:
            return replace(shown, reason=TwoMachines()), None
        least = self.policy.least_units
        units = [len(process_medians(m.samples)) for m in (base, head)]
        if min(units) < least:
            return replace(shown, reason=TooFewProcesses(units[0], units[1], least), needed=least), None
        return shown, self._evidence(base, head)

    def _paired_time(self, shown: CaseVerdict, base: Measurement, head: Measurement) -> CaseVerdict:
        assert self.pairs is not None
        pairs, known = self.pairs.of(base, head), self.pairs.noise.cases.get(base.case.id)
        key, known = _key(shown), None if shown.metric == ENERGY else known  # calibrated is the noise of times
        if pairs.n < self.policy.least_units:
            return self._too_few(shown, pairs.n, self.pairs.lost(base.case))
        self.of_case[key] = pairs
        if pairs.has_two_modes or (known is not None and known.bimodal):
            self.two_modes.add(key)
        if known is not None:
            self.noise[key] = known
        return shown

    def _too_few(self, shown: CaseVerdict, pairs: int, lost: Sequence[str]) -> CaseVerdict:
        """A verdict on too few pairs; INVALID where disturbed pairs are the reason."""
        assert self.pairs is not None
        least = self.policy.least_units
        verdict = Verdict.INVALID if lost and not self.pairs.goes_on else Verdict.UNDECIDED
        return replace(shown, verdict=verdict, reason=TooFewPairs(pairs, least, tuple(lost)), needed=least)

    def _pair_notes(self) -> list[str]:
        assert self.pairs is not None
        modes = f"two modes between processes: {', '.join(sorted(self.two_modes))}" if self.two_modes else ""
        lost = self.pairs.disturbed
        what = "1 pair was disturbed and does" if len(lost) == 1 else f"{len(lost)} pairs were disturbed and do"
        disturbed = f"{what} not count ({next(iter(lost.values()))})" if lost else ""
        return [note for note in (modes, disturbed, self.pairs.control()) if note]

    def _paired_decisions(self, found: Sequence[CaseVerdict], evidence: dict[str, Evidence]) -> dict[str, Decision]:
        """Decide by the looks that the pairs allow, and add to `evidence` the evidence that decided each case."""
        assert self.pairs is not None
        decisions: dict[str, Decision] = {}
        for gated in (True, False):
            family = [
                _key(v)
                for v in found
                if v.gated is gated and v.metric != MEMORY and not isinstance(v.reason, NOT_TIMED)
            ]
            looks = InterimAnalyses(self.policy.paired(), len(family), replace(self.pairs.noise, cases=self.noise))
            pairs = {case: self.of_case[case] for case in family if case in self.of_case}
            replay(looks, pairs, open_ended=self.pairs.goes_on)
            decisions |= looks.decisions()
            evidence |= looks.evidence
        return decisions

    def _evidence(self, base: Measurement, head: Measurement) -> Evidence:
        logs = [[math.log(median) for median in process_medians(m.samples)] for m in (base, head)]
        processes = [{sample.process for sample in m.samples} for m in (base, head)]
        if self.one_run and processes[0] == processes[1]:
            return paired([b - a for a, b in zip(*logs, strict=True)])
        return unpaired(*logs)

    def _decide(
        self, found: Sequence[CaseVerdict], evidence: Mapping[str, Evidence], unchanged: Collection[str]
    ) -> list[CaseVerdict]:
        """Decide all cases. The gated cases are one family, those that only explain another. unchanged: cases with the
        same answer."""
        evidence = dict(evidence)
        decisions: dict[str, Decision] = {}
        if self.pairs is not None:
            decisions = self._paired_decisions(found, evidence)
        for gated in (True, False) if self.pairs is None else ():
            cases = {_key(v) for v in found if v.gated is gated and v.metric != MEMORY}
            decisions |= decide({case: e for case, e in evidence.items() if case in cases}, self.policy)
        result = []
        for verdict in found:
            key = _key(verdict)
            decision = decisions.get(key)
            if decision is None or verdict.metric == MEMORY:
                result.append(verdict)
                continue
            e = evidence[key]
            shown = Ratio(
                math.exp(e.centre), math.exp(decision.low), math.exp(decision.high), decision.confidence, e.n, e.level
            )
            result.append(
                replace(
                    verdict, verdict=decision.verdict, ratio=shown, needed=decision.needed,
                    reason=decided(decision, e, self.policy, verdict.case in unchanged, key in self.two_modes),
                    smallest_percent=None if decision.smallest is None else 100 * math.expm1(decision.smallest),
                )
            )  # fmt: skip
        return result

    def _memory(self, name: str, case: Case, base: Measurement, head: Measurement) -> CaseVerdict | None:
        """Peak memory is exact: equal, or more or less by a known amount."""
        a, b = base.peak_memory_bytes, head.peak_memory_bytes
        if not a or not b or base is head:
            return None
        change = math.log(b / a)
        verdict = Verdict.SAME
        if abs(change) > self.policy.same_within:
            verdict = Verdict.SLOWER if change > 0 else Verdict.FASTER
        exact = Ratio(b / a, b / a, b / a, 1.0, 1, "exact")
        gated = self._gated(case, MEMORY)
        return CaseVerdict(name, MEMORY, verdict, MemoryChange(a, b), gated, float(a), float(b), exact)


def _key(verdict: CaseVerdict) -> str:
    """Key of a verdict's evidence. It contains the metric, since a case may also be judged by its energy."""
    return f"{verdict.case} energy" if verdict.metric == ENERGY else verdict.case


def _only_checked(measurement: Measurement) -> bool:
    return measurement.status is Status.OK and not measurement.samples and not measurement.statistics


def _value(measurement: Measurement) -> float:
    found = estimate(measurement.samples)
    assert found is not None
    return found.value
