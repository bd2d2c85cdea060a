"""Many cases through two processes: none is lost, none compiled twice, and one that hangs or dies takes nobody along.

One pool for all that can share one: starting torch and Triton takes longer than the compiling.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.errors import HarnessError
from harness.static.pool import Compilation, _in_order, compile_cases
from harness.static.results import Results
from harness.values.case import Case
from harness.values.compiled import Compiled
from harness.values.measurement import Status
from tests.static.cases import EXPERTS, PLANTED, add, vecmat
from tests.static.cases import case as any_case

pytest.importorskip("triton")
pytestmark = pytest.mark.xdist_group("static_pool")

LIMIT_S = 60.0
SHORT_S = 6.0
"""For compilations that hang: what does not hang may take longer than this where the machine is busy."""
CASES = {
    "plain": add(),
    "killed": add(mistake="killed"),
    "raises": add(mistake="raises"),
    "wrong": add(mistake="wrong"),
    "autotune": add(mistake="autotune"),
    "3 programs": add(programs=3),
    "16 programs": add(programs=16),
    "unused": add(unused=1),
    "swapped": add(swapped=True),
    "halves": add(halves=2),
    "other block": add(block=128),
    "torch alone": add("./stubborn.py"),
    "torch alone, patient": add("./stubborn.py", patience=2),
    **{f"vecmat {stages}": vecmat(block_n=16, block_k=64, num_stages=stages) for stages in (2, 3, 4, 5)},
    "vecmat 4 warps": vecmat(block_n=16, block_k=64, num_warps=4),
    "down": vecmat("moe_down", block_n=8, block_k=256),
    "unsupported": vecmat(block_k=48),
}


class Pool:
    """The results of CASES by name, and those that were yielded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        compilation = Compilation(list(CASES.values()), "sm_90", PLANTED, 2, LIMIT_S, folder)
        self.yielded = list(compilation)
        compilation.close()
        self.results = dict(zip(CASES, compilation.results, strict=True))

    def compile(self, cases: list[Case], target: str = "sm_90", **options: Any) -> tuple[Compiled, ...]:
        return compile_cases(cases, target, PLANTED, **{"jobs": 2, "limit_s": LIMIT_S, "folder": self.folder} | options)

    def __getitem__(self, name: str) -> Compiled:
        return self.results[name]


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    folder = tmp_path_factory.mktemp("static")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_CACHE_DIR", str(folder / "triton"))
        patch.setenv("TRITON_INTERPRET", "1")  # as in a shell that tests kernels: it must not get in the way
        yield Pool(folder / "cache")


def test_every_case_has_one_result_and_it_was_yielded_as_it_came(pool: Pool) -> None:
    assert [found.case for found in pool.results.values()] == list(CASES.values())
    assert sorted(found.case.id for found in pool.yielded) == sorted(c.id for c in CASES.values())


def test_what_cannot_be_compiled_is_a_row_with_its_reason(pool: Pool) -> None:
    reasons = {name: (pool[name].status, pool[name].reason) for name in CASES if pool[name].status is not Status.OK}
    assert reasons.pop("wrong")[0] is Status.FAILED
    assert "nothing_of_this_name" in pool["wrong"].reason
    assert reasons == {
        "killed": (Status.FAILED, "the compiler's process ended with signal 11"),
        "raises": (Status.FAILED, "ValueError: planted: this call"),
        "unsupported": (Status.UNSUPPORTED, "block_k 48 neither divides the group of 128 nor is a multiple of it"),
    }


def test_every_configuration_under_autotune_is_compiled(pool: Pool) -> None:
    """Which of them a GPU would choose, timing says; whichever it is, its binary is among them."""
    assert pool["autotune"].status is Status.OK
    binaries = [launch.binary for launch in pool["autotune"].launches if launch.kernel == "tuned_kernel"]
    assert len(binaries) == len(set(binaries)) == 2


@pytest.mark.slow
def test_what_comes_after_two_that_hang_is_compiled(pool: Pool) -> None:
    """Both processes hang, asleep. The third takes a second of a free core, and has a minute on a busy machine."""
    hanging = [add(mistake="sleeps", programs=n, block=1024) for n in (2, 3)]
    for limit_s in (SHORT_S, LIMIT_S):
        *over, fine = pool.compile([*hanging, add(block=32)], limit_s=limit_s)
        assert {f.status for f in over} == {Status.TIMEOUT}
        if fine.status is not Status.TIMEOUT:
            break
    assert fine.status is Status.OK and not fine.cached


def test_a_compiler_that_hangs_is_ended_and_its_limit_is_remembered(pool: Pool) -> None:
    """In the compiler itself, not in a call that Python could interrupt."""
    hanging = [add(mistake="hangs", programs=n, block=1024) for n in (2, 3)]
    over = pool.compile(hanging, limit_s=SHORT_S)
    assert [(f.status, f.reason) for f in over] == 2 * [(Status.TIMEOUT, "compiling took longer than 6 s")]
    again = pool.compile(hanging, limit_s=SHORT_S, python="/nonexistent")
    assert all(f.cached and f.status is Status.TIMEOUT for f in again)
    with pytest.raises(FileNotFoundError):
        pool.compile(hanging, limit_s=2 * SHORT_S, python="/nonexistent")


def test_a_tunable_of_the_grid_alone_keeps_its_configurations(pool: Pool) -> None:
    """One binary, as many launches as there are grids."""
    names = ("plain", "3 programs", "16 programs")
    assert len({pool[name].launches[0].binary for name in names}) == 1
    assert [pool[name].launches[0].grid for name in names] == [(2, 1, 1), (3, 1, 1), (16, 1, 1)]
    assert len({pool[name].identity for name in names}) == 3


def test_launches_are_told_apart_by_their_arguments_and_by_what_torch_does(pool: Pool) -> None:
    """Inputs swapped, an output cut and put together again: the same binary and grid, other work."""
    assert pool["swapped"].launches[0].binary == pool["plain"].launches[0].binary
    identities = [pool[name].identity for name in ("plain", "swapped", "halves", "other block")]
    assert len(set(identities)) == 4 and None not in identities


def test_a_tunable_without_effect_is_the_same_launch(pool: Pool) -> None:
    assert pool["unused"].identity == pool["plain"].identity is not None


def test_what_launches_no_kernel_is_never_called_identical(pool: Pool) -> None:
    assert pool["torch alone"].status is Status.OK and not pool["torch alone"].launches
    assert pool["torch alone"].identity is pool["torch alone, patient"].identity is None


def test_the_stages_of_vecmat_collapse_and_go_through_ptxas_once(pool: Pool) -> None:
    """Nothing in its loop is pipelined. Each number of stages has an entry of its own in Triton's cache."""
    four = [pool[f"vecmat {stages}"] for stages in (2, 3, 4, 5)]
    assert len({found.identity for found in [*four, pool["vecmat 4 warps"]]}) == 2
    assert sum(found.shared for found in four) == 3
    assert len({found.binaries[0].cache_key for found in four}) == 4


def test_what_is_read_from_a_binary(pool: Pool) -> None:
    """Per thread a load of one byte a weight, with Triton 3.6 as many of two bytes for scales; 2048 x 1024 weights of
    eight experts in steps of 16 x 64."""
    found = pool["vecmat 2"]
    (binary,), (launch,) = found.binaries, found.launches
    assert launch.grid == (8 * 1024 // 16, 1, 1) and launch.scalars == ("stride_x=2048",)
    assert (binary.kernel, binary.target, binary.num_warps) == ("gate_up_kernel", "sm_90", 2)
    assert binary.load_bytes in (1, 2) and (binary.spill_bytes, binary.stack_bytes) == (0, 0)
    assert 0 < binary.registers < 255 and binary.shared_bytes > 0
    assert binary.blocks_per_sm is not None and 0 < binary.blocks_per_sm <= 32
    assert binary.counted_over == "loop" and binary.instructions_per_weight is not None
    assert 4 < binary.instructions_per_weight < 40
    assert len(pool["down"].launches) == 1 and pool["down"].host_ops


def test_a_second_time_nothing_is_compiled(pool: Pool) -> None:
    """What is known is read without a compiler, what the compiler refused too; what else FAILED is tried again, and so
    is all for another target."""
    known = {name: found for name, found in pool.results.items() if found.status is not Status.FAILED}
    again = pool.compile([found.case for found in known.values()], python="/nonexistent")
    assert all(found.cached for found in again)
    assert [(f.identity, f.reason) for f in again] == [(f.identity, f.reason) for f in known.values()]
    assert pool.compile([CASES["wrong"]], python="/nonexistent") == (
        msgspec.structs.replace(pool["wrong"], cached=True),
    )
    for case, target in ((CASES["raises"], "sm_90"), (CASES["plain"], "sm_80")):
        with pytest.raises(FileNotFoundError):
            pool.compile([case], target, python="/nonexistent")


def test_binaries_that_are_gone_are_compiled_again(pool: Pool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    (found,) = pool.compile([CASES["plain"]])
    assert not found.cached and found.identity == pool["plain"].identity


def test_a_binary_that_a_crash_left_incomplete_is_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "triton"))
    (whole,) = compile_cases([add()], "sm_90", PLANTED, folder=tmp_path / "first")
    for file in (tmp_path / "triton").rglob("*.cubin"):
        file.write_bytes(file.read_bytes()[:1000])
    (again,) = compile_cases([add()], "sm_90", PLANTED, folder=tmp_path / "second")
    assert again.status is Status.OK and again.binaries == whole.binaries


def test_a_cache_that_cannot_be_written_is_no_kernels_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a row: `harness compilers` would say that a kernel no longer compiles."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "file" / "triton"))
    with pytest.raises(HarnessError, match=r"^compiling: .*file.*: Not a directory; HARNESS_CACHE may name another"):
        compile_cases([add()], "sm_90", PLANTED, folder=tmp_path / "results")
    monkeypatch.undo()
    with pytest.raises(HarnessError, match=r"file.*cannot be written: .*; HARNESS_CACHE may name another folder"):
        compile_cases([add()], "sm_90", PLANTED, folder=tmp_path / "file")


def test_nothing_keeps_running(pool: Pool) -> None:
    """Neither a worker, nor the compiler that a killed one had started."""
    listed = subprocess.run(["ps", "-eo", "ppid,args"], capture_output=True, text=True, check=True).stdout
    own = [line for line in listed.splitlines() if line.split()[0] == str(os.getpid())]
    assert not [line for line in own if "harness.worker" in line]


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"^--target: unknown target sm_91; allowed: .*did you mean sm_90\?$"):
        compile_cases([add()], "sm_91", PLANTED)
    broken = tmp_path / "broken"
    broken.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'raise SystemExit(\"planted\")'\n")
    broken.chmod(0o755)
    ended = r"^the compiler ended after 0 of 1 cases: its process ended with exit status 1: planted$"
    with pytest.raises(HarnessError, match=ended):
        compile_cases([add()], "sm_90", PLANTED, folder=tmp_path, python=str(broken))
    with pytest.raises(
        HarnessError, match=r"broken/static: cannot be written: .*; HARNESS_CACHE may name another folder$"
    ):
        Results("sm_90", PLANTED, broken).save(Compiled(add(), Status.UNSUPPORTED, "planted"), 1.0)
    with pytest.raises(HarnessError, match="unknown variant"):
        compile_cases([any_case("residual_add", "./adss.py", {})], "sm_90", PLANTED, folder=tmp_path)


def test_the_largest_tiles_go_first_and_equal_ones_apart() -> None:
    """Number of stages last: what may be the same code is not compiled at the same time."""
    cases = [vecmat(block_n=n, block_k=64, num_stages=s, num_warps=w) for n in (8, 64) for s in (2, 4) for w in (2, 4)]
    answers = [cases[i].answer for i in _in_order(cases, range(8))]
    tunables = [a.tunables for a in answers if a is not None]
    assert [(t["num_stages"], t["block_n"], t["num_warps"]) for t in tunables] == [
        (s, n, w) for s in (2, 4) for n in (64, 8) for w in (2, 4)
    ]


@pytest.mark.parametrize(("target", "alike"), [("sm_80", True), ("sm_90", False)])
def test_a_kernel_starts_early_where_that_exists(target: str, alike: bool, tmp_path: Path) -> None:
    """Before sm_90 a variant with `overlap` is the one without, and compiles."""
    cases = [any_case("moe_experts", "triton_words", EXPERTS, overlap_second=early) for early in (False, True)]
    alone, early = compile_cases(cases, target, PLANTED, jobs=2, limit_s=LIMIT_S, folder=tmp_path)
    assert alone.status is early.status is Status.OK, (alone.reason, early.reason)
    assert (alone.identity == early.identity) is alike
