"""What recording costs outside of sampled steps, in turns with the bare program in one process."""

from __future__ import annotations

import statistics
import time

import torch

from harness.recording.steps import StepWatch

MOST = 1.05
TURNS, STEPS = 200, 10
WIDTH, LAYERS = 256, 20


def model() -> torch.nn.Module:
    """80 small modules: their work is smaller than that of any model that is served."""

    def layer() -> torch.nn.Module:
        return torch.nn.Sequential(
            torch.nn.LayerNorm(WIDTH), torch.nn.Linear(WIDTH, 512), torch.nn.SiLU(), torch.nn.Linear(512, WIDTH)
        )

    return torch.nn.Sequential(*(layer() for _ in range(LAYERS)))


def test_a_step_that_is_not_sampled_takes_five_percent_longer_at_most() -> None:
    """Median of the ratio of neighbours."""
    torch.set_num_threads(1)
    bare, x = model(), torch.randn(1, WIDTH)

    def seconds() -> float:
        since = time.perf_counter()
        for _ in range(STEPS):
            bare(x)
        return time.perf_counter() - since

    def watched() -> float:
        watch = StepWatch("", lambda _: None, lambda _: None)
        watch.start()
        bare(x), bare(x)  # then the outermost is known
        found = seconds()
        watch.stop()
        return found

    with torch.no_grad():
        seconds()
        ratios = []
        for turn in range(TURNS):
            first, second = (seconds(), watched()) if turn % 2 else reversed((watched(), seconds()))
            ratios.append(second / first)
    ratio = statistics.median(ratios)
    print(f"\nsteps: {100 * (ratio - 1):+.2f} % (median of {TURNS})")
    assert ratio < MOST
