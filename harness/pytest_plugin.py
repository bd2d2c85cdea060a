"""Kernel cases of a suite as pytest-benchmark benchmarks: `pytest --suite suites/x.yaml --benchmark-only`.

The harness verifies and times; pytest-benchmark receives the samples through a clock that only they advance, so that
its tables, --benchmark-save, --benchmark-compare and --benchmark-histogram show GPU times and not those of a launch.

Loaded by every pytest run of an environment that has the harness: nothing heavy is imported before `--suite` is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.serving.suite_cases import SuiteCasesBench
    from harness.values.case import Case
    from harness.values.measurement import Measurement

BENCHES = pytest.StashKey["dict[Path, SuiteCasesBench]"]()
CASES = pytest.StashKey["dict[Path, list[Case]]"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("harness", "kernel-harness")
    group.addoption("--suite", action="append", default=[], metavar="FILE", help="Benchmark this suite's kernel cases.")
    group.addoption("--suite-arms", default="", metavar="ARMS", help="Only these arms, comma-separated.")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Adds the suites to the arguments. Without other arguments, only they are collected. Raises UsageError without
    pytest-benchmark."""
    suites = config.getoption("--suite")
    if not suites:
        return
    if not config.pluginmanager.hasplugin("benchmark"):
        raise pytest.UsageError("--suite needs pytest-benchmark: pip install pytest-benchmark")
    config.stash[CASES] = {Path(name).resolve(): _cases(config, Path(name)) for name in suites}
    alone = config.args_source is not pytest.Config.ArgsSource.ARGS
    config.args = [*([] if alone else config.args), *suites]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    cases = parent.config.stash.get(CASES, {}).get(file_path.resolve())
    return None if cases is None else SuiteFile.from_parent(parent, path=file_path, cases=cases)


class SuiteFile(pytest.File):
    """A suite: one item for each kernel case that has its own answer."""

    def __init__(self, *, cases: Sequence[Case], **rest: Any) -> None:
        super().__init__(**rest)
        self.cases = cases

    def collect(self) -> Iterator[pytest.Item]:
        for case in self.cases:
            clock = Clock()
            item = pytest.Function.from_parent(self, name=case.id, callobj=_benchmark(case.id, self.path, clock))
            item.add_marker(pytest.mark.benchmark(group=case.question, timer=clock.now_s))
            yield item


class Clock:
    """Seconds that pass only when a sample is taken from it: pytest-benchmark sees each sample as one call."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._left_us: list[float] = []

    def load(self, samples_us: Sequence[float]) -> None:
        self._left_us = list(samples_us)

    def now_s(self) -> float:
        return self._now_s

    def take(self) -> None:
        """Lets the next sample pass. The clock starts from zero again, so that earlier time costs no digit of the
        sample."""
        self._now_s = self._left_us.pop(0) / 1e6

    def reset(self) -> None:
        self._now_s = 0.0


def _benchmark(case_id: str, suite: Path, clock: Clock) -> Callable[..., None]:
    def run(benchmark: Any, request: pytest.FixtureRequest) -> None:
        bench = _bench(request.config, suite)
        measurement = bench.measure(case_id, verify_only=not benchmark.enabled)
        _reject(measurement)
        benchmark.extra_info.update(_facts(measurement, bench))
        samples_us = [sample.value_us for sample in measurement.samples]
        if not samples_us:  # --benchmark-disable: verified, not timed
            benchmark.pedantic(lambda: None)
            return
        clock.load(samples_us)
        benchmark.pedantic(clock.take, setup=clock.reset, rounds=len(samples_us), iterations=1)

    return run


def _reject(measurement: Measurement) -> None:
    """Fails a case that is wrong and skips one that cannot run here, both with the reason."""
    from harness.values.measurement import Status

    if measurement.status is Status.UNSUPPORTED:
        pytest.skip(measurement.reason)
    if measurement.status is not Status.OK:
        pytest.fail(f"{measurement.status.value}: {measurement.reason}", pytrace=False)


def _facts(measurement: Measurement, bench: SuiteCasesBench) -> dict[str, Any]:
    """The fields beside the numbers in pytest-benchmark's files."""
    case, environment = measurement.case, bench.environment
    answer = case.answer
    return {
        "case": case.id,
        "variant": answer.variant if answer else "",
        "tunables": dict(answer.tunables) if answer else {},
        "timer": measurement.timer,
        "calls_per_sample": measurement.calls_per_sample,
        "bytes": measurement.work.bytes if measurement.work else 0,
        "device": environment.device_name,
        "torch": environment.torch,
        "triton": environment.triton or "",
        "method": measurement.method,
    }


def _bench(config: pytest.Config, suite: Path) -> SuiteCasesBench:
    """The bench of the whole session: torch is loaded and the machine examined once."""
    from harness.serving.suite_cases import SuiteCasesBench

    benches = config.stash.setdefault(BENCHES, {})
    if suite not in benches:
        benches[suite] = SuiteCasesBench(suite, _arms(config))
    return benches[suite]


def _arms(config: pytest.Config) -> list[str] | None:
    return [name.strip() for name in config.getoption("--suite-arms").split(",") if name.strip()] or None


def _cases(config: pytest.Config, suite: Path) -> list[Case]:
    from harness.errors import HarnessError
    from harness.plan import expand
    from harness.suite.load import load_suite

    try:
        plan = expand(load_suite(suite), arms=_arms(config))
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error
    return [case for case in plan.cases if case.kind == "kernel" and case.same_as is None]
