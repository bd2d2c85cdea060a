"""The example notebook runs from its first cell to its last, and says what it promises."""

from __future__ import annotations

import os
import types
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from harness.attempt.gather import variant_text
from harness.errors import HarnessError
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.xdist_group("attempt")


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a kernel of its own, in an empty folder, its store and files there."""
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("HARNESS_STORE", raising=False)
    notebook = nbformat.read(REPOSITORY / "examples" / "try_kernel.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "stored without outputs"
    NotebookClient(notebook, timeout=280, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = [_said(cell) for cell in notebook.cells if cell.cell_type == "code"]
    assert "correct" in said[1] and "us (95 %" in said[1]
    assert "'status': 'OK'" in said[2] and said[2].count("'us'") == 2
    assert "INCORRECT" in said[3] and "nibble" in said[3] and "±" not in said[3]
    assert "interpreter" in said[4] and "sm_90:" in said[4] and "registers" in said[4]
    assert "def run(x, weight, scale, group, *, block_n: int = 64)" in said[5]
    assert (tmp_path / ".harness" / "runs.sqlite").is_file()
    assert not (REPOSITORY / "examples" / ".harness").exists() and os.getcwd() != str(tmp_path)


def _said(cell: Any) -> str:
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "\n".join(texts)


SCALE = 3


def helper(x: int) -> int:
    return SCALE * x if x else helper(x)


def uses_helper(x: int) -> int:
    return helper(x) + len(os.sep)


def test_a_function_comes_with_what_it_uses() -> None:
    """Constants, other functions and modules, each before its use; the text stands alone."""
    text = variant_text(uses_helper)
    module = types.ModuleType("alone")
    exec(compile(text, "alone.py", "exec"), module.__dict__)
    assert module.run(2) == 7
    assert text.index("SCALE = 3") < text.index("def helper") < text.index("def run")


held = open(os.devnull)  # noqa: SIM115  something that no text stands for
held.close()


def uses_a_file() -> Any:
    return held


def test_what_has_no_text_is_refused() -> None:
    with pytest.raises(HarnessError, match="held: a TextIOWrapper cannot be put into a file"):
        variant_text(uses_a_file)
