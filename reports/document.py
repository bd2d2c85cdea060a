"""A report as JSON: versioned, its JSON Schema written beside it, every estimate with interval, n and level.

More keys may be added under the same version; none is taken away or changes its meaning.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from harness.values.environment import Environment
from harness.values.estimate import Ratio
from harness.values.measurement import Conditions
from harness.values.profile import Profile
from harness.values.reason import Reason
from harness.values.run import Run
from harness.values.verdict import CaseVerdict, Comparison, Side, Verdict

from .case_rows import CaseRow, case_rows
from .decode_view import Explained
from .view import build

SCHEMA = 1


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A run without what was measured. started: ISO 8601, UTC."""

    id: str
    suite: str
    suite_hash: str
    title: str
    state: str
    started: str
    command: str
    note: str
    tags: tuple[str, ...]
    processes: int


class VerdictFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict. reason: its sentence; because: the same as a value, its kind and figures."""

    case: str
    metric: str
    verdict: Verdict
    reason: str
    gated: bool
    base: float | None
    head: float | None
    ratio: Ratio | None
    failed: bool
    needed: int | None
    smallest_percent: float | None
    changed: tuple[str, ...] = ()
    because: Reason


class ComparisonFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison. differences: sentences."""

    base: Side
    head: Side
    comparable: bool
    differences: tuple[str, ...]
    verdicts: tuple[VerdictFacts, ...]
    notes: tuple[str, ...]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """run, its environment, its cases with raw samples, its profiles, and the sentences that a report takes from them.

    schema: version of this document. trouble: what is wrong or missing. explained: do the kernels' savings make up the
    step's? comparison: against another run, where one was asked for.
    """

    schema: int
    run: RunFacts
    environment: Environment | None
    trouble: tuple[str, ...]
    summary: tuple[str, ...]
    cautions: tuple[str, ...]
    cases: tuple[CaseRow, ...]
    profiles: tuple[Profile, ...]
    conditions: tuple[Conditions, ...]
    explained: tuple[Explained, ...]
    comparison: ComparisonFacts | None = None


def document(run: Run, comparison: Comparison | None = None) -> Document:
    view = build(run)
    facts = {name: getattr(run, name) for name in RunFacts.__struct_fields__}
    return Document(
        schema=SCHEMA,
        run=RunFacts(**facts),
        environment=run.environment,
        trouble=view.trouble,
        summary=view.summary,
        cautions=view.cautions,
        cases=case_rows(run),
        profiles=run.profiles,
        conditions=run.conditions,
        explained=view.explained,
        comparison=_comparison(comparison) if comparison else None,
    )


def _comparison(found: Comparison) -> ComparisonFacts:
    return ComparisonFacts(
        base=found.base, head=found.head, comparable=found.comparable, notes=found.notes,
        differences=tuple(difference.words for difference in found.differences),
        verdicts=tuple(map(_verdict, found.verdicts)),
    )  # fmt: skip


def _verdict(found: CaseVerdict) -> VerdictFacts:
    facts = msgspec.structs.asdict(found)
    return VerdictFacts(**facts | {"reason": found.words}, because=found.reason)


def render(run: Run, comparison: Comparison | None = None) -> str:
    """One JSON object on one line; what is not finite is null, since JSON has no word for it."""
    plain = _finite(msgspec.to_builtins(document(run, comparison)))
    return msgspec.json.encode(plain).decode() + "\n"


def schema_text() -> str:
    """The JSON Schema of the document, made from the types that it is made from."""
    found = msgspec.json.schema(Document)
    found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
