"""A suite to a plan in a process of its own: a process has one folder of kernels, and a comparison has two.

Started as `python -m harness.runner.planner`, asked and answered in one line each. No torch.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from harness.child import finding_this_harness
from harness.errors import ExitStatus, HarnessError
from harness.lines import from_line, to_line
from harness.values.environment import Environment
from harness.values.suite import Plan


class Wanted(msgspec.Struct, frozen=True):
    """device, triton: where it will run; without them what is `tuned` is not looked up. Else as of `plan.expand`.
    compile: ids of cases to be compiled, without a GPU, for a target (`sm_90`) by the Triton of an interpreter."""

    suite: str
    arms: tuple[str, ...] | None = None
    match: str | None = None
    device: str | None = None
    triton: str | None = None
    compile: tuple[str, ...] = ()
    target: str = ""
    python: str = ""


class Planned(msgspec.Struct, frozen=True):
    """By case id: fingerprints, see `suite.fingerprint`; launches, the identity of all that a call launches, of the
    cases that were compiled. problem: why there is no plan, in one line."""

    plan: Plan | None = None
    fingerprints: dict[str, str] = {}
    launches: dict[str, str] = {}
    problem: str = ""
    status: int = 0


def plan_of(wanted: Wanted, environment: Environment | None = None) -> Planned:
    """The plan of a suite file as its own kernels have it. Raises HarnessError as `load_suite` and `expand` do."""
    if environment is not None:
        wanted = msgspec.structs.replace(wanted, device=environment.slug, triton=environment.triton)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "harness.runner.planner"], input=to_line(wanted),
        capture_output=True, env=finding_this_harness(), cwd="/", check=False,
    )  # fmt: skip
    if done.returncode != 0:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise HarnessError(f"{wanted.suite}: cannot be read with the kernels beside it: {last}")
    answer: Planned = from_line(done.stdout.splitlines()[-1], Planned)
    if answer.plan is None:
        error = HarnessError(answer.problem)
        error.exit_status = ExitStatus(answer.status)
        raise error
    return answer


def _launches(plan: Plan, wanted: Wanted) -> dict[str, str]:
    if not wanted.compile:
        return {}
    from harness.static.pool import compile_cases

    cases = [case for case in plan.cases if case.id in wanted.compile]
    compiled = compile_cases(cases, wanted.target, Path(plan.suite.path).parent, python=wanted.python)
    return {found.case.id: found.identity for found in compiled if found.identity is not None}


def main() -> None:
    from harness.plan import expand
    from harness.suite.fingerprint import fingerprints
    from harness.suite.load import load_suite

    wanted: Wanted = from_line(sys.stdin.buffer.readline(), Wanted)
    try:
        suite = load_suite(Path(wanted.suite))
        plan = expand(suite, arms=wanted.arms, match=wanted.match, device_slug=wanted.device, triton=wanted.triton)
        answer = Planned(plan, fingerprints(plan), _launches(plan, wanted))
    except HarnessError as error:
        answer = Planned(problem=str(error), status=int(error.exit_status))
    sys.stdout.buffer.write(to_line(answer))


if __name__ == "__main__":
    main()
