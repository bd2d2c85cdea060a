"""Cases of kernels that only one maker's compiler takes."""

from __future__ import annotations

from harness.values.case import Case
from tests.static.cases import case


def only(what: str) -> Case:
    return case("residual_add", "./makers.py", {"tokens": 4, "hidden": 512}, what=what)
