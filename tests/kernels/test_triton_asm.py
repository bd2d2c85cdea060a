"""Variants with inline PTX are right where an emulator runs its instructions."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

pytest.importorskip("triton")

from tests.kernels.interpreted_asm import CHECKS, MISTAKES
from tests.kernels.test_triton_tiles import printed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("asm_emulated")]


@cache
def results() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = printed("interpreted_asm", interpret=True)
    return found


@pytest.mark.parametrize("name", CHECKS)
def test_a_variant_agrees_with_its_reference(name: str) -> None:
    assert results()[name]["correct"], results()[name]
    assert results()[name]["compared"]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_found(name: str) -> None:
    assert not results()[name]["correct"]
