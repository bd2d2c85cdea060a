"""FORMAT.md is that of the types: suites and JSON documents, with the meaning of each key that has one."""

from __future__ import annotations

import importlib.util
import json
import os
from types import ModuleType

import pytest

from harness.suite.format import schema_text
from harness_reports.documents.registry import DOCUMENTS
from tests.conftest import REPOSITORY

SOURCE = REPOSITORY / "docs" / "site" / "format_page.py"


@pytest.fixture(scope="module")
def making() -> ModuleType:
    spec = importlib.util.spec_from_file_location("format_page", SOURCE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_that_of_the_types(making: ModuleType) -> None:
    """UPDATE_GOLDEN=1 writes it anew, as `python docs/site/format_page.py` does."""
    text = making.page()
    if os.environ.get("UPDATE_GOLDEN"):
        making.PAGE.write_text(text, encoding="utf-8")
    assert making.PAGE.read_text(encoding="utf-8") == text, "python docs/site/format_page.py"


def test_it_has_every_key_of_a_suite_and_every_document(making: ModuleType) -> None:
    suite, documents = making.suite(), making.json_documents()
    assert all(f"| `{key}` |" in suite for key in json.loads(schema_text())["properties"])
    assert all(f"## {name}.json\n" in documents for name in DOCUMENTS)
    assert "| `status` | Status or null | required | None: the run ended before the case." in documents
