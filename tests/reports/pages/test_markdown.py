"""Markdown that is pasted into pull requests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from harness_reports.pages.markdown import code, prose, render, text
from harness_reports.views.view import build
from tests.reports import golden_files
from tests.reports.hostile import EVIL, hostile_run
from tests.reports.run_factory import broken_run, synthetic_run

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
INERT = {"inline", "text", "paragraph_open", "paragraph_close", "softbreak", "hardbreak", "text_special"}


def tokens(markdown: str) -> Iterator[Token]:
    for token in READER.parse(markdown):
        yield token
        yield from token.children or ()


def test_the_page_is_as_in_the_golden_file() -> None:
    golden_files.check("report.md", render(build(synthetic_run(processes=3))))
    golden_files.check("report-broken.md", render(build(broken_run())))


def test_the_first_lines_say_what_matters() -> None:
    """The verdict stands in the first 1,000 characters, trouble before it."""
    assert "1.545x faster [1.530, 1.561]" in render(build(synthetic_run(3)))[:1000]
    start = render(build(broken_run()))[:1000]
    assert start.index("2 of 9 cases are wrong or failed") < start.index("faster")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=60) | st.just(EVIL))
@example("0.")
@example("7) of 9")
def test_escaped_prose_is_only_prose(words: str) -> None:
    """Whatever a user wrote on one line comes out as text: no tag, link, emphasis, heading, list or code."""
    line = " ".join(words.split())
    kinds = {token.type for token in tokens(text(line))}
    assert kinds <= INERT, kinds


@given(st.text(alphabet="`|ab \\<", min_size=1, max_size=20).map(lambda s: " ".join(s.split())).filter(bool))
def test_a_name_stays_in_its_cell(name: str) -> None:
    """One code span in one cell, whatever backticks and pipes are in it."""
    table = f"| a | b |\n| --- | --- |\n| {code(name)} | end |\n"
    cells = [token for token in READER.parse(table) if token.type == "inline"]
    assert [cell.content for cell in cells][3] == "end" and len(cells) == 4
    kinds = [child.type for child in cells[2].children or ()]
    assert kinds == ["code_inline"]


def test_hostile_names_leave_the_structure_alone() -> None:
    """Every tag on the page is the page's own, no link or image is there, and every table row has its columns."""
    page = render(build(hostile_run()))
    found = list(tokens(page))
    assert {t.content for t in found if t.type == "html_inline"} == set()
    blocks = {t.content.strip().split(">")[0] for t in found if t.type == "html_block"}
    assert blocks <= {"<details", "</details"}
    assert not [t for t in found if t.type in ("link_open", "image")]
    assert not [t for t in found if t.type == "text" and "@everyone" in t.content]
    for block in page.split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("| ")]
        assert len({row_cells(line) for line in lines}) <= 1, block


def row_cells(line: str) -> int:
    return line.replace("\\\\", "").replace("\\|", "").count("|")


@given(st.text(alphabet="`ab<*_|[]() \\", max_size=30))
def test_prose_has_code_and_nothing_else(words: str) -> None:
    kinds = {token.type for token in tokens(prose(" ".join(words.split())))}
    assert kinds <= INERT | {"code_inline"}, kinds


def test_a_mention_is_not_made() -> None:
    assert "@everyone" not in text("hello @everyone") and "everyone" in text("hello @everyone")
    assert text("int4_mm@lm_head") == "int4_mm@lm_head"


@pytest.mark.parametrize(
    "words", ["decode, batch 1", "a_b", "19.8 GiB peak", "1.55x faster [1.53, 1.56]", "-14 us left"[1:]]
)
def test_ordinary_words_are_not_littered(words: str) -> None:
    assert text(words) == words
