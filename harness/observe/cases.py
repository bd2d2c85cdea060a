"""The closure of each case that a process has run."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from harness import kernels_root
from harness.observe.audit import Observer
from harness.observe.code import content
from harness.observe.reach import Reach
from harness.suite.catalogue import variant_file
from harness.suite.closure import source_files
from harness.values.case import Case, Implementation
from harness.values.closure import Closure
from harness.values.suite import CallSite, Plan


def closures(observer: Observer, plan: Plan, cases: Sequence[Case], loaded: Collection[Path]) -> dict[str, Closure]:
    """Closures by case id. loaded: the files of all variants that the process loaded. A variant whose import failed
    counts only for its own case, too."""
    reach, folder = Reach(observer), Path(plan.suite.path).parent
    answers = {case.id: {_site(case): case.answer} if case.answer else plan.answers.get(case.arm, {}) for case in cases}
    tried = {*loaded, *(file for of_case in answers.values() for file in _variant_files(of_case, folder))}
    return {case.id: _closure(reach, answers[case.id], folder, tried) for case in cases}


def variant_closure(observer: Observer, case: Case, folder: Path, loaded: Collection[Path]) -> Closure:
    """The closure of a kernel case in a process that goes on observing."""
    assert case.op is not None and case.answer is not None
    ways = sum(len(seen.ways) + len(seen.by) for seen in observer.seen.values())
    known = (case.op, case.answer.variant, len(observer.seen), ways, len(observer.unproved), len(sys.modules))
    if known not in _found:
        _found[known] = _closure(Reach(observer), {_site(case): case.answer}, folder, loaded)
    return _found[known]


_found: dict[tuple[object, ...], Closure] = {}
"""Closures by the state of observation at their time."""


def _site(case: Case) -> CallSite:
    return CallSite("decode", str(case.op), str(case.site))


def touched(observer: Observer) -> tuple[str, ...]:
    """All observed names, and the targets of links, relative to the tree."""
    origins = observer.origins
    found = (origins.name(os.path.realpath(os.path.join(origins.tree, name))) for name in observer.seen)
    return tuple(sorted({*observer.seen, *filter(None, found)}))


def _variant_files(answers: Mapping[CallSite, Implementation], folder: Path) -> set[Path]:
    found = (variant_file(place.op, answer.variant, folder) for place, answer in answers.items())
    return {file.resolve() for file in found if file is not None}


def _closure(
    reach: Reach, answers: Mapping[CallSite, Implementation], folder: Path, loaded: Collection[Path]
) -> Closure:
    origins, ops, own = reach.origins, {place.op for place in answers}, _variant_files(answers, folder)
    root = origins.name(str(kernels_root.in_use()))

    def foreign(name: str) -> bool:
        """A spec or reference of an op that this case does not call."""
        path = Path(name)
        return root is not None and path.parent.parent == Path(root) and path.parent.name not in {*ops, "models"}

    found = reach.closure(own, loaded, foreign)
    imported = {origins.name(str(file)) or str(file): file for variant in own for file in source_files(variant)}
    unseen = {name: content(file, as_code=True) for name, file in imported.items() if name not in found.files}
    return found.with_read(unseen)
