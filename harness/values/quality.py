"""How well an arm's decode predicts, beside how fast it is: distances of its logits from the float32 model's and from
another arm's, over the same recorded tokens."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class QualityVerdict(StrEnum):
    """Of an arm against another one. Told apart at 99.9 %, so that identical arms are not."""

    AS_ITSELF = "as the same arm again"
    """Its distance from the other arm is not above what the other arm is away from itself."""
    DIFFERS = "differs"
    """Further apart than that; neither is shown to be closer to the float32 model."""
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
    """Means over blocks of consecutive tokens, in the order of sequences and steps: what intervals are made of, here
    and in later comparisons. kl, nll: nats per token. agree: share of tokens."""

    kl: tuple[float, ...]
    nll: tuple[float, ...]
    agree: tuple[float, ...]


class AgainstArm(msgspec.Struct, frozen=True):
    """An arm against another one of the same run. kl: of this arm from the other, nats per token. agree: share of
    tokens with the same most likely next one. kl_change, nll_change: of what both are away from the float32 model and
    of their likelihoods, block by block."""

    arm: str
    kl: TokenMean
    agree: TokenMean
    kl_change: TokenMean
    nll_change: TokenMean
    verdict: QualityVerdict


class DecodeQuality(msgspec.Struct, frozen=True):
    """Of one arm under one engine over the checked steps of the recorded stream.

    kl: divergence KL(float32 model || arm), nats per token. agree: share of tokens whose most likely next one is the
    float32 model's. nll: negative log likelihood of the recorded tokens; nll_change: less the float32 model's. again:
    KL of the arm's second pass from its first, the same-arm control. against: the first arm of the engine; None for
    that one itself. Intervals are of level `confidence`, from so many blocks.
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
    """Of two sides' decodes over the same tokens, head less base, block by block: of KL from the float32 model, and of
    the negative log likelihood."""

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
