"""The changes between two profiles: kernels and categories by their contribution to the difference, renamed kernels
matched."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from harness.errors import NotComparable
from harness.trace.kernel_name import without_arguments
from harness.values.profile import KernelRow, Profile, SumRow

K = TypeVar("K", bound="str | tuple[str, str]")
Sum = tuple[int, int]
"""calls, ns"""

NUMBER = re.compile(r"\d+")


class Change(msgspec.Struct, frozen=True):
    """A kernel or category on both sides. state: `same`, `renamed` (to head_name), `appeared` or `vanished`.

    calls_ns and each_ns add up to head_ns - base_ns. `calls_ns` is the cost of the other number of calls at the old
    time per call, `each_ns` the cost of the other time per call. They are 0 where one side has no calls.
    """

    name: str
    category: str
    state: str
    base_calls: int
    head_calls: int
    base_ns: int
    head_ns: int
    head_name: str = ""

    @property
    def delta_ns(self) -> int:
        return self.head_ns - self.base_ns

    @property
    def calls_ns(self) -> int:
        if not (self.base_calls and self.head_calls):
            return 0
        return round((self.head_calls - self.base_calls) * self.base_ns / self.base_calls)

    @property
    def each_ns(self) -> int:
        return self.delta_ns - self.calls_ns if self.base_calls and self.head_calls else 0


class Difference(msgspec.Struct, frozen=True):
    """head minus base. Every table is in order of contribution and adds up to `delta_ns` exactly.

    ops, scopes: by innermost op, and by innermost scope or module, which stay the same on another GPU or compiler.
    Empty where neither side has any.
    """

    base_ns: int
    head_ns: int
    categories: tuple[Change, ...]
    kernels: tuple[Change, ...]
    ops: tuple[Change, ...] = ()
    scopes: tuple[Change, ...] = ()

    @property
    def delta_ns(self) -> int:
        return self.head_ns - self.base_ns


def difference(base: Profile, head: Profile) -> Difference:
    """Match kernels by name and category; match those of only one side by category and the name without its numbers.

    Raises NotComparable for GPU time against an op's own time on a CPU.
    """
    if base.device != head.device:
        kinds = {"cuda": "kernels of a GPU", "cpu": "ops on a CPU"}
        words = " and ".join(f"time of {kinds[side.device]}" for side in (base, head))
        raise NotComparable(f"{words} are not compared; two traces with GPU rows are, or two without")
    categories = [
        _change(name, name, one, other)
        for name, one, other in _joined(
            {row.name: (row.calls, row.total_ns) for row in base.categories},
            {row.name: (row.calls, row.total_ns) for row in head.categories},
        )
    ]
    ours, theirs = _by_name(base.kernels), _by_name(head.kernels)
    renamed = _renamed(ours, theirs)
    kernels = [
        _change(name, category, ours[name, category], theirs[new, category], new)
        for (name, category), new in renamed.items()
    ]
    taken = {(new, category) for (_, category), new in renamed.items()}
    left = _joined(_without(ours, renamed), _without(theirs, taken))
    kernels += [_change(name, category, one, other) for (name, category), one, other in left]
    by_op, by_scope = (_by_sum(getattr(base, name), getattr(head, name)) for name in ("ops", "scopes"))
    totals = base.gpu_sum_ns, head.gpu_sum_ns
    return Difference(*totals, _ranked(categories), _ranked(kernels), by_op, by_scope)


def _by_sum(base: Sequence[SumRow], head: Sequence[SumRow]) -> tuple[Change, ...]:
    """Changes by name; empty where one side has no such names, since everything would be new."""
    if not base or not head:
        return ()
    sides = [{row.name: (row.calls, row.total_ns) for row in rows} for rows in (base, head)]
    return _ranked(_change(name, "", one, other) for name, one, other in _joined(*sides))


def _by_name(rows: Iterable[KernelRow]) -> dict[tuple[str, str], Sum]:
    sums: dict[tuple[str, str], Sum] = {}
    for row in rows:
        calls, total_ns = sums.get((row.name, row.category), (0, 0))
        sums[row.name, row.category] = calls + row.calls, total_ns + row.total_ns
    return sums


def _renamed(base: Mapping[tuple[str, str], Sum], head: Mapping[tuple[str, str], Sum]) -> dict[tuple[str, str], str]:
    """(name, category) of base -> name in head, for kernels that only one side has. Their names differ in numbers: tile
    sizes and counters. Within a family, the longest kernel is matched with the longest."""
    families: dict[tuple[str, str], tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for side, (ours, theirs) in enumerate(((base, head), (head, base))):
        for name, category in sorted(ours.keys() - theirs.keys(), key=lambda key: (-ours[key][1], key)):
            families[family(name), category][side].append(name)
    return {
        (old, category): new
        for (_, category), (vanished, appeared) in families.items()
        for old, new in zip(vanished, appeared, strict=False)
    }


def family(name: str) -> str:
    """The name without its numbers: `nvjet_tst_64x8_64x16_4x1` and `nvjet_tst_128x8_64x12_2x1` are one family, and so
    are other template numbers."""
    return NUMBER.sub("#", without_arguments(name))


def _joined(base: Mapping[K, Sum], head: Mapping[K, Sum]) -> list[tuple[K, Sum, Sum]]:
    return [(key, base.get(key, (0, 0)), head.get(key, (0, 0))) for key in {**base, **head}]


def _without(sums: Mapping[tuple[str, str], Sum], keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Sum]:
    gone = set(keys)
    return {key: value for key, value in sums.items() if key not in gone}


def _change(name: str, category: str, base: Sum, head: Sum, new: str = "") -> Change:
    state = "renamed" if new else "same" if base[0] and head[0] else "vanished" if base[0] else "appeared"
    return Change(name, category, state, base[0], head[0], base[1], head[1], new)


def _ranked(changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(
        sorted(changes, key=lambda change: (-abs(change.delta_ns), -change.head_ns, change.name, change.category))
    )
