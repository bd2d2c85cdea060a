"""One hash for all that a case runs, as far as imports say: where it is equal on two sides, both run the same code."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from harness.suite.catalogue import variant_file
from harness.suite.closure import source_files
from harness.values.case import Answer, Case
from harness.values.suite import CallSite, Plan

NOT_ONLY_SOURCE = ("importlib", "__import__", "ctypes", "cpp_extension", "load_library", "exec(", "eval(", "open(")
"""Whoever uses one of these may run what no import names."""


def fingerprints(plan: Plan) -> dict[str, str]:
    """By case id: a hash of the question's sizes, the answers and every source file behind them. A case whose code
    cannot be told from its imports has none."""
    found = {}
    for case in plan.cases:
        own = CallSite("decode", str(case.op), str(case.site))
        answers = {own: case.answer} if case.answer is not None else dict(plan.answers.get(case.arm, {}))
        files = _files(case, plan, answers)
        if files and answers and case.problem is None:
            found[case.id] = _hash(case, plan, answers, files)
    return found


def _files(case: Case, plan: Plan, answers: Mapping[CallSite, Answer]) -> dict[str, Path] | None:
    """By a name that does not depend on where the tree lies; None where a file does more than import."""
    folder, root = Path(plan.suite.path).parent, Path(plan.suite.kernels_root)
    variants, rest = [], [root / "operands.py"]
    for place, answer in answers.items():
        op = case.op or place.op
        file = variant_file(op, answer.variant, folder)
        if file is None:
            return None
        variants.append(file)
        rest += [root / op / "spec.py", root / op / "reference.py"]
    if case.kind != "kernel":
        rest += sorted((root / "models" / plan.suite.architecture).glob("*.py"))
    code = _closure(variants)
    if any(word in file.read_text(encoding="utf-8", errors="replace") for file in code for word in NOT_ONLY_SOURCE):
        return None
    data = [folder / plan.suite.routing] if (folder / plan.suite.routing).is_file() else []
    everything = (*code, *_closure(rest), *data)  # the rest may open files: weights, recorded routing
    return {_name(file, (root, folder)): file for file in everything if file.is_file()}


def _closure(files: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(found for file in files if file.is_file() for found in source_files(file)))


def _name(file: Path, roots: Iterable[Path]) -> str:
    for root in roots:
        if file.resolve().is_relative_to(root.resolve()):
            return f"{root.name}/{file.resolve().relative_to(root.resolve())}"
    return str(file)


def _hash(case: Case, plan: Plan, answers: Mapping[CallSite, Answer], files: Mapping[str, Path]) -> str:
    suite = plan.suite
    chosen = sorted((place, answer.variant, sorted(answer.tunables.items())) for place, answer in answers.items())
    facts = (case.question, case.dims, chosen, suite.weights, suite.dims, suite.routing, suite.dtype)
    digest = hashlib.sha256(msgspec.json.encode(facts, order="sorted"))
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + _code(files[name]) + b"\0")
    return digest.hexdigest()


def _code(file: Path) -> bytes:
    """What of a file runs: of Python without comments, docstrings and layout."""
    data = file.read_bytes()
    if file.suffix != ".py":
        return data
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError):
        return data
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            first.value.value = ""
    return ast.dump(tree).encode()
