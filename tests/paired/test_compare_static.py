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
from harness.runner.paired import Terms
from harness.runner.stage import Options
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
arms: {baseline: {residual_add: {triton_sum: {block: 256}}, int4_mm: torch_blocked}}
kernels: {ops: [residual_add, int4_mm]}
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
SITE = ("-k", "residual_add@mixer,int4_mm@gdn_in")
NAME = "kernels__residual_add__triton_sum.py"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """Revisions `wide` and after it one for each planted change."""
    folder = tmp_path_factory.mktemp("static")
    found = make(folder / "repository")
    found.commit("wide", **{"suites__small.yaml": SUITE, NAME: VARIANT})
    found.commit("comment", **{NAME: VARIANT.replace("\n\n\n@triton", "\n\n\n# the same code\n@triton")})
    found.commit("narrow", **{NAME: VARIANT.replace("+ tl.arange(0, BLOCK)", "+ tl.arange(0, BLOCK) * 3")})
    found.commit("spills", **{NAME: VARIANT, "suites__small.yaml": SUITE.replace("block: 256", "block: 8192")})
    found.commit("fails", **{NAME: VARIANT.replace("tl.load(y", "tl.lod(y"), "suites__small.yaml": SUITE})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(folder / "cache"))
        patch.setenv("TRITON_CACHE_DIR", str(folder / "triton"))
        yield found


def static(repository: Repository, head: str, *more: str) -> tuple[int, dict[str, Any]]:
    """Exit status and JSON of `wide` against a revision, for one target."""
    done = repository.harness("compare", "wide", head, "--static", "--target", "sm_90", "--json", *SITE, *more)
    return done.returncode, json.loads(done.stdout) if done.stdout else {"said": done.stderr}


def test_a_comment_changes_nothing(repository: Repository) -> None:
    """Every place in the file moved, and the binaries are the same; cases without Triton are left out and counted."""
    status, found = static(repository, "comment")
    assert status == 0 and {case["verdict"] for case in found["cases"]} == {"SAME"}
    assert found["left_out"] > 0 and found["base"]["toolchain"]["sm_90"].startswith("triton ")
    assert all(kernel["base"]["triton"] for case in found["cases"] for kernel in case["kernels"])


@pytest.mark.parametrize(
    ("head", "status", "verdict", "words"),
    [("narrow", 1, "WORSE", "loads "), ("spills", 1, "WORSE", "spills 0 -> "), ("fails", 5, "FAILED", "lod")],
)
def test_planted_changes_are_found(repository: Repository, head: str, status: int, verdict: str, words: str) -> None:
    """Narrower loads and spills gate, a kernel that no longer compiles fails; the reason says which."""
    found_status, found = static(repository, head)
    assert found_status == status, found
    case = next(case for case in found["cases"] if case["case"].startswith("residual_add"))
    assert case["verdict"] == verdict and words in case["reason"]
    if head == "spills":
        assert (case["tunables"], case["changed_line"]) == (["block 256 -> 8192"], "")
    else:
        assert case["changed_line"].startswith("triton_sum.py:")


def test_a_harness_in_the_revision_measures_nothing(repository: Repository) -> None:
    """A repository may hold a harness of another age: both sides are compiled by the one that was called."""
    own = repository.root / "harness"
    own.mkdir()
    (own / "__init__.py").write_text("raise SystemExit('another harness')\n")
    repository.commit("own", **{NAME: VARIANT.replace("+ tl.load(y", "- tl.load(y"), "suites__small.yaml": SUITE})
    status, found = static(repository, "own")
    case = next(case for case in found["cases"] if case["case"].startswith("residual_add"))
    assert (status, case["verdict"], case["reason"]) == (0, "CHANGED", "sum_kernel: another binary"), case


def test_two_targets_text_and_markdown(repository: Repository, tmp_path: Path) -> None:
    """Every figure of a changed kernel stands beside its target, and the same is written as Markdown."""
    file = tmp_path / "found.md"
    done = repository.harness(
        "compare", "wide", "narrow", "--static", "--target", "sm_80,sm_90", "--markdown", str(file), *SITE
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
    live = Live("wide", "narrow", "suites/small.yaml", "residual_add@mixer,int4_mm@gdn_in")
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
        (("--target", "sm_9"), "unknown target sm_9; allowed: sm_100"),
        (("--rounds", "3"), "--rounds: for what is measured"),
        (("-k", "int4_mm"), "uses Triton on either side"),
    ):
        done = repository.harness("compare", "wide", "narrow", "--static", *arguments)
        assert done.returncode == 2 and words in done.stderr, done.stderr
    done = repository.harness("compare", "wide", "narrow", "--target", "sm_90")
    assert done.returncode == 2 and "--target: for --static" in done.stderr
