"""Public regressions, replayed: small kernels of their shapes, compiled by the versions of the reports. What came of
it is recorded (`regressions/recorded.jsonl`, by `regressions/compiled.py`); the verdicts are made here."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec
import pytest

from harness.compilers.judge import judge_cell
from harness.values.compiled import Compiled
from harness.values.static_comparison import StaticVerdict
from tests.compilers.regressions.cases import REPORTED, Reported
from tests.compilers.regressions.compiled import Recorded, compile_one

GATES = (StaticVerdict.WORSE, StaticVerdict.FAILED)


@cache
def recorded() -> dict[tuple[str, str], Compiled]:
    lines = (Path(__file__).parent / "regressions" / "recorded.jsonl").read_bytes().splitlines()
    return {
        (one.name, one.triton): one.compiled for one in (msgspec.json.decode(line, type=Recorded) for line in lines)
    }


def verdict(reported: Reported) -> tuple[StaticVerdict, str]:
    return judge_cell(recorded()[reported.name, reported.old], recorded()[reported.name, reported.new])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ROCm/aiter#4137", "spills 76 -> 1,188 bytes a thread"),
        ("triton-lang/triton#11249", "spills 368 -> 6,056 bytes a thread"),
        ("triton-lang/triton#11285", "blocks per SM 2 -> 1"),
        ("ROCm/triton#970", "spills 528 -> 888 bytes a thread"),
        ("triton-lang/triton#11526", "does not fit: 131,072 bytes of shared memory a block, sm_89 has 101,376"),
        ("triton-lang/triton#10284", "PassManager::run failed"),
    ],
)
def test_what_a_binary_shows_is_flagged_with_what_changed(name: str, words: str) -> None:
    [reported] = [one for one in REPORTED if one.name == name]
    found, reason = verdict(reported)
    assert found in GATES and reported.flagged and words in reason, (found, reason)


@pytest.mark.parametrize("name", [one.name for one in REPORTED if not one.flagged])
def test_what_no_binary_shows_is_no_alarm(name: str) -> None:
    """LIMITS names each: it takes a GPU."""
    [reported] = [one for one in REPORTED if one.name == name]
    found, reason = verdict(reported)
    assert found not in GATES, reason
    limits = (Path(__file__).parents[2] / "LIMITS.md").read_text(encoding="utf-8")
    assert name.rpartition("/")[2] in limits


def test_two_thirds_of_nine_are_flagged() -> None:
    flagged = sum(verdict(one)[0] in GATES for one in REPORTED)
    assert len(REPORTED) == 9 and flagged >= 6


@pytest.mark.slow
def test_the_record_is_what_the_compiler_here_says() -> None:
    triton = pytest.importorskip("triton")
    [reported] = [one for one in REPORTED if one.name == "triton-lang/triton#11285"]
    if (reported.name, triton.__version__) not in recorded():
        pytest.skip(f"Triton {triton.__version__} is not among the recorded versions")
    own, kept = compile_one(reported).binaries[0], recorded()[reported.name, triton.__version__].binaries[0]
    assert (own.registers, own.spill_bytes, own.waves_per_simd) == (
        kept.registers,
        kept.spill_bytes,
        kept.waves_per_simd,
    )
