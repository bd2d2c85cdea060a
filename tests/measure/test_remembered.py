"""Results that are remembered, and a load that ends between two samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, repeat

import pytest

from harness.measure.ready import Ready
from harness.measure.recheck import Batch
from harness.values.measurement import Sample


class Kernel:
    """`Timed` for a call of 10 us on new operands, on a machine whose load, a factor, is another at every sample.
    share: what the call takes of that on operands of the sample before."""

    calls = 1
    outputs = ()

    def __init__(self, load: Iterator[float], share: float) -> None:
        self._load, self._share = load, share

    def sample_us(self, before: Callable[[], None] | None = None) -> float:
        return 10.0 * next(self._load) * (1.0 if before else self._share)


def remembered(load: Iterator[float], share: float, count: int) -> str:
    batch = object.__new__(Batch)
    batch.timed = Kernel(load, share)
    batch.refresh = lambda: None
    samples = [Sample(batch.timed.sample_us(batch.refresh), 1, number) for number in range(2)]
    return Ready(None, None, 0.0, None, batch).remembered(samples, count)


@pytest.mark.parametrize("count", [1, 3])
def test_a_load_that_ends_after_the_samples_is_no_memory(count: int) -> None:
    """Two samples at a third of the machine, the others with all of it: the call takes as long as it took."""
    assert remembered(chain([3.0, 3.0], repeat(1.0)), share=1.0, count=count) == ""


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("after", [1.0, 0.5])
def test_a_memory_is_found_under_an_even_load_and_one_that_ends(count: int, after: float) -> None:
    """A lookup that saves half of the work saves it in every turn."""
    words = remembered(chain([1.0, 1.0], repeat(after)), share=0.5, count=count)
    assert f"{5 * after:.3g} us, than on new ones, {10 * after:.3g} us or more: results are remembered" in words
