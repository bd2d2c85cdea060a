"""Launches are recorded by replacing `JITFunction.run` and `Autotuner.run`, while Triton has no hook for that."""

from __future__ import annotations

import pytest
import triton
from triton.runtime.autotuner import Autotuner
from triton.runtime.jit import JITFunction

from harness.static.record import Recorder

KNOWN = {
    "launch_enter_hook", "launch_exit_hook",  # of a launch on a GPU, which is what must not happen
    "kernel_load_start_hook", "kernel_load_end_hook",  # of a binary that goes to a GPU
    "jit_cache_hook", "jit_post_compile_hook",  # of a compilation: a kernel's second launch makes none
    "add_stages_inspection_hook",  # see test_stages.py
}  # fmt: skip
"""Hooks of Triton 3.6 and 3.7, none of which sees the grid and the arguments of a launch that is not made."""


def test_triton_has_no_hook_that_could_take_the_place_of_the_patch() -> None:
    """Fails when a Triton has another hook: look whether it sees a launch before it is made."""
    hooks = {name for name in dir(triton.knobs.runtime) if name.endswith("_hook")}
    assert hooks == KNOWN


def test_nothing_stays_replaced_after_a_call_that_raises() -> None:
    own = JITFunction.run, Autotuner.run

    def run() -> None:
        assert (JITFunction.run, Autotuner.run) != own
        raise ValueError("planted")

    with pytest.raises(ValueError, match="planted"):
        Recorder().call(run, [], {})
    assert (JITFunction.run, Autotuner.run) == own
