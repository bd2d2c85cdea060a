"""The command line's functions over values; installed as `kernel_harness`.

Nothing heavy is imported until a function is called. Work on the device runs in processes of its own, so that a program
may measure suites with different kernels one after the other. Errors are HarnessError, one line each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import harness

try:
    from harness import errors
    from harness.errors import HarnessError
except ImportError:  # an editable install finds the submodules of any `harness`, another one does not
    errors = None  # type: ignore[assignment]
if errors is None or Path(str(errors.__file__)).parent != Path(str(harness.__file__)).parent:
    raise ImportError(
        f"kernel_harness: `import harness` finds another project's, {harness.__file__}; "
        "start Python elsewhere, or with -P"
    )

if TYPE_CHECKING:
    from harness.attempt.notebook import load, try_kernel
    from harness.store import Store
    from harness.values.profile import Profile
    from harness.values.run import Run
    from harness.values.stage import Stage
    from harness.values.suite import Plan, Suite
    from harness.values.sweep import SweepResult
    from harness.values.verdict import Comparison

__all__ = [
    "HarnessError", "Store", "breakdown", "compare", "load", "load_suite", "plan", "run", "sweep", "try_kernel",
]  # fmt: skip

Report = Callable[[str, str, int, int], None]
"""Called with the stage, the current action, the number of cases done and the number of all."""


def load_suite(path: str | Path) -> Suite:
    """The suite in a YAML file, checked against its model and the kernels beside it.

    Raises SuiteError, `file:line:column: key: problem; allowed: ...`, for the first mistake.
    """
    from harness.suite.load import load_suite

    return load_suite(Path(path))


def plan(suite: Suite, *, arms: Sequence[str] = (), match: str = "", device: str = "", triton: str = "") -> Plan:
    """Every case of a suite with its implementation, in the order in which `run` measures them.

    arms: These alone, in this order.
    match: Cases whose id contains this text, as `-k`.
    device, triton: The device and Triton version of the run (`nvidia-h100-80gb-hbm3`, `3.7.1`). Without them, `tuned`
        stays open.

    Raises HarnessError for an unknown arm and for a filter that leaves nothing.
    """
    from harness.plan import expand

    return expand(suite, arms=arms or None, match=match or None, device_slug=device or None, triton=triton or None)


def run(
    suite: Suite, *, arms: Sequence[str] = (), match: str = "", processes: int = 1,
    stages: tuple[Stage, ...] = ("kernels", "decode", "figures", "profile"), rounds: int | None = None,
    energy: bool = False, note: str = "", store: Store | None = None, report: Report | None = None,
) -> Run:  # fmt: skip
    """Verifies, times and profiles a suite on this machine, and returns the run as it is stored.

    processes: Fresh processes that repeat every case.
    rounds: Interleaved rounds of each. None for the timer's own number.
    energy: Measure joules, too.
    store: `.harness/runs.sqlite` here if left out.

    Samples are us per call, token or prefill. A case that is wrong or fails is a measurement with its status and
    reason, without samples. Raises HarnessError as `plan` does, and if no worker starts. Measurements made until then
    are stored.
    """
    from harness.runner.execute import Execution
    from harness.runner.stage import Options
    from harness.store import Store

    plan(suite, arms=arms, match=match)  # a wrong name is said before a process starts
    store = store or Store()
    options = Options(processes=processes, stages=stages, rounds=rounds, energy=energy, note=note)
    execution = Execution(
        suite, lambda here: plan(suite, arms=arms, match=match, device=here.slug, triton=here.triton or ""), store,
        options, report or (lambda *_: None),
    )  # fmt: skip
    return store.load(execution.run())


def compare(
    base: Run, head: Run, *, base_arm: str | None = None, head_arm: str | None = None, accept: Collection[str] = ()
) -> Comparison:
    """The verdict on every question that two stored runs, or two arms of one run, have in common.

    Ratios are head time / base time with their interval.

    accept: Conditions that may differ (`torch`, `triton`, `gpu`). If others differ, the comparison has `comparable`
        False and no verdicts.

    Raises NotComparable if the sides have no question in common. `Comparison.exit_status` is that of `harness compare`.
    """
    from harness.compare import StoredSide, compare

    return compare(StoredSide(base, base_arm), StoredSide(head, head_arm), accept=accept)


def sweep(
    suite: Suite, *, match: str = "", tokens: Sequence[int] = (1,), rounds: int | None = None, processes: int = 4,
    again: bool = False, untrusted: bool = False, note: str = "", store: Store | None = None,
    report: Report | None = None,
) -> SweepResult:  # fmt: skip
    """Times every configuration of a suite's sweep spaces and writes the fastest to tuned files, which arms read by the
    word `tuned`.

    tokens: Tokens of a call.
    processes: Fresh processes that confirm a choice.
    again: Time stored configurations anew.
    untrusted: Write tuned files even if the same work took different times.

    Raises HarnessError for a suite without a sweep, CaseFailed if no configuration could be timed.
    """
    from harness.plan import sweep_plan
    from harness.store import Store
    from harness.sweep.options import Options
    from harness.sweep.sweep import sweep

    options = Options(rounds=rounds, processes=processes, again=again, untrusted=untrusted, note=note)
    cases = sweep_plan(suite, match=match or None, tokens=tokens)
    return sweep(cases, store or Store(), options, report or (lambda *_: None))


def breakdown(
    trace: str | Path, *, categories: str | Path | None = None, steps: int | str = 0, skip: int = 0, window: str = ""
) -> Profile:
    """The GPU time of a torch.profiler trace by category, kernel and gap; times in ns.

    categories: Rules (YAML) that take precedence over the shipped ones.
    steps: Decode steps in the trace, 0 if unknown. Or `"2-5"`, these of its `ProfilerStep#N` alone.
    skip: Number of first steps that are left out.
    window: `START..END` from the first row on, in ms (`"200us..1.5"`).

    Raises HarnessError if the file is no trace or nothing is left of it.
    """
    from harness.trace import breakdown, load_rules
    from harness.trace.selection import selection

    count, part = selection(str(steps or ""), skip, window)
    rules = load_rules(*([Path(categories)] if categories else []))
    return breakdown(Path(trace), rules, steps=count, selection=part)


def __getattr__(name: str) -> Any:
    """`Store`, `try_kernel` and `load`, imported on first use."""
    if name == "Store":
        from harness.store import Store

        return Store
    if name in ("load", "try_kernel"):
        from harness.attempt import notebook

        return getattr(notebook, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
