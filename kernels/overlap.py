"""Programmatic dependent launch (sm_90 on): a kernel starts while its predecessor still runs, prefetches independent
data, and waits for the predecessor before everything else.

A chain of such kernels is correct if each one waits before its first write and before it reads its predecessor's
output. The predecessor has then ended, and by the same rule so have all earlier kernels. A kernel starts only when
every program of its predecessor has waited. So everything older than the predecessor is complete and may be read early.
Examples are a router's choice by the second kernel after it, the position, and the state of a delta rule, which is a
whole step old. Two consecutive calls of that rule on one state must therefore not both start early. A kernel that is
launched the usual way ends the overlap, not the correctness.

Two tunables of variants: `overlap`, all its kernels start early; `overlap_second`, only its second one, under its own
first. Calls of the latter kind do not overlap each other, so that one of many consecutive calls takes as long as alone.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl


@triton.jit
def wait_for_inputs(OVERLAP: tl.constexpr):
    """Code before this call in a kernel may run before its inputs are written. Without OVERLAP it does nothing."""
    if OVERLAP:
        tl.extra.cuda.gdc_wait()
        tl.extra.cuda.gdc_launch_dependents()


def starts_early(wanted: bool) -> bool:
    """Whether a kernel that wants to start early does.

    It does not before sm_90, which has no such launch, in the interpreter, or under torch.compile, which takes inline
    assembly for a change of all inputs and copies the weights.
    """
    return wanted and not torch.compiler.is_compiling() and _launch_exists()


def _launch_exists() -> bool:
    if triton.knobs.runtime.interpret:
        return False
    target = triton.runtime.driver.active.get_current_target()
    return bool(target.backend == "cuda" and target.arch >= 90)


def launch_options(early: bool) -> dict[str, Any]:
    """Options of a launch whose kernel calls `wait_for_inputs`."""
    return {"launch_pdl": True} if early else {}
