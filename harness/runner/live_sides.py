"""Resolves the names of two sides to trees: `main`, `.`, `HEAD~1:autotuned`. `compare.sides` resolves stored runs."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from harness import kernels_root
from harness.errors import HarnessError, allowed
from harness.plan import expand
from harness.plan.outside import is_mixed, is_outside
from harness.revisions import Checkout, check_out, repository_of
from harness.revisions.checkout import WORKING_TREE, set_up
from harness.revisions.git import commit_of, git
from harness.runner.budget import silence_limit_s
from harness.runner.interpreter import interpreter_of, python_path
from harness.runner.paired import Pairs
from harness.runner.paired_side import PairedSide
from harness.runner.stage import Options, Report
from harness.runner.terms import Terms
from harness.store import Store
from harness.store.naming import SideName, side_name
from harness.suite.load import is_suite, load_suite
from harness.suite.outside import command_suite
from harness.values.outside import CommandEngine
from harness.values.pairing import Tree
from harness.values.suite import ComparePolicy, Plan, Suite

Say = Callable[[str], None]


class Program(NamedTuple):
    """A command in place of a suite. setup: a command that prepares a checkout."""

    engine: CommandEngine
    setup: str = ""


class Live(NamedTuple):
    """The request of a comparison. suite: a path; empty: the only one there is. pythons: base's and head's.

    program: replaces the suite; it runs in each tree's copy of the folder that is current here.
    """

    base: str
    head: str
    suite: str = ""
    match: str = ""
    arms: tuple[str, ...] = ()
    pythons: tuple[str, str] = ("", "")
    copies: tuple[int, int] = (0, 0)
    program: Program | None = None
    python_options: tuple[str, str] = ("--base-python", "--head-python")
    """The options that named the interpreters, for errors."""


def check_revision(name: str) -> None:
    """Raise HarnessError where a side that is no stored run is no revision of the repository here either."""
    revision, repository = _side(name).name, repository_of(Path.cwd())
    if repository is not None and revision != WORKING_TREE:
        commit_of(repository, revision)


class SideTree(NamedTuple):
    """One side's checkout. word: `base` or `head`. kept: whether it is a checkout in which a setup may build."""

    word: str
    checkout: Checkout
    arm: str | None
    suite: Path
    python: str
    kept: bool


def prepare(live: Live, store: Store, options: Options, terms: Terms, report: Report, say: Say) -> Pairs:
    """Check out, set up and plan both sides. Every error in their names is reported before torch loads.

    Raises HarnessError for an unknown revision or arm, a revision without the suite, or a filter that leaves nothing,
    and CaseFailed where a setup fails.
    """
    found = trees(live, store, say, apart=terms.measure_identical)
    roots, arms = {side.checkout.root for side in found}, (found[0].arm, found[1].arm)
    if len(roots) == 1 and arms[0] == arms[1] and not any(live.pythons):
        say("both sides are the same tree: --measure-identical measures it against itself")
    planned_sides = plans_of(found, live, say)
    apart = found[0].python != found[1].python
    interpreters = [
        interpreter_of(side.python, option) if apart else None
        for side, option in zip(found, live.python_options, strict=True)
    ]
    sides = []
    for side, interpreter, (planned, plan) in zip(found, interpreters, planned_sides, strict=True):
        if is_mixed(plan):
            both = "some of its arms are external programs, and both sides of a pair are of one kind"
            raise HarnessError(f"{plan.suite.path}: {both}; name the arms to compare: --arms or RUN:ARM")
        if is_outside(plan) and len(terms.devices) > 1:
            raise HarnessError("--gpus: for kernels and models of this program; a program outside chooses its own GPUs")
        budget_s = plan.suite.compare.budget_s if terms.budget_s is None else terms.budget_s
        limit_s = min(options.silence_limit_s, silence_limit_s(budget_s))
        options = msgspec.structs.replace(options, silence_limit_s=limit_s)
        sides.append(
            PairedSide(
                side.word, side.checkout, planned, plan, side.python, store, options, report, terms.devices, interpreter
            )
        )
    return Pairs(sides[0], sides[1], arms, store, terms, say)


def trees(live: Live, store: Store, say: Say, apart: bool = False) -> tuple[SideTree, SideTree]:
    """Return both sides, checked out. Raises HarnessError as `prepare` does.

    apart: use two folders even for the same tree, so that the difference contains the effects of a path and a file
    layout. Two interpreters also get two folders, since each has its own setup.
    """
    names = [_side(name) for name in (live.base, live.head)]
    suite, repository = suite_of(live, store)
    checkouts = [
        _checkout(name, suite, repository, copy, say) for (name, _), copy in zip(names, live.copies, strict=True)
    ]
    arms = [names[1 - i][1] if arm is None else arm for i, (_, arm) in enumerate(names)]
    if live.arms and arms[0] is not None:
        sides = f"{live.base} and {live.head}"
        raise HarnessError(f"--arms {','.join(live.arms)}: for sides that name no arm; these are {sides}")
    relative = suite.relative_to(repository) if repository else suite
    pythons = [
        python_path(python, option) if python else sys.executable
        for python, option in zip(live.pythons, live.python_options, strict=True)
    ]
    apart = pythons[0] != pythons[1] or (apart and arms[0] == arms[1])
    if apart and repository is not None and checkouts[0].root == checkouts[1].root:
        checkouts[1] = _checkout(names[1][0], suite, repository, 1, say)
    found = []
    for word, checkout, arm, python in zip(("base", "head"), checkouts, arms, pythons, strict=True):
        file = checkout.root / relative if repository else suite
        if live.program is None:
            _check_suite(file, relative, checkout, word)
        elif not file.parent.is_dir():
            raise HarnessError(f"{word} ({checkout.tree.words}) has no folder {relative.parent}")
        found.append(SideTree(word, checkout, arm, file, python, repository is not None))
    return found[0], found[1]


def plans_of(
    sides: tuple[SideTree, SideTree], live: Live, say: Say, device: str | None = None
) -> list[tuple[Callable[..., Plan], Plan]]:
    """Return for each side `expand` with all arguments but the device, and its plan with its own kernels.

    device: whose tuned files are read. A setup can take long and can fail, so each suite's setup runs only once both
    plans are known to be valid.
    """
    found = [_plan_of(side, live, device) for side in sides]
    for side, (_, plan) in zip(sides, found, strict=True):
        if side.kept:
            set_up(side.checkout, plan.suite.compare.setup, side.python, say)
    return found


def _plan_of(side: SideTree, live: Live, device: str | None) -> tuple[Callable[..., Plan], Plan]:
    chosen = (side.arm,) if side.arm else live.arms or None
    triton = importlib.metadata.version("triton") if device and importlib.util.find_spec("triton") else None
    try:
        planned = partial(expand, _suite(side, live), arms=chosen, match=live.match or None)
        return planned, planned(device_slug=device, triton=triton)
    except HarnessError as error:
        raise _of_side(error, side.word, side.checkout) from error


def _suite(side: SideTree, live: Live) -> Suite:
    if live.program is None:
        return load_suite(side.suite)
    return command_suite(live.program.engine, side.suite, ComparePolicy(setup=live.program.setup))


def _of_side(error: HarnessError, word: str, checkout: Checkout) -> HarnessError:
    said = HarnessError(f"{word} ({checkout.tree.words}): {error}")
    said.exit_status = error.exit_status
    return said


def _side(text: str) -> SideName:
    """The revision, or the working tree where none is given, and the arm."""
    revision, arm = side_name(text)
    if arm == "":
        raise HarnessError(f"{text}: no arm after the colon; allowed: REVISION or REVISION:ARM")
    return SideName(revision or WORKING_TREE, arm)


def suite_of(live: Live, store: Store) -> tuple[Path, Path | None]:
    """The suite's path in the working tree, even if it does not exist there, and the repository that holds it. Raises
    HarnessError where none is named and there is not exactly one."""
    if live.program is not None:
        return Path.cwd().resolve() / "command", repository_of(Path.cwd())
    if live.suite:
        path = Path(live.suite).resolve()
        folder = next(above for above in path.parents if above.is_dir())
        return path, repository_of(folder)
    repository = repository_of(Path.cwd())
    root = repository or Path.cwd()
    found = [file for file in sorted(root.glob("suites/*.yaml")) if is_suite(file)] or _anywhere(root, repository)
    if len(found) > 1:
        newest = [run.suite for run in store.runs() if any(run.suite == file.stem for file in found)]
        found = [file for file in found if newest and file.stem == newest[-1]] or found
    if len(found) != 1:
        if not found:
            raise HarnessError(f"no suite in {root}: name the one to compare with --suite FILE")
        names = ", ".join(str(file.relative_to(root)) for file in found)
        raise HarnessError(f"--suite: which one? There are: {names}")
    return found[0].resolve(), repository


def _anywhere(root: Path, repository: Path | None) -> list[Path]:
    """All suites of a folder that git lists; without git, those at its top."""
    if repository is None:
        return [file for file in sorted(root.glob("*.yaml")) if is_suite(file)]
    named = git(repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.yaml").split("\0")
    return [file for name in sorted(filter(None, named)) if is_suite(file := repository / name)]


def _checkout(name: str, suite: Path, repository: Path | None, copy: int, say: Say) -> Checkout:
    if repository is not None:
        return check_out(name, repository, say, copy)
    if name != ".":
        raise HarnessError(f"{name}: neither a stored run nor a revision: {suite.parent} is in no git repository")
    root = kernels_root.find(suite)
    own = root != kernels_root.installed() or suite.is_relative_to(root.parent)
    folder = root.parent if own else suite.parent
    return Checkout(Tree(".", folder=str(folder)), folder)


def _check_suite(file: Path, relative: Path, checkout: Checkout, word: str) -> None:
    if file.is_file():
        return
    there = (found for found in sorted(checkout.root.glob("**/*.yaml")) if is_suite(found))
    suites = [str(found.relative_to(checkout.root)) for found in there]
    raise HarnessError(f"{word} ({checkout.tree.words}) has no suite {relative}; {allowed(str(relative), suites)}")
