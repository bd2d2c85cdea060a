"""`harness compare --static`: real revisions through the real compiler, without a GPU."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.compare.explain import Explanation
from harness.runner.compare_static import binaries
from harness.runner.live_sides import Live, prepare
from harness.runner.stage import Options
from harness.runner.terms import Terms
from harness.store import Store
from tests.paired.repository import Repository, make

pytest.importorskip("triton")
pytestmark = pytest.mark.xdist_group("static_pool")

SUITE = """\
suite: 1
title: One sum
model: qwen3_5_moe_tiny
dtype: float32
weights: {group: 64}
arms: {baseline: {residual_add: {mixer: {triton_sum: {block: 256}}, moe: {triton_moe: {block: 256}}}}}
kernels: {ops: [residual_add, router]}
"""
VARIANT = '''\
"""x + y, a row of blocks."""

import torch
import triton
import triton.language as tl


@triton.jit
def sum_kernel(x, y, z, size, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(z + at, tl.load(x + at, mask=at < size) + tl.load(y + at, mask=at < size), mask=at < size)


def run(x, y, *, block: int = 64, num_warps: int = 1):
    z = torch.empty_like(x)
    sum_kernel[(triton.cdiv(x.numel(), block),)](x, y, z, x.numel(), block, num_warps=num_warps)
    return z
'''
SITE = ("-k", "residual_add@mixer,router")
BOTH_SITES = ("-k", "residual_add,router")
NAME, MOE = "kernels__residual_add__triton_sum.py", "kernels__residual_add__triton_moe.py"
NARROW = VARIANT.replace("+ tl.arange(0, BLOCK)", "+ tl.arange(0, BLOCK) * 3")
SPILLS = SUITE.replace("{triton_moe: {block: 256", "{triton_moe: {block: 8192")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """Revisions `wide` and after it one for each planted change."""
    folder = tmp_path_factory.mktemp("static")
    found = make(folder / "repository")
    found.commit("wide", **{"suites__small.yaml": SUITE, NAME: VARIANT, MOE: VARIANT})
    found.commit("comment", **{NAME: VARIANT.replace("\n\n\n@triton", "\n\n\n# the same code\n@triton")})
    found.commit("worse", **{NAME: NARROW, "suites__small.yaml": SPILLS})
    found.commit("fails", **{NAME: VARIANT.replace("tl.load(y", "tl.lod(y"), "suites__small.yaml": SUITE})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(folder / "cache"))
        patch.setenv("TRITON_CACHE_DIR", str(folder / "triton"))
        yield found


def static(repository: Repository, head: str, sites: tuple[str, ...] = SITE) -> tuple[int, dict[str, Any]]:
    """Exit status and JSON of `wide` against a revision, for one target."""
    done = repository.harness("compare", "wide", head, "--static", "--target", "sm_90", "--json", *sites)
    return done.returncode, json.loads(done.stdout) if done.stdout else {"said": done.stderr}


def case_of(found: dict[str, Any], site: str) -> dict[str, Any]:
    """The one case of a site of the sum."""
    [case] = [case for case in found["cases"] if case["case"].startswith(f"residual_add@{site}")]
    return dict(case)


def test_a_comment_changes_nothing(repository: Repository) -> None:
    """Every place in the file moved, and the binaries are the same; cases without Triton are left out and counted."""
    status, found = static(repository, "comment")
    assert status == 0 and {case["verdict"] for case in found["cases"]} == {"SAME"}
    assert found["left_out"] > 0 and found["base"]["toolchain"]["sm_90"].startswith("triton ")
    assert all(kernel["base"]["triton"] for case in found["cases"] for kernel in case["kernels"])


def test_planted_changes_are_found(repository: Repository) -> None:
    """Narrower loads and spills gate; the reason of each says which."""
    status, found = static(repository, "worse", BOTH_SITES)
    assert status == 1, found
    narrow, spills = case_of(found, "mixer"), case_of(found, "moe")
    assert narrow["verdict"] == spills["verdict"] == "WORSE"
    assert "loads " in narrow["reason"] and "spills" not in narrow["reason"]
    assert narrow["changed_line"].startswith("triton_sum.py:") and narrow["tunables"] == []
    assert "spills 0 -> " in spills["reason"]
    assert (spills["tunables"], spills["changed_line"]) == (["block 256 -> 8192"], "")


def test_a_kernel_that_no_longer_compiles_fails(repository: Repository) -> None:
    """With what the compiler said, and the line that changed."""
    status, found = static(repository, "fails")
    case = case_of(found, "mixer")
    assert status == 5 and case["verdict"] == "FAILED" and "lod" in case["reason"], found
    assert case["changed_line"].startswith("triton_sum.py:")


def test_a_harness_in_the_revision_measures_nothing(repository: Repository) -> None:
    """A repository may hold a harness of another age: both sides are compiled by the one that was called."""
    own = repository.root / "harness"
    own.mkdir()
    (own / "__init__.py").write_text("raise SystemExit('another harness')\n")
    repository.commit("own", **{NAME: VARIANT.replace("+ tl.load(y", "- tl.load(y"), "suites__small.yaml": SUITE})
    status, found = static(repository, "own")
    case = case_of(found, "mixer")
    assert (status, case["verdict"], case["reason"]) == (0, "CHANGED", "sum_kernel: another binary"), case


def test_two_targets_text_and_markdown(repository: Repository, tmp_path: Path) -> None:
    """Every figure of a changed kernel stands beside its target, and the same is written as Markdown."""
    file = tmp_path / "found.md"
    done = repository.harness(
        "compare", "wide", "worse", "--static", "--target", "sm_80,sm_90", "--markdown", str(file), *SITE
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    for text in (done.stdout, file.read_text()):
        wanted = ("WORSE", "sm_80", "sm_90", "triton 3.", "regs", "triton_sum.py:10")
        assert [words for words in wanted if words not in text] == [], text


def test_the_binaries_of_two_measured_sides(repository: Repository, tmp_path: Path, monkeypatch: Any) -> None:
    """Of the answers in their plans: what explains a kernel that moved, in a line."""
    from harness import reports_root

    reports_root.bind()
    from harness_reports.views.explanation import lines

    monkeypatch.chdir(repository.root)
    live = Live("wide", "worse", "suites/small.yaml", "residual_add@mixer,router")
    options = Options(processes=0, stages=("kernels",))
    pairs = prepare(live, Store(str(tmp_path / "runs.sqlite")), options, Terms(), lambda *_: None, lambda _: None)
    questions = [{case.id: case for case in side.plan.cases} for side in (pairs.base, pairs.head)]
    found = binaries(pairs.base, pairs.head, questions, list(questions[0]), "sm_90")
    assert [case.case.partition("/")[0] for case in found] == ["residual_add@mixer"]
    [(head, words)] = lines(Explanation(binaries=found))
    assert head == "binary" and "sum_kernel: regs " in words and " -> 4" in words and "triton_sum.py:10" in words


def test_what_cannot_be_asked_is_said_in_a_line(repository: Repository) -> None:
    """An unknown target, an option for measuring, a suite without Triton: each with what is allowed."""
    for arguments, words in (
        (("--target", "sm_9"), "unknown target sm_9; allowed: gfx1100"),
        (("--rounds", "3"), "--rounds: for what is measured"),
        (("-k", "router"), "uses Triton on either side"),
    ):
        done = repository.harness("compare", "wide", "worse", "--static", *arguments)
        assert done.returncode == 2 and words in done.stderr, done.stderr
    done = repository.harness("compare", "wide", "worse", "--target", "sm_90")
    assert done.returncode == 2 and "--target: for --static" in done.stderr
