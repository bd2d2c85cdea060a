"""`list`, `check` and `schema`: what a user sees of a suite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harness.cli.main import app
from harness.errors import CaseFailed, HarnessError
from harness.plan import expand
from harness.suite.format import schema_text
from harness.suite.load import load_suite
from tests.conftest import REPOSITORY
from tests.suite.suite_files import write_suite

TINY = str(REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml")


def harness(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_list_shows_every_measurement_and_every_choice() -> None:
    """One row a measurement; arms with the same answer share it; what nobody chose is called the op's default."""
    lines = harness("list", TINY).stdout.splitlines()
    plan = expand(load_suite(Path(TINY)))
    assert lines[0].startswith("qwen3_5_moe_tiny · ") and "28 cases, 3 of them the same as another" in lines[0]
    table, model = lines[2 : lines.index("The whole model") - 1], lines[lines.index("The whole model") :]
    assert len(table) - 1 == sum(case.same_as is None for case in plan.cases)
    [sdpa] = [line for line in table if line.startswith("sdpa @ main")]
    assert sdpa.split() == [
        "sdpa",
        "@",
        "main",
        "tokens",
        "1,",
        "context",
        "64",
        "baseline",
        "torch_sdpa",
        "1",
        "autotuned",
        "the",
        "same",
    ]
    assert any("torch_blocked(tuned)" in line for line in table)
    [norm] = [line for line in model if line.startswith("rms_norm")]
    assert norm.endswith("the op's default") and "ln, q_norm, k_norm, final" in norm
    assert not any(line.endswith(" ") for line in lines)


def test_list_as_json_is_the_plan() -> None:
    """Versioned; every case with id and attributes, status and samples still empty; every answer of the model."""
    document = json.loads(harness("list", TINY, "--json").stdout)
    plan = expand(load_suite(Path(TINY)))
    assert document["schema"] == 1 and document["suite"] == "qwen3_5_moe_tiny"
    assert [case["id"] for case in document["cases"]] == [case.id for case in plan.cases]
    first = document["cases"][0]
    assert (first["op"], first["site"], first["axes"]) == (
        "moe_gate_up",
        "experts",
        {"tokens": 1, "routing": "uniform"},
    )
    assert (first["status"], first["reason"], first["samples"], first["estimate"]) == (None, "", [], None)
    assert document["answers"]["baseline"]["int4_mm@lm_head:decode"]["tunables"] == {"block_n": 64}


def test_list_takes_arms_and_a_filter() -> None:
    """`--arms` and `-k` narrow the plan as they narrow a run."""
    document = json.loads(harness("list", TINY, "--json", "--arms", "autotuned", "-k", "lm_head,prefill").stdout)
    assert [case["id"].partition("/")[0] for case in document["cases"]] == ["int4_mm@lm_head", "prefill@eager"]
    assert document["arms"] == ["autotuned"]


@pytest.mark.parametrize("command", ["list", "check"])
def test_a_mistake_is_the_error_of_every_command(command: str, tmp_path: Path) -> None:
    """The same line, raised for `main` to print."""
    result = harness(command, str(write_suite(tmp_path, "sdpa: torch_sdpa", "sdpa: torch_sdpb")))
    assert isinstance(result.exception, HarnessError) and "did you mean torch_sdpa?" in str(result.exception)


def test_the_list_of_commands_says_what_each_is_for() -> None:
    """In whole sentences, on lines of 80 columns."""
    shown = harness("--help").stdout.partition("Commands:")[2]
    assert all(f"  {name}  " in shown for name in ("breakdown", "calibrate", "compare", "doctor", "try", "sweep"))
    assert "..." not in shown and max(map(len, shown.splitlines())) <= 80


def test_schema_prints_the_committed_schema() -> None:
    """`harness schema > suites/suite.schema.json` is how it is made."""
    assert harness("schema").stdout == schema_text()


def test_static_check_runs_nothing(tmp_path: Path) -> None:
    """A variant beside the suite is checked without being imported."""
    (tmp_path / "mine.py").write_text("raise SystemExit\n\n\ndef run(x, weight, scale, group): ...\n")
    result = harness("check", "--static", str(write_suite(tmp_path, "{torch_blocked: {block_n: 32}}", "./mine.py")))
    assert result.exit_code == 0 and "all names known" in result.stderr


def test_check_verifies_each_case_and_fails_for_a_wrong_one(tmp_path: Path) -> None:
    """A right variant is OK; one that returns zeros is INCORRECT with a reason, and the exit status is 5."""
    zeros = "import torch\n\n\ndef run(x, weight, scale, group):\n    return torch.zeros(x.shape[0], weight.shape[0])\n"
    (tmp_path / "zeros.py").write_text(zeros)
    suite = write_suite(tmp_path, "    sdpa: torch_sdpa", "    int4_mm: {shared_down: ./zeros.py}")
    result = harness("check", str(suite), "-k", "int4_mm@shared_down")
    lines = result.stdout.splitlines()
    assert result.exit_code == 5, result.output
    assert [line.split()[0] for line in lines] == ["OK", "INCORRECT"]
    assert "shared_down" in lines[1] and len(lines[1].split("   ")[-1]) > 20


IMPORT_ERRORS = {
    "from nowhere_at_all import kernel": "ModuleNotFoundError: No module named 'nowhere_at_all'",
    "from torch import no_such_function": "ImportError: cannot import name 'no_such_function'",
    "raise SystemExit('no GPU here')": "SystemExit: no GPU here",
}


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_kernel_that_cannot_be_imported_is_failed_with_its_line(command: str, tmp_path: Path) -> None:
    """An arm for each mistake: in a case of its own and in the arm's decode. The status is 5."""
    arms = []
    for number, mistake in enumerate(IMPORT_ERRORS):
        broken = tmp_path / f"broken{number}.py"
        broken.write_text(f"import torch\n\n{mistake}\n\n\ndef run(x, weight, scale, group): ...\n")
        arms.append(f"  other{number}:\n    like: baseline\n    int4_mm: {{shared_down: ./{broken.name}}}\n")
    suite = write_suite(tmp_path, "  other:\n    like: baseline\n    sdpa: torch_sdpa\n", "".join(arms))
    timed = ("--rounds", "1", "--store", str(tmp_path / "runs.sqlite"), "--only", "kernels,decode")
    result = harness(
        command, str(suite), "-k", "/other", "--json", *(timed if command == "run" else ()),
    )  # fmt: skip
    assert result.exit_code == 5, result.output
    found = json.loads(result.stdout)["cases"]
    lost = [case for case in found if case["kind"] != "kernel" or "shared_down" in case["id"]]
    for number, said in enumerate(IMPORT_ERRORS.values()):
        of_arm = [case for case in lost if f"other{number}" in case["id"]]
        assert {case["kind"] for case in of_arm} == {"kernel", "decode", "prefill"}
        wanted = f"{tmp_path / f'broken{number}.py'}:3: {said}"
        for case in of_arm:
            assert case["status"] == "FAILED" and case["reason"].startswith(wanted), case["reason"]


CANNOT = """def supports(case):
    return "needs a machine nowhere"


def run(x, weight, scale, group): ...
"""


@pytest.mark.parametrize("command", ["check", "run"])
def test_where_nothing_was_measured_the_status_is_not_0(command: str, tmp_path: Path) -> None:
    """Nothing failed either: each case says why it cannot be run here, and the last line that there was no other."""
    (tmp_path / "cannot.py").write_text(CANNOT)
    suite = write_suite(tmp_path, "    sdpa: torch_sdpa", "    int4_mm: {shared_down: ./cannot.py}")
    timed = ("--store", str(tmp_path / "runs.sqlite"), "--only", "kernels")
    result = harness(command, str(suite), "-k", "shared_down", "--arms", "other", *(timed if command == "run" else ()))
    assert isinstance(result.exception, CaseFailed) and result.exception.exit_status == 5, result.output
    assert str(result.exception) == "nothing was measured: 1 UNSUPPORTED, the first: needs a machine nowhere"
