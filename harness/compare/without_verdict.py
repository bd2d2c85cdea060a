"""Notes on the questions of a comparison that get no verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.compare.join import Joined
from harness.values.measurement import Status


def notes_on(joined: Sequence[Joined], replaced: Mapping[str, str]) -> list[str]:
    """The notes. replaced: base's questions by name, each with the places that head calls instead."""
    remaining = [question for question in joined if question.name not in replaced]
    said = (_one_sided(remaining, "base"), _one_sided(remaining, "head"), _replaced(replaced), _unsupported(joined))
    return [note for note in said if note]


def unsupported_on_both(question: Joined) -> bool:
    sides = (question.base, question.head)
    return all(p and p.measurement and p.measurement.status is Status.UNSUPPORTED for p in sides)


def _unsupported(joined: Sequence[Joined]) -> str:
    count = sum(map(unsupported_on_both, joined))
    return f"{count} {'case is' if count == 1 else 'cases are'} UNSUPPORTED on both sides" if count else ""


def _replaced(replaced: Mapping[str, str]) -> str:
    if not replaced:
        return ""
    others = ", ".join(dict.fromkeys(replaced.values()))
    cases = f"{len(replaced)} {'case' if len(replaced) == 1 else 'cases'} of base"
    return f"{others} in head replaces {cases}: no verdict on them; the decode shows the effect"


def _one_sided(joined: Sequence[Joined], side: str) -> str:
    names = [q.name for q in joined if (q.head if side == "base" else q.base) is None]
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"only in {side}: {len(names)} ({shown})" if names else ""
