"""Weights from a folder as `save_pretrained` writes it: config.json and safetensors, in one file or in shards.

Names and shapes of all tensors are checked from the files' headers before any is read; then one tensor at a time is
read, moved to the device and packed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import torch
from torch import Tensor

from .checkpoint_files import CheckpointError, TensorFiles, read_json
from .checkpoint_names import EMBEDDING, HEAD, prefix_of, wanted_shapes
from .layout import ATTENTION, DELTA, DIMS, ModelDims, experts, layer_kinds, linears, problem
from .weights import Site, Weights, packed, stored

__all__ = ["CheckpointError", "dims_of", "load"]

CONFIG = "config.json"


def load(
    folder: str | Path, dims: ModelDims, *, group: int, dense: Collection[str], dtype: torch.dtype, device: str
) -> Weights:
    """The folder's weights: matrices packed to int4 except at the `dense` sites, everything else in `dtype`.

    Raises CheckpointError where a size, a tensor or a shape differs from `dims`.
    """
    folder = Path(folder)
    reason = problem(dims, group, dense)
    if reason:
        raise CheckpointError(f"{folder}: {reason}")
    _check_dims(folder, dims)
    files = TensorFiles(folder)
    wanted = wanted_shapes(dims, files.where)
    files.check(wanted)
    read = _Reader(files, dims, group, dense, dtype, device)
    layers = tuple(read.layer(i, kind) for i, kind in enumerate(layer_kinds(dims)))
    at = prefix_of(files.where)
    table = stored(files.pieces(at + EMBEDDING), wanted[at + EMBEDDING], dtype, device)["weight"]
    head = read.linear("lm_head", files.pieces(HEAD if HEAD in wanted else at + EMBEDDING))
    return Weights({"tokens": {"table": table}, "final": read.norm(f"{at}norm.weight"), "lm_head": head}, layers)


def dims_of(folder: str | Path) -> dict[str, int | float]:
    """The sizes (`layout.DIMS`) in the folder's config.json, of the text model where it has several."""
    path = Path(folder) / CONFIG
    config = read_json(path)
    config = config.get("text_config") or config
    config = {**config, **(config.get("rope_parameters") or {})}
    for key, only in (("hidden_act", "silu"), ("rope_type", "default")):
        if config.get(key, only) != only:
            raise CheckpointError(f"{path}: {key} is {config[key]}, only {only} is known")
    kinds = config.get("layer_types")
    if kinds is not None:
        config["full_attention_interval"] = [*kinds, ATTENTION].index(ATTENTION) + 1
    for key, wanted in DIMS.items():
        if not isinstance(config.get(key), (int, wanted)):
            raise CheckpointError(f"{path}: {key} is {config.get(key, 'missing')}, wanted: {wanted.__name__}")
    dims = {key: config[key] for key in DIMS}
    if kinds is not None and tuple(kinds) != layer_kinds(dims):
        raise CheckpointError(f"{path}: layer_types is not one {ATTENTION} after a fixed number of {DELTA}")
    return dims


def _check_dims(folder: Path, dims: ModelDims) -> None:
    found = dims_of(folder)
    for key in DIMS:
        if found[key] != dims[key] and key != "full_attention_interval":
            raise CheckpointError(f"{folder / CONFIG}: {key} is {found[key]}, wanted: {dims[key]}")
    if layer_kinds(found) != layer_kinds(dims):
        interval = dims["full_attention_interval"]
        raise CheckpointError(f"{folder / CONFIG}: layer_types differ from full_attention_interval {interval}")


class _Reader:
    """Makes an op's inputs from the checkpoint's tensors."""

    def __init__(
        self, files: TensorFiles, dims: ModelDims, group: int, dense: Collection[str], dtype: torch.dtype, device: str
    ) -> None:
        self.files, self.dims, self.group, self.dense = files, dims, group, dense
        self.dtype, self.device = dtype, device

    def layer(self, i: int, kind: str) -> dict[str, Site]:
        at = f"{prefix_of(self.files.where)}layers.{i}."
        return {
            "ln_1": self.norm(f"{at}input_layernorm.weight"),
            "ln_2": self.norm(f"{at}post_attention_layernorm.weight"),
            **(self._delta(f"{at}linear_attn.") if kind == DELTA else self._attention(f"{at}self_attn.")),
            **self._moe(f"{at}mlp."),
        }

    def norm(self, name: str) -> Site:
        return {"weight": self.files.read(name).to(self.device, self.dtype)}

    def linear(self, site: str, pieces: Iterator[Tensor]) -> Site:
        shape = linears(self.dims)[site]
        if site in self.dense:
            return stored(pieces, shape, self.dtype, self.device)
        return packed(pieces, shape, self.group, self.dtype, self.device)

    def _delta(self, at: str) -> dict[str, Site]:
        inputs = (f"{at}in_proj_{part}.weight" for part in ("qkv", "z", "b", "a"))
        per_head = {"a_log": f"{at}A_log", "dt_bias": f"{at}dt_bias"}
        return {
            "gdn_in": self.linear("gdn_in", self.files.pieces(*inputs)),
            "conv": {"weight": self.files.read(f"{at}conv1d.weight").squeeze(1).to(self.device, self.dtype)},
            "delta": {key: self.files.read(name).to(self.device, torch.float32) for key, name in per_head.items()},
            "gdn_norm": self.norm(f"{at}norm.weight"),
            "gdn_out": self.linear("gdn_out", self.files.pieces(f"{at}out_proj.weight")),
        }

    def _attention(self, at: str) -> dict[str, Site]:
        return {
            "attn_qkv": self.linear("attn_qkv", self._qkv(at)),
            "q_norm": self.norm(f"{at}q_norm.weight"),
            "k_norm": self.norm(f"{at}k_norm.weight"),
            "attn_out": self.linear("attn_out", self.files.pieces(f"{at}o_proj.weight")),
        }

    def _qkv(self, at: str) -> Iterator[Tensor]:
        """All queries, then all gates, then k and v; q_proj has query and gate of each head side by side."""
        by_head = self.files.read(f"{at}q_proj.weight").unflatten(0, (-1, 2, self.dims["head_dim"]))
        yield by_head[:, 0].flatten(0, 1)
        yield by_head[:, 1].flatten(0, 1)
        yield from self.files.pieces(f"{at}k_proj.weight", f"{at}v_proj.weight")

    def _moe(self, at: str) -> dict[str, Site]:
        gate_up, down = [f"{at}experts.gate_up_proj"], [f"{at}experts.down_proj"]
        if gate_up[0] not in self.files.where:
            each = [f"{at}experts.{e}." for e in range(self.dims["num_experts"])]
            gate_up = [f"{expert}{part}.weight" for expert in each for part in ("gate_proj", "up_proj")]
            down = [f"{expert}down_proj.weight" for expert in each]
        shared = f"{at}shared_expert."
        return {
            "router": self.linear("router", self.files.pieces(f"{at}gate.weight")),
            "moe_gate_up": self._pool("moe_gate_up", gate_up),
            "moe_down": self._pool("moe_down", down),
            "shared_gate_up": self.linear(
                "shared_gate_up", self.files.pieces(f"{shared}gate_proj.weight", f"{shared}up_proj.weight")
            ),
            "shared_down": self.linear("shared_down", self.files.pieces(f"{shared}down_proj.weight")),
            "shared_gate": self.linear("shared_gate", self.files.pieces(f"{at}shared_expert_gate.weight")),
        }

    def _pool(self, name: str, tensors: list[str]) -> Site:
        rows = (piece.flatten(0, -2) for piece in self.files.pieces(*tensors))
        return packed(rows, experts(self.dims)[name], self.group, self.dtype, self.device)
