"""Checks whether the choice of a tuned file still wins: its five kept configurations and their neighbours in the space,
against the old choice. It takes a few seconds; a sweep takes a minute."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness import kernels_root
from harness.errors import HarnessError
from harness.plan.resolution import ArmResolver
from harness.suite.catalogue import kernels_of
from harness.sweep.guide import Guide
from harness.sweep.questions import SweepQuestion, whole_tunables
from harness.values.case import Implementation, Tunables
from harness.values.suite import Suite
from harness.values.sweep import SweptVariant


def narrowed(suite: Suite, asked: Sequence[SweepQuestion], device: str, triton: str | None) -> list[SweepQuestion]:
    """Return the questions that the device's tuned file answers, narrowed to the kept configurations and their
    neighbours, with the old choice as baseline. device: as in file names. Raises HarnessError where the file answers
    none."""
    found, missing = [], []
    for question in asked:
        entry = kept_entry(suite, question, device, triton)
        if isinstance(entry, str):
            missing.append(entry)
        else:
            found.append(_narrow(suite, question, entry))
    if not found:
        raise HarnessError(f"{suite.path}: --recheck: {'; '.join(dict.fromkeys(missing))}")
    return found


def kept_entry(suite: Suite, asked: SweepQuestion, device: str, triton: str | None) -> dict[str, Any] | str:
    """The entry of a tuned file for a question, or the reason why there is none. Entries of other Tritons come before
    this one's, the newest first."""
    beside = kernels_of(suite).tuned_beside(asked.op)
    tuned = kernels_root.module("tuned", Path(suite.kernels_root))
    path = tuned.path_for(asked.op, asked.variant, device, suite.folder, **beside)
    if not path.is_file():
        return f"no tuned file for this device: {tuned.label(path)} does not exist"
    try:
        entries = tuned.entries(path)
    except ValueError as error:
        return f"{tuned.label(path)}: {error}"
    own = [e for e in entries if (e["op"], e["variant"]) == (asked.op, asked.variant)]
    here = [e for e in own if e["source_hash"] == asked.sources[asked.variant] and e["dims"] == asked.cases[0].dims]
    if not here:
        why = "its source or shape is another one" if own else "is not tuned there"
        return f"{tuned.label(path)}: {asked.variant}: {why}"
    return max(here, key=lambda e: (e["triton"] != triton, _version(e["triton"])))


def kept_tunables(entry: Mapping[str, Any]) -> list[Tunables]:
    """The chosen configuration of a tuned file's entry, then the other stored ones."""
    return [entry["tunables"], *(one["tunables"] for one in entry.get("ranked", ()))]


def _narrow(suite: Suite, asked: SweepQuestion, entry: Mapping[str, Any]) -> SweepQuestion:
    answers = ArmResolver(suite, None, None)
    whole = {case.id: whole_tunables(answers, case) for case in asked.cases}
    given = [_whole(answers, asked, tunables) for tunables in kept_tunables(entry)]
    five = [case for case in asked.cases if whole[case.id] in given]
    old = next((case for case in five if whole[case.id] == given[0]), None)
    if old is None:
        old = msgspec.structs.replace(
            asked.cases[0], answer=Implementation(asked.variant, entry["tunables"], "baseline")
        )
    near = Guide(asked.cases, [0.0] * len(asked.cases)).near(five)
    words = f"recheck of the choice under Triton {entry['triton'] or 'none'}: {len(five)} kept, {len(near)} neighbours"
    return msgspec.structs.replace(asked, cases=(*five, *near) or (old,), baseline=old, recheck=words)


def _whole(answers: ArmResolver, asked: SweepQuestion, tunables: Tunables) -> Tunables:
    return {**answers.defaults(asked.op, asked.variant), **tunables}


def _version(triton: str | None) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", triton or "")))


def outcome(question: SweptVariant) -> str:
    """The result of a recheck, in words."""
    finals = question.finals
    if finals is None:
        return "nothing could be timed"
    if finals.winner is None:
        return "the old choice failed" if finals.baseline is None else "confirmed: none was shown to be faster"
    return (
        "replaced: another one is faster by more than the margin" if finals.baseline else "replaced: the old one failed"
    )
