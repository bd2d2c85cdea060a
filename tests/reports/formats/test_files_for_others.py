"""CSV, JSON and dashboard records: complete, typed, raw, and read back as what was measured."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.stats import estimate
from harness.store import export_run
from harness.values.difference import Difference
from harness.values.measurement import Status
from harness.values.reason import reason_words
from harness_reports.documents.registry import schema_text
from harness_reports.documents.runs import report_text
from harness_reports.formats import csv_table
from harness_reports.pages import csv_file, hud, write
from tests.reports.comparison_factory import comparison
from tests.reports.hostile import EVIL, hostile_run
from tests.reports.run_factory import broken_run, synthetic_run

HUD = json.loads((Path(__file__).parent.parent / "hud_v3.json").read_text(encoding="utf-8"))
RUNS = {"good": lambda: synthetic_run(3), "broken": broken_run, "hostile": hostile_run}


def records(run: Any, ci: dict[str, str] | None = None) -> list[dict[str, Any]]:
    return [json.loads(line) for line in hud.render(run, ci).splitlines()]


@pytest.mark.parametrize("name", RUNS)
def test_csv_has_a_row_a_case_and_no_formula(name: str) -> None:
    """Whatever a case is called, a spreadsheet sees text; numbers stay numbers."""
    run = RUNS[name]()
    rows = list(csv.DictReader(io.StringIO(csv_file.render(run))))
    cases = {case.id for case in (*run.planned, *(m.case for m in run.measurements))}
    assert len(rows) == len(cases)
    for row in rows:
        assert None not in row and None not in row.values()
        for heading, cell in row.items():
            if cell[:1] in "=+-@" and cell:
                assert float(cell) < 0, (heading, cell)


def test_a_formula_gets_an_apostrophe() -> None:
    assert csv_table.text("=1+1") == "'=1+1" and csv_table.text("a=1") == "a=1"


def test_csv_values_are_the_estimates() -> None:
    run = synthetic_run(3)
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(csv_file.render(run)))}
    for m in run.measurements:
        found, row = estimate(m.samples), rows[m.case.id]
        assert found is not None
        assert (float(row["time_value"]), float(row["time_low"]), int(row["n"])) == (found.value, found.low, found.n)


@pytest.mark.parametrize("name", RUNS)
def test_json_is_valid_by_its_schema(name: str) -> None:
    run = RUNS[name]()
    other = msgspec.structs.replace(comparison(12), differences=(Difference("torch", "2.12.0", "2.13.0"),))
    found = json.loads(report_text(run, other))
    jsonschema.validate(found, json.loads(schema_text("report")))
    assert found["schema"] == 1 and found["comparison"]["differences"] == ["torch: 2.12.0 -> 2.13.0"]
    for verdict, row in zip(other.verdicts, found["comparison"]["verdicts"], strict=True):
        assert row["reason"] == reason_words(verdict.reason) and row["because"]["kind"] == "NotMeasured"
    planned = {case.id for case in (*run.planned, *(m.case for m in run.measurements))}
    assert {case["id"] for case in found["cases"]} == planned


def test_what_scripts_rely_on_is_required_by_the_schema() -> None:
    """Version 1: these keys are always there, whatever is added beside them."""
    definitions = json.loads(schema_text("report"))["$defs"]
    whole = {"schema", "run", "environment", "trouble", "summary", "cases", "profiles", "conditions", "explained"}
    case = {"id", "kind", "arm", "dtype", "axes", "status", "reason", "unit", "time", "tok_s", "ratio", "samples"}
    assert whole <= set(definitions["ReportDocument"]["required"])
    assert case <= set(next(found for name, found in definitions.items() if name.startswith("CaseRow"))["required"])
    assert {"value", "low", "high", "confidence", "n", "level"} <= set(definitions["Estimate"]["required"])


def test_json_holds_every_raw_sample() -> None:
    run = synthetic_run(3)
    cases = {case["id"]: case for case in json.loads(report_text(run))["cases"]}
    for m in run.measurements:
        assert [tuple(sample) for sample in cases[m.case.id]["samples"]] == [
            (s.process, s.round, s.value_us) for s in m.samples
        ]


def test_a_wrong_document_is_refused() -> None:
    """The schema can fail: a time without an interval is none."""
    found = json.loads(report_text(synthetic_run()))
    del found["cases"][0]["time"]["low"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, json.loads(schema_text("report")))


@pytest.mark.parametrize("name", RUNS)
def test_records_have_the_published_fields(name: str) -> None:
    """And no other; all values of extra_info are strings."""
    found = records(RUNS[name](), {"GITHUB_RUN_ID": "12", "GITHUB_REPOSITORY": "a/b", "GITHUB_REF_NAME": EVIL})
    for record in found:
        jsonschema.validate(record, HUD)
        assert record["workflow_id"] == 12 and record["head_branch"] == EVIL
    wrong = found[0] | {"sha": "1"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, HUD)


def test_records_are_complete() -> None:
    """Runners, model, inputs, dependencies, dtype and all raw values, for every case that was measured."""
    run = synthetic_run(3)
    found = records(run)
    by_case = {(r["benchmark"]["extra_info"]["case"], r["metric"]["name"]): r for r in found}
    for m in run.measurements:
        decode = m.case.kind == "decode"
        name = "median_tpot_ms" if decode else "avg_inference_latency(ms)"
        record = by_case[m.case.id, name]
        assert record["metric"]["benchmark_values"] == [s.value_us / 1e3 for s in m.samples]
        assert record["runners"][0]["gpu_info"] == "NVIDIA H100 80GB HBM3"
        assert record["dependencies"]["torch"]["version"] == "2.11.0" and record["head_sha"] == "0123456789ab+"
        assert record["inputs"]["weights"]["dtype"] == "int4-g128" and record["benchmark"]["dtype"] == m.case.dtype
        if decode:
            rates = by_case[m.case.id, "token_per_sec"]["metric"]["benchmark_values"]
            assert rates == pytest.approx([1e6 / s.value_us for s in m.samples])


def test_a_case_that_failed_is_a_record_of_its_own() -> None:
    failed = [r for r in records(broken_run()) if r["metric"]["name"] == "load_status"]
    bad = [m for m in broken_run().measurements if m.status is not Status.OK]
    assert {r["metric"]["extra_info"]["reason"] for r in failed} >= {m.reason for m in bad}
    assert all(r["metric"]["benchmark_values"] == [0.0] for r in failed)


def test_the_command_writes_them_all(tmp_path: Path) -> None:
    export_run(synthetic_run(3), "aaaa", tmp_path / "run.json")
    arguments = [
        "report",
        str(tmp_path / "run.json"),
        "--out",
        str(tmp_path / "out"),
        "--format",
        "csv,json,hud",
        "--pr",
    ]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False, env={"GITHUB_ACTIONS": None})
    assert result.exit_code == 0, result.output
    names = [Path(line).name for line in result.stdout.splitlines()]
    assert {"pull_request.md", "report.csv", "report.json", "report.schema.json", "hud.jsonl", "decode.svg"} <= set(
        names
    )
    assert "report.html" not in names
    written = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "out").iterdir()}
    for name in ("pr", "csv", "json", "hud"):
        shown = CliRunner().invoke(app, [*arguments[:2], "--out", "-", "--format", name], catch_exceptions=False)
        assert shown.exit_code == 0 and (name == "pr" or shown.stdout in written.values())
    assert set(write.DEFAULT) < set(write.FORMATS)
