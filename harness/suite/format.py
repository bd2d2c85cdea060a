"""The keys of a suite file, as one table: the check reads it, the JSON Schema for editors is made from it."""

from __future__ import annotations

import json
from typing import Any

from harness.suite.engines import ENGINES
from harness.suite.rules import Exactly, Field, Integer, JsonSchema, Later, ListOf, Number, Pair, Section, Text, Word
from harness.values.suite import ComparePolicy, DecodeQuestions, KernelQuestions, Weights

VERSION = 1
DTYPES = ("bfloat16", "float32")
ROUTINGS = ("uniform", "skewed")
TUNED = "tuned"
AUTHORS_SPACE = "space"
NAME_PATTERN = r"[A-Za-z0-9_][A-Za-z0-9_.+-]*"
"""Of arms: a name stands in ids, in `--arms` and after the colon of `RUN:ARM`."""

_SCALAR: JsonSchema = {"type": ["integer", "number", "string", "boolean"]}
_WORDS: JsonSchema = {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 1}
_ARMS: JsonSchema = {
    "type": "object",
    "minProperties": 1,
    "propertyNames": {"pattern": f"^{NAME_PATTERN}$"},
    "additionalProperties": {
        "type": ["object", "null"],
        "properties": {"like": {"type": "string", "description": "the arm whose choices this one inherits"}},
        "additionalProperties": {"$ref": "#/$defs/choice"},
    },
}
_CHOICE: JsonSchema = {
    "description": "variant, {variant: tunables or tuned}, {site: ..., default: ...}, {decode: ..., prefill: ...}",
    "anyOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "anyOf": [
                    {
                        "type": "object",
                        "additionalProperties": {**_SCALAR, "not": {"type": ["object", "array", "null"]}},
                    },
                    {"$ref": "#/$defs/choice"},
                ]
            },
        },
    ],
}
_SWEEP: JsonSchema = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {
            "anyOf": [
                {"const": AUTHORS_SPACE},
                {
                    "type": "object",
                    "minProperties": 1,
                    "properties": {"where": _WORDS},
                    "additionalProperties": {"type": "array", "items": _SCALAR, "uniqueItems": True, "minItems": 1},
                },
            ]
        },
    },
}

_WEIGHTS = Section({
    "dtype": Field(Word("dtype of weights", lambda: ("int4",)), "how matrices are stored", default=Weights().dtype),
    "group": Field(Integer(2, even=True), "columns that share a scale", default=Weights().group),
    "from": Field(Text(), "random, or the folder of a checkpoint", default=Weights().source),
    "seed": Field(Integer(0), "of random weights", default=Weights().seed),
    "dense": Field(Later(dict(_WORDS, minItems=0)), "linear sites that stay in the activations' dtype", default=None),
})  # fmt: skip
_KERNELS = Section({
    "ops": Field(Later(_WORDS), "ops timed alone", required=True),
    "tokens": Field(ListOf(Integer(1, 65536)), "tokens per call", default=KernelQuestions().tokens),
    "context": Field(ListOf(Integer(0, 2**24)), "tokens in the cache already", default=KernelQuestions().context),
})  # fmt: skip
_DECODE = Section({
    "engines": Field(ListOf(Word("engine", lambda: ENGINES)), "how a step is run", default=DecodeQuestions().engines),
    "batch": Field(ListOf(Integer(1, 65536)), "sequences at once", default=DecodeQuestions().batch),
    "context": Field(ListOf(Integer(1, 2**24)), "tokens of the prompt", default=DecodeQuestions().context),
    "also": Field(
        ListOf(Pair(Integer(1, 65536), Integer(1, 2**24), "batch and context")),
        "more pairs of batch and context, beside every batch with every context",
        default=DecodeQuestions().also,
    ),
    "new_tokens": Field(Integer(1, 2**20), "tokens that are decoded", default=DecodeQuestions().new_tokens),
})  # fmt: skip
_COMPARE = Section({
    "gate": Field(Later(_WORDS), "what may fail a comparison: decode, prefill, peak_memory and ops", default=None),
    "same_within_percent": Field(Number(), "a smaller difference is none", default=ComparePolicy().same_within_percent),
    "budget_s": Field(Number(), "seconds that a comparison may take", default=ComparePolicy().budget_s),
    "setup": Field(Text(), "command that prepares a checkout", default=ComparePolicy().setup),
})  # fmt: skip

SUITE = Section({
    "suite": Field(Exactly(VERSION), "version of this format", required=True),
    "title": Field(Text(), "one line", required=True),
    "analysis": Field(Text(), "prose that the report prints above its tables", default=""),
    "model": Field(Text(), "a block of models.yaml", required=True),
    "dtype": Field(Word("dtype", lambda: DTYPES), "of activations", default="bfloat16"),
    "weights": Field(_WEIGHTS, "the weights of the model"),
    "routing": Field(Text(), "of expert kernels: uniform, skewed, or a file of recorded ids", default="uniform"),
    "arms": Field(Later(_ARMS), "each a choice of variants and tunables for the whole model", required=True),
    "kernels": Field(_KERNELS, "ops timed alone, with cold weights"),
    "decode": Field(_DECODE, "the whole model, end to end"),
    "sweep": Field(Later(_SWEEP), "op: {variant: {tunable: [values], where: [conditions]}}, or {variant: space}"),
    "compare": Field(_COMPARE, "how two runs of this suite are judged"),
})  # fmt: skip


def json_schema() -> dict[str, Any]:
    """The format for editors and validators, JSON Schema 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A suite: what is measured, and the arms that are compared",
        **SUITE.schema(),
        "$defs": {"choice": _CHOICE},
    }


def schema_text() -> str:
    """The same as `suites/suite.schema.json` holds it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
