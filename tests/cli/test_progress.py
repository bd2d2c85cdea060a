"""Where nobody looks at a terminal, progress is a few lines: each step at once, how far it has come now and then."""

from __future__ import annotations

import pytest

from harness.cli import progress


def test_hundreds_of_cases_are_a_few_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """864 configurations of 0.1 s are a line every five seconds; the next step is said at once."""
    clock = iter(number / 10 for number in range(10_000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.RunProgress() as report:
        for done in range(864):
            report("sweep", "configurations", done, 864)
        report("sweep", "int4_mm@gdn_in: finals", 864, 864)
        report("sweep", "int4_mm@gdn_in: finals", 864, 864)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "sweep: configurations (0/864 cases done)"
    assert "left" not in lines[1], "too few are done"
    assert all("/s, " in line and " left (" in line for line in lines[4:-1])
    assert lines[-1] == "sweep: int4_mm@gdn_in: finals (864/864 cases done)" != lines[-2]
    assert 10 < len(lines) < 40


def test_every_engine_of_a_profile_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.RunProgress() as report:
        for engine in ("eager", "cuda_graph"):
            report("profile", f"profile baseline, {engine}", 0, 2)
    assert [line.split()[3] for line in capsys.readouterr().err.splitlines()] == ["eager", "cuda_graph"]
