"""The results of sweeps: the fastest tunables of a variant, per device. Needs nothing but the standard library.

One file per device, `<op>/tuned/<device>.json`. For a variant that is a file elsewhere it is in a `tuned` folder beside
that file, and for one that is named by a dotted path in a `tuned` folder beside the suite. An entry counts only for the
device, the Triton version, the source (the variant's text with its imports from the kernels) and the shape that it was
found with. The number of tokens of a call is no part of the shape: the entry with the nearest count is taken, and
`Found.tokens` tells which.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = 1
QUESTION_DIMS = frozenset({"tokens", "batch", "length", "context", "capacity"})
"""Dims that an axis of the question sets; all others are the shape."""

_ROOT = Path(__file__).resolve().parent
_KEYS = {"op", "variant", "triton", "source_hash", "dims", "tunables", "us"}


@dataclass(frozen=True)
class Found:
    """`tunables`: by name. `us`: time of a call after the choice, in microseconds. `tokens`: of the call that was
    tuned. `path`: of the file. `ranked`: the tunables of the fastest distinct configurations, for a kernel that chooses
    among them itself.
    """

    tunables: dict[str, Any]
    us: float
    tokens: int
    path: Path
    ranked: tuple[dict[str, Any], ...] = ()


def path_for(
    op: str, variant: str, device: str, suite_folder: str | Path | None = None, op_folder: str | Path | None = None
) -> Path:
    """The tuned file of a variant on a device (`nvidia-h100-80gb-hbm3`).

    `suite_folder`: the base of a path like `./file.py`. `op_folder`: of an op that is in no folder of kernels.
    """
    if variant.endswith(".py"):
        return (Path(suite_folder or ".") / variant).resolve().parent / "tuned" / f"{device}.json"
    if "." in variant:
        return Path(suite_folder or ".").resolve() / "tuned" / f"{device}.json"
    return Path(op_folder or _ROOT / op) / "tuned" / f"{device}.json"


def label(path: Path) -> str:
    """The path as it is shown and stored: from `kernels/` on where it lies there."""
    return str(path.relative_to(_ROOT.parent)) if path.is_relative_to(_ROOT) else str(path)


def lookup(
    op: str, variant: str, device: str, dims: Mapping[str, int], source_hash: str, triton: str | None,
    suite_folder: str | Path | None = None, op_folder: str | Path | None = None,
) -> Found | str:  # fmt: skip
    """The tuned configuration for exactly this device, source, Triton version and shape, or the reason why there is
    none."""
    path = path_for(op, variant, device, suite_folder, op_folder)
    if not path.is_file():
        return f"no tuned file for this device: {label(path)} does not exist"
    try:
        entries = _read(path)
    except ValueError as error:
        return f"{label(path)}: {error}"
    left = [e for e in entries if e["op"] == op and e["variant"] == variant]
    shape = _shape(dims)
    reasons = (
        (lambda e: e["source_hash"] == source_hash, "its source has changed since it was tuned"),
        (lambda e: e["triton"] == triton, f"tuned with Triton {_triton_versions(left)}, this is {triton or 'none'}"),
        (
            lambda e: _shape(e["dims"]) == shape,
            f"not tuned for {', '.join(f'{n}={v}' for n, v in sorted(shape.items()))}",
        ),
    )
    if not left:
        return f"{label(path)}: {variant} is not tuned there"
    for fits, reason in reasons:
        left = [entry for entry in left if fits(entry)]
        if not left:
            return f"{label(path)}: {variant}: {reason}"
    tokens = dims.get("tokens", 1)
    nearest = min(left, key=lambda e: (abs(e["dims"].get("tokens", 1) - tokens), e["us"]))
    ranked = tuple(dict(one["tunables"]) for one in nearest.get("ranked", ()))
    return Found(dict(nearest["tunables"]), nearest["us"], nearest["dims"].get("tokens", 1), path, ranked)


def write(
    *, op: str, variant: str, device: str, dims: Mapping[str, int], source_hash: str | None, triton: str | None,
    tunables: Mapping[str, Any], us: float, suite_folder: str | Path | None = None,
    ranked: Sequence[Mapping[str, Any]] = (), baseline: Mapping[str, Any] | None = None, trusted: bool | None = None,
    op_folder: str | Path | None = None,
) -> Path:  # fmt: skip
    """Add an entry in place of one for the same question, and drop entries of the variant's older source. Return the
    file.

    `ranked`: the fastest distinct configurations, as timed after the choice. `baseline`: the configuration that they
    were timed against. `trusted`: whether the sweep's duplicates agreed. The file is replaced in one step, so that a
    reader never sees half of it.
    """
    path = path_for(op, variant, device, suite_folder, op_folder)
    entry: dict[str, Any] = {
        "op": op, "variant": variant, "triton": triton, "source_hash": source_hash, "dims": dict(sorted(dims.items())),
        "tunables": dict(sorted(tunables.items())), "us": us,
    }  # fmt: skip
    extra: dict[str, Any] = {"ranked": list(ranked), "baseline": baseline, "trusted": trusted}
    entry |= {name: value for name, value in extra.items() if value not in (None, [])}
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path.parent):
        kept = [old for old in (_read(path) if path.is_file() else ()) if not _superseded(old, entry)]
        entries = sorted([*kept, entry], key=lambda e: json.dumps([e["op"], e["variant"], e["dims"], e["triton"]]))
        lines = ",\n".join(f"  {json.dumps(e)}" for e in entries)
        text = f'{{\n "schema": {SCHEMA},\n "device": {json.dumps(device)},\n "entries": [\n{lines}\n ]\n}}\n'
        half = path.with_name(f"{path.name}.{os.getpid()}")
        half.write_text(text, encoding="utf-8")
        half.replace(path)
    return path


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Inside, no other process changes a file of this folder: each reads, adds its entry and replaces the file.

    The lock is on the folder itself, so that nothing lies beside the files; the system releases it when a process is
    killed.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _superseded(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    if (old["op"], old["variant"]) != (new["op"], new["variant"]):
        return False
    return old["source_hash"] != new["source_hash"] or (old["dims"], old["triton"]) == (new["dims"], new["triton"])


def _read(path: Path) -> list[dict[str, Any]]:
    """The entries of a file. Raises ValueError where this version did not write it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"not a tuned file: {error}") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise ValueError(f"not a tuned file of schema {SCHEMA}")
    entries = content.get("entries")
    if not isinstance(entries, list) or not all(isinstance(e, dict) and e.keys() >= _KEYS for e in entries):
        raise ValueError(f"its entries need {', '.join(sorted(_KEYS))}")
    return entries


def entries(path: Path) -> list[dict[str, Any]]:
    """All entries of a tuned file, unchanged. Raises ValueError where it is none."""
    return _read(path)


def _shape(dims: Mapping[str, int]) -> dict[str, int]:
    return {name: value for name, value in dims.items() if name not in QUESTION_DIMS}


def _triton_versions(entries: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(sorted({entry["triton"] or "none" for entry in entries}))
