"""Modules of `torch.nn` as scopes. A trace that was recorded with stacks has a Python row for each call of a module.

A layer is the outermost module whose class is called a layer or block. The instances of a class are numbered by torch
in the order of their first call. For the layers of a model that is their own order. Below a layer a module is named by
its classes: `LlamaAttention.Linear[1]` is the second Linear that the attention calls, in every layer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from harness.trace.attribute import outermost_first
from harness.trace.rows import MODULE, HostColumns, Rows

LAYER = re.compile(r"(?:Layer|Block)$")
SCOPE_OF_MODULE = re.compile(r"nn\.Module: (?P<path>.*)#(?P<layer>\d+|-)$")
"""Form of such a scope's name."""


DEEPEST = 24
"""Most nested calls in one name; deeper ones are named like the last of them."""


class _Open(NamedTuple):
    """A call that has not ended. called: calls of each class so far."""

    end_ns: int
    path: str
    layer: str
    called: Counter[str]


TOP = _Open(0, "", "-", Counter())


def add_modules(rows: Rows) -> None:
    """Give each thread a scope for each call of a module."""
    index_of: dict[str, int] = {}
    for thread, calls in rows.modules.items():
        host = rows.threads[thread]
        for row, scope in _scopes(calls, rows.names):
            host.start_ns.append(calls.start_ns[row])
            host.end_ns.append(calls.end_ns[row])
            if scope not in index_of:
                index_of[scope] = len(rows.names)
                rows.names.append(scope)
            host.label.append(2 * index_of[scope] + 1)
    rows.modules.clear()


def _scopes(calls: HostColumns, names: Sequence[str]) -> Iterator[tuple[int, str]]:
    """(row, name of the call's scope), outer calls first."""
    stack: list[_Open] = []
    for row in outermost_first(calls):
        end_ns = calls.end_ns[row]
        while stack and (stack[-1].end_ns <= calls.start_ns[row] or stack[-1].end_ns < end_ns):
            stack.pop()
        name, _, number = names[calls.label[row] >> 1].removeprefix(MODULE).rpartition("_")
        above = stack[-1] if stack else TOP
        layer, path = above.layer, f"{name}[{above.called[name]}]" if above.called[name] else name
        if layer == "-" and LAYER.search(name):
            layer, path = number, name
        elif above.path and not (layer != "-" and LAYER.search(above.path)):
            path = f"{above.path}.{path}"
        if above is not TOP:
            above.called[name] += 1
        if len(stack) < DEEPEST:
            stack.append(_Open(end_ns, path, layer, Counter()))
        yield row, f"{MODULE}{path}#{layer}"
