"""Sums of the same time by kernel, category, op, scope and layer; each adds up to the whole exactly."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import NamedTuple

from harness.trace.categories import SCOPE, UNCATEGORISED, Rules
from harness.trace.kernel_name import kernel_name
from harness.trace.modules import SCOPE_OF_MODULE
from harness.values.profile import CategoryRow, KernelRow, SumRow

Sums = dict[str, list[int]]


class Group(NamedTuple):
    """Rows with the same name, op and scope. kind: `kernel`, `copy`, `memset` or `op`. scope: with its layer. shape: of
    the op's inputs, where it was recorded."""

    kind: str
    name: str
    op: str
    scope: str
    durations_ns: array[int]
    shape: str = ""

    @property
    def calls(self) -> int:
        return len(self.durations_ns)

    @property
    def total_ns(self) -> int:
        return sum(self.durations_ns)


Labelled = tuple[Group, str]
"""A group and its category."""


class Tables:
    """The tables, built once from groups; each is in order of time, longest first."""

    def __init__(self, groups: Iterable[Group], rules: Rules) -> None:
        self.labelled: list[Labelled] = [(g, rules.category(g.name, g.op, g.scope, g.kind)) for g in groups]
        self._kernels: dict[tuple[str, str, str], array[int]] = {}
        self._ops_of: dict[tuple[str, str, str], Sums] = {}
        self._categories: Sums = {}
        self._ops: Sums = {}
        self._scopes: Sums = {}
        self._layers: Sums = {}
        self._shapes: Sums = {}
        for group, category in self.labelled:
            self._add(group, category)

    def _add(self, group: Group, category: str) -> None:
        ours = SCOPE.match(group.scope)
        site = f"{ours['op']}@{ours['site']}" if ours else ""
        module = None if ours else SCOPE_OF_MODULE.match(group.scope)
        key = group.name, category, site
        self._kernels.setdefault(key, array("q")).extend(group.durations_ns)
        sums = [
            self._ops_of.setdefault(key, {}).setdefault(group.op, [0, 0]),
            self._categories.setdefault(category, [0, 0]),
            self._ops.setdefault(group.op, [0, 0]),
            self._scopes.setdefault(module["path"] if module else site or group.scope, [0, 0]),
            self._shapes.setdefault(f"{group.op} {group.shape}" if group.shape else "", [0, 0]),
        ]
        placed = ours or module
        if placed:
            sums.append(self._layers.setdefault(placed["layer"], [0, 0]))
        calls, total_ns = group.calls, group.total_ns
        for entry in sums:
            entry[0] += calls
            entry[1] += total_ns

    @property
    def uncategorised_ns(self) -> int:
        return self._categories.get(UNCATEGORISED, [0, 0])[1]

    def unknown(self) -> tuple[SumRow, ...]:
        """Kernels that match no rule, by the namespace of their function: names a library without guessing its
        category."""
        sums: Sums = {}
        for group, category in self.labelled:
            if category == UNCATEGORISED:
                _count(sums.setdefault(kernel_name(group.name).namespace, [0, 0]), group)
        rows = [SumRow(name, calls, total) for name, (calls, total) in sums.items()]
        return tuple(sorted(rows, key=lambda row: (-row.total_ns, row.name)))

    def categories(self) -> tuple[CategoryRow, ...]:
        """Categories, longest first; kernels that match no rule come last."""
        rows = [CategoryRow(name, calls, total) for name, (calls, total) in self._categories.items()]
        return tuple(sorted(rows, key=lambda row: (row.name == UNCATEGORISED, -row.total_ns, row.name)))

    def kernels(self) -> tuple[KernelRow, ...]:
        rows = []
        for (name, category, site), durations_ns in self._kernels.items():
            ops = self._ops_of[name, category, site]
            op = min(ops, key=lambda op: (-ops[op][1], op))
            calls, total_ns = len(durations_ns), sum(durations_ns)
            rows.append(KernelRow(name, category, calls, total_ns, op, site, *_spread(durations_ns)))
        return tuple(sorted(rows, key=lambda row: (-row.total_ns, row.name, row.scope, row.category)))

    def ops(self) -> tuple[SumRow, ...]:
        return _rows(self._ops)

    def shapes(self) -> tuple[SumRow, ...]:
        """Time by op and the shapes of its inputs."""
        return _rows(self._shapes)

    def scopes(self) -> tuple[SumRow, ...]:
        return _rows(self._scopes)

    def layers(self) -> tuple[SumRow, ...]:
        """Time in order of the layers; `-` is time outside of any layer."""
        rows = _rows(self._layers)
        return tuple(
            sorted(rows, key=lambda row: (not row.name.isdecimal(), int(row.name) if row.name.isdecimal() else 0))
        )


def _count(entry: list[int], group: Group) -> None:
    entry[0] += group.calls
    entry[1] += group.total_ns


def _spread(durations_ns: array[int]) -> tuple[int, int, int]:
    """The longest, the median (the lower of two), and the width of the middle half."""
    in_order = sorted(durations_ns)
    last = len(in_order) - 1
    return in_order[-1], in_order[last // 2], in_order[(3 * last + 3) // 4] - in_order[last // 4]


def _rows(sums: Sums) -> tuple[SumRow, ...]:
    """The sums as rows, longest first; empty where no sum has a name."""
    if set(sums) <= {""}:
        return ()
    rows = [SumRow(name, calls, total) for name, (calls, total) in sums.items()]
    return tuple(sorted(rows, key=lambda row: (-row.total_ns, row.name)))
