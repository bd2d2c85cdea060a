"""The GitHub workflow: valid by GitHub's schema, its commands parse, its scripts do what they say."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from harness.cli.main import app
from tests.conftest import REPOSITORY

WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
SESSIONS = re.findall(r"@nox\.session\ndef (\w+)", (REPOSITORY / "noxfile.py").read_text())


def steps(job: str = "") -> list[dict[str, Any]]:
    """Of all jobs of all workflows, or of one job."""
    documents = [yaml.safe_load(file.read_text()) for file in WORKFLOWS]
    return [step for d in documents for name, j in d["jobs"].items() if job in ("", name) for step in j["steps"]]


def named(job: str, name: str) -> str:
    return next(str(step["run"]) for step in steps(job) if step.get("name") == name)


def test_the_workflows_are_valid_by_githubs_schema(tmp_path: Path) -> None:
    """And a planted mistake is not."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    assert WORKFLOWS
    done = subprocess.run([*command, *map(str, WORKFLOWS)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(WORKFLOWS[0].read_text().replace("runs-on:", "run-on:"))
    assert subprocess.run([*command, str(wrong)], capture_output=True, check=False).returncode == 1


def test_every_command_of_the_harness_parses() -> None:
    """With options that exist, and sessions that nox has."""
    program = typer.main.get_group(app)
    lines = [line.strip() for step in steps() for line in str(step.get("run", "")).splitlines()]
    found = [re.split(r"\|\||>", line)[0] for line in lines if line.startswith("harness ")]
    assert len(found) >= 3
    for line in found:
        _, name, *arguments = shlex.split(line)
        program.commands[name].make_context(name, arguments).close()
    assert all(line.split()[2] in [*SESSIONS, "${{"] for line in lines if line.startswith("nox -s"))


@pytest.mark.parametrize(
    ("job", "name", "said", "fails_on_undecided", "wanted"),
    [
        ("static", "Compile both sides", 0, "false", 0),
        ("static", "Compile both sides", 1, "false", 1),
        ("static", "Compile both sides", 5, "false", 5),
        ("gpu", "Measure both sides", 0, "false", 0),
        ("gpu", "Measure both sides", 1, "false", 1),
        ("gpu", "Measure both sides", 3, "false", 0),
        ("gpu", "Measure both sides", 3, "true", 3),
        ("gpu", "Measure both sides", 4, "false", 4),
        ("compile", "Compile with the installed and the newest Triton", 0, "false", 0),
        ("compile", "Compile with the installed and the newest Triton", 1, "false", 0),
        ("compile", "Compile with the installed and the newest Triton", 5, "false", 0),
        ("compile", "Compile with the installed and the newest Triton", 2, "false", 2),
    ],
)
def test_a_job_ends_as_the_comparison_did(
    job: str, name: str, said: int, fails_on_undecided: str, wanted: int, tmp_path: Path
) -> None:
    """With UNDECIDED neutral unless it is asked to fail; the Markdown is the summary in every case."""
    stand_in = tmp_path / "harness"
    file = {"static": "static.md", "compile": "compilers.md"}.get(job, "measured.md")
    stand_in.write_text(f"#!/bin/sh\necho '**WORD**' > {file}\nexit {said}\n")
    stand_in.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "BASE": "main", "SUITE": "s.yaml", "FAIL_ON_UNDECIDED": fails_on_undecided,
    }  # fmt: skip
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]  # as GitHub starts it
    done = subprocess.run([*shell, named(job, name)], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == wanted, done.stderr
    assert (tmp_path / "summary").read_text() == "**WORD**\n"


GITHUB = """
const calls = [];
const context = {repo: {owner: "o", repo: "r"}, issue: {number: 7}};
const issues = {
  listComments: "list", updateComment: async (to) => calls.push(["update", to]),
  createComment: async (to) => calls.push(["create", to]),
};
const github = {rest: {issues}, paginate: async () => COMMENTS};
(async () => { SCRIPT })().then(() => console.log(JSON.stringify(calls)));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="the comment is written by JavaScript, and there is no node")
def test_there_is_one_comment_that_is_updated(tmp_path: Path) -> None:
    """Made once, found again by its first line, cut to what a comment holds; without any comparison there is none."""
    script = next(step["with"]["script"] for step in steps("comment") if "script" in step.get("with", {}))

    def calls(comments: list[dict[str, Any]]) -> list[Any]:
        text = GITHUB.replace("COMMENTS", json.dumps(comments)).replace("SCRIPT", script)
        done = subprocess.run(["node", "-e", text], cwd=tmp_path, capture_output=True, text=True, check=True)
        return list(json.loads(done.stdout))

    assert calls([]) == []
    for folder, text in (("comparison-1-static", "a\n" * 40_000), ("comparison-2-measured", "**SAME**\n")):
        (tmp_path / "found" / folder).mkdir(parents=True)
        (tmp_path / "found" / folder / "page.md").write_text(text)
    [[what, made]] = calls([{"id": 1, "body": "something else"}, {"id": 2, "body": None}])
    assert (what, made["issue_number"]) == ("create", 7)
    assert len(made["body"]) < 65_536 and made["body"].index("### Compiled") < made["body"].index("### Measured")
    assert "The rest is in the job's summary." in made["body"] and "**SAME**" in made["body"]
    theirs = {"id": 8, "body": made["body"], "user": {"login": "somebody"}}
    own = {"id": 9, "body": made["body"], "user": {"login": "github-actions[bot]"}}
    [[what, again]] = calls([theirs, own])
    assert (what, again["comment_id"]) == ("update", 9)
    assert calls([theirs])[0][0] == "create"


def test_what_runs_beside_a_change_is_pinned_and_has_no_credentials() -> None:
    """A tag can be moved to other code; a token that the checkout leaves is the change's to read."""
    used = [step for step in steps() if "uses" in step]
    assert used and all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]) for step in used)
    checkouts = [step for step in used if step["uses"].startswith("actions/checkout@")]
    assert len(checkouts) == 8 and all(step["with"]["persist-credentials"] is False for step in checkouts)
    assert not any("clean" in step["with"] for step in checkouts), "a kept checkout is another change's"


@pytest.mark.parametrize("job", ["static", "gpu"])
def test_the_bases_harness_judges(job: str) -> None:
    """A change of the harness could say that it is not slower."""
    lines = [line for step in steps(job) for line in str(step.get("run", "")).splitlines()]
    (made,) = [number for number, line in enumerate(lines) if 'git worktree add "$RUNNER_TEMP/base" "$BASE"' in line]
    (judged,) = [number for number, line in enumerate(lines) if line.strip().startswith("harness compare")]
    installed = [n for n, line in enumerate(lines) if re.search(r"pip\S* install .*\$RUNNER_TEMP/base", line)]
    assert len(installed) == 1 and made < installed[0] < judged
    assert not any("--editable" in line for line in lines)


def test_a_job_that_may_write_runs_nothing_of_the_repositorys_kernels() -> None:
    """A token that writes comments or issues is in no job that installs or measures."""
    jobs = [job for file in WORKFLOWS for job in yaml.safe_load(file.read_text())["jobs"].values()]
    writing = [job for job in jobs if "write" in (job.get("permissions") or {}).values()]
    assert len(writing) == 3
    for job in writing:
        assert {*job["permissions"].values()} <= {"read", "write"} and len(job["permissions"]) <= 2
        run = [step["run"] for step in job["steps"] if "run" in step]
        scripts = ("history_issues.py changes.json", "compilers_issue.py compilers.json")
        assert run in ([], *([f"python3 .github/scripts/{script}"] for script in scripts))
    for file in WORKFLOWS:
        assert yaml.safe_load(file.read_text())["permissions"] == {"contents": "read"}
