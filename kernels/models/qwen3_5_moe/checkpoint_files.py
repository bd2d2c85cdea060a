"""A folder of safetensors, in one file or in shards, read tensor by tensor."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from .checkpoint_names import NOT_TEXT, Shapes
from .weights import CHUNK

INDEX = "model.safetensors.index.json"


class CheckpointError(ValueError):
    """A folder that is not this model's: one line with the file, the tensor or key, its value and the wanted value."""


class TensorFiles:
    """The tensors of a folder by name. `where`: the file that holds each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[str, Any] = {}
        if (folder / INDEX).is_file():
            self.where: Mapping[str, str] = read_json(folder / INDEX).get("weight_map", {})
            return
        files = sorted(path.name for path in folder.glob("*.safetensors"))
        if not files:
            raise CheckpointError(f"{folder}: no *.safetensors in it")
        self.where = {name: file for file in files for name in self._file(file).keys()}  # noqa: SIM118 - not a dict

    def check(self, wanted: Shapes) -> None:
        """Raises CheckpointError for the first tensor that is missing, has another shape or is not wanted."""
        for name, shape in wanted.items():
            if name not in self.where:
                near = difflib.get_close_matches(name, self.where, n=1)
                hint = f"; nearest: {near[0]}" if near else ""
                raise CheckpointError(f"{self.folder}: no tensor {name}, wanted with shape {list(shape)}{hint}")
            found = self._slice(name).get_shape()
            if tuple(found) != shape:
                raise CheckpointError(f"{self._place(name)} has shape {found}, wanted: {list(shape)}")
        for name in self.where:
            if name not in wanted and not name.startswith(NOT_TEXT):
                raise CheckpointError(f"{self._place(name)} is not a tensor of this model")

    def read(self, name: str) -> Tensor:
        """A whole tensor, on the host, in its own dtype."""
        return self._slice(name)[:]

    def pieces(self, *names: str) -> Iterator[Tensor]:
        """The tensors one after the other, each cut along its first dimension into at most CHUNK elements."""
        for name in names:
            tensor = self._slice(name)
            length, *rest = tensor.get_shape()
            at_once = max(1, CHUNK // math.prod(rest))
            for start in range(0, length, at_once):
                yield tensor[start : start + at_once]

    def _slice(self, name: str) -> Any:
        from safetensors import SafetensorError

        try:
            return self._file(self.where[name]).get_slice(name)
        except SafetensorError as error:
            raise CheckpointError(f"{self._place(name)} cannot be read: {error}") from error

    def _file(self, file: str) -> Any:
        from safetensors import SafetensorError, safe_open

        if file not in self._open:
            try:
                self._open[file] = safe_open(self.folder / file, framework="pt", device="cpu")
            except (SafetensorError, OSError) as error:
                raise CheckpointError(f"{self.folder / file}: {error}") from error
        return self._open[file]

    def _place(self, name: str) -> str:
        return f"{self.folder / self.where[name]}: {name}"


def read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{path}:{error.lineno}:{error.colno}: {error.msg}") from error
