"""The exit status of a comparison: which results fail, and which slowdowns somebody took responsibility for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import get_args

import msgspec

from harness.errors import HarnessError
from harness.history import accepted_file
from harness.history.reading import together
from harness.revisions import repository_of
from harness.revisions.git import git
from harness.store import Store, events
from harness.values.event import Acceptance
from harness.values.verdict import CaseVerdict, Comparison, FailOn, Verdict

NOTHING = "none"
ALLOWED: tuple[FailOn, ...] = get_args(FailOn)


def failing(text: str) -> tuple[FailOn, ...]:
    """The results that fail, of a comma-separated list. Empty: `slower,undecided`. Raises HarnessError for an unknown
    one."""
    text = text or "slower,undecided"
    words = [word.strip() for word in text.split(",") if word.strip()]
    found = tuple(one for one in ALLOWED if one in words)
    if words == [NOTHING]:
        return ()
    if not words or len(found) != len(set(words)):
        raise HarnessError(f"--fail-on {text}: allowed: {', '.join(ALLOWED)}, several with commas; or {NOTHING}")
    return found


def gated(found: Comparison, wanted: Sequence[FailOn], store: Store) -> Comparison:
    """The comparison, which these results fail. For `new`, its slowdowns that are accepted in the store, or in files
    beside the suites of the repository here, are named in its notes."""
    found = msgspec.structs.replace(found, fail_on=tuple(wanted))
    if "new" not in wanted or not any(verdict.verdict is Verdict.SLOWER for verdict in found.verdicts):
        return found
    repository = repository_of(Path.cwd())
    try:
        known = _acceptances(store, repository or Path.cwd(), {found.base.suite, found.head.suite})
    except HarnessError as error:  # what was measured is shown all the same
        return msgspec.structs.replace(found, notes=(*found.notes, f"nothing is accepted: {error}"))
    accepted = dict(accepted_of(found, known, commits_of(found, repository)))
    notes = (*found.notes, *(_said(case, event) for case, event in accepted.items()))
    return msgspec.structs.replace(found, accepted=tuple(accepted), notes=notes)


def _acceptances(store: Store, root: Path, suites: Collection[str]) -> list[Acceptance]:
    stored = [event for suite in sorted(suites) for event in events.of_suite(store, suite)]
    known = together(stored, accepted_file.read_all(root, suites))
    return [event for event in known if isinstance(event, Acceptance)]


def commits_of(found: Comparison, repository: Path | None) -> set[str]:
    """The commits that head has and base has not: an older change is on both sides, and explains nothing."""
    base, head = (side.commit.rstrip("+") if side.commit else "" for side in (found.base, found.head))
    if not head or base == head:
        return set()
    if not base or repository is None:
        return {head}
    try:
        return {head, *git(repository, "rev-list", head, f"^{base}").split()}
    except HarnessError:  # another repository's commits
        return {head}


def accepted_of(
    found: Comparison, known: Sequence[Acceptance], commits: Collection[str]
) -> Iterator[tuple[str, Acceptance]]:  # fmt: skip
    """Each case whose slowdown is accepted, with the newest such entry. known: oldest first."""
    for verdict in found.verdicts:
        if verdict.verdict is Verdict.SLOWER and verdict.is_time:
            fitting = (event for event in reversed(known) if _accepts(event, verdict, found.head.suite, commits))
            if (event := next(fitting, None)) is not None:
                yield verdict.case, event


def _accepts(event: Acceptance, verdict: CaseVerdict, suite: str, commits: Iterable[str]) -> bool:
    if (event.suite, event.case) != (suite, verdict.case) or verdict.ratio is None:
        return False
    small = 100 * (verdict.ratio.low - 1) <= event.at_most_percent
    return small and event.commit in commits


def _said(case: str, event: Acceptance) -> str:
    most = f"up to {event.at_most_percent:.3g} % since {event.commit[:9]}"
    return f"{case}: slower, accepted {most}: {event.why} ({event.by}, {event.at[:10]})"
