"""Kernels whose launching op states one purpose and whose category states another: a check that needs no labels.

Sums cannot expose a kernel in the wrong category. An op named after a norm, a convolution, an embedding, attention or
communication can: its kernels are of that kind, or of a kind that such an op is known to launch beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.trace.categories import SCOPE
from harness.trace.kernel_name import words
from harness.trace.table import Labelled
from harness.values.profile import Contradiction

FUSED = frozenset({"Triton fused ops", "Triton matmul", "Memory"})
"""Categories that agree with any op: Inductor's fusions, and copies, which are always copies."""

SAYS: tuple[tuple[str, re.Pattern[str], frozenset[str]], ...] = (
    (
        "communication",
        re.compile(r"^(_?c10d(_functional)?|symm_mem)::|^record_param_comms$|(?<![a-z])all_?(reduce|gather|to_all)"),
        frozenset({"Communication"}),
    ),
    ("rotary embedding", re.compile(r"rotary|(?<![a-z])rope"), frozenset({"Norms, rope, elementwise", "KV cache"})),
    (
        "embedding",
        re.compile(r"(?<![a-z])embedding"),
        frozenset({"Embedding", "Optimiser and loss"}),  # FBGEMM updates a table where it computes its gradient
    ),
    (
        "convolution",
        re.compile(r"(?<![a-z])conv(olution|[123]d|_transpose|_depthwise|tbc)"),
        frozenset({"Convolution", "Causal conv"}),
    ),
    (
        "attention",
        re.compile(r"scaled_dot_product_|(flash|efficient|cudnn|paged|unified)_attention|flash_attn(?!.*rotary)"),
        frozenset({"SDPA", "KV cache", "Quantisation"}),
    ),
    (
        "norm",
        re.compile(r"(?<![a-z])(layer|rms|batch|group|instance)_?norm"),
        frozenset({"Norms, rope, elementwise", "Quantisation", "chunk_gated_delta_rule"}),
    ),
)
"""Purpose of an op, the words in its name that state it, and the categories that agree with it."""


def contradictions(groups: Iterable[Labelled]) -> tuple[Contradiction, ...]:
    """Kernels whose category differs from all that their op stands for, longest first. A scope of our own decode is
    more reliable than an op, so its kernels are not checked."""
    sums: dict[tuple[str, str, str, str], list[int]] = {}
    for group, category in groups:
        if group.kind in ("copy", "memset") or SCOPE.match(group.scope) or category in FUSED:
            continue
        said = says(group.op)
        if said and category not in said[1]:
            entry = sums.setdefault((group.name, group.op, said[0], category), [0, 0])
            entry[0] += group.calls
            entry[1] += group.total_ns
    found = [Contradiction(*key, *entry) for key, entry in sums.items()]
    return tuple(sorted(found, key=lambda row: (-row.total_ns, row.name, row.op)))


def says(op: str) -> tuple[str, frozenset[str]] | None:
    """The purpose of an op by its own name, and the categories that agree; None for most ops. Triton kernels that
    Inductor calls also appear as ops, and their names are lists of other ops."""
    if not op or op.startswith("triton_") or ("::" not in op and op != "record_param_comms"):
        return None
    text = words(op)
    return next(((kind, agreed) for kind, pattern, agreed in SAYS if pattern.search(text)), None)
