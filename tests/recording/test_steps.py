"""Steps of a program that nobody prepared."""

from __future__ import annotations

import contextlib
import copy
import pickle

import torch
from torch.profiler import record_function

from harness.recording.steps import StepWatch


def test_calls_of_the_outermost_module_are_steps() -> None:
    """Not of those inside, nor of one without parameters, such as a loss; one that raises is over; once one has come
    again no other is looked for; afterwards nothing is watched."""

    class Raises(torch.nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ValueError

    began: list[int] = []
    watch = StepWatch("", began.append, lambda _: None)
    watch.start()
    model, loss = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)), torch.nn.MSELoss()
    raising = torch.nn.Sequential(Raises(2, 2))
    try:
        loss(model(torch.ones(1, 2)), torch.ones(1, 2))
        for _ in range(3):
            with contextlib.suppress(ValueError):
                raising(torch.ones(1, 2))
            model(torch.ones(1, 2))
        torch.nn.Linear(2, 2)(torch.ones(1, 2))  # of a module that comes when the steps are known
    finally:
        watch.stop()
    assert began == list(range(7))
    model(torch.ones(1, 2))
    assert watch.count == 7


def test_calls_of_a_range_are_steps_that_end() -> None:
    """By its name alone."""
    said: list[tuple[str, int]] = []
    watch = StepWatch("decode", lambda n: said.append(("began", n)), lambda n: said.append(("ended", n)))
    watch.start()
    try:
        for _ in range(2):
            with record_function("decode"), record_function("other"):
                pass
    finally:
        watch.stop()
    with record_function("decode"):
        pass
    assert said == [("began", 0), ("ended", 0), ("began", 1), ("ended", 1)]


def test_a_watched_module_can_be_copied_and_sent() -> None:
    """Calls of a copy are no steps; `torch.save` and multiprocessing see a plain function."""
    began: list[int] = []
    watch = StepWatch("", began.append, lambda _: None)
    watch.start()
    model = torch.nn.Linear(2, 2)
    try:
        for _ in range(3):
            model(torch.ones(1, 2))
        other, sent = copy.deepcopy(model), pickle.loads(pickle.dumps(model))
        other(torch.ones(1, 2))
        sent(torch.ones(1, 2))
        model(torch.ones(1, 2))
    finally:
        watch.stop()
    assert began == [0, 1, 2, 3] and not model._forward_pre_hooks
