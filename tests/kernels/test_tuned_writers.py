"""Sweeps of one device that end at the same moment."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from harness_kernels import tuned

WRITERS = 4
ENTRIES = 10


def _write(folder: str, writer: int) -> None:
    for number in range(ENTRIES):
        tuned.write(
            op="int4_mm", variant=f"v{writer}", device="d", dims={"n": number}, source_hash="s", triton="3",
            tunables={"block_n": 8}, us=1.0, op_folder=folder,
        )  # fmt: skip


def test_no_entry_is_lost(tmp_path: Path) -> None:
    """Each reads the file, adds its entry and replaces the file."""
    with ProcessPoolExecutor(WRITERS) as pool:
        list(pool.map(_write, [str(tmp_path)] * WRITERS, range(WRITERS)))
    (path,) = tmp_path.glob("tuned/*.json")
    entries = json.loads(path.read_text())["entries"]
    assert len({(e["variant"], e["dims"]["n"]) for e in entries}) == len(entries) == WRITERS * ENTRIES
