"""What is asked of a file, from what was typed; every misspelling is one line that says what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.attempt.question import TryOptions, ask, read_pairs, read_shape
from harness.errors import HarnessError
from tests.conftest import REPOSITORY

MINE = str(REPOSITORY / "examples" / "my_int4_mm.py")


def test_the_shape_of_the_model_is_taken() -> None:
    """Of its decode, at one token; the site is the one that reads most."""
    question = ask(TryOptions("triton_vecmat", op="moe_down", tunables={"block_n": "8"}))
    case = question.case
    assert case.dims == {"tokens": 1, "experts": 256, "top_k": 8, "inter": 512, "hidden": 2048, "group": 128}
    assert (case.calls, case.site, case.arm) == (40, "experts", "try")
    assert case.answer is not None
    assert (case.answer.variant, case.answer.tunables["block_n"]) == ("triton_vecmat", 8)


def test_the_op_is_found_by_the_folder_or_the_inputs() -> None:
    assert ask(TryOptions(str(REPOSITORY / "kernels" / "sdpa" / "triton_split_k.py"))).case.op == "sdpa"
    assert ask(TryOptions(MINE)).case.op == "int4_mm"


def test_a_composite_op_stands_where_its_parts_do() -> None:
    case = ask(TryOptions("triton_words", op="moe_experts")).case
    assert (case.dims["inter"], case.dims["hidden"], case.calls) == (512, 2048, 40)


def test_a_shape_needs_no_model() -> None:
    """What cannot be known is asked for; the rest is one token and the usual group."""
    question = ask(TryOptions(MINE, shape={"n": 7168, "k": 2048}))
    assert question.case.dims == {"tokens": 1, "n": 7168, "k": 2048, "group": 128}
    assert (question.model, question.case.calls) == ("", 0)
    assert question.case.id == "int4_mm@shape/int4-g128/bfloat16/n=7168,k=2048/try"
    sdpa = ask(TryOptions("triton_split_k", op="sdpa", shape={"heads": 16, "kv_heads": 2, "head_dim": 64}, context=100))
    assert (sdpa.case.dims["context"], sdpa.case.dims["capacity"]) == (100, 128)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"file": "nowhere.py"}, "nowhere.py: no such file"),
        ({"file": "triton_vecmt", "op": "moe_down"}, "did you mean triton_vecmat"),
        ({"op": "int4mm"}, "unknown op int4mm; allowed: .*did you mean int4_mm"),
        ({"tunables": {"blok_n": "8"}}, "blok_n=8: no such tunable; allowed: block_n; did you mean block_n"),
        ({"tunables": {"block_n": "wide"}}, "block_n=wide: not a whole number .the default is 128"),
        ({"shape": {"n": 64}}, "--shape: int4_mm needs k=... too"),
        ({"shape": {"n": 64, "k": 64, "m": 1}}, "--shape m=1: int4_mm has no such dim"),
        ({"site": "gdn_inn"}, "--site gdn_inn: .*did you mean gdn_in"),
        ({"model": "qwen3_5"}, "--model qwen3_5: unknown"),
        ({"dtype": "float8"}, "--dtype: int4_mm has no tolerance for float8"),
        ({"op": "sdpa"}, "run: takes .x, weight, scale, group., the op's inputs are .q, k_cache"),
    ],
)
def test_a_misspelling_is_one_line(change: dict[str, Any], line: str) -> None:
    with pytest.raises(HarnessError, match=line) as error:
        ask(TryOptions(**({"file": MINE} | change)))
    assert "\n" not in str(error.value)


def test_a_file_whose_inputs_are_no_ops(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text("def run(a, b): ...\n")
    with pytest.raises(HarnessError, match=r"its inputs \(a, b\) are no op's; say --op"):
        ask(TryOptions(str(tmp_path / "odd.py")))


def test_pairs() -> None:
    assert read_pairs(["a=1", "b=x,c=2"], "tunable") == {"a": "1", "b": "x", "c": "2"}
    assert read_shape(["n=5,k=6"]) == {"n": 5, "k": 6}
    for text in ("n", "n=", "=5"):
        with pytest.raises(HarnessError, match="wanted name=value"):
            read_shape([text])
    for text in ("n=0", "n=a", "n=-1"):
        with pytest.raises(HarnessError, match="wanted a whole number above 0"):
            read_shape([text])
