"""Programmatic dependent launch (sm_90 on): a kernel starts while the one before it still runs, fetches what does not
depend on it, and waits for it before everything else.

A chain of such kernels is right where each one waits before it writes at all and before it reads what the one before
writes: that one has then ended, and by the same rule all that came earlier. A kernel starts only when every program of
the one before has waited, so that what is older than that one is complete and may be read early: a router's choice by
the second kernel behind it, the position, the state of a delta rule, which a whole step lies behind. Two calls of that
rule in a row on one state must therefore not both start early. A kernel that is launched the usual way ends the
overlap, not the rightness.

Two tunables of variants: `overlap`, all its kernels start early; `overlap_second`, only its second one, under its own
first. Calls of the latter kind do not overlap each other, so that one of many calls in a row takes what it takes alone.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl


@triton.jit
def wait_for_inputs(OVERLAP: tl.constexpr):
    """What stands before this in a kernel may run before its inputs are written. Without OVERLAP: nothing."""
    if OVERLAP:
        tl.extra.cuda.gdc_wait()
        tl.extra.cuda.gdc_launch_dependents()


def starts_early(wanted: bool) -> bool:
    """Whether a kernel for which it is wanted does: not before sm_90, which has no such launch, nor in the interpreter;
    nor where torch.compile looks on: it takes inline assembly for a change of all inputs, and copies the weights."""
    return wanted and not torch.compiler.is_compiling() and _launch_exists()


def _launch_exists() -> bool:
    if triton.knobs.runtime.interpret:
        return False
    target = triton.runtime.driver.active.get_current_target()
    return bool(target.backend == "cuda" and target.arch >= 90)


def launch_options(early: bool) -> dict[str, Any]:
    """Of a launch whose kernel calls `wait_for_inputs`."""
    return {"launch_pdl": True} if early else {}
