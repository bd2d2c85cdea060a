"""Sums of the same time by kernel, category, op, scope and layer: each adds up to the whole exactly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from harness.trace.categories import SCOPE, UNCATEGORISED, Rules
from harness.trace.kernel_name import kernel_name
from harness.values.profile import CategoryRow, KernelRow, SumRow

Sums = dict[str, list[int]]


class Group(NamedTuple):
    """Rows with the same name, op and scope. kind: `kernel`, `copy`, `memset` or `op`. scope: with its layer."""

    kind: str
    name: str
    op: str
    scope: str
    calls: int
    total_ns: int


Labelled = tuple[Group, str]
"""A group and its category."""


class Tables:
    """Built once from groups; every table is in order of time, longest first."""

    def __init__(self, groups: Iterable[Group], rules: Rules) -> None:
        self.labelled: list[Labelled] = [(g, rules.category(g.name, g.op, g.scope, g.kind)) for g in groups]
        self._kernels: dict[tuple[str, str, str], list[int]] = {}
        self._ops_of: dict[tuple[str, str, str], Sums] = {}
        self._categories: Sums = {}
        self._ops: Sums = {}
        self._scopes: Sums = {}
        self._layers: Sums = {}
        for group, category in self.labelled:
            self._add(group, category)

    def _add(self, group: Group, category: str) -> None:
        ours = SCOPE.match(group.scope)
        site = f"{ours['op']}@{ours['site']}" if ours else ""
        key = group.name, category, site
        _count(self._kernels.setdefault(key, [0, 0]), group)
        _count(self._ops_of.setdefault(key, {}).setdefault(group.op, [0, 0]), group)
        _count(self._categories.setdefault(category, [0, 0]), group)
        _count(self._ops.setdefault(group.op, [0, 0]), group)
        _count(self._scopes.setdefault(site or group.scope, [0, 0]), group)
        if ours:
            _count(self._layers.setdefault(ours["layer"], [0, 0]), group)

    @property
    def uncategorised_ns(self) -> int:
        return self._categories.get(UNCATEGORISED, [0, 0])[1]

    def unknown(self) -> tuple[SumRow, ...]:
        """What matched no rule, by the namespace of its function: a library is shown, not guessed at."""
        sums: Sums = {}
        for group, category in self.labelled:
            if category == UNCATEGORISED:
                _count(sums.setdefault(kernel_name(group.name).namespace, [0, 0]), group)
        rows = [SumRow(name, calls, total) for name, (calls, total) in sums.items()]
        return tuple(sorted(rows, key=lambda row: (-row.total_ns, row.name)))

    def categories(self) -> tuple[CategoryRow, ...]:
        """What matched no rule comes last."""
        rows = [CategoryRow(name, calls, total) for name, (calls, total) in self._categories.items()]
        return tuple(sorted(rows, key=lambda row: (row.name == UNCATEGORISED, -row.total_ns, row.name)))

    def kernels(self) -> tuple[KernelRow, ...]:
        rows = []
        for (name, category, site), (calls, total) in self._kernels.items():
            ops = self._ops_of[name, category, site]
            op = min(ops, key=lambda op: (-ops[op][1], op))
            rows.append(KernelRow(name, category, calls, total, op, site))
        return tuple(sorted(rows, key=lambda row: (-row.total_ns, row.name, row.scope, row.category)))

    def ops(self) -> tuple[SumRow, ...]:
        return _rows(self._ops)

    def scopes(self) -> tuple[SumRow, ...]:
        return _rows(self._scopes)

    def layers(self) -> tuple[SumRow, ...]:
        """In order of the layers; `-` is what belongs to none."""
        rows = _rows(self._layers)
        return tuple(
            sorted(rows, key=lambda row: (not row.name.isdecimal(), int(row.name) if row.name.isdecimal() else 0))
        )


def _count(entry: list[int], group: Group) -> None:
    entry[0] += group.calls
    entry[1] += group.total_ns


def _rows(sums: Sums) -> tuple[SumRow, ...]:
    """Nothing, where there is only what lacks a name."""
    if set(sums) <= {""}:
        return ()
    rows = [SumRow(name, calls, total) for name, (calls, total) in sums.items()]
    return tuple(sorted(rows, key=lambda row: (-row.total_ns, row.name)))
