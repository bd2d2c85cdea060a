"""Messages between a worker and its parent: how it boots, the jobs, and the events that they yield."""

from __future__ import annotations

from typing import Literal

import msgspec

from harness.values.attempt import Diagnosis
from harness.values.binary import Binary
from harness.values.case import Case
from harness.values.closure import Closure
from harness.values.environment import Environment
from harness.values.launch import Launch
from harness.values.machine import Sniff
from harness.values.measurement import Conditions, Measurement
from harness.values.profile import Profile
from harness.values.stage import KINDS, Stage
from harness.values.suite import OpSource, Plan, Suite
from harness.values.sweep import Entrant


def cases_of(stage: Stage, plan: Plan) -> list[Case]:
    """The plan's cases that a job of this stage runs: those with an answer of their own and without a problem."""
    return [c for c in plan.cases if c.kind in KINDS[stage] and c.same_as is None and c.problem is None]


class Boot(msgspec.Struct, frozen=True, tag=True):
    """From the parent, first."""

    service: str
    """Module whose `serve(wire, boot)` runs the jobs."""
    tree: str
    """Folder searched for packages beside the suite before any other."""
    kernels_root: str = ""
    """Folder of kernels to bind; empty: the service binds one itself."""
    interpret: Literal["never", "as_told", "without_gpu"] = "never"
    """When Triton's interpreter runs the kernels; interpreted kernels are never timed. as_told: as TRITON_INTERPRET
    sets it."""
    forks: bool = False
    """The process is to be forked, so it must have no threads and no watchdog. It notices the parent's end by its
    wire."""


class Refused(msgspec.Struct, frozen=True, tag=True):
    """From the worker: bad input, in one line. The worker ends. status: the exit status of the command."""

    problem: str
    status: int


class Done(msgspec.Struct, frozen=True, tag=True):
    """From the worker: the job has ended, the next may come."""


class Awake(msgspec.Struct, frozen=True, tag=True):
    """From a worker with a device, first: its slow imports are done, and it has touched no device."""


class Greet(msgspec.Struct, frozen=True, tag=True):
    """Job: open the device and report the environment. folder: of the suite."""

    folder: str
    bandwidth: bool = True
    """Measure it, which takes about 0.1 s on a GPU."""
    sniff: bool = False
    """Also check how fast the machine is today."""


class Hello(msgspec.Struct, frozen=True, tag=True):
    """The worker's environment. The plan is made from it, since tuned files belong to a device."""

    environment: Environment
    interpreted: bool = False
    """Triton kernels run in its interpreter."""
    sniff: Sniff | None = None
    """None unless the parent requested it."""


class StageJob(msgspec.Struct, frozen=True, tag=True):
    """Job: run the `stage` of the plan for those of its cases that belong to it."""

    stage: Stage
    plan: Plan
    process: int = 0
    """Number of this fresh process."""
    verify_only: bool = False
    streams: dict[str, list[list[int]]] = {}
    """Recorded token streams by name, [batch][steps + 1], from an earlier process."""
    rounds: int | None = None
    """Replaces the timer's own number."""
    keep_traces: str | None = None
    """Folder for the traces of the profile stage."""
    engines: tuple[str, ...] = ("eager",)
    """Engines with which the profile stage runs the steps."""
    steps: int | None = None
    """Number of steps that the profile stage records; None: the usual number."""
    references: str | None = None
    """Folder for the float32 model's logits, which the processes of a run share."""
    tree: str = ""
    """Folder that everything but the harness must come from; empty: no check."""
    observe: bool = False
    """Report the code and data that each case loads and reads."""
    energy: bool = False
    """Report the joules that each timed case takes."""
    clocked: tuple[str, ...] = ()
    """Ids of the kernel cases that the parent's clock times too."""


class TryJob(msgspec.Struct, frozen=True, tag=True):
    """Job: check, time and diagnose an attempt."""

    case: Case
    against: Case | None
    """Another answer to the same question."""
    folder: str
    """Folder that `./file.py` is relative to."""
    evidence: str
    """Folder for the evidence of a wrong output."""
    explicit: bool = False
    """Check this shape even where the interpreter is slow."""
    rounds: int | None = None
    ops: dict[str, OpSource] = {}
    """Ops outside of the library."""

    @property
    def clocked(self) -> tuple[str, ...]:
        """Ids of the attempt and its opponent, which the parent's clock times too, as in a stage."""
        return tuple(case.id for case in (self.case, self.against) if case is not None)


class Task(msgspec.Struct, frozen=True, tag=True):
    """Job: verify and time these configurations. A Dask worker runs the same. rounds: 0: time each configuration alone;
    else the number of interleaved rounds."""

    suite: Suite
    entrants: tuple[Entrant, ...]
    rounds: int = 0
    process: int = 0
    """Number of the fresh process that the task is meant for."""
    prepare: bool = False
    """Only verify the configurations and make them ready, for a later task that times them."""
    release: bool = False
    """Free the memory of everything that was made ready."""
    clocked: tuple[str, ...] = ()
    """As in a stage."""


DeviceJob = Greet | StageJob | TryJob | Task


class WindowBegins(msgspec.Struct, frozen=True, tag=True):
    """From the worker, which waits for `Go`; then it runs the calls of a case, and nothing else."""

    case: str


class WindowEnds(msgspec.Struct, frozen=True, tag=True):
    """From the worker, which waits for `Go`: `calls` calls have run, in `claimed_us` by its own clock.

    median_us: of the case's samples. threads: that a call may use; None where it runs on a GPU.
    """

    case: str
    calls: int
    claimed_us: float
    median_us: float
    threads: int | None


class Go(msgspec.Struct, frozen=True, tag=True):
    """The parent has read its clock. again: another window, twice as long, is to follow."""

    again: bool = False


class Started(msgspec.Struct, frozen=True, tag=True):
    """The worker's present activity, and the cause if the worker dies. cases: ids that fail with it."""

    what: str
    cases: tuple[str, ...] = ()
    done: int = 0
    of: int = 0


class Measured(msgspec.Struct, frozen=True, tag=True):
    measurement: Measurement
    source_text: str | None = None


class Sampled(msgspec.Struct, frozen=True, tag=True):
    conditions: tuple[Conditions, ...]


class Profiled(msgspec.Struct, frozen=True, tag=True):
    profile: Profile


class NotProfiled(msgspec.Struct, frozen=True, tag=True):
    """A profile that failed. unsupported: it cannot run here, which is no failure."""

    what: str
    """An arm under an engine."""
    reason: str
    unsupported: bool = False


class Streamed(msgspec.Struct, frozen=True, tag=True):
    name: str
    tokens: list[list[int]]


class Ran(msgspec.Struct, frozen=True, tag=True):
    """Last event of a stage."""

    files: tuple[str, ...]
    """Resolved paths of the kernels, variants and models that this process loaded."""
    modules: tuple[str, ...] = ()
    """Files as Python names them: of all modules but those of the library, of installed packages and of the harness."""
    closures: dict[str, Closure] = {}
    """By case id, for observed cases."""
    touched: tuple[str, ...] = ()
    """Everything observed, relative to the tree."""


class TryReply(msgspec.Struct, frozen=True, tag=True):
    """Last event of an attempt. launches, binaries: of one call on the GPU."""

    measurement: Measurement
    against: Measurement | None = None
    source: str | None = None
    diagnosis: Diagnosis | None = None
    evidence: str = ""
    remarks: tuple[str, ...] = ()
    launches: tuple[Launch, ...] = ()
    binaries: tuple[Binary, ...] = ()
    interpreted: bool = False
    """It launched kernels in Triton's interpreter."""
    lost: bool = False
    """The worker cannot go on; it ends now."""


class Outcome(msgspec.Struct, frozen=True, tag=True):
    """The only event of a task."""

    environment: Environment
    measurements: tuple[Measurement, ...] = ()
    """In the order of the entrants."""
    sources: dict[str, str] = {}
    """Text of the variants by sha256."""
    conditions: tuple[Conditions, ...] = ()
    busy_s: float = 0.0
    """Seconds that the device was busy."""
    where: str = ""
    """The process that ran the task."""
    closure: Closure | None = None
    """The files that this process saw the entrants read, where all are of one variant."""


BenchEvent = Started | Measured | Sampled | Streamed
StageEvent = BenchEvent | Profiled | NotProfiled | Ran
