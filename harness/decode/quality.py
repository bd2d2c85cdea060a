"""The quality of arms' predictions: their logits over the recorded tokens against the float32 model's and each other's.

Every arm was fed the same tokens, so that all comparisons are token by token. The control is the same arm once more: a
distance no larger than that of an arm to itself counts against no other arm.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harness.measure.output_record import record_of
from harness.stats.token_blocks import BLOCK_TOKENS, SHOWN, difference, judge, mean_of, share_of
from harness.values.case import Case
from harness.values.numerics import Numerics
from harness.values.quality import AgainstArm, DecodeQuality, TokenBlocks

Blocks = list[float]


@dataclass(frozen=True)
class Held:
    """A case's logits [batch, steps, vocab] float32 of its first pass, on the host, and their figures."""

    case: Case
    logits: Tensor
    blocks: TokenBlocks
    numerics: Numerics


class ArmLogits:
    """The arms of one batch and context.

    `wanted`: the float32 model's logits [batch, steps, vocab]. `stream`: recorded tokens [batch, > steps], of which the
    first `steps` were fed. `prompt` [batch, context].
    """

    def __init__(self, wanted: Tensor, prompt: Tensor, stream: Tensor) -> None:
        self._wanted, steps = wanted, wanted.shape[1]
        self._following = stream[:, 1 : steps + 1]
        self._fed = {"prompt": prompt, "stream": stream[:, :steps]}
        self._nll = by_block(negative_log_likelihood(wanted, self._following))
        self._held: dict[str, Held] = {}

    def keep(self, case: Case, logits: Tensor) -> None:
        """Keep the first pass of a case."""
        blocks = TokenBlocks(
            tuple(by_block(divergence(self._wanted, logits))),
            tuple(by_block(negative_log_likelihood(logits, self._following))),
            tuple(by_block((logits.argmax(-1) == self._wanted.argmax(-1)).double())),
        )
        numerics = Numerics(outputs=record_of(self._fed, [("logits", logits)]))
        self._held[case.id] = Held(case, logits.cpu(), blocks, numerics)

    def numerics(self, case: Case) -> Numerics:
        """A record of the logits, for comparisons with other sides."""
        return self._held[case.id].numerics

    def quality(self, case: Case, second: Tensor) -> DecodeQuality | None:
        """The quality of a kept case. `second`: the logits of its second pass. None where the tokens are too few for an
        interval.
        """
        held = self._held[case.id]
        blocks = held.blocks
        if len(blocks.kl) < 2:
            return None
        tokens = self._following.numel()
        base = next(other for other in self._held.values() if other.case.engine == case.engine)
        again = by_block(divergence(held.logits.to(second.device), second))
        return DecodeQuality(
            tokens, SHOWN, mean_of(blocks.kl, 0.0), share_of(blocks.agree, tokens), mean_of(blocks.nll),
            mean_of(difference(blocks.nll, self._nll)), mean_of(again, 0.0), blocks,
            None if base is held else self._against(held, base, again, tokens),
        )  # fmt: skip

    def _against(self, held: Held, base: Held, again: Blocks, tokens: int) -> AgainstArm:
        device = self._wanted.device
        ours, theirs = held.logits.to(device), base.logits.to(device)
        apart = by_block(divergence(theirs, ours))
        agree = by_block((theirs.argmax(-1) == ours.argmax(-1)).double())
        kl_change = difference(held.blocks.kl, base.blocks.kl)
        return AgainstArm(
            base.case.arm, mean_of(apart, 0.0), share_of(agree, tokens), mean_of(kl_change),
            mean_of(difference(held.blocks.nll, base.blocks.nll)), judge(apart, again, kl_change),
        )  # fmt: skip


def divergence(wanted: Tensor, got: Tensor) -> Tensor:
    """KL(wanted || got) in nats for each token: [batch, steps] float64 of logits [batch, steps, vocab].

    Exactly zero where the logits are equal.
    """
    found = []
    for p, q in zip(wanted.unbind(1), got.unbind(1), strict=True):
        log_p, log_q = (logits.double().log_softmax(-1) for logits in (p, q))
        found.append((log_p.exp() * (log_p - log_q)).sum(-1).clamp_min(0))
    return torch.stack(found, dim=1)


def negative_log_likelihood(logits: Tensor, tokens: Tensor) -> Tensor:
    """The negative log-likelihood of each token in nats, [batch, steps] float64. `logits` [batch, steps, vocab],
    `tokens` [batch, steps] int64.
    """
    found = [
        -of_step.double().log_softmax(-1).gather(-1, token[:, None]).squeeze(-1)
        for of_step, token in zip(logits.unbind(1), tokens.unbind(1), strict=True)
    ]
    return torch.stack(found, dim=1)


def by_block(values: Tensor) -> Blocks:
    """Means over blocks of `BLOCK_TOKENS` consecutive tokens or a little more, sequence by sequence. `values`: [batch,
    steps].
    """
    count = max(1, values.shape[1] // BLOCK_TOKENS)
    means = [part.mean(1) for part in values.tensor_split(count, dim=1)]
    found: list[float] = torch.stack(means, dim=1).flatten().tolist()
    return found
