"""The form of a suite file: one struct, which the check reads; the JSON Schema for editors is generated from it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from harness.values.outside import CommandEngine, ExecutorchEngine, HttpEngine, OutsideEngine
from harness.values.suite import Sections

ROUTINGS = ("uniform", "skewed")
TUNED = "tuned"
AUTHORS_SPACE = "space"
NAME_PATTERN = r"[A-Za-z0-9_][A-Za-z0-9_.+-]*"
"""Pattern of an arm's name: it appears in ids, in `--arms` and after the colon of `RUN:ARM`."""
Schema = dict[str, Any]


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of, "uniqueItems": True, "minItems": 1}


def _mapping(to: Schema, **more: Any) -> Schema:
    return {"type": "object", "minProperties": 1, "additionalProperties": to, **more}


_WORD: Schema = {"type": "string"}
_SCALAR: Schema = {"type": ["integer", "number", "string", "boolean", "null"]}
_A_CHOICE: Schema = {"$ref": "#/$defs/choice"}
_CHOICE: Schema = {
    "description": "variant, {variant: tunables or tuned}, {site: ..., default: ...}, {decode: ..., prefill: ...}",
    "anyOf": [
        {"type": "string", "minLength": 1},
        _mapping({"anyOf": [{"type": "object", "additionalProperties": _SCALAR}, _A_CHOICE]}),
    ],
}
_LIKE: Schema = {**_WORD, "description": "the arm whose choices this one inherits"}
_OF_ARMS: Schema = {
    "like": _LIKE,
    "model": {**_WORD, "description": "another implementation of the suite's model: hf:FOLDER or ./file.py:function"},
    "engine": {"$ref": "#/$defs/OutsideEngine", "description": "an external program in place of the model"},
}
_ARM: Schema = {
    "anyOf": [
        {"type": ["object", "null"], "properties": _OF_ARMS, "additionalProperties": _A_CHOICE},
        *({"$ref": f"#/$defs/{engine.__name__}"} for engine in (CommandEngine, HttpEngine, ExecutorchEngine)),
    ]
}
"""An arm: by op of a model, or the keys of an outside engine."""
_ARMS: Schema = _mapping(_ARM, propertyNames={"pattern": f"^{NAME_PATTERN}$"})
_SPACE: Schema = {"anyOf": [{"const": AUTHORS_SPACE}, _mapping(_list(_SCALAR), properties={"where": _list(_WORD)})]}


_OP: Schema = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "object", "additionalProperties": False, "required": ["reference", "inputs"],
            "properties": {"reference": _WORD, "inputs": _WORD},
        },
    ]
}  # fmt: skip
_SIZE: Schema = {"type": "integer", "minimum": 0}
_GRID: Schema = {"type": "object", "additionalProperties": {"anyOf": [_SIZE, _list(_SIZE)]}}
_SHAPES: Schema = _mapping({"anyOf": [_GRID, {"type": "array", "items": _GRID, "minItems": 1}, _WORD]})


class SuiteFile(Sections, frozen=True, kw_only=True):
    """A suite: the cases to measure and the arms to compare."""

    ops: Annotated[
        Any,
        Meta(
            description="ops outside of the library: a file, a folder, a module, or {reference: ..., inputs: ...}",
            extra_json_schema=_mapping(_OP),
        ),
    ] = None
    """The node: its content decides the form."""
    models: Annotated[
        Any,
        Meta(
            description="architectures outside of the library: a file or folder, or a list of these",
            extra_json_schema={"anyOf": [_WORD, _list(_WORD)]},
        ),
    ] = None
    """The node: its content decides the form."""
    config: Annotated[
        Any,
        Meta(
            description="for a model hf:... or ./file.py:function: settings that differ from the usual ones",
            extra_json_schema={"type": "object", "minProperties": 1},
        ),
    ] = None
    """The node: the model decides the allowed keys."""
    apply: Annotated[
        Any,
        Meta(
            description="for such a model: functions that change the weights of all arms, each ./file.py:function",
            extra_json_schema={"anyOf": [_WORD, _list(_WORD)]},
        ),
    ] = None
    """The node: the model decides the allowed keys."""
    shapes: Annotated[
        Any,
        Meta(
            description="op: {dim: size or sizes}, a list of these, or a file of them: calls that are timed alone",
            extra_json_schema=_SHAPES,
        ),
    ] = None
    """The node: the op decides the allowed dims."""
    engine: Annotated[
        OutsideEngine | None,
        Meta(
            description="an external program that is measured: a command, a server, a runner",
            extra_json_schema={"type": "object"},
        ),
    ] = None
    arms: Annotated[
        Any, Meta(description="each arm chooses variants and tunables for the whole model", extra_json_schema=_ARMS)
    ]
    """The node: the model decides the allowed names."""
    sweep: Annotated[
        Any,
        Meta(
            description="op: {variant: {tunable: [values], where: [conditions]}}, or {variant: space}",
            extra_json_schema={"type": "object", "additionalProperties": _mapping(_SPACE)},
        ),
    ] = None
    """The node: the model decides the allowed names."""


def json_schema() -> dict[str, Any]:
    """The format for editors and validators, JSON Schema 2020-12, made from the structs that the check reads."""
    _, parts = msgspec.json.schema_components([SuiteFile])
    for key in (key for part in parts.values() for key in part["properties"].values()):
        if key.get("default", 0) in (None, "", []):
            del key["default"]  # an editor that fills it in would write what the check refuses: nothing
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **parts.pop(SuiteFile.__name__),
        "title": "A suite",
        "$defs": {**parts, "choice": _CHOICE},
    }


def schema_text() -> str:
    """The JSON Schema as the text of `suites/suite.schema.json`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
