"""Kernels whose category contradicts their op, and kernels that match no rule, by namespace."""

from __future__ import annotations

from harness.values.profile import Profile

from ..figures import clean
from ..table import Name, Table, Words
from .sums import Shorten, sums_table, with_each

NO_NAMESPACE = "(no namespace)"


def contradictions(profile: Profile, shorten: Shorten) -> Table:
    """says: the category that the op's own name stands for."""
    rows = [
        with_each(
            (Name(shorten(r.name, r.op), long=True), Words(clean(r.category)), Words(r.says), Name(clean(r.op))),
            r.calls, r.total_ns,
        )
        for r in profile.contradictions
    ]  # fmt: skip
    names = ["Kernel", "Category", "Op says", "Op"]
    return sums_table("contradictions", "Category against op", names, rows, profile.gpu_sum_ns)


def unknown(profile: Profile) -> Table:
    rows = [with_each((Name(clean(r.name) or NO_NAMESPACE),), r.calls, r.total_ns) for r in profile.unknown]
    return sums_table("unknown", "Uncategorised, by namespace", ["Namespace"], rows, profile.gpu_sum_ns)
