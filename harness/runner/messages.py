"""What a worker and its parent say to each other, in `harness.lines`."""

from __future__ import annotations

from typing import Literal

import msgspec

from harness.values.environment import Environment
from harness.values.measurement import Conditions, Measurement
from harness.values.profile import Profile
from harness.values.suite import Plan

Stage = Literal["kernels", "decode", "profile"]


class Job(msgspec.Struct, frozen=True, tag=True):
    """From the parent: do the `stage` of the plan for those of its cases that belong to it.

    process: number of this fresh process. verify_only: no timing. streams: recorded token streams by name,
    [batch][steps + 1], from an earlier process. rounds, samples_per_round: in place of the timer's own, None for those.
    keep_traces, engines, steps: of the profile stage, a folder for its traces, what it runs the steps with, how many
    it records (None: as many as usual). references: folder for the float32 model's logits, which the processes of a
    run share.
    """

    stage: Stage
    plan: Plan
    process: int = 0
    verify_only: bool = False
    streams: dict[str, list[list[int]]] = {}
    rounds: int | None = None
    keep_traces: str | None = None
    engines: tuple[str, ...] = ("eager",)
    steps: int | None = None
    references: str | None = None


class Awake(msgspec.Struct, frozen=True, tag=True):
    """First word of a worker: what it needs is imported, and no device touched. It goes on when it is sent a line."""


class Hello(msgspec.Struct, frozen=True, tag=True):
    """Second word of a worker: where it runs. The plan is made from it, since tuned files belong to a device."""

    environment: Environment


class Started(msgspec.Struct, frozen=True, tag=True):
    """What the worker does now; if it dies, this is what killed it. cases: ids that fail with it."""

    what: str
    cases: tuple[str, ...]
    done: int
    of: int


class Measured(msgspec.Struct, frozen=True, tag=True):
    measurement: Measurement
    source_text: str | None = None


class Sampled(msgspec.Struct, frozen=True, tag=True):
    conditions: tuple[Conditions, ...]


class Profiled(msgspec.Struct, frozen=True, tag=True):
    profile: Profile


class NotProfiled(msgspec.Struct, frozen=True, tag=True):
    """what: an arm under an engine. unsupported: it cannot run here, which is no failure."""

    what: str
    reason: str
    unsupported: bool = False


class Streamed(msgspec.Struct, frozen=True, tag=True):
    name: str
    tokens: list[list[int]]


class Ran(msgspec.Struct, frozen=True, tag=True):
    """Last word before Done: the resolved paths of the kernels, variants and models that this process loaded."""

    files: tuple[str, ...]


class Done(msgspec.Struct, frozen=True, tag=True):
    pass


FromWorker = Awake | Hello | Started | Measured | Sampled | Profiled | NotProfiled | Streamed | Ran | Done
