"""Measures the prose of the project: docstrings, help texts, printed texts and documents, sentence by sentence.

Printed are error messages, reasons of verdicts, headings, notes and descriptions in schemas: every string of some
words in `harness/` and `reports/` that is no code, the words of `harness explain`, and the templates of pages.

`python -m tests.docs.language [PATH ...]` lists what breaks a rule in these files and folders.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CODE = ("harness", "reports", "kernels")
PAGES = (
    "README.md", "METHODOLOGY.md", "LIMITS.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md",
)  # fmt: skip
OPENINGS = ("Of", "What", "Where")
"""Words that no sentence begins with, but a question."""
BANNED = (
    "is said", "are said", "was said", "held against", "what is asked", "is asked of", "are asked of", "gives way to",
    "gave way to", "as the timer thinks", "so many of", "a number of its own", "is there for", "goes by",
)  # fmt: skip
MOST_WORDS = 35
"""Of a sentence in a docstring or help text."""
MOST_WHATS = 3.0
"""Uses of `what` per 1,000 words."""
WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
CODE_SPAN = re.compile(r"``[^`]*``|`[^`]*`")
SENTENCE_END = re.compile(r"(?<=[.?!:;])[\"')\]]*\s+(?=[A-Z`(\"])|\s*¶\s*")
PRINTING = ("harness", "reports")
"""Folders whose strings reach a person; a kernel prints nothing."""
FEWEST_WORDS = 3
"""Of a printed text: a shorter string is a name or a word of a table."""
NO_PROSE = re.compile(
    r"\\[bdswSAZ]|\(\?|\n {4}|\\n|<[a-z/!][^>]*>|/proc/|/sys/|https?://json-schema|torch\.\w+\(|\bimport \w|"
    r"^(?:SELECT|PRAGMA|ALTER|DROP|CREATE|INSERT|def|class|from|return|for|if) |^\w+\(|^[\w.]+ = |^[a-z_ ]*_[a-z_ ]*$"
)
"""A pattern, SQL, markup, columns of a table or code that the program writes or matches."""
HASHED = ("kernels/moe_down/triton_vecmat.py", "kernels/moe_gate_up/triton_vecmat.py")
"""Their text is hashed in the committed tuned files of an H100, docstrings included."""


@dataclass(frozen=True)
class Text:
    """One docstring, help text or paragraph, with the file and line where it begins."""

    file: Path
    line: int
    text: str
    is_page: bool = False

    @property
    def place(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"

    @property
    def sentences(self) -> list[str]:
        """With each code span as one word."""
        return [part.strip() for part in SENTENCE_END.split(" ".join(self.plain.split())) if part.strip()]

    @property
    def plain(self) -> str:
        return CODE_SPAN.sub("Code", self.text)

    @property
    def words(self) -> list[str]:
        return WORD.findall(self.plain)


def code_texts(file: Path) -> Iterator[Text]:
    """Docstrings of modules, classes, functions and attributes, and the `help` of options and arguments."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield Text(file, node.lineno, text)
            case ast.keyword(arg="help", value=ast.Constant(value=str(text))):
                yield Text(file, node.value.lineno, text)


def printed_texts(file: Path) -> Iterator[Text]:
    """Strings of `FEWEST_WORDS` words or more that are neither docstring, help text nor code, with each value that is
    filled in as one code span."""
    waiting: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while waiting:
        for node in ast.iter_child_nodes(waiting.pop()):
            match node:
                case ast.Expr(value=ast.Constant(value=str())) | ast.keyword(arg="help"):
                    continue
                case ast.Constant(value=str(text)):
                    pass
                case ast.JoinedStr(values=parts):
                    text = "".join(str(part.value) if isinstance(part, ast.Constant) else "`x`" for part in parts)
                    waiting += [part for part in parts if isinstance(part, ast.FormattedValue)]
                case _:
                    waiting.append(node)
                    continue
            if len(WORD.findall(CODE_SPAN.sub("", text))) >= FEWEST_WORDS and not NO_PROSE.search(text):
                yield Text(file, node.lineno, text)


def template_texts(file: Path) -> Iterator[Text]:
    """Texts between the tags of a page's template, with each value that is filled in as one code span."""
    text = re.sub(r"{#.*?#}|{%.*?%}|<(script|style)\b.*?</\1>|<!--.*?-->", _blank, file.read_text("utf-8"), flags=re.S)
    for found in re.finditer(r"[^<>]+(?=<|\Z)", re.sub(r"{{.*?}}", "`x`", text)):
        yield Text(file, text.count("\n", 0, found.start()) + 1, found[0])


def _blank(found: re.Match[str]) -> str:
    """Only its line breaks, so that lines keep their numbers."""
    return "\n" * found[0].count("\n")


def meaning_texts(file: Path) -> Iterator[Text]:
    """The meanings that `harness explain` prints."""
    node = yaml.compose(file.read_text(encoding="utf-8"))
    for entry in node.value:
        for key, value in entry.value:
            if key.value == "means":
                yield Text(file, value.start_mark.line + 1, value.value)


def page_texts(file: Path) -> Iterator[Text]:
    """Paragraphs, list entries and table rows, without code blocks and generated parts."""
    lines, inside, begin = file.read_text(encoding="utf-8").splitlines(), False, 1
    held: list[str] = []
    for number, line in enumerate([*lines, ""], 1):
        fence = line.lstrip().startswith("```")
        if not inside and (fence or not line.strip() or re.match(r"\s*([-*|#]|\d+\.)", line)) and held:
            yield Text(file, begin, "\n".join(held), is_page=True)
            held = []
        inside ^= fence
        if inside or fence or not line.strip():
            continue
        if line.startswith("#"):  # a title is no sentence
            continue
        if not held:
            begin = number
        held.append(re.sub(r"^\s*([-*]|\d+\.)\s+", "", line).replace("|", " ¶ "))


def texts(paths: Sequence[Path] = ()) -> list[Text]:
    """All prose, or that of these files and folders."""
    code = [file for folder in CODE for file in sorted((ROOT / folder).rglob("*.py"))]
    code = [file for file in code if file.relative_to(ROOT).as_posix() not in HASHED]
    pages = [file for pattern in PAGES for file in sorted(ROOT.glob(pattern))]
    chosen = [path.resolve() for path in paths]
    found: list[Text] = []
    readers = [(file, code_texts) for file in code]
    readers += [(file, printed_texts) for file in code if file.relative_to(ROOT).parts[0] in PRINTING]
    readers += [(file, template_texts) for file in sorted((ROOT / "reports" / "templates").glob("*.j2"))]
    readers += [(ROOT / "harness" / "explain" / "words.yaml", meaning_texts)]
    readers += [(file, page_texts) for file in pages]
    for file, read in readers:
        if not chosen or any(file == path or path in file.parents for path in chosen):
            found += read(file)
    return found


def opening(text: Text) -> list[str]:
    """Sentences that begin with one of `OPENINGS` and are no question."""
    return [s for s in text.sentences if s.split()[0].strip("*_(") in OPENINGS and not s.endswith("?")]


def too_long(text: Text) -> list[str]:
    """Sentences of code with more than `MOST_WORDS` words."""
    return [] if text.is_page else [s for s in text.sentences if len(WORD.findall(s)) > MOST_WORDS]


def banned(text: Text) -> list[str]:
    """Phrases of `BANNED` in it."""
    said = " ".join(text.plain.lower().split())
    return [phrase for phrase in BANNED if re.search(rf"\b{phrase}\b", said)]


def whats_per_thousand(found: Sequence[Text]) -> float:
    """Uses of the word `what` per 1,000 words."""
    words = [word.lower() for text in found for word in text.words]
    return 1000 * words.count("what") / max(1, len(words))


def main(paths: Sequence[str]) -> None:
    found = texts([Path(path) for path in paths])
    for text in found:
        for rule, hits in (("opening", opening(text)), ("long", too_long(text)), ("banned", banned(text))):
            for hit in hits:
                print(f"{text.place}: {rule}: {hit[:140]}")
        if "what" in (word.lower() for word in text.words):
            print(f"{text.place}: what: {' '.join(text.text.split())[:140]}")
    print(f"what: {whats_per_thousand(found):.1f} per 1,000 of {sum(len(text.words) for text in found):,} words")


if __name__ == "__main__":
    main(sys.argv[1:])
