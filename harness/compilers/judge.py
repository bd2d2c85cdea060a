"""Judges one kernel case under another release of Triton against the version in use."""

from __future__ import annotations

from harness.compare.static_verdicts import judge_static
from harness.values.binary import Binary
from harness.values.compiled import Compiled
from harness.values.measurement import Status
from harness.values.static_comparison import StaticVerdict

SLOWER_TO_COMPILE = 2.0
LEAST_MORE_S = 1.0
"""Processor time: a smaller increase never gates, whatever the ratio."""
BROKEN = (Status.FAILED, Status.TIMEOUT)
FIGURES = {
    "registers": "registers", "spill_bytes": "spills", "stack_bytes": "frame", "shared_bytes": "shared",
    "blocks_per_sm": "blocks per SM", "load_bytes": "bytes a load", "instructions": "instructions",
    "code_bytes": "bytes of code",
}  # fmt: skip
"""Figures that describe a change; the first three that differ are named."""
OF_THE_LOOP = ("load_bytes", "instructions")
"""Figures of the hot loop, or of the whole kernel where it has none: one is no measure of the other."""
MOST_FIGURES = 3


def judge_cell(base: Compiled, head: Compiled) -> tuple[StaticVerdict, str]:
    """The verdict and its reason, as `compare --static` gives them, with three differences.

    The same instructions in another wrapping (a newer assembler's attributes) count as the same. Compiling that takes
    twice the processor time gates too. A kernel that the version in use does not compile either does not gate: no
    compiler made it worse.
    """
    if base.status in BROKEN and head.status in BROKEN:
        return StaticVerdict.UNKNOWN, f"{head.status.value} in the version in use, too: {head.reason}"
    if base.status is Status.OK and head.status is Status.OK and same_instructions(base, head):
        verdict, reason = StaticVerdict.SAME, "same instructions"
    else:
        case = judge_static("", "", base, head, {}, {})
        verdict, reason = case.verdict, case.reason
        if verdict is StaticVerdict.CHANGED and (told := changed(base, head)):
            reason = told
    runs = base.status is head.status is Status.OK  # how long a kernel compiles that no GPU can run is of no use
    if runs and (slower := slower_to_compile(base, head)) and verdict.rank > StaticVerdict.WORSE.rank:
        return StaticVerdict.WORSE, slower
    return verdict, reason


def same_instructions(base: Compiled, head: Compiled) -> bool:
    """Whether every launch runs the same instructions with the same resources on the same grid."""
    pairs = list(zip(base.binaries, head.binaries, strict=False))
    return (
        len(base.launches) == len(head.launches) > 0
        and all(one.grid == other.grid for one, other in zip(base.launches, head.launches, strict=True))
        and all(_runs(one) == _runs(other) for one, other in pairs)
    )


def changed(base: Compiled, head: Compiled) -> str:
    """`registers 64 -> 96, instructions 120 -> 150`: the figures that differ, for each kernel that differs."""
    words = []
    for one, other in zip(base.binaries, head.binaries, strict=False):
        figures = [
            f"{word} {getattr(one, name):,} -> {getattr(other, name):,}"
            for name, word in FIGURES.items()
            if (one.loop is other.loop or name not in OF_THE_LOOP)
            if None not in (getattr(one, name), getattr(other, name)) and getattr(one, name) != getattr(other, name)
        ]
        if _runs(one) != _runs(other):
            if one.loop is not other.loop:
                figures.insert(0, "its hot loop is gone" if one.loop else "it has a hot loop now")
            told = ", ".join(figures[:MOST_FIGURES]) or "other instructions, every figure the same"
            words.append(f"{other.kernel}: {told}")
    if len(base.binaries) != len(head.binaries):
        words.append(f"launches {len(base.binaries)} -> {len(head.binaries)}")
    return "; ".join(words)


def slower_to_compile(base: Compiled, head: Compiled) -> str:
    """The increase in compile time. Empty where there is none, and where one side took a binary from equal code or a
    cache: nothing can be said then.
    """
    alike = base.stages_s.keys() == head.stages_s.keys() and base.stages_s and not base.shared and not head.shared
    if not alike or head.cpu_s < max(SLOWER_TO_COMPILE * base.cpu_s, base.cpu_s + LEAST_MORE_S):
        return ""
    return f"compile time {base.cpu_s:.1f} -> {head.cpu_s:.1f} s"


def _runs(binary: Binary) -> tuple[object, ...]:
    return (
        binary.kernel, binary.code_hash, binary.registers, binary.stack_bytes, binary.shared_bytes, binary.num_warps,
        binary.cluster,
    )  # fmt: skip
