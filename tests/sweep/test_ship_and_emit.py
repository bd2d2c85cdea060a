"""What is shipped has the smallest worst loss, and other programs can read it."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.stats.landscape import importance
from harness.suite.catalogue import KernelLibrary
from harness.sweep import ship as shipping
from harness.sweep.emit import _config, emitted, emitted_compiled, meta_names
from harness.sweep.ship import Shipped, loss, ship, times_of
from harness.values.compiled import Compiled
from harness.values.environment import Environment
from harness.values.launch import Launch
from harness.values.measurement import Status
from harness.values.static_sweep import StaticSweep
from harness.values.sweep import Confirmed, SweepResult
from tests.sweep.made import case, finals, measured, question, row

ENVIRONMENT = Environment("cuda", "NVIDIA H100 80GB HBM3", "3.12", "2.11", "cpu", 16, "Linux", triton="3.6.0")


def times(table: dict[str, list[float]]) -> dict[str, Any]:
    return {q: {(("b", b),): time for b, time in enumerate(row)} for q, row in table.items()}


def test_neighbours_at_one_question_are_not_what_is_shipped() -> None:
    """Planted: the two fastest at the first question are both bad at the second."""
    found = ship(times({"a": [1.0, 1.01, 1.3, 2.0], "b": [3.0, 3.0, 1.4, 1.0]}), 2)
    assert [t["b"] for t in found.chosen] == [0, 3] and found.worst_loss == 0.0
    assert round(found.fastest_loss, 6) == 2.0 and found.questions == ("a", "b")


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 7), st.integers(1, 4), st.integers(1, 3), st.randoms(use_true_random=False))
def test_the_worst_loss_is_the_least_possible(configurations: int, count: int, questions: int, draws: Any) -> None:
    """Against every set that could have been chosen; the search for large spaces never beats it and is never worse
    than the fastest of the first question."""
    table = times({str(q): [draws.uniform(1, 4) for _ in range(configurations)] for q in range(questions)})
    names = list(next(iter(table.values())))
    count = min(count, configurations)
    best = min(loss(table, some) for some in combinations(names, count))
    assert ship(table, count).worst_loss == pytest.approx(best)
    searched = loss(table, shipping._exchanged(table, names, count))
    assert searched >= best - 1e-12


def test_a_configuration_that_one_question_lacks_is_no_answer_to_it() -> None:
    table = {"a": {(("b", 0),): 1.0, (("b", 1),): 1.2}, "b": {(("b", 1),): 1.0}}
    assert ship(table, 1).chosen == ({"b": 1},)


def test_stored_times_are_of_this_source_and_triton() -> None:
    """Duplicates have the time of what they are the same as; another Triton is another program."""
    other = Environment("cuda", "NVIDIA A100", "3.12", "2.11", "cpu", 16, "Linux", triton="3.5.0")
    rows = [
        (row(2.0, b=1), ENVIRONMENT), (row(None, "static", case(b=1).id, b=2), ENVIRONMENT), (row(1.0, b=3), other),
        (row(1.0, b=4), None),
    ]  # fmt: skip
    [found] = times_of(rows, "v", "s", "3.6.0").values()
    assert found == {(("b", 1),): 2.0, (("b", 2),): 2.0}
    assert times_of(rows, "v", "another source", "3.6.0") == {}


def result() -> SweepResult:
    fast, base = case(block_n=8, num_warps=2), case(block_n=32, num_warps=4)
    confirmed = Confirmed(measured(fast, [5.0] * 4))
    end = finals([confirmed], Confirmed(measured(base, [6.0] * 4)), fast.id)
    asked = question([row(5.0, block_n=8, num_warps=2)], end)
    return SweepResult("1", "s", ENVIRONMENT, (asked,), (), 1.0, 0.1, 0.5, 0)


KERNEL = """
import triton
import triton.language as tl


@triton.jit
def _kernel(x, n, BLOCK_N: tl.constexpr, group: tl.constexpr, ROWS: tl.constexpr):
    pass


def run(x, *, wide=8, group=2, tile=4, split=1, num_warps=None):
    _kernel[(split,)](x, 4, wide, ROWS=tile, group=group, num_warps=num_warps)
    return x
"""


class Triton:
    @staticmethod
    def Config(meta: dict[str, Any], **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: N802  its name
        return meta, options


def library(folder: Path, text: str = "def run(x, *, block_n=8): ...\n") -> KernelLibrary:
    """Kernels of which `v` of `int4_mm` has this text."""
    op = folder / "kernels" / "int4_mm"
    op.mkdir(parents=True)
    (op / "v.py").write_text(text)
    return KernelLibrary(folder / "kernels", folder)


def test_the_kernels_own_names_are_kept(tmp_path: Path) -> None:
    """What a launch passes by keyword or by its place, whatever its case; what is no parameter stays as it is."""
    names = meta_names("int4_mm", "v", library(tmp_path, KERNEL))
    tunables = {"wide": 8, "group": 2, "tile": 4, "split": 1, "num_warps": None, "num_stages": 3}
    values: dict[str, Any] = {"triton": Triton}
    exec(f"found = {_config(tunables, names)}", values)
    assert values["found"] == ({"BLOCK_N": 8, "group": 2, "ROWS": 4, "split": 1}, {"num_stages": 3})


def test_what_was_compiled_only_is_emitted(tmp_path: Path) -> None:
    """Each distinct configuration in its order, without a claim on speed; vLLM gets the first."""
    kernels = library(tmp_path)
    launches = {n: Launch(str(n), "_kernel", (1, 1, 1), (1, 1, 1), 0) for n in (8, 16)}
    rows = [
        Compiled(case(block_n=n, num_warps=w), Status.OK, launches=(launches[n],))
        for n, w in ((8, 1), (16, 1), (16, 2))
    ]
    bad = Compiled(case(block_n=999), Status.UNSUPPORTED, "does not fit")
    found = StaticSweep("s", "sm_90", "triton 3.6.0", {}, (*rows, bad), 1, 1.0, 1.0)
    values: dict[str, Any] = {"triton": Triton}
    text = emitted_compiled(found, "triton", kernels)
    exec(text, values)
    assert [meta["block_n"] for meta, _ in values["configs"]] == [8, 16] and "sm_90, not timed" in text
    [(name, entry)] = json.loads(emitted_compiled(found, "vllm", kernels)).items()
    assert name.endswith("device_name=sm_90.json") and entry == {"1": {"BLOCK_SIZE_N": 8, "num_warps": 1}}


def test_triton_configs_are_python_that_makes_them(tmp_path: Path) -> None:
    """The choice first, then the baseline; launch options are keywords, blocks are meta-parameters."""
    kernels = library(tmp_path)
    names: dict[str, Any] = {"triton": Triton}
    exec(emitted(result(), "triton", {}, kernels), names)
    assert names["configs"] == [({"block_n": 8}, {"num_warps": 2}), ({"block_n": 32}, {"num_warps": 4})]
    shipped = {"int4_mm v": Shipped(({"block_n": 64, "num_stages": 3},), 0.0, 0.0, ("q",))}
    exec(emitted(result(), "triton", shipped, kernels), names)
    assert names["configs"] == [({"block_n": 64}, {"num_stages": 3})]


def test_vllm_gets_a_file_name_and_a_configuration_per_number_of_tokens(tmp_path: Path) -> None:
    [(name, entry)] = json.loads(emitted(result(), "vllm", {}, library(tmp_path))).items()
    assert name == "int4_mm/v/E=1,N=64,device_name=NVIDIA_H100_80GB_HBM3.json"
    assert entry == {"triton_version": "3.6.0", "1": {"BLOCK_SIZE_N": 8, "num_warps": 2}}


def test_importance_is_the_share_of_the_spread_that_a_value_explains() -> None:
    """Planted: only `b` acts, `w` does nothing; where nothing acts there is nothing to share."""
    rows = [row({8: 1.0, 16: 2.0, 32: 4.0}[b], b=b, w=w) for b in (8, 16, 32) for w in (2, 4)]
    shares = dict(importance(rows))
    assert shares["b"] == pytest.approx(1.0) and shares["w"] == pytest.approx(0.0)
    assert importance([row(1.0, b=b) for b in (1, 2)]) == []
