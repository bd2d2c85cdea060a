"""Lays the pages of the site out as in the repository, so that their links hold in both, and writes the reference.

`python docs/site/assemble.py build/site/pages`. Links to what is no page (a suite, a test) lead to the repository.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from reference import PAGES

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "https://github.com/kernel-harness/kernel-harness/blob/main/"
MARKDOWN = ["*.md", "docs/*.md", "reports/samples/**/*.md"]
SHOWN = ["reports/samples/**/*.html", "reports/samples/**/*.svg"]
"""What the pages show or open beside each other."""
PICTURES = Path("docs", "pictures")
"""Of the README, which chooses one by the theme in HTML of its own."""
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)(?=[)#])")


PARTS = {
    "Tutorial": ["docs/tutorial"],
    "How to": [
        "docs/own-op", "docs/try", "docs/sweep", "docs/run", "docs/compare", "docs/report", "docs/profile",
        "docs/breakdown", "docs/history", "docs/store", "docs/doctor", "docs/own-model",
    ],
    "Reference": ["reference/commands", "FORMAT", "reference/python", "reference/words"],
    "Explanation": ["METHODOLOGY", "LIMITS", "ARCHITECTURE"],
    "Project": ["CHANGELOG", "CONTRIBUTING", "SECURITY"],
}  # fmt: skip
"""The first pages of each part; other pages of `docs/` follow under `How to`."""
ORPHAN = "---\norphan: true\n---\n\n"
"""Of pages that others link to, and no list of contents."""


def assemble(target: Path) -> None:
    """Writes all pages below an empty `target`."""
    shutil.rmtree(target, ignore_errors=True)
    pages = [file for pattern in MARKDOWN for file in sorted(ROOT.glob(pattern))]
    shown = {file for pattern in SHOWN for file in ROOT.glob(pattern)}
    for file in pages:
        name = file.relative_to(ROOT)
        text = LINK.sub(lambda link, file=file: _target(file, link[1], {*pages, *shown}), file.read_text("utf-8"))
        if name == Path("README.md"):
            _write(target / "index.md", text + _contents(pages))
        else:
            _write(target / name, (ORPHAN if name.parts[0] == "reports" else "") + text)
    for file in shown:
        copy = target / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    for file in (ROOT / PICTURES).glob("*.svg"):
        _write(target / "extra" / PICTURES / file.name, file.read_text("utf-8"))
    for name, text in PAGES.items():
        _write(target / "reference" / f"{name}.md", text())
    here = Path(__file__).parent
    shutil.copy(here / "conf.py", target)
    _write(target / "static" / "site.css", (here / "site.css").read_text("utf-8"))


def _contents(pages: list[Path]) -> str:
    listed = {name for names in PARTS.values() for name in names}
    others = [f"docs/{file.stem}" for file in pages if file.parent == ROOT / "docs"]
    parts = {**PARTS, "How to": [*PARTS["How to"], *(name for name in others if name not in listed)]}
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(names) + "\n```\n"
        for caption, names in parts.items()
    )


def _target(page: Path, link: str, there: set[Path]) -> str:
    """The link as it is where it leads to a page; else into the repository. A link to nothing stays, and the build
    stops at it."""
    file = (page.parent / link).resolve()
    if file == ROOT / "README.md":
        return f"{'../' * (len(page.relative_to(ROOT).parts) - 1)}index.md"
    if file in there or not file.exists():
        return link
    return REPOSITORY + file.relative_to(ROOT).as_posix()


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    assemble(Path(sys.argv[1]))
