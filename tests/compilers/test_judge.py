"""What changed of a kernel under another Triton, and what of it gates."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from harness.compilers.judge import judge_cell, slower_to_compile
from harness.values.binary import Binary
from harness.values.compiled import Compiled
from harness.values.launch import Launch
from harness.values.measurement import Status
from harness.values.static_comparison import StaticVerdict
from tests.static.cases import add

BINARY = Binary(
    "a" * 64, "sm_90", "3.7.1", "13.0", "add_kernel", 64, 0, 0, 1024, 4, load_bytes=16, blocks_per_sm=8,
    instructions=120, code_bytes=2048, code_hash="c", loop=True,
)  # fmt: skip
STAGES = {"ttir": 0.1, "ttgir": 0.1, "llir": 0.1, "ptx": 0.1, "cubin": 0.1}


def compiled(cpu_s: float = 0.5, grid: tuple[int, int, int] = (8, 1, 1), **changes: Any) -> Compiled:
    binary = msgspec.structs.replace(BINARY, **changes)
    launch = Launch(binary.sha256, binary.kernel, grid, (1, 1, 1), binary.shared_bytes)
    return Compiled(add(), Status.OK, "", (launch,), (binary,), cpu_s=cpu_s, stages_s=STAGES)


def test_the_same_instructions_in_another_wrapping_are_the_same() -> None:
    """A newer assembler writes other attributes into the file: its hash differs, what runs does not."""
    head = compiled(sha256="b" * 64, ptxas="13.1", triton="3.9.0")
    assert judge_cell(compiled(), head) == (StaticVerdict.SAME, "same instructions")


@pytest.mark.parametrize(
    ("changes", "verdict", "reason"),
    [
        ({"spill_bytes": 8}, "WORSE", "add_kernel: spills 0 -> 8 bytes a thread"),
        ({"blocks_per_sm": 5, "registers": 96}, "WORSE", "add_kernel: blocks per SM 8 -> 5"),
        ({"load_bytes": 4}, "WORSE", "add_kernel: loads 16 -> 4 bytes a thread"),
        ({"registers": 56, "instructions": 150}, "CHANGED", "add_kernel: registers 64 -> 56, instructions 120 -> 150"),
        (
            {"load_bytes": 4, "instructions": 900, "loop": False, "registers": 80},
            "CHANGED",
            "add_kernel: its hot loop is gone, registers 64 -> 80",
        ),
        ({}, "CHANGED", "add_kernel: other instructions, every figure the same"),
    ],
)
def test_what_gates_and_what_is_shown(changes: dict[str, Any], verdict: str, reason: str) -> None:
    head = compiled(sha256="b" * 64, code_hash="d", **changes)
    assert judge_cell(compiled(), head) == (StaticVerdict(verdict), reason)


def test_what_no_longer_compiles_or_fits() -> None:
    failed = Compiled(add(), Status.FAILED, "CompilationError: nothing")
    too_big = Compiled(add(), Status.UNSUPPORTED, "does not fit: 233,000 bytes of shared memory a block")
    assert judge_cell(compiled(), failed)[0] is StaticVerdict.FAILED
    assert judge_cell(compiled(), too_big) == (StaticVerdict.WORSE, f"no longer: {too_big.reason}")
    assert judge_cell(failed, failed) == (
        StaticVerdict.UNKNOWN, "FAILED in the version in use, too: CompilationError: nothing"
    )  # fmt: skip
    assert judge_cell(failed, compiled())[0] is StaticVerdict.CHANGED, "a newer one that can is no regression"


@pytest.mark.parametrize(("before", "after", "told"), [(1.0, 2.1, True), (1.0, 1.9, False), (0.2, 0.9, False)])
def test_compile_time_gates_from_twice_on_and_a_second_more(before: float, after: float, told: bool) -> None:
    assert bool(slower_to_compile(compiled(before), compiled(after))) is told


def test_the_compile_time_of_what_cannot_run_does_not_gate() -> None:
    base, head = (
        msgspec.structs.replace(compiled(s), status=Status.UNSUPPORTED, reason="does not fit") for s in (1, 9)
    )
    assert judge_cell(base, head)[0] is StaticVerdict.UNKNOWN


def test_a_binary_from_elsewhere_has_no_compile_time() -> None:
    taken = msgspec.structs.replace(compiled(9.0), shared=1)
    cached = msgspec.structs.replace(compiled(0.1), stages_s={})
    assert slower_to_compile(compiled(1.0), taken) == slower_to_compile(cached, compiled(9.0)) == ""
    verdict, reason = judge_cell(compiled(1.0), compiled(4.0))
    assert (verdict, reason) == (StaticVerdict.WORSE, "compile time 1.0 -> 4.0 s")
