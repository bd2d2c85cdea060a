"""Checks of a checkpoint's folder before torch loads it: it exists, is complete and belongs to the suite's model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONFIG, INDEX = "config.json", "model.safetensors.index.json"
HEADER_LENGTH = 8
"""Bytes of the length of the JSON header at the start of a safetensors file (Hugging Face's format)."""


def problem_of(folder: Path, dims: Mapping[str, int | float | str]) -> str:
    """The problem of the folder, with its file; empty where none is seen. dims: the model's; those that its config
    names must be equal."""
    try:
        if not folder.is_dir():
            return f"{folder}: no such folder"
        config = _json(folder / CONFIG)
        config = {**config, **config.get("text_config", {})}
        for name, size in dims.items():
            if name in config and isinstance(size, int) and config[name] != size:
                return f"{folder / CONFIG}: {name} is {config[name]}, wanted: {size}"
        return next(filter(None, map(_damage, _files(folder))), "")
    except (OSError, ValueError) as error:
        return str(error)


def _files(folder: Path) -> list[Path]:
    if (folder / INDEX).is_file():
        return [folder / name for name in sorted(set(_json(folder / INDEX).get("weight_map", {}).values()))]
    found = sorted(folder.glob("*.safetensors"))
    if not found:
        raise ValueError(f"{folder}: no *.safetensors in it")
    return found


def _damage(file: Path) -> str:
    """The damage of a file (missing, or cut off before the end that its header gives); empty where it is whole."""
    if not file.is_file():
        return f"{file}: no such file"
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(HEADER_LENGTH), "little")
        if length > file.stat().st_size:
            return f"{file}: no safetensors file, or cut off"
        header = json.loads(opened.read(length))
    ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
    wanted = HEADER_LENGTH + length + max(ends, default=0)
    if file.stat().st_size < wanted:
        return f"{file}: cut off: {file.stat().st_size:,} of {wanted:,} bytes"
    return ""


def _json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise ValueError(f"{file}: no such file")
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file}: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{file}: not a JSON object")
    return found
