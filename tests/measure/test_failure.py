"""Errors of kernels: what is a limit of this machine is said as one, with the line of the kernel."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
import torch
from triton.runtime.errors import InterpreterError

from harness.measure.failure import asks_for_a_gpu, what_was_raised
from harness.values.measurement import Status

GENERATED = dedent("""\
    from helion.runtime import default_launcher
    def launched(x):
        # src[mm.py:41]: acc = hl.zeros([rows, cols])
        acc = 0
        # src[mm.py:45]: y[rows, cols] = silu(acc)
        half = x
        return half.type
""")


def test_generated_code_is_named_by_the_line_that_it_came_from(tmp_path: Path) -> None:
    """Helion writes the source above what it makes of it; the file of its own is a hash in a cache."""
    file = tmp_path / "c3soub.py"
    file.write_text(GENERATED)
    names: dict[str, object] = {}
    exec(compile(GENERATED.replace("from", "#", 1), str(file), "exec"), names)  # without Helion, too
    with pytest.raises(InterpreterError) as raised:
        try:
            names["launched"](None)  # type: ignore[operator]
        except AttributeError as error:
            raise InterpreterError(repr(error)) from error
    status, reason = what_was_raised(raised.value)
    assert status is Status.UNSUPPORTED
    assert reason.startswith("not checked here: Triton's interpreter stopped at mm.py:45: AttributeError: ")


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch finds a GPU here")
def test_host_code_that_asks_for_a_gpu_is_a_limit() -> None:
    with pytest.raises((AssertionError, RuntimeError)) as raised:
        torch.cuda.get_device_properties(0)
    status, reason = what_was_raised(raised.value)
    assert status is Status.UNSUPPORTED
    assert reason.startswith(f"not checked here: asks for a GPU at {Path(__file__).name}:")


def test_an_assertion_of_the_kernel_is_none() -> None:
    with pytest.raises(AssertionError) as raised:
        raise AssertionError("Torch not compiled with CUDA enabled")
    assert asks_for_a_gpu(raised.value) == ""
    assert what_was_raised(raised.value)[0] is Status.FAILED
