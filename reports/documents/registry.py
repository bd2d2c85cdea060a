"""Every JSON document that scripts rely on, as a type; `schemas/` has the schema of each.

The same version may gain keys. No key is removed or changes its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from . import breakdowns, comparisons, compilers, plans, ranks, runs, sanitized, stored, sweeps
from .encoding import SCHEMA

DOCUMENTS: Mapping[str, Any] = {
    "attempt": stored.AttemptDocument,
    "attempts": stored.AttemptsDocument,
    "bisect": stored.BisectDocument,
    "breakdown": breakdowns.Breakdown,
    "breakdowns": breakdowns.Breakdowns,
    "calibration": stored.CalibrationDocument,
    "changes": stored.ChangesDocument,
    "comparison": comparisons.ComparisonDocument,
    "compilers": compilers.CompilersDocument,
    "compiled": sweeps.CompiledDocument,
    "difference": breakdowns.TwoBreakdowns,
    "findings": stored.FindingsDocument,
    "interpreters": comparisons.InterpretersDocument,
    "history": stored.HistoryDocument,
    "machines": stored.MachinesDocument,
    "plan": plans.PlanDocument,
    "ranks": ranks.RanksDocument,
    "report": runs.ReportDocument,
    "run": runs.RunDocument,
    "runs": stored.RunsDocument,
    "sanitized": sanitized.SanitizedDocument,
    "static": comparisons.StaticDocument,
    "sweep": sweeps.SweepDocument,
}
"""Types by the name of their schema."""


def schema_text(name: str) -> str:
    """The JSON Schema of a document."""
    found = msgspec.json.schema(DOCUMENTS[name])
    top = found["$defs"][found["$ref"].rpartition("/")[2]]
    top["properties"] = {"schema": {"const": SCHEMA}, **top["properties"]}
    top["required"] = ["schema", *top["required"]]
    found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n"
