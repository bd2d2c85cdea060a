"""The same kernels written otherwise: comments and blank lines in front of everything, other names of local variables,
another folder. A compiler must make the same of them, and `harness compilers` must say so."""

from __future__ import annotations

import ast
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.compilers.judge import judge_cell
from harness.compilers.matrix import compile_with
from harness.compilers.versions import find_compilers
from harness.compilers.workload import workload
from harness.plan import expand
from harness.runner.static_side import CompileRequest
from harness.suite.load import load_suite
from harness.values.compiled import Compiled
from harness.values.static_comparison import StaticVerdict
from tests.conftest import REPOSITORY

COMMENTS = "# One more comment,\n#\n# and blank lines.\n\n\n"
COPIED = ("every_variant.yaml", "models.yaml", "categories.yaml", "devices.yaml")


Judged = tuple[str, str, StaticVerdict, str]
"""Case, target, verdict and reason of a cell."""


def against_itself(
    triton: str, folder: Path, wheels: Path | None = None, match: str = "", targets: Sequence[str] = ()
) -> list[Judged]:
    """Every kernel of `every_variant.yaml` against itself written otherwise, by one Triton. Each side has a process,
    hash seed and cache of its own."""
    suites = REPOSITORY / "suites" / COPIED[0], rewritten(folder / "copy")
    base, head = (
        _compiled(triton, suite, folder / f"cache{number}", str(number), wheels, match, targets)
        for number, suite in enumerate(suites)
    )
    assert base.keys() == head.keys()
    return [(*place, *judge_cell(one, head[place])) for place, one in base.items()]


def _compiled(
    triton: str, file: Path, cache: Path, seed: str, wheels: Path | None, match: str, targets: Sequence[str]
) -> dict[tuple[str, str], Compiled]:
    """Each configuration of the suite's arms, by its id and target."""
    suite = load_suite(file)
    works = workload(expand(suite, match=match or None), with_neighbours=False)
    cases = tuple(work.case for work in works if not work.problem)
    asked = CompileRequest(
        cases, tuple(targets or suite.compilers.targets), str(suite.folder), suite.kernels_root, 2, ops=suite.ops
    )
    with _variables(HARNESS_CACHE=str(cache), PYTHONHASHSEED=seed):
        [compiler] = find_compilers([triton], wheels)
        reply = compile_with(compiler, asked, suite.folder)
    return {(one.case.id, target): one for target, several in reply.compiled.items() for one in several}


@contextmanager
def _variables(**values: str) -> Iterator[None]:
    before: Mapping[str, str | None] = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def rewritten(root: Path) -> Path:
    """A copy of the library and of `every_variant.yaml` under `root`, every kernel of it written otherwise. Returns the
    suite's path."""
    kernels = shutil.copytree(
        REPOSITORY / "kernels", root / "kernels", ignore=shutil.ignore_patterns("__pycache__", "tuned")
    )
    (kernels / "LIBRARY").touch()
    for file in kernels.rglob("*.py"):
        text = file.read_text()
        if "triton.jit" in text:
            file.write_text(otherwise(text))
    suites = root / "suites"
    suites.mkdir()
    for name in COPIED:
        shutil.copy(REPOSITORY / "suites" / name, suites)
    return suites / COPIED[0]


def otherwise(text: str) -> str:
    """The module with comments after its future imports and new names for the local variables of its kernels."""
    tree = ast.parse(text)
    lines = text.splitlines(keepends=True)
    places = sorted({place for found in ast.walk(tree) if _is_kernel(found) for place in _locals(found)}, reverse=True)
    for line, start, end, name in places:
        raw = lines[line - 1].encode()
        lines[line - 1] = (raw[:start] + f"{name}_of_mine".encode() + raw[end:]).decode()
    for found in reversed([node for node in tree.body if isinstance(node, ast.FunctionDef)]):
        first = min([found.lineno, *(decorator.lineno for decorator in found.decorator_list)])
        lines.insert(first - 1, COMMENTS)
    return "".join(lines)


def _is_kernel(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and any("jit" in ast.unparse(found) for found in node.decorator_list)


def _locals(function: ast.AST) -> Iterator[tuple[int, int, int, str]]:
    """Line, first and last byte and name of each mention of a variable that the function assigns."""
    assert isinstance(function, ast.FunctionDef)
    given = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)} - given
    for node in names:
        if node.id in own:
            assert node.end_col_offset is not None
            yield node.lineno, node.col_offset, node.end_col_offset, node.id
