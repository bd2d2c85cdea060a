"""The cases of a suite whose engine runs outside: each figure of each arm, at each point of its axes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from harness.values.case import AxisValue, Case
from harness.values.outside import HttpEngine, OutsideEngine
from harness.values.suite import Plan, Suite


def is_outside(plan: Plan) -> bool:
    """Whether all arms of the plan are external programs."""
    return plan.suite.is_outside(plan.arms)


def is_mixed(plan: Plan) -> bool:
    """Whether some arms of the plan are external programs, and some are not."""
    return not is_outside(plan) and any(arm in plan.suite.outside for arm in plan.arms)


def outside_cases(suite: Suite, arms: Sequence[str]) -> Iterator[Case]:
    """The cases in the order of the arms. All cases of an arm are adjacent, and so are those of a point."""
    for arm in arms:
        engine = suite.outside[arm]
        for axes in axes_of(engine):
            for name, unit in engine.figures.items():
                yield Case("figure", arm, "", axes, op=name, engine=engine.name, figure_unit=unit)


def measured_once(suite: Suite, cases: Iterable[Case]) -> Iterator[Case]:
    """The cases. If an arm runs the same as an earlier one, its case names that one's case and is not measured
    again."""
    first: dict[tuple[str, bytes], str] = {}
    keys = {arm: msgspec.json.encode(engine, order="sorted") for arm, engine in suite.outside.items()}
    for case in cases:
        same = first.setdefault((case.question, keys[case.arm]), case.id)
        yield case if same == case.id else msgspec.structs.replace(case, same_as=same)


def axes_of(engine: OutsideEngine) -> list[dict[str, AxisValue]]:
    """The points at which an engine is measured: a server at each concurrency, any other engine once."""
    settings = engine.settings
    if not isinstance(settings, HttpEngine):
        return [{}]
    kept: dict[str, AxisValue] = {"prefix": "kept"} if settings.prefix_cache == "kept" else {}
    shape: dict[str, AxisValue] = {"context": settings.prompt_tokens, "new_tokens": settings.new_tokens}
    return [{**shape, "concurrency": clients, **kept} for clients in settings.concurrency]
