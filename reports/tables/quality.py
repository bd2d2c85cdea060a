"""How well every arm's decode predicts, beside its speed."""

from __future__ import annotations

from collections.abc import Sequence

from harness.values.quality import QualityVerdict, TokenMean

from ..figures import percent
from ..table import Cell, Column, Mark, Name, Number, Row, Table
from ..views.decode_view import ModelGroup
from ..views.view import View
from .kernels import arms

TONES = {QualityVerdict.FARTHER: "worse", QualityVerdict.CLOSER: "better", QualityVerdict.DIFFERS: "unclear"}


def quality(view: View, groups: Sequence[ModelGroup]) -> Table:
    """A row for each decode whose logits were compared with the float32 model's over enough tokens."""
    first = view.arms[0] if view.arms else ""
    columns = (
        Column("case", "Quality of decode", once=True),
        Column("arm", "Arm"),
        Column("kl", "KL from float32", right=True),
        Column("agree", "Same top token", right=True, extra=True),
        Column("nll_change", "NLL over float32", right=True, extra=True),
        Column("against_kl", "KL from {}", first, right=True, sparse=True),
        Column("kl_change", "Change of KL", right=True, sparse=True, extra=True),
        Column("again", "Same arm again", right=True),
        Column("tokens", "Tokens", right=True),
        Column("verdict", "Against {}", first, sparse=True),
    )
    rows = []
    for group in groups:
        for row in group.rows:
            found = row.measurement.quality
            if found is None:
                continue
            other = found.against
            cells: tuple[Cell, ...] = (
                Name(group.axes, group.engine, code=False), arms(view, row.arms), _mean(found.kl),
                _share(found.agree),
                _mean(found.nll_change), _mean(other.kl) if other else None, _mean(other.kl_change) if other else None,
                _mean(found.again), Number(found.tokens, f"{found.tokens:,}"),
                Mark(other.verdict.value, TONES.get(other.verdict, "")) if other else None,
            )  # fmt: skip
            rows.append(Row(cells))
    caption = (
        "Nats per token over the same recorded tokens, with 95 % intervals from blocks of consecutive tokens. Same arm "
        "again: KL of a second pass from the first, the control."
    )
    return Table("quality", "Quality of every arm's decode", columns, tuple(rows), caption)


def _mean(found: TokenMean) -> Number:
    """`1.2e-03 ± 2e-04`"""
    return Number(found.value, f"{found.value:.1e} ± {max(found.high - found.value, found.value - found.low):.0e}")


def _share(found: TokenMean) -> Number:
    """`98 % [94 %, 99 %]`"""
    return Number(found.value, f"{percent(found.value)} [{percent(found.low)}, {percent(found.high)}]")
