"""Is a decode right? Its logits under teacher forcing against the float32 reference model on the same weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from harness.decode.engines import Engine, Step
from harness.decode.suite_model import SuiteModel, prefill_in_chunks
from harness.measure.agreement import compare
from harness.values.measurement import Correctness

CHECKED_STEPS = 64
LEAST_COSINE = 0.999
"""Of the logits of any checked step. Rounding to bfloat16 over 40 layers gives 0.9994
(reports/samples/qwen3_5_moe-h100)."""
NUMERIC_ERRORS = 6
"""The reference's top two logits are told apart where their distance is more than this many times the step's rms error:
4.2 standard deviations of the difference between two logits, so that rounding alone swaps them in 1 step of 40,000."""
LOGITS_TOLERANCE = {"float32": (1e-4, 1e-4), "bfloat16": (0.08, 0.05)}
"""Largest and rms error relative to the logits' size, per activation dtype. About twice what rounding does over 40
layers on an H100, 3.2 and 2.7 % (reports/samples/qwen3_5_moe-h100); in float32 on a CPU it does 5e-6."""


def reference_logits(model: SuiteModel, prompt: Tensor, stream: Tensor, steps: int) -> Tensor:
    """[batch, steps, vocab] float32: what the model answers to each of the first `steps` tokens of the stream.

    prompt [batch, context], stream [batch, >= steps], both int64.
    """
    batch, context = prompt.shape
    decoder = model.reference(batch, context + steps)
    with torch.no_grad():
        prefill_in_chunks(decoder, prompt)
        logits: Tensor = decoder.prefill(stream[:, :steps], start=context, every=True)
    return logits.float()


def kept_reference_logits(folder: Path | None, model: SuiteModel, prompt: Tensor, stream: Tensor, steps: int) -> Tensor:
    """`reference_logits`, from `folder` where another process of the same run has left them: a prompt of 32,768 tokens
    takes the float32 definitions minutes."""
    if folder is None:
        return reference_logits(model, prompt, stream, steps)
    asked = hashlib.sha256(torch.cat((prompt, stream[:, :steps]), dim=1).cpu().numpy().tobytes()).hexdigest()
    file = folder / f"{'x'.join(map(str, prompt.shape))}-{steps}-{asked[:16]}.pt"
    if not file.exists():
        part = file.with_suffix(".part")
        torch.save(reference_logits(model, prompt, stream, steps).cpu(), part)
        part.replace(file)
    logits: Tensor = torch.load(file, map_location=model.device, weights_only=True)
    return logits


def first_logits(engine: Engine, steps: int) -> Tensor:
    """[batch, steps, vocab] float32: of the first steps of a rewound engine."""
    return torch.stack([engine.run().float().clone() for _ in range(steps)], dim=1)


def check_logits(got: Tensor, wanted: Tensor, dtype: str) -> Correctness:
    """An arm's logits against the reference's, both [batch, steps, vocab] float32: right where errors are within the
    dtype's tolerance, every step's cosine is at least `LEAST_COSINE`, and the most likely token is the reference's
    wherever that is clear of the second by more than `NUMERIC_ERRORS`.

    The error is the rms over the step's logits, not their largest: two logits that are further apart than twice the
    largest error cannot change places, whatever the arm does.
    """
    max_error, rms_error = LOGITS_TOLERANCE[dtype]
    result = compare("logits [batch, step, token]", got, wanted, max_error, rms_error)
    cosine = torch.nn.functional.cosine_similarity(got.flatten(0, 1), wanted.flatten(0, 1), dim=-1).min().item()
    top = wanted.topk(2, dim=-1).values
    error = (got - wanted).square().mean(dim=-1).sqrt()
    clear = (top[..., 0] - top[..., 1]) > NUMERIC_ERRORS * error
    agree = got.argmax(-1) == wanted.argmax(-1)
    agreeing = f"argmax agrees in {int(agree.sum())} of {agree.numel()}, {int(clear.sum())} of them clear"
    detail = f"cosine of the logits >= {cosine:.5f} over {wanted.shape[1]} steps; {agreeing}"
    swapped = int((clear & ~agree).sum())
    if not cosine >= LEAST_COSINE:
        result = msgspec.structs.replace(result, correct=False)
        detail += f"; a cosine below {LEAST_COSINE}"
    if swapped:
        result = msgspec.structs.replace(result, correct=False)
        apart = ((top[..., 0] - top[..., 1]) / error)[clear & ~agree].max().item()
        detail += (
            f"; in {swapped} the argmax differs where the reference's top two are more than {NUMERIC_ERRORS} times the "
            f"rms error apart (up to {apart:.1f})"
        )
    return msgspec.structs.replace(result, detail=detail)


def own_stream(engine: Engine, step: Step, first: Tensor, steps: int) -> tuple[Tensor, list[float]]:
    """The arm's own greedy text, by the engine of a rewound step that is fed its own choices from `first` [batch] on:
    the stream [batch, steps + 1] and, for each step, the smallest gap between the top two logits over the batch. The
    step's stream is left as it was."""
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


def divergence(recorded: Tensor, own: Tensor, gaps: list[float]) -> str:
    """Where an arm's own greedy stream leaves the recorded one, in words; empty where it does not."""
    differs = (recorded != own).any(dim=0).nonzero().flatten()
    if len(differs) == 0:
        return ""
    position = int(differs[0])
    gap = f", where its top two logits are {gaps[position - 1]:.3g} apart" if position else ""
    return f"own greedy stream leaves the recorded one at token {position}{gap}"


def empty_stream(batch: int, steps: int, device: str) -> Tensor:
    """[batch, steps + 1] int64, to be filled."""
    return torch.zeros(batch, steps + 1, dtype=torch.int64, device=device)
