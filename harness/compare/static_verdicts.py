"""Turns the binaries of two sides into a verdict per case. Spills, lost occupancy, narrower loads and kernels that no
longer fit gate; registers and instructions are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.compare.changed_line import first_changed_place
from harness.values.binary import Binary
from harness.values.case import Case
from harness.values.compiled import Compiled
from harness.values.launch import Launch
from harness.values.measurement import Status
from harness.values.static_comparison import KernelChange, StaticCase, StaticVerdict

Sources = Mapping[str, str]
"""Texts of a variant's files by name, its own first."""
Key = tuple[str, int]
"""A kernel's name, and its place among the launches of that name."""
Launched = tuple[Launch, Binary]


def judge_static(
    name: str, target: str, base: Compiled | None, head: Compiled | None, base_sources: Sources, head_sources: Sources
) -> StaticCase:
    """Judge one case for one target; None for a side that does not ask it."""
    tunables = _tunables(base.case if base else None, head.case if head else None)
    line = first_changed_place(base_sources, head_sources) if base and head else ""
    kernels = _kernels(base, head)
    verdict, reason = _verdict(base, head, kernels)
    return StaticCase(name, target, verdict, reason, kernels, tunables, line)


def worse(base: Binary, head: Binary) -> tuple[str, ...]:
    """The properties of a kernel's binary that became worse and gate.

    Occupancy is compared in blocks per SM, or in warps per SM where the block size changed: half as many blocks of
    twice the size keep an SM as busy.
    """
    found = []
    if head.spill_bytes > base.spill_bytes:
        found.append(f"spills {base.spill_bytes:,} -> {head.spill_bytes:,} bytes a thread")
    if base.blocks_per_sm is not None and head.blocks_per_sm is not None:
        blocks = f"blocks per SM {base.blocks_per_sm} -> {head.blocks_per_sm}"
        warps = [b.num_warps * (b.blocks_per_sm or 0) for b in (base, head)]
        if base.num_warps == head.num_warps and head.blocks_per_sm < base.blocks_per_sm:
            found.append(blocks)
        elif base.num_warps != head.num_warps and warps[1] < warps[0]:
            found.append(f"warps per SM {warps[0]} -> {warps[1]} ({blocks})")
    if base.loop is head.loop:  # the loads of a loop are not those of a kernel that was unrolled
        found += narrower_loads(base, head)
    return tuple(found)


def narrower_loads(base: Binary, head: Binary) -> list[str]:
    """`loads 16 -> 4 bytes a thread`, where narrower loads took the place of wider ones that brought half of the bytes
    or more. Loads that vanished, because a compiler merged equal ones, make nothing narrower."""
    before, after = dict(base.loads), dict(head.loads)
    if not (before and after):  # an earlier version of the harness did not count them
        fell = base.load_bytes and head.load_bytes and head.load_bytes < base.load_bytes
        return [f"loads {base.load_bytes} -> {head.load_bytes} bytes a thread"] if fell else []
    half = sum(width * count for width, count in before.items()) / 2
    for narrow in sorted(after, reverse=True):
        lost = {width: before.get(width, 0) - after.get(width, 0) for width in {*before, *after} if width > narrow}
        wide_lost = sum(lost.values())
        narrow_gained = sum(after.values()) - sum(before.values()) + wide_lost
        if wide_lost > 0 and narrow_gained > 0 and sum(width * count for width, count in lost.items()) >= half:
            return [f"loads {max(width for width in lost if lost[width] > 0)} -> {narrow} bytes a thread"]
    return []


def _verdict(
    base: Compiled | None, head: Compiled | None, kernels: Sequence[KernelChange]
) -> tuple[StaticVerdict, str]:
    if base is None or head is None:
        alone = head or base
        failed = f", and {alone.status.value}: {alone.reason}" if alone and alone.status is not Status.OK else ""
        broken = head is not None and head.status in (Status.FAILED, Status.TIMEOUT)  # new code that does not compile
        verdict = StaticVerdict.FAILED if broken else StaticVerdict.UNKNOWN
        return verdict, f"only in {'head' if base is None else 'base'}{failed}"
    lacking = [(word, side.case.problem) for word, side in (("base", base), ("head", head)) if side.case.problem]
    if lacking:  # a tuned file that is not for this code, say: it is no binary's fault
        words = lacking[0][0] if len(lacking) == 1 else "both sides"
        return StaticVerdict.UNKNOWN, f"{words}: nothing to compile: {lacking[0][1]}"
    if head.status is not Status.OK:
        if base.status is not Status.OK:
            broken = head.status in (Status.FAILED, Status.TIMEOUT)
            verdict = StaticVerdict.FAILED if broken else StaticVerdict.UNKNOWN
            return verdict, f"{head.status.value} on both sides: {head.reason}"
        if head.status is Status.UNSUPPORTED:
            return StaticVerdict.WORSE, f"no longer: {head.reason}"
        return StaticVerdict.FAILED, f"{head.status.value}: {head.reason}"
    if base.status is not Status.OK:
        return StaticVerdict.CHANGED, f"base was {base.status.value}: {base.reason}"
    if not base.launches and not head.launches:
        return StaticVerdict.UNKNOWN, "no Triton kernel is launched on either side"
    if base.identity == head.identity:
        return StaticVerdict.SAME, "same binaries and launches"
    found = [f"{kernel.name}: {', '.join(kernel.worse)}" for kernel in kernels if kernel.worse]
    if found:
        return StaticVerdict.WORSE, "; ".join(found)
    return StaticVerdict.CHANGED, "; ".join(_words(kernel) for kernel in kernels if not kernel.same) or (
        "the torch calls between the kernels differ"
    )


def _words(kernel: KernelChange) -> str:
    if kernel.base is None or kernel.head is None:
        return f"{kernel.name}: {'new' if kernel.base is None else 'no longer launched'}"
    if kernel.base.kernel != kernel.head.kernel and kernel.base.code_hash == kernel.head.code_hash != "":
        return f"{kernel.name}: renamed, the same instructions"
    if kernel.base.sha256 == kernel.head.sha256:
        return f"{kernel.name}: same binary, another launch"
    return f"{kernel.name}: another binary"


def _kernels(base: Compiled | None, head: Compiled | None) -> tuple[KernelChange, ...]:
    """Join the kernels by name; the rest of both sides, perhaps renamed, in the order of the launches."""
    ours, theirs = _by_name(base), _by_name(head)
    vanished, appeared = ([key for key in a if key not in b] for a, b in ((ours, theirs), (theirs, ours)))
    renamed = dict(zip(vanished, appeared, strict=False)) if base and head else {}
    taken = set(renamed.values())
    found = [_change(key[0], ours[key], theirs.get(renamed.get(key, key)), renamed.get(key)) for key in ours]
    return (*found, *(_change(key[0], None, theirs[key]) for key in theirs if key not in ours and key not in taken))


def _change(name: str, one: Launched | None, other: Launched | None, renamed: Key | None = None) -> KernelChange:
    same = one is not None and other is not None and one[0].identity == other[0].identity
    lost: tuple[str, ...] = ()
    if one and other and not same:
        lost = worse(one[1], other[1])
    elif other and not one and other[1].spill_bytes:
        lost = (f"new, and spills {other[1].spill_bytes:,} bytes a thread",)
    return KernelChange(
        f"{name} -> {renamed[0]}" if renamed else name, one[1] if one else None, other[1] if other else None, same,
        lost, one[0].grid if one else None, other[0].grid if other else None,
    )  # fmt: skip


def _by_name(compiled: Compiled | None) -> dict[Key, Launched]:
    found: dict[Key, Launched] = {}
    count: dict[str, int] = {}
    for launch, binary in zip(compiled.launches, compiled.binaries, strict=True) if compiled else ():
        place = count.get(launch.kernel, 0)
        count[launch.kernel] = place + 1
        found[launch.kernel, place] = launch, binary
    return found


def _tunables(base: Case | None, head: Case | None) -> tuple[str, ...]:
    if base is None or head is None or base.answer is None or head.answer is None:
        return ()
    before, after = base.answer, head.answer
    variant = (f"variant {before.variant} -> {after.variant}",) if before.variant != after.variant else ()
    return (*variant, *before.changes(after))
