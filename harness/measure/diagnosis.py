"""Describe a wrong output: first by the pattern that the output itself shows, then by the mistake that explains it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor

from harness.measure.agreement import wrong_values
from harness.measure.hypotheses import Hypothesis, hypotheses
from harness.measure.poison import unwritten
from harness.values.attempt import Diagnosis
from harness.values.measurement import Tolerance

EXPLAINED = 0.98
"""Share of the wrong elements that a mistake must reproduce: rounding may put a few on the other side of the
tolerance."""
SLACK = 2.0
"""A mistaken output may be this many tolerances away from the mistake's exact result, since its values can be
larger."""
COMPUTED_NAN = (
    "NaN that was computed: 0 / 0, inf - inf, an exp that overflowed, a root of a negative number, or values from "
    "outside of an input (a load without mask)"
)
LOW_PRECISION = 0.05
"""An rms error below this, spread over the whole output, is rounding: bfloat16 sums of thousands of terms reach 2 %."""
FEW = 3
"""Fewer wrong values than this, each off by little, form no pattern."""


class Returned(NamedTuple):
    """An output of an op, or a state that a call writes. shape: as declared by the op."""

    name: str
    shape: Sequence[str]
    is_state: bool = False

    @property
    def label(self) -> str:
        return f"state {self.name}" if self.is_state else self.name


class Wrong(NamedTuple):
    """One call that went wrong."""

    op: Any
    operands: dict[str, Any]
    dims: Mapping[str, int]
    tunables: Mapping[str, Any]
    outputs: Sequence[Returned]
    """Outputs, then states."""
    got: Sequence[Tensor]
    """In the order of `outputs`."""
    wanted: Sequence[Tensor]
    """In the order of `outputs`."""
    previous: Sequence[Tensor]
    """The wanted outputs of the call before this one, on other inputs."""
    before: Mapping[str, Tensor]
    """States before the call."""
    tolerance: Tolerance
    reference: Callable[[dict[str, Any]], tuple[Tensor, ...]]
    row_dims: Sequence[int | None]
    """For each output, see `agreement.compare`."""


def diagnose(wrong: Wrong) -> Diagnosis:
    """Describe the first wrong output."""
    for number, output in enumerate(wrong.outputs):
        name, shape = output.label, output.shape
        got, wanted = wrong.got[number], wrong.wanted[number]
        if got.shape != wanted.shape:
            words = f"{name} has shape {tuple(got.shape)}, wanted {tuple(wanted.shape)}"
            return Diagnosis("shape", words, "")
        mask = wrong_values(got, wanted, wrong.tolerance, wrong.row_dims[number])
        share = _rms_share(got, wanted)
        if not bool(mask.any()) and share <= wrong.tolerance.rms_error:
            continue
        region = region_words(name, shape, mask, wrong) if bool(mask.any()) else f"{name}: everywhere"
        pattern, words = _pattern(number, name, mask, share, wrong)
        return Diagnosis(pattern, words, region)
    return Diagnosis()


def _pattern(number: int, name: str, mask: Tensor, share: float, wrong: Wrong) -> tuple[str, str]:
    for find in (_unwritten, _zero, _state, _stale, _mistake, _whole):
        found = find(number, name, mask, share, wrong)
        if found:
            return found
    return "", f"none of the known mistakes gives this output; wanted: {wrong.op.summary}"


Found = tuple[str, str] | None


def _unwritten(number: int, name: str, mask: Tensor, share: float, wrong: Wrong) -> Found:
    """Recognise unwritten memory: it was filled with a special NaN, and any other NaN was computed."""
    got = wrong.got[number]
    if got.is_floating_point():
        missing = torch.isnan(got.float()) & ~torch.isnan(wrong.wanted[number].float())
        if bool(missing.any()) and not bool((missing & unwritten(got)).any()):
            return "computed NaN", COMPUTED_NAN
    else:
        missing = got.to(torch.int64) < -(2**30)
    if not bool(missing.any()):
        if got.is_floating_point() and bool(torch.isinf(got.float()).any()):
            return "overflow", "infinite values: an overflow, or a division by zero"
        return None
    if bool(missing.all()):
        return "unwritten", "nothing is written, or it is added to memory that was not set to zero"
    tail = _tail_words(missing, wrong.outputs[number].shape)
    if bool((missing | ~mask).all()):
        return "unwritten", f"an unwritten {tail or 'part'}: the memory was filled with NaN before the call"
    return (
        "unwritten",
        "NaN: unwritten, or computed from unwritten memory (a load without mask, a sum not set to zero)",
    )


def _zero(number: int, name: str, mask: Tensor, share: float, wrong: Wrong) -> Found:
    got = wrong.got[number]
    zero = (got == 0) & mask
    if not bool(mask.any()):  # no value is wrong by itself
        return None
    if int(zero.sum()) < EXPLAINED * int(mask.sum()) or not got.is_floating_point():
        return None
    if bool((got == 0).all()):
        return "zero", "all zeros: nothing is computed, or a mask lets nothing through"
    tail = _tail_words(zero, wrong.outputs[number].shape)
    if tail:
        return "clipped tail", f"a clipped {tail}: zeros where the last part belongs"
    return "zero", "zeros: the part that belongs there is skipped"


def _state(number: int, name: str, mask: Tensor, share: float, wrong: Wrong) -> Found:
    output = wrong.outputs[number]
    if not output.is_state:
        return None
    before = wrong.before[output.name]
    if torch.equal(wrong.got[number].float(), before.float()):
        return "state not updated", f"{name} is as it was before the call"
    same = (wrong.got[number].float() == before.float()) & mask
    if bool(mask.any()) and int(same.sum()) >= EXPLAINED * int(mask.sum()):
        return "state not updated", f"{name}: the wrong part is as it was before the call"
    return None


def _stale(number: int, name: str, mask: Tensor, share: float, wrong: Wrong) -> Found:
    if number < len(wrong.previous) and _explains(wrong.previous[number], number, mask, wrong):
        return "stale", "the result for the inputs of the call before: kept from an earlier call"
    return None


def _mistake(number: int, name: str, mask: Tensor, share: float, wrong: Wrong) -> Found:
    """The first mistake that reproduces the whole output, else the first that reproduces its wrong elements."""
    partly: Found = None
    for hypothesis in _possible(wrong):
        try:
            outputs = hypothesis.outputs()
        except (IndexError, RuntimeError, ValueError):  # the change makes no sense at these sizes
            continue
        if _explains(outputs[number], number, torch.ones_like(mask), wrong):
            return hypothesis.pattern, hypothesis.words
        if partly is None and _explains(outputs[number], number, mask, wrong):
            partly = hypothesis.pattern, hypothesis.words
    return partly


def _possible(wrong: Wrong) -> Iterator[Hypothesis]:
    with torch.no_grad():
        yield from hypotheses(wrong.op, wrong.operands, wrong.dims, wrong.reference)


def _whole(number: int, name: str, mask: Tensor, share: float, wrong: Wrong) -> Found:
    """Findings that need only the output and the reference."""
    got, wanted = wrong.got[number].float(), wrong.wanted[number].float()
    for dim in range(wanted.dim()):
        size = wanted.shape[dim]
        for shift in {1, -1, size // 2} - {0}:
            if size > 1 and _explains(wanted.roll(shift, dim), number, mask, wrong):
                return "shifted", f"shifted by {shift} of {size} along {wrong.outputs[number].shape[dim]}"
    at = mask if bool(mask.any()) else torch.ones_like(mask)
    square = wanted[at].square().sum().item()
    factor = (got[at] * wanted[at]).sum().item() / square if square else 0.0
    told = int(at.sum()) >= FEW or share >= LOW_PRECISION  # any factor explains one value
    if told and abs(factor) > 1e-3 and _explains(wanted * factor, number, mask, wrong):
        return "factor", f"right but for a factor of {factor:.4g}"
    if share < LOW_PRECISION:
        return (
            "precision",
            f"rounding: an rms error of {100 * share:.2g} %, spread out; a sum may run in low precision",
        )
    return None


def _explains(candidate: Tensor, number: int, mask: Tensor, wrong: Wrong) -> bool:
    """Whether a candidate reproduces the wrong elements without being the right output."""
    got, wanted = wrong.got[number].float(), wrong.wanted[number].float()
    candidate = candidate.float()
    if candidate.shape != got.shape:
        return False
    at = mask if bool(mask.any()) else torch.ones_like(mask)
    size = max(candidate.abs().max().item(), 1e-30)
    near = ((got - candidate).abs() <= SLACK * wrong.tolerance.max_error * size)[at]
    if not near.numel() or near.float().mean().item() < EXPLAINED:
        return False
    left = (got - candidate)[at].square().mean().sqrt().item()
    error = (got - wanted)[at].square().mean().sqrt().item()
    return left < 0.25 * error


def _rms_share(got: Tensor, wanted: Tensor) -> float:
    size = wanted.float().square().mean().sqrt().item()
    share = ((got.float() - wanted.float()).square().mean().sqrt()).item() / size if size else 0.0
    return share if share == share else float("inf")


def _tail_words(mask: Tensor, shape: Sequence[str]) -> str:
    """`tail of hidden` where exactly the end of one dim is set."""
    for dim, size in enumerate(mask.shape):
        others = [d for d in range(mask.dim()) if d != dim]
        hit = mask.any(dim=others) if others else mask
        where = hit.nonzero().flatten()
        if 0 < len(where) < size and int(where[0]) == size - len(where):
            return f"tail of {shape[dim]}"
    return ""


def region_words(name: str, shape: Sequence[str], mask: Tensor, wrong: Wrong) -> str:
    """`n 2044..2047 of 2048 (the tail, last block of block_n=8), expert 7 only`, in the names of the op's dims."""
    parts = []
    for dim, size in enumerate(mask.shape):
        others = [d for d in range(mask.dim()) if d != dim]
        hit = (mask.any(dim=others) if others else mask).nonzero().flatten().tolist()
        if len(hit) == size:
            continue
        parts.append(f"{shape[dim]} {_span(hit, size, wrong.tunables)}")
        if shape[dim] == "tokens * top_k" or (shape[dim] == "tokens" and "expert_ids" in wrong.operands and size > 1):
            experts = _experts(hit, shape[dim], wrong)
            parts += [experts] if experts else []
    return f"{name}: {', '.join(parts) or 'everywhere'}"


def _span(hit: Sequence[int], size: int, tunables: Mapping[str, Any]) -> str:
    first, last = hit[0], hit[-1]
    text = f"{first} of {size}" if first == last else f"{first}..{last} of {size}"
    if len(hit) != last - first + 1:
        steps = {b - a for a, b in pairwise(hit)}
        return f"{text}, every {steps.pop()}th" if len(steps) == 1 else f"{text}, {len(hit)} of these"
    notes = ["the tail"] if last == size - 1 and first > 0 else []
    for block, value in tunables.items():
        if block.startswith("block") and isinstance(value, int) and 0 < value < size:
            start = (size - 1) // value * value
            if first >= start:
                notes.append(f"in the last block of {block}={value}")
            elif first % value == 0 and len(hit) == value:
                notes.append(f"block {first // value} of {block}={value}")
    return f"{text} ({', '.join(notes)})" if notes else text


def _experts(pairs: Sequence[int], unit: str, wrong: Wrong) -> str:
    ids = wrong.operands.get("expert_ids")
    if ids is None or unit != "tokens * top_k":
        return ""
    flat = ids.flatten().tolist()
    chosen = {flat[pair] for pair in pairs}
    if chosen & {expert for pair, expert in enumerate(flat) if pair not in set(pairs)}:
        return ""
    names = ", ".join(map(str, sorted(chosen)))
    return f"expert {names} only" if len(chosen) == 1 else f"experts {names}" if len(chosen) <= 4 else ""
