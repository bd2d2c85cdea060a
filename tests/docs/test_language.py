"""The prose of docstrings, help texts, printed texts and documents keeps to the rules of `language.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import language
from tests.docs.language import Text, banned, opening, texts, too_long, whats_per_thousand

FOLDERS = ("harness", "reports", "kernels")


@pytest.fixture(scope="module")
def found() -> list[Text]:
    return texts()


def test_no_sentence_opens_with_of_what_or_where(found: list[Text]) -> None:
    """But a question."""
    assert [f"{text.place}: {hit}" for text in found for hit in opening(text)] == []


def test_no_sentence_of_a_docstring_help_text_or_message_is_too_long(found: list[Text]) -> None:
    assert [f"{text.place}: {hit}" for text in found for hit in too_long(text)] == []


def test_no_banned_phrase_is_used(found: list[Text]) -> None:
    assert [f"{text.place}: {hit}" for text in found for hit in banned(text)] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_word_what_is_rare(folder: str, found: list[Text]) -> None:
    inside = [text for text in found if text.file.relative_to(language.ROOT).parts[0] == folder]
    assert inside and whats_per_thousand(inside) <= language.MOST_WHATS


def test_the_word_what_is_rare_in_documents(found: list[Text]) -> None:
    assert whats_per_thousand([text for text in found if text.is_page]) <= language.MOST_WHATS


def test_each_rule_finds_its_mistake(tmp_path: Path) -> None:
    """In a docstring, a help text and a page; questions, titles and code blocks are none."""
    code = tmp_path / "code.py"
    code.write_text(
        f'"""Of two values the larger."""\n\noption(help="Where it lies.")\n\ndef f():\n    """{"word " * 36}."""\n'
    )
    first, second, third = sorted(language.code_texts(code), key=lambda text: text.line)
    assert [len(opening(text)) for text in (first, second, third)] == [1, 1, 0] and len(too_long(third)) == 1
    page = tmp_path / "page.md"
    page.write_text("# What it says\n\n```text\nOf code.\n```\n\n| What is it? | It is said. |\n\nWhat was found.\n")
    table, paragraph = language.page_texts(page)
    assert opening(table) == [] and banned(table) == ["is said"] and opening(paragraph) == ["What was found."]
    assert whats_per_thousand([paragraph]) == pytest.approx(1000 / 3)


def test_printed_texts_are_read_and_code_is_not(tmp_path: Path) -> None:
    """Messages, headings and f-strings are; patterns, SQL, markup, names of columns and docstrings are not."""
    code = tmp_path / "code.py"
    code.write_text(
        "def f(x):\n"
        '    """A docstring of four words."""\n'
        '    raise HarnessError(f"{x}: What it says is held against it")\n'
        'HEADING = "What made them late"\n'
        'CODE = ["case arm tok_s time_us", r"\\d+ of \\w+ so many", "SELECT a FROM b WHERE c", "<td class=x>a b c"]\n'
        'option(help="A help text of words")\n'
    )
    message, heading = sorted(language.printed_texts(code), key=lambda text: text.line)
    assert opening(message) == ["What it says is held against it"] and banned(message) == ["held against"]
    assert opening(heading) == ["What made them late"] and heading.line == 4


def test_texts_of_templates_and_meanings_are_read(tmp_path: Path) -> None:
    template, words = tmp_path / "page.html.j2", tmp_path / "words.yaml"
    template.write_text("{% for row in rows %}\n<h2>Where it goes</h2>\n<p>{{ row }}: so it is said.</p>{% endfor %}")
    words.write_text("- words: [FAST]\n  means: >-\n    What is fast.\n  section: None\n")
    found = [text for text in language.template_texts(template) if text.words]
    assert [text.line for text in found] == [2, 3] and opening(found[0]) == ["Where it goes"]
    assert banned(found[1]) == ["is said"]
    (meaning,) = language.meaning_texts(words)
    assert opening(meaning) == ["What is fast."] and meaning.line == 2
