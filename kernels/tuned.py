"""Tuned files: what a sweep found for one variant on one device. Read and written without the harness.

`kernels/<op>/tuned/<device>.json`, or `tuned/<device>.json` beside a variant's file from outside: one entry per variant, shape,
source and triton version. An entry is used only where all of these are the same: a tuned file is a measurement of one
kernel on one machine, not advice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FORMAT = 1
QUESTION_DIMS_LEFT_OUT = ("context", "capacity", "batch", "length")
"""Dims that follow from tokens in a decode step, or that no tunable depends on."""


def folder(kernels_root: Path, op: str, variant: str, suite_folder: Path) -> Path:
    """Where tuned files of a variant lie."""
    if variant.endswith(".py"):
        return (suite_folder / variant).resolve().parent / "tuned"
    return kernels_root / op / "tuned"


def shape_key(dims: Mapping[str, int]) -> str:
    """`experts=256,hidden=2048,tokens=1`."""
    return ",".join(f"{name}={dims[name]}" for name in sorted(dims) if name not in QUESTION_DIMS_LEFT_OUT)


def lookup(
    path: Path, variant: str, dims: Mapping[str, int], source_hash: str, triton: str | None
) -> tuple[dict[str, Any] | None, str]:
    """The tunables in the file at `path`, and an empty string; or None and the reason in words.

    An entry for another number of tokens of the same shape serves where there is none for this one: the token count is a
    question, not a shape of the weights.
    """
    if not path.is_file():
        return None, f"no tuned file for this device ({path.name}); `harness sweep` writes one"
    entries = [e for e in json.loads(path.read_text())["entries"] if e["variant"] == variant]
    key = shape_key({**dims, "tokens": 1})
    entries = [e for e in entries if e["shape"] == key]
    if not entries:
        return None, f"{path.name} has no entry of {variant} for {key}"
    entries = [e for e in entries if e["source_hash"] == source_hash]
    if not entries:
        return None, f"{path.name} was tuned for another source of {variant}; sweep again"
    entries = [e for e in entries if e["triton"] == triton]
    if not entries:
        return None, f"{path.name} was tuned with another triton than {triton}; sweep again"
    return dict(entries[-1]["tunables"]), ""


def write(
    path: Path, *, op: str, variant: str, device: str, dims: Mapping[str, int], source_hash: str, triton: str | None,
    tunables: Mapping[str, Any], us: float,
) -> None:  # fmt: skip
    """Adds or replaces one entry of the file at `path`. us: the median that chose it, for the reader's information."""
    entry = {
        "variant": variant, "shape": shape_key(dims), "source_hash": source_hash, "triton": triton,
        "tunables": dict(tunables), "us": round(us, 3),
    }  # fmt: skip
    identity = ("variant", "shape", "source_hash", "triton")
    entries = json.loads(path.read_text())["entries"] if path.is_file() else []
    entries = [e for e in entries if [e[n] for n in identity] != [entry[n] for n in identity]] + [entry]
    entries.sort(key=lambda e: [str(e[n]) for n in identity])
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps({"format": FORMAT, "op": op, "device": device, "entries": entries}, indent=1) + "\n")
    draft.replace(path)
