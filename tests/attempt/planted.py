"""Sixteen mistakes in kernels of this repository: a piece of text, what is written there by mistake, and its name."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tests.conftest import REPOSITORY


class Mistake(NamedTuple):
    """pattern: what the diagnosis must call it; words: what its sentence or region must have."""

    op: str
    variant: str
    right: str
    wrong: str
    pattern: str
    words: str


GATE_UP, DOWN, INT4, SDPA = (
    ("moe_gate_up", "triton_vecmat"), ("moe_down", "triton_vecmat"), ("int4_mm", "triton_words"),
    ("sdpa", "triton_split_k"),
)  # fmt: skip
MISTAKES = {
    "the other nibble": Mistake(*GATE_UP, "(k % 2) * 4", "(1 - k % 2) * 4", "nibble order", "exchanged"),
    "zero is 7": Mistake(*GATE_UP, "- 8.0", "- 7.0", "zero point", "7"),
    "the first group's scale": Mistake(
        *GATE_UP, "scale_rows + start // GROUP", "scale_rows", "scale off by a group", "first group"
    ),
    "the first expert": Mistake(
        *GATE_UP, "tl.load(expert_ids + pair)", "tl.load(expert_ids)", "wrong expert", "first expert"
    ),
    "the first token": Mistake(*GATE_UP, "(pair // TOP_K)", "0", "wrong token", "first row"),
    "an unwritten tail": Mistake(
        *GATE_UP, "mask=rows_ok)\n\n", "mask=n < ROWS - 4)\n\n", "unwritten", "2 * inter 60..63 of 64 (the tail"
    ),
    "no router weight": Mistake(
        *DOWN, "total *= tl.load(expert_weights + pair)", "pass", "router weight", "not applied"
    ),
    "up is gate": Mistake(*DOWN, "gate_at + K", "gate_at", "gate and up", "gate is taken for both"),
    "an expert is left out": Mistake(
        *DOWN, "return products.sum(1)", "return products[:, 1:].sum(1)", "skipped expert", "chosen expert 0"
    ),
    "kept from the first call": Mistake(
        *DOWN, "return products.sum(1)", "return run.__dict__.setdefault('kept', products.sum(1))", "stale", "before"
    ),
    "the next group's scale": Mistake(
        *INT4, "start // GROUP_WORDS +", "1 + start // GROUP_WORDS +", "scale off by a group", "after"
    ),
    "a clipped sum": Mistake(*INT4, "word < WORDS, PAIRS", "word < WORDS - 1, PAIRS", "clipped sum", "last 8 of 128"),
    "the newest slot is not seen": Mistake(
        *SDPA, "cache_modifier=\".cg\") + 1).to", "cache_modifier=\".cg\")).to", "mask", "newest"
    ),
    "the first head's keys": Mistake(
        *SDPA, "keys = k_cache + batch * stride_kb + kv_head * stride_kh", "keys = k_cache + batch * stride_kb",
        "wrong head", "heads 2..3 of 4",
    ),
    "scores not scaled": Mistake(
        *SDPA, "head_dim**-0.5 * 1.4426950408889634", "1.4426950408889634", "attention scale", "root"
    ),
    "an unwritten part of each head": Mistake(
        *SDPA, "out.dtype.element_ty))\n\n\ndef", "out.dtype.element_ty), mask=d < HEAD_DIM - 4)\n\n\ndef",
        "unwritten", "head_dim 28..31 of 32 (the tail",
    ),
}  # fmt: skip


def write(name: str, folder: Path) -> Path:
    """The kernel with the mistake, as a file of its own."""
    mistake = MISTAKES[name]
    text = (REPOSITORY / "kernels" / mistake.op / f"{mistake.variant}.py").read_text()
    assert text.count(mistake.right) == 1, f"{name}: {mistake.right!r} is not there once"
    path = folder / f"{name.replace(' ', '_').replace(chr(39), '')}.py"
    path.write_text(text.replace(mistake.right, mistake.wrong))
    return path
