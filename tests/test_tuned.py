"""Tuned files: what is written is found again for the same device, source, Triton and shape, and for nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import kernels_root
from tests.conftest import REPOSITORY

tuned = kernels_root.module("tuned")
DIMS = {"tokens": 1, "n": 64, "k": 128, "group": 32}


def write(folder: Path, **changes: Any) -> Path:
    entry: dict[str, Any] = {
        "op": "int4_mm",
        "variant": "./mine.py",
        "device": "some-gpu",
        "dims": DIMS,
        "source_hash": "aa",
        "triton": "3.7",
        "tunables": {"block_n": 8},
        "us": 5.0,
        "suite_folder": folder,
    }
    path: Path = tuned.write(**{**entry, **changes})
    return path


def lookup(folder: Path, **changes: Any) -> Any:
    question: dict[str, Any] = {
        "op": "int4_mm",
        "variant": "./mine.py",
        "device": "some-gpu",
        "dims": DIMS,
        "source_hash": "aa",
        "triton": "3.7",
        "suite_folder": folder,
    }
    return tuned.lookup(**{**question, **changes})


def test_what_was_written_is_found(tmp_path: Path) -> None:
    """Tunables, time and file, whatever the number of tokens: the nearest entry, and it says which."""
    path = write(tmp_path)
    write(tmp_path, dims={**DIMS, "tokens": 16}, tunables={"block_n": 64})
    found = lookup(tmp_path)
    assert (found.tunables, found.us, found.tokens, found.path) == ({"block_n": 8}, 5.0, 1, path)
    assert lookup(tmp_path, dims={**DIMS, "tokens": 4}).tokens == 1
    assert lookup(tmp_path, dims={**DIMS, "tokens": 12}).tunables == {"block_n": 64}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"device": "other-gpu"}, "no tuned file for this device: "),
        ({"variant": "./other.py"}, "./other.py is not tuned there"),
        ({"op": "linear"}, "./mine.py is not tuned there"),
        ({"source_hash": "bb"}, "its source has changed since it was tuned"),
        ({"triton": "3.8"}, "tuned with Triton 3.7, this is 3.8"),
        ({"triton": None}, "tuned with Triton 3.7, this is none"),
        ({"dims": {**DIMS, "n": 65}}, "not tuned for group=32, k=128, n=65"),
    ],
)
def test_anything_else_is_a_reason(change: dict[str, Any], reason: str, tmp_path: Path) -> None:
    """Never a silent fallback: one line that says what differs."""
    write(tmp_path)
    found = lookup(tmp_path, **change)
    assert isinstance(found, str) and reason in found and "\n" not in found


def test_a_new_entry_replaces_its_own_question_only(tmp_path: Path) -> None:
    """The same question again replaces, another shape or Triton adds, a changed source clears what it made
    worthless."""
    for change in ({}, {"us": 4.0}, {"dims": {**DIMS, "n": 65}}, {"triton": "3.8"}, {"op": "linear"}):
        path = write(tmp_path, **change)
    assert [e["us"] for e in json.loads(path.read_text())["entries"]] == [4.0, 5.0, 5.0, 5.0]
    write(tmp_path, source_hash="bb")
    entries = json.loads(path.read_text())["entries"]
    assert sorted((e["op"], e["source_hash"]) for e in entries) == [("int4_mm", "bb"), ("linear", "aa")]
    assert [file.name for file in path.parent.iterdir()] == ["some-gpu.json"]


def test_where_tuned_files_lie(tmp_path: Path) -> None:
    """In the op's folder for its own variants, beside the file or the suite for others; shown from `kernels/` on."""
    own = tuned.path_for("int4_mm", "torch_blocked", "gpu", tmp_path)
    assert own == REPOSITORY / "kernels" / "int4_mm" / "tuned" / "gpu.json"
    assert tuned.label(own) == "kernels/int4_mm/tuned/gpu.json"
    assert tuned.path_for("int4_mm", "./sub/mine.py", "gpu", tmp_path) == tmp_path / "sub" / "tuned" / "gpu.json"
    assert tuned.path_for("int4_mm", "my_pkg.fast", "gpu", tmp_path) == tmp_path / "tuned" / "gpu.json"


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"schema": 2, "entries": []}', '{"schema": 1}', '{"schema": 1, "entries": [{}]}']
)
def test_a_damaged_file_is_a_reason_and_is_not_overwritten(text: str, tmp_path: Path) -> None:
    """A lookup says what is wrong with the file; a write refuses to lose what may be in it."""
    path = write(tmp_path)
    path.write_text(text)
    assert isinstance(lookup(tmp_path), str)
    with pytest.raises(ValueError):
        write(tmp_path)
    assert path.read_text() == text


def test_it_needs_nothing_but_the_standard_library() -> None:
    """The file alone, without this project on the path, imports and answers."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import tuned; print(tuned.lookup('o', 'v', 'd', {}, 's', None))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(REPOSITORY / "kernels")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "no tuned file for this device: kernels/o/tuned/d.json does not exist\n"
