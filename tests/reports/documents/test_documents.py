"""JSON documents are what their schemas say, and the schemas are those of the types."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from harness.compare.explain import Explanation
from harness.plan import expand
from harness.suite.load import load_suite
from harness.values.finding import Finding
from harness_reports.documents import (
    breakdowns,
    comparisons,
    compilers,
    plans,
    ranks,
    registry,
    runs,
    sanitized,
    stored,
    sweeps,
)
from harness_reports.documents.encoding import SCHEMA, of, text
from tests.conftest import REPOSITORY
from tests.reports.comparison_factory import comparison, interpreter_matrix
from tests.reports.compiler_factory import compiler_matrix
from tests.reports.run_factory import broken_run
from tests.reports.table_factory import (
    attempt,
    bisected,
    changed_series,
    changed_standing,
    compiled_sweep,
    history,
    machine_healths,
    noise_of_two_cases,
    rank_job,
    static_comparison,
    stopped,
    summary,
    swept,
    tool_reports,
)
from tests.trace.made import KERNELS, write

SCHEMAS = REPOSITORY / "reports" / "schemas"


def documents(folder: Path) -> dict[str, str]:
    """One of each kind, made as its command makes it."""
    from harness.trace import breakdown, difference, load_rules

    traces = [write(folder / name, KERNELS) for name in ("a.json", "b.json")]
    profiles = [breakdown(trace, load_rules(), steps=2) for trace in traces]
    names = [str(trace) for trace in traces]
    plan = expand(load_suite(REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml"))
    return {
        "attempt": stored.attempt_text(attempt()),
        "attempts": stored.attempts_text([attempt()]),
        "bisect": text(of(stored.BisectDocument, bisected())),
        "breakdown": breakdowns.breakdown_text(names[:1], profiles[:1]),
        "breakdowns": breakdowns.breakdown_text([*names, names[0]], [*profiles, profiles[0]]),
        "calibration": stored.calibration_text("GPU", noise_of_two_cases(), (("1", "2"),), {"a": "b"}),
        "changes": stored.changes_text([changed_series()], [changed_standing()], stopped()),
        "comparison": comparisons.comparison_text(comparison(12), Explanation()),
        "compiled": sweeps.compiled_text(compiled_sweep()),
        "compilers": compilers.matrix_text(compiler_matrix()),
        "difference": breakdowns.breakdown_text(names, profiles, difference(*profiles)),
        "findings": stored.findings_text([Finding("GPU", "missing", "none", "buy one")]),
        "history": stored.history_text((history(),)),
        "interpreters": comparisons.interpreters_text(interpreter_matrix(), [Explanation(), None]),
        "machines": stored.machines_text(machine_healths()),
        "plan": plans.plan_text(plan),
        "ranks": ranks.ranks_text(*rank_job(folder)),
        "report": runs.report_text(broken_run(), comparison(4)),
        "run": runs.run_text(broken_run()),
        "runs": text(stored.RunsDocument(runs=(summary(),))),
        "sanitized": sanitized.sanitized_text("op@site/a", "a.py", tool_reports(), 5),
        "static": comparisons.static_text(static_comparison()),
        "sweep": sweeps.sweep_text(swept(), {}),
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return documents(tmp_path_factory.mktemp("documents"))


@pytest.mark.parametrize("name", registry.DOCUMENTS)
def test_a_document_is_valid_by_its_schema(name: str, made: dict[str, str]) -> None:
    """And has a version; a key of a wrong type, or none, is refused."""
    found: dict[str, Any] = json.loads(made[name])
    schema = json.loads(registry.schema_text(name))
    jsonschema.validate(found, schema)
    assert found["schema"] == SCHEMA and set(made) == set(registry.DOCUMENTS)
    for wrong in ({**found, "schema": SCHEMA + 1}, {key: value for key, value in found.items() if key != "schema"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def shape(schema: Any) -> Any:
    """Without prose: a docstring may be mended without its schema."""
    if isinstance(schema, dict):
        return {
            key: shape(value) for key, value in schema.items() if key != "description" or not isinstance(value, str)
        }
    return [shape(value) for value in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize("name", registry.DOCUMENTS)
def test_a_schema_file_is_that_of_the_type(name: str) -> None:
    """UPDATE_GOLDEN=1 writes it anew."""
    path, text = SCHEMAS / f"{name}.json", registry.schema_text(name)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert shape(json.loads(path.read_text(encoding="utf-8"))) == shape(json.loads(text)), "UPDATE_GOLDEN=1 if meant"


def test_no_schema_is_left_over() -> None:
    assert {path.stem for path in SCHEMAS.glob("*.json")} == set(registry.DOCUMENTS)
