"""`harness explain`: each word that a report can say is explained once, with its place in METHODOLOGY.md."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.errors import HarnessError
from harness.explain.find import entries, explained
from harness.values.measurement import Status
from harness.values.standing import ChangeState
from harness.values.static_comparison import StaticVerdict
from harness.values.verdict import Verdict
from tests.conftest import REPOSITORY

HEADINGS = (
    "us per call", "% of read", "% of peak", "GB/s", "tok/s", "KL from float32", "NLL over float32", "mJ per call",
    "mJ per token", "Row alone", "Repeats", "spill", "regs", "Calls", "Category", "Exposed", "Hidden", "Wait", "p",
)  # fmt: skip
"""Of the tables: those that are not plain words."""


@pytest.mark.parametrize("word", sorted({*Verdict, *StaticVerdict, *Status, *ChangeState, *HEADINGS}))
def test_a_word_of_a_report_is_explained(word: str) -> None:
    assert len(explained(word).means) > 30


def test_the_headings_above_are_those_of_the_tables() -> None:
    code = "".join(file.read_text() for file in (REPOSITORY / "reports" / "tables").glob("*.py"))
    assert [heading for heading in HEADINGS if f'"{heading}"' not in code] == []


def test_a_word_has_one_meaning_and_a_section_that_is_there() -> None:
    counted = Counter(word.casefold() for entry in entries() for word in entry.words)
    assert [word for word, count in counted.items() if count > 1] == []
    headings = set(re.findall(r"^#+ (.+)$", (REPOSITORY / "METHODOLOGY.md").read_text(), re.MULTILINE))
    assert [entry.section for entry in entries() if entry.section not in headings] == []


def test_words_are_joined_and_their_case_does_not_matter() -> None:
    said = CliRunner().invoke(app, ["explain", "Of", "READ"])
    assert said.exit_code == 0 and said.stdout.startswith("of read, % of read")
    assert "More: METHODOLOGY.md, section “One kernel”" in said.stdout


def test_without_a_word_all_are_listed() -> None:
    assert len(CliRunner().invoke(app, ["explain"]).stdout.splitlines()) == len(entries())


def test_a_wrong_word_names_the_nearest() -> None:
    with pytest.raises(HarnessError, match="did you mean INCORRECT"):
        explained("incorect")
