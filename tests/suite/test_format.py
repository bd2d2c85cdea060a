"""The JSON Schema for editors is the format that is checked."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from harness.suite.format import SuiteFile, json_schema, schema_text
from tests.conftest import REPOSITORY
from tests.suite.mistakes import MISTAKES
from tests.suite.suite_files import SUITE as SMALL
from tests.suite.test_load import SUITES

NAMES_ONLY = re.compile(
    "unknown (model|variant|tunable|site|phase|op|name|gate|routing|dense)|no such|like|group does|nothing to tune|"
    "wrong value|a path|an empty name|"
    "tunable of|two variants|a call|misspelt tuned|duplicate key|not a number|float for a whole"
)
"""Mistakes that need more than the form of the file to be seen; a validator sees no duplicates, and 4.0 is whole to
it."""


def test_the_committed_schema_is_current() -> None:
    """`harness schema` prints what `suites/suite.schema.json` holds."""
    assert (REPOSITORY / "suites" / "suite.schema.json").read_text() == schema_text()


def test_the_schema_is_a_schema() -> None:
    """It validates under its own dialect's schema, and describes every key."""
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert set(json_schema()["properties"]) == set(SuiteFile.__struct_encode_fields__)
    assert all(described["description"] for described in json_schema()["properties"].values())


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_the_suites_are_valid_under_it(path: Path) -> None:
    """What the check takes, the schema takes; and each names the schema for editors."""
    jsonschema.Draft202012Validator(json.loads(schema_text())).validate(yaml.safe_load(path.read_text()))
    assert path.read_text().startswith("# yaml-language-server: $schema=./suite.schema.json\n")


@pytest.mark.parametrize("name", [name for name in MISTAKES if not NAMES_ONLY.search(name)])
def test_an_editor_sees_mistakes_of_form_too(name: str) -> None:
    """What the check refuses for its form, the schema refuses."""
    old, new, *_ = MISTAKES[name]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(json_schema()).validate(yaml.safe_load(SMALL.replace(old, new)))


def test_the_small_suite_of_these_tests_is_valid() -> None:
    """What the mistakes are made in has none."""
    jsonschema.Draft202012Validator(json_schema()).validate(yaml.safe_load(SMALL))
