"""The site's tools: a page's links, and a public name without a word about it. `nox -s docs` builds the site itself."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from harness.cli.main import app
from tests.conftest import REPOSITORY

SITE = REPOSITORY / "docs" / "site"


@pytest.fixture(scope="module")
def assembling() -> ModuleType:
    sys.path.insert(0, str(SITE))
    try:
        spec = importlib.util.spec_from_file_location("assemble_site", SITE / "assemble.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(SITE))
    return module


@pytest.mark.parametrize(
    ("page", "link", "leads_to"),
    [
        ("docs/try.md", "../METHODOLOGY.md", "../METHODOLOGY.md"),
        ("docs/try.md", "../README.md", "../index.md"),
        ("README.md", "suites/models.yaml", "https://github.com/kernel-harness/kernel-harness/blob/main/suites/models.yaml"),
        ("README.md", "docs/nothing.md", "docs/nothing.md"),
    ],
)  # fmt: skip
def test_a_link_leads_to_a_page_or_into_the_repository(
    assembling: ModuleType, page: str, link: str, leads_to: str
) -> None:
    """One that leads nowhere stays as it is, so that the build stops at it."""
    pages = {REPOSITORY / "METHODOLOGY.md", REPOSITORY / "docs" / "try.md"}
    assert assembling._target(REPOSITORY / page, link, pages) == leads_to


def test_every_page_of_docs_is_in_the_contents(assembling: ModuleType) -> None:
    pages = sorted((REPOSITORY / "docs").glob("*.md"))
    contents = assembling._contents(pages)
    assert all(contents.count(f"\ndocs/{page.stem}\n") == 1 for page in pages)


def test_the_reference_has_every_command(assembling: ModuleType) -> None:
    commands = assembling.PAGES["commands"]()
    assert all(f"## harness {command.name}\n" in commands for command in app.registered_commands)


def test_a_name_without_a_docstring_stops_the_build(assembling: ModuleType) -> None:
    reference = sys.modules["reference"]
    with pytest.raises(SystemExit, match="run: no docstring or help text"):
        reference._wanted("  ", "run")
