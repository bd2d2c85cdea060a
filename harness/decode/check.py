"""Checks a decode: its logits under teacher forcing against the float32 reference model on the same weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from harness.decode.step import Step
from harness.decode.suite_model import Model
from harness.engines import Engine
from harness.measure.agreement import compare
from harness.values.measurement import Correctness, StreamDivergence, Tolerance

CHECKED_STEPS = 64
NORMAL_MEDIAN = 0.6745
"""Median of the absolute value of a standard normal variable."""
LEAST_COSINE = 0.999
"""Least cosine between the logits of any checked step and the reference's.

Rounding to bfloat16 over 40 layers gives 0.9994 (reports/samples/qwen3_5_moe-h100).
"""
NUMERIC_ERRORS = 6
"""The reference's top two logits count as distinct where their distance is more than this many times the numeric error
of likely tokens.
"""
LIKELY = 256
"""Tokens behind the top two whose errors give the numeric error of large logits.

It is not that of all logits: rows of the output matrix that give large logits have large norms, and bfloat16 rounds
large logits by more. The figures are from 512 steps of 40 layers in bfloat16 with 248,320 tokens, torch's own kernels
on a CPU. The top eight erred by 1.58 times the rms over all. The median error of 256 likely tokens was 1.36 times that
rms. In units of it, the distances between the first and the seven behind it had a standard deviation of 1.67 and no
tails: 6 of them are 3.6 standard deviations.
"""
LOGITS_TOLERANCE = {"float32": Tolerance(1e-4, 1e-4), "bfloat16": Tolerance(0.08, 0.05)}
"""Tolerances of the largest and the rms error relative to the logits' size, per activation dtype.

About twice the error of rounding over 40 layers on an H100, 3.2 and 2.7 % (reports/samples/qwen3_5_moe-h100); in
float32 on a CPU that error is 5e-6.
"""


def kept_reference_logits(folder: Path | None, model: Model, prompt: Tensor, stream: Tensor, steps: int) -> Tensor:
    """The float32 model's logits for each of the first `steps` tokens of the stream, [batch, steps, vocab] float32.

    They are read from `folder` where another process of the same run has left them: a prompt of 32,768 tokens takes the
    float32 definitions minutes.

    `prompt` [batch, context], `stream` [batch, >= steps], both int64.
    """
    if folder is None:
        return model.truth(prompt, stream, steps)
    asked = hashlib.sha256(torch.cat((prompt, stream[:, :steps]), dim=1).cpu().numpy().tobytes()).hexdigest()
    file = folder / f"{'x'.join(map(str, prompt.shape))}-{steps}-{asked[:16]}.pt"
    if not file.exists():
        part = file.with_suffix(".part")
        torch.save(model.truth(prompt, stream, steps).cpu(), part)
        part.replace(file)
    logits: Tensor = torch.load(file, map_location=model.device.tensors, weights_only=True)
    return logits


def first_logits(engine: Engine, steps: int) -> Tensor:
    """The logits [batch, steps, vocab] float32 of the first steps of a rewound engine."""
    return torch.stack([engine.run().float().clone() for _ in range(steps)], dim=1)


def check_logits(got: Tensor, wanted: Tensor, dtype: str) -> Correctness:
    """Compare an arm's logits with the reference's, both [batch, steps, vocab] float32.

    They are right where errors are within the dtype's tolerance, every step's cosine is at least `LEAST_COSINE`, and
    every clear most likely token is the same. A token is clear where the reference has it ahead of the second by more
    than `NUMERIC_ERRORS` times `numeric_error`.
    """
    result = compare("logits [batch, step, token]", got, wanted, LOGITS_TOLERANCE[dtype])
    cosine = torch.nn.functional.cosine_similarity(got.flatten(0, 1), wanted.flatten(0, 1), dim=-1).min().item()
    top = wanted.topk(2, dim=-1).values
    distance = (top[..., 0] - top[..., 1]) / numeric_error(got, wanted)
    clear = distance > NUMERIC_ERRORS
    differs = got.argmax(-1) != wanted.argmax(-1)
    detail = f"cosine of the logits >= {cosine:.5f} over {wanted.shape[1]} steps"
    detail += f"; argmax agrees in {int((~differs).sum())} of {differs.numel()}, {int(clear.sum())} of them clear"
    if differs.any():
        detail += f", elsewhere the top two are up to {distance[differs].max().item():.1f} numeric errors apart"
    if not cosine >= LEAST_COSINE:
        detail += f"; a cosine below {LEAST_COSINE}"
    swapped = int((clear & differs).sum())
    if swapped:
        detail += f"; in {swapped} more than the {NUMERIC_ERRORS} that rounding explains"
    if swapped or not cosine >= LEAST_COSINE:
        result = msgspec.structs.replace(result, correct=False)
    return msgspec.structs.replace(result, detail=detail)


def numeric_error(got: Tensor, wanted: Tensor) -> Tensor:
    """How far rounding moves a likely token's logit, as a standard deviation: [batch, steps] of logits [batch, steps,
    vocab].

    It comes from the median error of the reference's `LIKELY` tokens behind the top two, which no token that an arm
    gets wrong moves. The largest error would not do: two logits further apart than twice the largest error cannot
    change places, whatever the arm does.
    """
    tokens = wanted.topk(min(LIKELY + 2, wanted.shape[-1]), dim=-1).indices[..., 2:]
    errors = (got.gather(-1, tokens) - wanted.gather(-1, tokens)).abs()
    return errors.median(dim=-1).values / NORMAL_MEDIAN


def own_stream(engine: Engine, step: Step, first: Tensor, steps: int) -> tuple[Tensor, list[float]]:
    """The arm's own greedy text, by the engine of a rewound step that is fed its own choices from `first` [batch] on.

    Return the stream [batch, steps + 1] and, for each step, the smallest gap between the top two logits over the batch.
    The step's stream stays as it was.
    """
    recorded = step.stream.clone()
    step.stream[:, 0] = first
    gaps = []
    for at in range(1, steps + 1):
        top = engine.run().float().topk(2, dim=-1).values
        gaps.append((top[:, 0] - top[:, 1]).min())
        step.stream[:, at] = step.chosen[:, at]
    own = step.stream.clone()
    step.stream.copy_(recorded)
    return own, [gap.item() for gap in gaps]


def divergence(recorded: Tensor, own: Tensor, gaps: list[float]) -> StreamDivergence | None:
    """The point where an arm's own greedy stream leaves the recorded one, both int64 [batch, steps + 1]; None where it
    does not. `gaps`: between the top two logits of each step.
    """
    differs = (recorded != own).any(dim=0).nonzero().flatten()
    if len(differs) == 0:
        return None
    position = int(differs[0])
    return StreamDivergence(position, gaps[position - 1] if position else None)


def empty_stream(batch: int, steps: int, device: str) -> Tensor:
    """An unfilled stream, [batch, steps + 1] int64."""
    return torch.zeros(batch, steps + 1, dtype=torch.int64, device=device)
