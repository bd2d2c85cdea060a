"""A compiler that was made worse is caught, and one that is the same says so in every cell."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.compilers.matrix import base_of, compile_matrix
from harness.compilers.versions import Compiler, find_compilers
from harness.compilers.workload import workload
from harness.errors import ExitStatus, HarnessError
from harness.plan import expand
from harness.store import Store
from harness.store.compilations import add, matrices
from harness.suite.load import load_suite
from harness.values.compilers import CompilerMatrix
from harness.values.static_comparison import StaticVerdict
from harness.values.suite import Suite
from harness_reports.pages.compilers import markdown
from harness_reports.pages.compilers_page import render as page

pytest.importorskip("triton")
pytestmark = [pytest.mark.xdist_group("compilers"), pytest.mark.slow]

SUITE = """\
suite: 1
title: Two kernels
arms:
  fast:
    moe_down: {triton_vecmat: {block_n: 8, block_k: 128, num_warps: 2}}
    rms_norm: triton_rows
shapes:
  moe_down: {tokens: 1, experts: 8, top_k: 2, inter: 512, hidden: 2048, group: 128}
  rms_norm: {tokens: 1, heads: 1, width: 2048}
"""
FEW_REGISTERS = """
import triton.backends.nvidia.compiler as _compiler

_get_ptx_flags = _compiler.CUDABackend.make_cubin


def _make_cubin(self, src, metadata, opt, capability):
    return _get_ptx_flags(self, src.replace(".reqntid", ".maxnreg 24\\n.reqntid"), metadata, opt, capability)


_compiler.CUDABackend.make_cubin = _make_cubin
"""
"""A planted regression: every kernel for NVIDIA gets 24 registers at most."""


SLOW_ONCE = """
import pathlib
import time

import triton.backends.nvidia.compiler as _compiler

_mark, _make_cubin = pathlib.Path(__file__).parent / "was_slow", _compiler.CUDABackend.make_cubin


def _slow(self, src, metadata, opt, capability):
    if not _mark.exists():
        _mark.touch()
        end = time.process_time() + 2
        while time.process_time() < end:
            pass
    return _make_cubin(self, src, metadata, opt, capability)


_compiler.CUDABackend.make_cubin = _slow
"""
"""Two seconds of processor time more for the first kernel."""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    file = tmp_path_factory.mktemp("suite") / "two.yaml"
    file.write_text(SUITE)
    return load_suite(file)


@pytest.fixture(scope="module")
def compilers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Compiler]]:
    """The installed Triton, the same as two builds in folders of their own, the second with a planted regression."""
    folder = tmp_path_factory.mktemp("builds")
    before = os.environ.get("HARNESS_CACHE")
    os.environ["HARNESS_CACHE"] = str(folder / "cache")
    yield find_compilers(["installed", str(build(folder / "same")), str(build(folder / "worse", FEW_REGISTERS))])
    if before is None:
        del os.environ["HARNESS_CACHE"]
    else:
        os.environ["HARNESS_CACHE"] = before


def build(folder: Path, patch: str = "") -> Path:
    """What a source build leaves: the package, its large files as links to the installed ones."""
    spec = importlib.util.find_spec("triton")
    assert spec is not None and spec.origin is not None
    installed = Path(spec.origin).parent
    shutil.copytree(installed, folder / "triton", copy_function=link, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(next(installed.parent.glob("triton-*.dist-info")), folder / "triton-3.99.0.dist-info")
    start = folder / "triton" / "__init__.py"
    text = start.read_text()
    start.unlink()
    start.write_text(text + patch)
    return folder


def link(source: str, target: str) -> None:
    os.symlink(source, target)


@pytest.fixture(scope="module")
def found(suite: Suite, compilers: list[Compiler]) -> CompilerMatrix:
    works = workload(expand(suite), with_neighbours=False)
    return compile_matrix(suite, works, compilers, ("sm_90", "gfx942"), base=base_of(compilers), jobs=2)


def cells(found: CompilerMatrix, version: str, target: str) -> list[StaticVerdict | None]:
    return [
        cell.verdict for row in found.rows for cell in row.cells if (cell.version, cell.target) == (version, target)
    ]


def test_the_same_compiler_in_a_folder_of_its_own_changes_nothing(
    found: CompilerMatrix, compilers: list[Compiler]
) -> None:
    for target in found.targets:
        assert cells(found, compilers[1].name, target) == [StaticVerdict.SAME] * len(found.rows)
    assert found.base == "installed" and len(found.rows) == 2


def test_a_compiler_that_spills_gates_for_its_target_alone(found: CompilerMatrix, compilers: list[Compiler]) -> None:
    assert StaticVerdict.WORSE in cells(found, compilers[2].name, "sm_90")
    assert cells(found, compilers[2].name, "gfx942") == [StaticVerdict.SAME] * len(found.rows)
    reasons = [cell.reason for _, cell in found.gating() if cell.verdict is StaticVerdict.WORSE]
    assert any("spills 0 -> " in reason for reason in reasons)
    assert found.exit_status is ExitStatus.REGRESSION
    said, shown = markdown(found), page(found)
    assert said.startswith("**WORSE**") and "spills 0 -" in said and "spills 0 -" in shown


def test_what_was_compiled_once_is_known(suite: Suite, compilers: list[Compiler], found: CompilerMatrix) -> None:
    """By sources, version and target; nothing starts a compiler."""
    works = workload(expand(suite), with_neighbours=False)
    again = compile_matrix(suite, works, compilers, found.targets, base=found.base, jobs=2)
    assert (again.compiled, again.kept) == (0, found.compiled) == (0, 12)
    assert again.rows == found.rows


def test_runs_are_stored_and_drawn_and_no_last_run(suite: Suite, found: CompilerMatrix, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "runs.sqlite"))
    for _ in range(2):
        add(store, suite, found)
    assert matrices(store, suite.name) == [found, found]
    assert "Over releases of Triton" in page(found, matrices(store, suite.name))
    with pytest.raises(HarnessError):
        store.load("last")


def test_a_version_before_the_one_in_use_is_shown_and_does_not_gate(suite: Suite, compilers: list[Compiler]) -> None:
    works = workload(expand(suite), with_neighbours=False)
    turned = compile_matrix(suite, works, compilers[::-1], ("sm_90",), base="installed", jobs=2)
    assert StaticVerdict.WORSE in cells(turned, compilers[2].name, "sm_90")
    assert turned.exit_status is ExitStatus.OK and not list(turned.gating())


def test_neighbours_are_compiled_and_do_not_gate(suite: Suite) -> None:
    works = workload(expand(suite))
    beside = [work.case.tunables["num_warps"] for work in works if not work.arms]
    assert len(beside) == 2 and all(work.case.op == "rms_norm" for work in works if not work.arms)


def test_what_took_long_to_compile_once_is_no_alarm(
    suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program's work can double a time. The cell is compiled again, and a warm run knows both times."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    both = find_compilers(["installed", str(build(tmp_path / "slow", SLOW_ONCE))])
    works = workload(expand(suite, match="rms_norm"), with_neighbours=False)
    for _ in range(2):
        found = compile_matrix(suite, works, both, ["sm_90"], base="installed", jobs=1)
        assert [cell.verdict for _, cell in found.gating()] == [StaticVerdict.SAME]
    assert found.compiled == 0 and (tmp_path / "slow" / "triton" / "was_slow").exists()
