"""Several machines side by side: times, shares of their own bandwidth and ranks; never a verdict."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from typer.testing import CliRunner

from harness.cli.main import app
from harness.store import export_run
from harness.values.run import Run
from harness_reports.pages import machines_pages
from harness_reports.views.machines import MachineResult, SideBySide, side_by_side
from tests.reports.comparison_factory import large_run
from tests.reports.hostile import hostile_run
from tests.reports.run_factory import broken_run, synthetic_run


def elsewhere(run: Run, slower: float = 2.0, read_gb_s: float = 1500.0) -> Run:
    """The same run on another machine, every time longer by a factor."""
    assert run.environment
    environment = msgspec.structs.replace(
        run.environment, device_name="NVIDIA A100-SXM4-80GB", device_uuid="GPU-a", read_gb_s=read_gb_s, driver="560.00"
    )
    measurements = tuple(
        msgspec.structs.replace(
            m, samples=tuple(msgspec.structs.replace(s, value_us=s.value_us * slower) for s in m.samples)
        )
        for m in run.measurements
    )
    return msgspec.structs.replace(run, id="93", environment=environment, measurements=measurements)


@pytest.fixture(scope="module")
def side() -> SideBySide:
    return side_by_side([synthetic_run(3), elsewhere(synthetic_run(3))])


def test_each_machine_is_held_against_its_own_bandwidth(side: SideBySide) -> None:
    """Twice the time at half the bandwidth is the same share, to the last digit of the two bandwidths."""
    for question in side.questions:
        for line in question.lines:
            here, there = line.results
            assert isinstance(here, MachineResult) and isinstance(there, MachineResult)
            assert there.time.value == pytest.approx(2 * here.time.value)
            assert here.bound_share == pytest.approx(
                3001 / 3000 * 1 * (there.bound_share or 0) / (3001 / 1500) * 2, rel=2e-3
            )
            assert (here.rank, here.of) == (there.rank, there.of)


def test_ranks_count_the_answers_of_one_machine(side: SideBySide) -> None:
    gate_up = next(q for q in side.questions if q.name.startswith("moe_gate_up"))
    assert [line.ranks[0] for line in gate_up.lines] == [1, 2]
    assert "8,256" in gate_up.lines[0].answer


def test_what_one_machine_lacks_is_said() -> None:
    """A case that failed there, was not asked there, or was not reached."""
    side = side_by_side([broken_run(), elsewhere(synthetic_run()), large_run(4)])
    missing = {place for question in side.questions for line in question.lines for place in line.results}
    assert {"not asked", "INCORRECT", "FAILED", "UNSUPPORTED"} <= missing
    assert any("partial" in note for note in side.notes)


def test_differences_of_the_environments_are_listed(side: SideBySide) -> None:
    names = dict(side.differences)
    assert names["Driver"] == ("570.00", "560.00") and "torch" not in names


@pytest.mark.parametrize("name", machines_pages.PAGES)
def test_no_page_has_a_verdict(side: SideBySide, name: str) -> None:
    """No FASTER, no SLOWER, no ratio between machines, in any format."""
    page = machines_pages.page(side, name)
    assert not re.search(r"faster|slower|FASTER|SLOWER|regression", page)
    assert "of 2" in page and "NVIDIA A100-SXM4-80GB" in page


def test_a_narrow_terminal_cuts_nothing(side: SideBySide) -> None:
    console = Console(width=60, record=True, color_system=None, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(machines_pages.render(side))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 60 and sum("NVIDIA A100" in line for line in lines) > 5


def test_two_runs_of_one_device_have_two_labels() -> None:
    side = side_by_side([large_run(4), large_run(4)])
    assert len({machine.label for machine in side.machines}) == 2


def test_hostile_names_do_no_harm() -> None:
    side = side_by_side([hostile_run(), synthetic_run()])
    page = machines_pages.page(side, "html")
    assert page.count("<script") == 1 and "<img" not in page and "\x1b" not in page
    assert "\x1b" not in machines_pages.page(side, "text")


def test_the_command_takes_several_runs(tmp_path: Path) -> None:
    paths = []
    for number, run in enumerate((synthetic_run(), elsewhere(synthetic_run()))):
        paths.append(tmp_path / f"{number}.json")
        export_run(run, f"{number}" * 8, paths[-1])
    names = [str(path) for path in paths]
    done = CliRunner().invoke(app, ["report", *names, "--out", str(tmp_path / "out")], catch_exceptions=False)
    assert [Path(line).name for line in done.stdout.splitlines()] == ["machines.md", "machines.html"]
    text = CliRunner().invoke(app, ["report", *names, "--out", "-"], catch_exceptions=False)
    assert "NVIDIA A100" in text.stdout
    for wrong in (["--pr"], ["--against", "1"], ["--history", "3"]):
        with pytest.raises(Exception, match="are for one run"):
            CliRunner().invoke(app, ["report", *names, *wrong], catch_exceptions=False)
    with pytest.raises(Exception, match="csv is not made of several runs; allowed: html, md"):
        CliRunner().invoke(app, ["report", *names, "--format", "csv"], catch_exceptions=False)
