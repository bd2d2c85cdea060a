"""`harness compilers`: what is wrong in its options is one line, and its documents are what it found."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.errors import HarnessError
from tests.conftest import REPOSITORY

SUITE = str(REPOSITORY / "suites" / "every_variant.yaml")
TINY = str(REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml")

pytest.importorskip("triton")


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path / "runs.sqlite"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--triton", "installed", "--target", "gfx9"], "--target: unknown target gfx9; allowed: .*did you mean gfx9"),
        (["--triton", "installed", "--base", "3.1"], "--base 3.1: not among the versions; allowed: installed"),
        (["--triton", "what"], "--triton what: no such compiler; allowed: a version"),
        (["--triton", "9.9.9", "--wheels", "/nowhere"], "--wheels /nowhere: no such folder"),
        (["--json", "--markdown", "-"], "both go to standard output"),
        (["--triton", "installed", "-k", "no_such"], "no_such"),
    ],
)
def test_what_is_wrong_is_one_line(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["compilers", SUITE, *arguments])
    assert isinstance(result.exception, HarnessError)
    assert "\n" not in str(result.exception)
    with pytest.raises(HarnessError, match=said):
        raise result.exception


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("{targets: [sm_9x]}", "--target: unknown target sm_9x; allowed: "),
        ("{triton: [what]}", "--triton what: no such compiler; allowed: a version"),
        ("{base: '3.1'}", "--base 3.1: not among the versions; allowed: installed"),
    ],
)
def test_what_is_wrong_in_the_section_names_the_file(section: str, said: str, tmp_path: Path) -> None:
    suite = tmp_path / "s.yaml"
    suite.write_text(
        f"suite: 1\ntitle: s\ncompilers: {section}\narms: {{few: {{rms_norm: triton_rows}}}}\n"
        "shapes: {rms_norm: {tokens: 1, heads: 1, width: 2048}}\n"
    )
    result = CliRunner().invoke(app, ["compilers", str(suite)])
    assert isinstance(result.exception, HarnessError)
    assert str(result.exception).startswith(f"{suite}: compilers: {said}")


def test_options_are_checked_before_a_version_is_installed(tmp_path: Path) -> None:
    for option in (["-k", "no_such"], ["--arms", "no_such"], ["--target", "no_such"]):
        result = CliRunner().invoke(app, ["compilers", SUITE, "--triton", "9.9.9", "--wheels", str(tmp_path), *option])
        assert "no_such" in str(result.exception) and not (tmp_path / "cache").exists()


def test_a_suite_says_versions_and_targets() -> None:
    from harness.suite.load import load_suite

    asked = load_suite(Path(SUITE)).compilers
    assert asked.triton == ("3.6.0", "3.7.1", "3.9.0") and "gfx950" in asked.targets and asked.neighbours
    plain = load_suite(Path(TINY)).compilers
    assert plain.triton == ("installed",)
