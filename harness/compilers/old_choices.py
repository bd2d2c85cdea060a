"""Compiles a tuned file's configurations with the installed compiler and with the one that they were tuned with.

Nothing is timed: `harness sweep --recheck` does that, in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from harness.compilers.judge import judge_cell
from harness.compilers.matrix import compile_with
from harness.compilers.versions import INSTALLED, find_compiler, installed_version
from harness.errors import HarnessError
from harness.plan import sweep_plan
from harness.runner.static_side import CompileRequest
from harness.static.target import parse_target
from harness.sweep.questions import SweepQuestion, questions
from harness.sweep.recheck import kept_entry, kept_tunables
from harness.values.case import Case, Implementation
from harness.values.compiled import Compiled
from harness.values.measurement import Status
from harness.values.old_choices import Checked, OldChoice
from harness.values.static_comparison import StaticVerdict
from harness.values.suite import Suite

Say = Callable[[str], None]


def check_choices(
    suite: Suite, device: str, target: str, wheels: Path | None, say: Say, match: str | None = None
) -> Checked:
    """Compile every configuration of the device's tuned files with the Triton that it was tuned with and with the
    installed one.

    `device`: as in file names. `wheels`: a folder to install the old versions from. Raises HarnessError where no Triton
    is installed, a version cannot be installed, or there is nothing to check.
    """
    here = installed_version()
    if here is None:
        raise HarnessError("--tuned: no Triton is installed here; it needs one to compile with")
    target = parse_target(target).name
    found: list[OldChoice] = []
    unknown: list[str] = []
    for asked in questions(suite, sweep_plan(suite, match=match).cases):
        entry = kept_entry(suite, asked, device, here)
        if isinstance(entry, str):
            unknown.append(entry)
        elif entry["triton"] in (here, None):
            unknown.append(f"{asked.op}@{asked.site} {asked.variant}: tuned with this Triton, {entry['triton']}")
        else:
            found += _choices(suite, asked, entry, target, wheels, say)
    if not found:
        raise HarnessError(f"{suite.path}: --tuned: {'; '.join(dict.fromkeys(unknown))}")
    return Checked(here, target, tuple(found), tuple(dict.fromkeys(unknown)))


def _choices(
    suite: Suite, asked: SweepQuestion, entry: Mapping[str, Any], target: str, wheels: Path | None, say: Say
) -> list[OldChoice]:
    cases = _cases(asked, entry)
    request = CompileRequest(tuple(cases), (target,), str(suite.folder), suite.kernels_root, ops=suite.ops)
    sides = []
    for name in (entry["triton"], INSTALLED):
        compiler = find_compiler(name, wheels, say)
        say(f"{asked.op}@{asked.site}: {len(cases)} configurations by Triton {compiler.triton} for {target}")
        reply = compile_with(compiler, request, suite.folder)
        sides.append({one.case.id: one for one in reply.compiled.get(target, ())})
    old, new = sides
    found = []
    for number, case in enumerate(cases):
        verdict, words = told(old.get(case.id, Compiled(case, Status.OK)), new.get(case.id, Compiled(case, Status.OK)))
        found.append(
            OldChoice(
                asked.op, asked.site, asked.variant, entry["triton"], dict(case.tunables), number == 0, verdict, words
            )
        )
    return found


def told(old: Compiled, new: Compiled) -> tuple[StaticVerdict, str]:
    """The verdict and its text: `same instructions`, `differs: registers 64 -> 96`, `no longer compiles: ...`."""
    verdict, reason = judge_cell(old, new)
    if verdict is StaticVerdict.SAME:
        return verdict, reason or "same instructions"
    if verdict is StaticVerdict.FAILED:
        return verdict, f"no longer compiles: {reason}"
    return verdict, f"differs: {reason}" if verdict is not StaticVerdict.UNKNOWN else reason


def _cases(asked: SweepQuestion, entry: Mapping[str, Any]) -> list[Case]:
    """The chosen configuration, then the other stored ones, each once."""
    distinct = {repr(sorted(tunables.items())): tunables for tunables in kept_tunables(entry)}
    return [
        msgspec.structs.replace(asked.cases[0], answer=Implementation(asked.variant, tunables, "tuned"))
        for tunables in distinct.values()
    ]
