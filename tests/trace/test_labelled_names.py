"""Names of public libraries with their category: what the rules make of each, and that they are not too eager."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest

from harness.trace import load_rules
from harness.trace.categories import UNCATEGORISED

RULES = load_rules()
FILE = Path(__file__).resolve().parents[1] / "data" / "kernel_names.txt"
LABELLED = [
    tuple(part.strip() for part in re.split(r" \| (?:\| )?", line, maxsplit=2 - line.count(" | | ")))
    for line in FILE.read_text().splitlines()
    if line and not line.startswith("#")
]
"""(category, launching op or nothing, name)."""
CASES = [(row[0], row[1] if len(row) == 3 else "", row[-1]) for row in LABELLED]


def test_there_are_enough_of_every_kind() -> None:
    """400 names, several of each category that has kernels, none twice."""
    counts = Counter(category for category, _, _ in CASES)
    assert len(CASES) >= 400 and len({(op, name) for _, op, name in CASES}) == len(CASES)
    wanted = {rule.category for rule in RULES.rules if rule.words or rule.kernels} | {UNCATEGORISED}
    of_a_cpu = {"Compiled C++ (Inductor)", "Calling compiled code"}
    assert wanted - of_a_cpu <= counts.keys()
    assert min(counts[category] for category in wanted - of_a_cpu - {"Waiting on purpose"}) >= 5


@pytest.mark.parametrize(("category", "op", "name"), CASES, ids=lambda text: text[:50])
def test_a_kernel_has_its_category(category: str, op: str, name: str) -> None:
    """By its name, or by the op that launched it where the name says nothing."""
    assert RULES.category(name, op) == category


def test_a_library_whose_name_contains_a_word_is_not_of_that_category() -> None:
    """Namespaces are no words: every unknown kernel stays unknown in a namespace that sounds like a category."""
    unknown = [name for category, op, name in CASES if category == UNCATEGORISED and "::" in name]
    assert len(unknown) >= 5
    for sounds in (
        "cutlass_kernels",
        "attention_lab",
        "gemmology",
        "moebius",
        "normandy",
        "convex",
        "embeddings_of_us",
    ):
        for name in unknown:
            assert RULES.category(name.replace("void ", f"void {sounds}::")) == UNCATEGORISED, (sounds, name)


def test_a_word_inside_of_another_one_is_none() -> None:
    """`gemm` between letters, `rope` in `europe`, `moe` in `amoeba`: parts of words say nothing."""
    chance = random.Random(0)
    for word in ("gemm", "rope", "moe", "conv", "topk", "softmax", "attn", "norm", "nccl", "sdpa"):
        for _ in range(20):
            before, after = ("".join(chance.choices("bdqxyz", k=3)) for _ in range(2))
            assert RULES.category(f"{before}{word}{after}") == UNCATEGORISED, (before, word, after)
