"""The configurations that a compiler may choose from, for each place of an arm.

The arm's own comes first, then those that a sweep found fast, then some of the suite's sweep space.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from harness import kernels_root
from harness.decode.support import calls_of
from harness.errors import CaseFailed
from harness.load_kernels import LoadedVariant
from harness.suite.catalogue import kernels_of
from harness.suite.closure import closure_hash
from harness.suite.sweeps import configurations
from harness.values.case import Case, Tunables
from harness.values.suite import Plan


def entries_of(plan: Plan, arm: str, batch: int, context: int, count: int) -> dict[str, tuple[Tunables, ...]]:
    """By place (`op@site`), at most `count` distinct configurations of the arm's decode, without places that have only
    their own.

    Raises CaseFailed where the caller wants several and no place has more than one.
    """
    if count <= 1:
        return {}
    found = {}
    for phase, case, variant in calls_of(plan, arm, batch, context):
        if phase == "decode":
            listed = _listed(plan, case, variant, count)
            if len(listed) > 1:
                found[case.op_site] = listed
    if not found:
        raise CaseFailed(
            f"decode.autotune_list: no variant of {arm} has another configuration: neither the suite's sweep nor a "
            "ranking in a tuned file says one"
        )
    return found


def _listed(plan: Plan, case: Case, variant: LoadedVariant, count: int) -> tuple[Tunables, ...]:
    own = variant.tunables_of(case.answer)
    ranked = [{**variant.tunables, **tunables} for tunables in _ranked(plan, case, variant)]
    spaces = [space for space in plan.suite.sweep if (space.op, space.variant) == (case.op, variant.name)]
    swept = [
        {**variant.tunables, **tunables}
        for space in spaces
        for tunables in configurations(space, variant.tunables, case.dims)
    ]
    first = _distinct([own, *ranked])[:count]
    rest = [tunables for tunables in _distinct(swept) if tunables not in first and _runs(case, variant, tunables)]
    return (*first, *_spread(rest, count - len(first)))


def _runs(case: Case, variant: LoadedVariant, tunables: Tunables) -> bool:
    """Whether the variant can run with these tunables."""
    if variant.supports is None or case.answer is None:
        return True
    answer = msgspec.structs.replace(case.answer, tunables=tunables)
    return variant.supports(msgspec.structs.replace(case, answer=answer)) is None


def _ranked(plan: Plan, case: Case, variant: LoadedVariant) -> Sequence[Tunables]:
    """The ranking in the tuned file that the arm's own choice comes from; empty where it comes from elsewhere."""
    answer, kernels = case.answer, kernels_of(plan.suite)
    if answer is None or ".json" not in answer.origin or case.op is None:
        return ()
    try:
        triton = version("triton")
    except PackageNotFoundError:
        return ()
    device = Path(answer.origin.split(" (")[0]).stem
    found = kernels_root.module("tuned").lookup(
        case.op, variant.name, device, case.dims, closure_hash(variant.path, kernels.root), triton,
        kernels.suite_folder, **kernels.tuned_beside(case.op),
    )  # fmt: skip
    return () if isinstance(found, str) else found.ranked


def _distinct(entries: Sequence[Tunables]) -> list[Tunables]:
    return [entry for at, entry in enumerate(entries) if entry not in entries[:at]]


def _spread(entries: Sequence[Tunables], count: int) -> Iterator[Tunables]:
    """`count` of the entries, evenly from the first to the last."""
    count = min(count, len(entries))
    for at in range(count):
        yield entries[at * (len(entries) - 1) // max(1, count - 1)]
