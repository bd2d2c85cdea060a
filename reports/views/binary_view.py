"""The compiled Triton kernels of each arm's decode step, and the ones that spill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.values.profile import Profile, SiteBinary

from ..figures import clean, number, plural, span


@dataclass(frozen=True)
class ArmBinaries:
    """rows: in the order of the step. not_read: places whose binaries are unknown, each with its reason."""

    arm: str
    rows: tuple[SiteBinary, ...]
    not_read: tuple[tuple[str, str], ...]

    @property
    def sentence(self) -> str:
        """`none of 18 kernels spills; at most 5.1 instructions per weight (int4_mm@lm_head); 24 to 128 registers`.
        Instructions are those of all kernels of a place, over the weights of its call."""
        spills = [row for row in self.rows if row.binary.spill_bytes]
        many = len(self.rows)
        named = ", ".join(f"{clean(row.place)} {row.binary.spill_bytes} bytes a thread" for row in spills)
        none = f"none of {many} kernels spills" if many > 1 else "its kernel does not spill"
        parts = [f"{plural(len(spills), 'kernel')} of {many} spill: {named}" if spills else none]
        per_weight: dict[str, float] = {}
        for row in self.rows:
            if row.binary.instructions_per_weight is not None:
                per_weight[row.place] = per_weight.get(row.place, 0.0) + row.binary.instructions_per_weight
        if per_weight:
            most = max(per_weight, key=lambda place: per_weight[place])
            parts.append(f"at most {number(per_weight[most])} instructions per weight ({clean(most)})")
        registers = [row.binary.registers for row in self.rows]
        parts.append(f"{span(min(registers), max(registers))} registers a thread")
        return "; ".join(parts)


def arm_binaries(profiles: Sequence[Profile]) -> tuple[ArmBinaries, ...]:
    """One for each arm that launches Triton kernels, from its first profile that has them."""
    found: dict[str, ArmBinaries] = {}
    for profile in profiles:
        if profile.binaries and profile.arm not in found:
            not_read = tuple((clean(place), clean(why)) for place, why in sorted(profile.not_read.items()))
            found[profile.arm] = ArmBinaries(clean(profile.arm), profile.binaries, not_read)
    return tuple(found.values())
