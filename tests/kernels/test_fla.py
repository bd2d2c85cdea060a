"""flash-linear-attention's kernels as variants: right where they can be interpreted, and missing with a remedy."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from typing import Any

import pytest

from harness import kernels_root
from harness.load_kernels import load_variant
from tests.conftest import REPOSITORY
from tests.kernels.catalogue import VARIANTS, case_of

FLA = [(op, name) for op, name in VARIANTS if name.startswith("fla")]
HERE = find_spec("fla") is not None


@cache
def results() -> dict[str, dict[str, Any]]:
    environment = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "tests.kernels.interpreted_fla"]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.slow
@pytest.mark.skipif(not HERE, reason="flash-linear-attention is not installed")
def test_they_are_right_in_the_interpreter() -> None:
    wrong = {name: result for name, result in results().items() if not result["correct"]}
    assert not wrong and len({name.split()[0] for name in results()}) == len(FLA) - 1


@pytest.mark.parametrize(("op", "name"), FLA)
def test_what_is_missing_is_said_with_its_remedy(op: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything of it is imported."""
    supports = load_variant(op, name, REPOSITORY).supports
    assert supports is not None
    module = kernels_root.module("flash_linear_attention")
    monkeypatch.setattr(module, "find_spec", lambda package: None)
    assert "pip install 'kernel-harness[fla]'" in str(supports(case_of(op, name, {}, "bfloat16")))


@pytest.mark.parametrize(
    ("version", "usable"), [("0.5.9", False), ("0.6.0", True), ("0.10.1", True), ("1.0rc1", True), (None, True)]
)
def test_an_older_one_is_refused(version: str | None, usable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder on the path has no version and is taken as it is."""
    module = kernels_root.module("flash_linear_attention")

    def found(package: str) -> str:
        if version is None:
            raise importlib.metadata.PackageNotFoundError(package)
        return version

    monkeypatch.setattr(module, "find_spec", lambda package: object())
    monkeypatch.setattr(module, "version", found)
    reason = module.missing()
    assert (reason is None) is usable and (usable or f"not {version}" in reason)
