"""The results of a calibration on this machine: noise, the effect of the order, lasting offsets."""

from __future__ import annotations

from rich.console import Group, RenderableType

from harness.compare.offset import CHANCE, LEAST_WORKTREES
from harness.values.pairing import Noise

from ..formats.terminal_table import Shown
from ..tables.noise import noise


def render(found: Noise, device: str) -> RenderableType:
    return Group(summary(found, device), "", Shown(noise(found))) if found.cases else summary(found, device)


def summary(found: Noise, device: str) -> str:
    if not found.cases:
        return "not calibrated yet: a case needs sixteen pairs, and the pairs so far count"
    if found.worktree_pairs < LEAST_WORKTREES:
        offset = f"unknown: it needs {LEAST_WORKTREES} pairs of worktrees"
    elif found.offset_chance > CHANCE:
        offset = f"none that chance would not give as well ({100 * found.offset:.2f} % was seen)"
    else:
        offset = f"{100 * found.offset:.2f} %"
    most = max(found.cases, key=lambda case: found.cases[case].offset)
    largest = found.cases[most].offset
    own = f"up to {100 * largest:.2f} % ({most})" if largest else "none that was shown"
    error = found.order_error
    order = f"{100 * found.order:+.2f} ± {200 * error:.2f} % over all cases" if error else "unknown"
    return (
        f"lasting offset between worktrees, in all cases alike: {offset}\n"
        f"lasting offset of a case by itself: {own}\n"
        f"second process of a pair over the first: {order}; a comparison takes its own effect out\n"
        f"{found.worktree_pairs} pairs of identical worktrees on {device}; "
        "`harness run` and `harness compare` use this now"
    )
