"""An arm's quality of prediction in decode, beside its speed. The measures are distances of its logits from those of
the float32 model and of another arm, over the same recorded tokens."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class QualityVerdict(StrEnum):
    """One arm against another. The confidence of a difference is 99.9 %, so that identical arms show none."""

    AS_ITSELF = "as the same arm again"
    """Its distance from the other arm does not exceed the distance between two passes of that arm."""
    DIFFERS = "differs"
    """Further apart than that. Neither is shown to be closer to the float32 model."""
    CLOSER = "closer to float32"
    FARTHER = "farther from float32"


class TokenMean(msgspec.Struct, frozen=True):
    """A mean over tokens with its interval."""

    value: float
    low: float
    high: float

    @property
    def words(self) -> str:
        """`1.2e-03 [1.0e-03, 1.4e-03]`"""
        return f"{self.value:.1e} [{self.low:.1e}, {self.high:.1e}]"


class TokenBlocks(msgspec.Struct, frozen=True):
    """Means over blocks of consecutive tokens, in the order of sequences and steps. Intervals are computed from them,
    here and in later comparisons.

    kl, nll: Nats per token.
    agree: Share of tokens.
    """

    kl: tuple[float, ...]
    nll: tuple[float, ...]
    agree: tuple[float, ...]


class AgainstArm(msgspec.Struct, frozen=True):
    """An arm against another one of the same run.

    kl: KL divergence of this arm from the other, nats per token.
    agree: Share of tokens with the same most likely next token.
    kl_change, nll_change: Changes of the divergence from the float32 model and of the negative log likelihood, block by
        block.
    """

    arm: str
    kl: TokenMean
    agree: TokenMean
    kl_change: TokenMean
    nll_change: TokenMean
    verdict: QualityVerdict


class DecodeQuality(msgspec.Struct, frozen=True):
    """The quality of one arm under one engine over the checked steps of the recorded stream.

    kl: Divergence KL(float32 model || arm), nats per token.
    agree: Share of tokens whose most likely next token is the float32 model's.
    nll: Negative log likelihood of the recorded tokens.
    nll_change: nll minus the float32 model's.
    again: KL of the arm's second pass from its first, the same-arm control.
    against: The comparison with the first arm of the engine. None for that arm itself.
    confidence: Level of the intervals, which come from the blocks.
    """

    tokens: int
    confidence: float
    kl: TokenMean
    agree: TokenMean
    nll: TokenMean
    nll_change: TokenMean
    again: TokenMean
    blocks: TokenBlocks
    against: AgainstArm | None = None


class QualityChange(msgspec.Struct, frozen=True):
    """Two sides' decodes over the same tokens, head minus base, block by block: the KL from the float32 model, and the
    negative log likelihood."""

    tokens: int
    blocks: int
    base_kl: TokenMean
    head_kl: TokenMean
    kl_change: TokenMean
    nll_change: TokenMean
    verdict: QualityVerdict

    @property
    def words(self) -> str:
        """`KL from the float32 model 1.0e-03 -> 2.0e-03 nats a token, change 1.0e-03 [...], of NLL ...: farther ...`"""
        seen = f"{self.tokens} tokens in {self.blocks} blocks"
        told = "not told apart" if self.verdict is QualityVerdict.AS_ITSELF else self.verdict.value
        return (
            f"KL from the float32 model {self.base_kl.value:.1e} -> {self.head_kl.value:.1e} nats a token, change "
            f"{self.kl_change.words}, of NLL {self.nll_change.words} ({seen}): {told}"
        )
