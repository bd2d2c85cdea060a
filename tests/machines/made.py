"""Looks at a made machine."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from harness.values.machine import Sniff, Sniffed

SETTINGS = ("570.00", "700.0")


def look(number: int, slower: float = 0.0, noise: float = 0.0, seed: int = 1, **sniff: object) -> Sniffed:
    """The look of a day; slower: memory and product take so much longer; noise: SD of each probe's log."""
    rng = random.Random(f"{seed} {number}")
    read, matmul, launch = (rng.lognormvariate(0, noise) if noise else 1.0 for _ in range(3))
    found = Sniff("box", 3000 / read / (1 + slower), 210 * matmul * (1 + slower), 2.0 * launch, 0.3)
    started = f"2026-{1 + number // 28:02d}-{1 + number % 28:02d}T00:00:00+00:00"
    changed = msgspec.structs.replace(found, **sniff)
    return Sniffed("GPU-1", "NVIDIA H100 GPU-1", started, f"run-{number}", SETTINGS, changed)


def days(slower: Sequence[float], noise: float = 0.0, seed: int = 1) -> list[Sniffed]:
    return [look(number, value, noise, seed) for number, value in enumerate(slower)]
