"""The opponent of an attempt: an arm of a suite, a variant, a file, or the same file at another revision."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from harness.attempt.question import TryRequest, variant_name
from harness.errors import HarnessError, allowed
from harness.plan.resolution import ArmResolver
from harness.revisions.git import commit_of, git, repository_of
from harness.store.store import make_folder
from harness.suite.catalogue import bound_kernels, load_spec, variant_file, variants
from harness.suite.library import library_folder
from harness.suite.load import is_suite, load_suite
from harness.suite.signature import read_signature
from harness.values.case import Case, Implementation
from harness.values.environment import Environment
from harness.values.suite import Suite

NOTHING = "none"
USUAL_ARMS = ("autotuned", "baseline")
"""Arms tried in this order where `--against` names nothing: the times to beat."""


class Against(msgspec.Struct, frozen=True):
    """An opponent."""

    case: Case
    """The attempt's question, with the other answer."""
    name: str
    """Name of the arm, variant or revision: `autotuned`."""
    label: str
    """The same with its tunables: `autotuned (triton_vecmat 8,256 w2)`."""


def opponent(question: TryRequest, name: str, environment: Environment, folder: Path) -> Against | None:
    """Return the other side; None where none exists, or where it would be the attempt itself.

    name: as the user gave it. Empty: the model's `autotuned` or `baseline` arm, else the op's own default. folder:
    keeps the texts of revisions. Raises HarnessError where a given name means nothing.
    """
    if name == NOTHING:
        return None
    found = _named(question, name, environment, folder) if name else _usual(question, environment)
    if found is None or found.case.answer is None or question.case.answer is None:
        return None
    mine, other = question.case.answer, found.case.answer
    return None if (mine.variant, mine.tunables) == (other.variant, other.tunables) else found


def _usual(question: TryRequest, environment: Environment) -> Against | None:
    arms = dict(_arms(question, environment))
    for arm in USUAL_ARMS:
        if arm in arms:
            return arms[arm]
    op, tried = str(question.case.op), question.case.variant
    spec = load_spec(op)
    others = [variant for variant in variants(op) if spec.own and variant != tried]
    if others:
        return _variant(question, others[0], "")
    variant = spec.default.get("decode")
    return _variant(question, variant, "default") if variant else None


def _named(question: TryRequest, name: str, environment: Environment, folder: Path) -> Against:
    op = str(question.case.op)
    if name in variants(op):
        return _variant(question, name, "")
    if name.endswith(".py"):
        file = variant_file(op, name, Path.cwd())
        if file is None:
            raise HarnessError(f"--against {name}: no such file, here or beside the op's variants")
        return _variant(question, variant_name(op, file), "")
    arms = dict(_arms(question, environment))
    if name in arms:
        return arms[name]
    try:
        return _revision(question, name, folder)
    except HarnessError as error:
        known = {*variants(op), *arms, NOTHING}
        raise HarnessError(f"--against {name}: no arm, variant, file or revision; {allowed(name, known)}") from error


def _variant(question: TryRequest, variant: str, origin: str) -> Against:
    signature = bound_kernels(Path.cwd()).signature(str(question.case.op), variant)
    answer = Implementation(variant, dict(signature.tunables))
    return _against(question, answer, origin or Path(variant).stem)


def _revision(question: TryRequest, revision: str, folder: Path) -> Against:
    """The file's text at a revision, in a separate file, with those tunables of the attempt that this text has."""
    file = Path(question.file)
    repository = repository_of(file.parent)
    if repository is None:
        raise HarnessError(f"{file}: in no git repository; a revision needs one")
    commit = commit_of(repository, revision)
    text = git(repository, "show", f"{commit}:{file.relative_to(repository)}") + "\n"
    make_folder(folder)
    kept = (folder / f"{file.stem}_{hashlib.sha256(text.encode()).hexdigest()[:12]}.py").resolve()
    kept.write_text(text, encoding="utf-8")
    known = read_signature(kept, load_spec(str(question.case.op)).op).tunables
    given = question.case.answer.tunables if question.case.answer else {}
    answer = Implementation(str(kept), {name: given.get(name, default) for name, default in known.items()})
    return _against(question, answer, f"{file.name} of {revision}", f" ({commit[:7]})", variant=False)


def _arms(question: TryRequest, environment: Environment) -> Iterator[tuple[str, Against]]:
    """The arms of the library's suites of this model that answer this question, with the op chosen at this site."""
    for suite in _suites(question.model):
        answers = ArmResolver(suite, environment.slug, environment.triton)
        for arm in suite.arms:
            try:
                found = answers.resolve(
                    arm, str(question.case.op), str(question.case.site), "decode", question.case.dims
                )
            except (KeyError, HarnessError):  # an op that no arm of this suite chooses, without a default
                continue
            if found.problem is None:
                yield arm, _against(question, found.answer, arm)


def _suites(model: str) -> Iterator[Suite]:
    folder = library_folder()
    for path in sorted(folder.glob("*.yaml")) if folder and model else ():
        found = _suite(path, path.stat().st_mtime_ns)
        if found is not None and found.model == model:
            yield found


@cache
def _suite(path: Path, written_ns: int) -> Suite | None:
    """Read a suite once per version, so that an attempt does not wait for unchanged files. None for a file that is no
    suite."""
    return load_suite(path) if is_suite(path) else None


def _against(
    question: TryRequest, answer: Implementation, name: str, commit: str = "", variant: bool = True
) -> Against:
    case = msgspec.structs.replace(question.case, arm=f"against {name}{commit}", answer=answer)
    if case.arm == question.case.arm:
        case = msgspec.structs.replace(case, arm=f"{case.arm} again")
    return Against(case, name, f"{name}{commit} ({described(answer, variant)})")


def described(answer: Implementation, variant: bool = True) -> str:
    """`triton_vecmat 8,256 w2 s2`: tile sizes by their values, warps and stages by their letter, others by name."""
    short = {"num_warps": "w", "num_stages": "s"}
    tiles = [str(v) for name, v in answer.tunables.items() if name.startswith("block_")]
    named = [
        f"{name}={v}" for name, v in answer.tunables.items() if not name.startswith("block_") and name not in short
    ]
    launch = [f"{letter}{answer.tunables[name]}" for name, letter in short.items() if name in answer.tunables]
    words = [Path(answer.variant).stem] if variant else []
    return " ".join([*words, *([",".join(tiles)] if tiles else []), *named, *launch])
