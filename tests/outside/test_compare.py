"""`harness compare BASE HEAD -- CMD`: any program's number, compared by pairs of fresh processes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from harness.cli.main import app
from harness.runner.live_sides import Live, Program, prepare
from harness.runner.stage import Options
from harness.runner.terms import Terms
from harness.store import Store
from harness.values.outside import CommandEngine, Figure
from harness.values.stage import TIMED
from harness.values.verdict import CaseVerdict, Verdict

from .programs import PATTERN, Noisy, noisy, program

FIGURE = ("--read", "regex", "--at", PATTERN, "--unit", "tok/s")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Noisy:
    return noisy(tmp_path_factory.mktemp("noisy") / "repository")


@pytest.fixture
def here(made: Noisy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Noisy:
    """The repository as the current folder, a store of this test alone, no turns with others."""
    monkeypatch.chdir(made.root)
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path / "runs.sqlite"))
    monkeypatch.setenv("HARNESS_LOCKS", str(tmp_path))
    made.seed(0)
    return made


def harness(*arguments: str) -> Result:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def paired(base: str, head: str, folder: Path) -> tuple[CaseVerdict, int]:
    """The verdict on the program's figure, and its pairs; identical code is measured, too."""
    engine = CommandEngine("bench/a.sh", {"figure": Figure("regex", PATTERN, "tok/s")})
    store = Store(str(folder / "pairs.sqlite"))
    options, terms = Options(processes=0, stages=TIMED), Terms(measure_identical=True, seed=1)
    live = Live(base, head, program=Program(engine))
    pairs = prepare(live, store, options, terms, lambda *_: None, lambda _: None)
    [verdict] = pairs.run().verdicts
    return verdict, pairs.budget.valid


def test_five_percent_are_found_in_eight_pairs(here: Noisy) -> None:
    """The figure is a rate, and a lower one is slower; the page names the program's file and the history has it."""
    done = harness("compare", "base", "slower", *FIGURE, "--", "bench/a.sh")
    assert done.exit_code == 1, done.output
    assert re.search(r"SLOWER   figure@command/a.sh 1\.0[4-6]\d?x slower", done.stdout), done.stdout
    stored = harness("compare", "1", "2", "--json")
    [verdict] = msgspec.json.decode(stored.stdout)["verdicts"]
    assert verdict["verdict"] == "SLOWER" and verdict["metric"] == "figure_us"
    assert 1.03 < verdict["ratio"] < 1.07 and verdict["pairs"] <= 8, verdict
    assert 9_500 < verdict["base"] < 10_500, "us a token"
    shown = harness("show", "2")
    row = r"figure, command\s+a.sh\s+10,\d+\s±\s\d+\s+us/tok\s+9[4-6]\.\d+\s±\s[\d.]+\stok"
    assert re.search(row, shown.stdout), shown.stdout
    history = harness("history", "figure@command/a.sh")
    assert history.exit_code == 0 and "us/tok" in history.stdout, history.output


def test_identical_programs_are_never_slower(here: Noisy, tmp_path: Path) -> None:
    """20 comparisons of revisions that print the same, each with other noise."""
    found = []
    for seed in range(20):
        here.seed(seed)
        verdict, _ = paired("base", "same", tmp_path)
        found.append(verdict.verdict)
    assert set(found) <= {Verdict.SAME, Verdict.UNDECIDED} and found.count(Verdict.SAME) >= 15, found


def test_one_tree_is_the_same_unmeasured(here: Noisy) -> None:
    """As for kernels: nothing differs between two names of one commit."""
    done = harness("compare", "base", "base", *FIGURE, "--", "bench/a.sh")
    assert done.exit_code == 0 and "both sides run the same code" in done.stdout, done.output


def test_a_program_without_a_figure_is_timed(here: Noisy) -> None:
    """Its wall time, in the folder that is the current one here, in each tree."""
    program(here.root / "bench" / "wall.sh", f"pwd >> {here.root.parent / 'folders'}", "sleep 0.002")
    done = harness("compare", "HEAD", ".", "--budget", "1", "--", "bench/wall.sh")
    assert done.exit_code == 5 and "head" not in done.stdout.split("INVALID")[0].splitlines()[-1]
    assert "base is FAILED: bench/wall.sh: no such program" in " ".join(done.stdout.split()), done.output
    folders = (here.root.parent / "folders").read_text().split()
    assert folders and all(".harness/worktrees" in folder for folder in folders)
    (here.root / "bench" / "wall.sh").unlink()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("compare base slower --at x", "--at: of a program; it stands behind `--`"),
        ("compare base slower --", "--: no program; wanted `-- PROGRAM ARGUMENTS`"),
        ("compare base slower --read regx -- ./a.sh", "--read regx: no such way to read a figure; allowed:"),
        ("compare base slower --read regex -- ./a.sh", "figure figure: read: regex needs `at`"),
        ("compare base slower --read regex --at a(b -- ./a.sh", "is no pattern: missing )"),
        ("compare base slower --read regex --at ab -- ./a.sh", "has 0 groups; wanted one, around the number"),
        ("compare base slower --read wall --unit ms -- ./a.sh", "unit: wall knows its own, us"),
        ("compare base slower -k x -- ./a.sh", "-k: of a suite; behind `--` stands a program"),
        ("compare base slower --static -- ./a.sh", "--static: of a suite"),
        ("compare base slower --gpus 2 -- ./a.sh", "--gpus"),
        ("compare base nothing -- ./a.sh", "nothing: neither a stored run nor a revision"),
    ],
)
def test_wrong_input_is_one_line(arguments: str, words: str, here: Noisy) -> None:
    """And nothing is run."""
    done = CliRunner().invoke(app, shlex.split(arguments))
    assert words in str(done.exception), done.output
