"""A standard decoder's weights from a folder as `save_pretrained` writes it: config.json and safetensors.

Names and shapes of all tensors are checked from the files' headers before any is read.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch

from ..qwen3_5_moe.checkpoint_files import CheckpointError, TensorFiles, read_json
from ..qwen3_5_moe.weights import Site, Weights, packed, stored
from .parts import Kind, ModelDims, attention_parts, experts, linears, problem

__all__ = ["CheckpointError", "dims_of", "load"]

CONFIG, HEAD, EMBEDDING, FINAL = "config.json", "lm_head.weight", "model.embed_tokens.weight", "model.norm.weight"

Shapes = dict[str, tuple[int, ...]]


def load(
    kind: Kind, folder: str | Path, dims: ModelDims, *,
    group: int, dense: Collection[str], dtype: torch.dtype, device: str,
) -> Weights:  # fmt: skip
    """The folder's weights: matrices packed to int4 except at the `dense` sites, everything else in `dtype`.

    A norm's weight is stored around one, but the op takes it around zero: one is subtracted in float32. Raises
    CheckpointError where a size, a tensor or a shape differs from `dims`.
    """
    folder = Path(folder)
    reason = problem(kind, dims, group, dense)
    if reason:
        raise CheckpointError(f"{folder}: {reason}")
    found = dims_of(kind, folder)
    for key in kind.sizes:
        if found[key] != dims[key]:
            raise CheckpointError(f"{folder / CONFIG}: {key} is {found[key]}, wanted: {dims[key]}")
    files = TensorFiles(folder)
    files.check(wanted_shapes(kind, dims, files.where))

    def norm(name: str) -> Site:
        return {"weight": (files.read(name).to(device, torch.float32) - 1).to(dtype)}

    def matrix(shape: tuple[int, ...], dense_here: bool, *names: str) -> Site:
        pieces = (piece.flatten(0, -2) for piece in files.pieces(*names))
        if dense_here:
            return stored(pieces, shape, dtype, device)
        return packed(pieces, shape, group, dtype, device)

    def layer(i: int) -> dict[str, Site]:
        at = f"model.layers.{i}."
        norms = {"ln_1": "input_layernorm", "ln_2": "post_attention_layernorm"}
        if kind.qk_norm:
            norms |= {"q_norm": "self_attn.q_norm", "k_norm": "self_attn.k_norm"}
        sites = {site: norm(f"{at}{name}.weight") for site, name in norms.items()}
        for site, names in _tensors(kind, dims, at, files.where).items():
            shape = {**linears(kind, dims), **experts(kind, dims)}[site]
            sites[site] = matrix(shape, site in dense, *names)
        return sites

    layers = tuple(layer(i) for i in range(dims["num_hidden_layers"]))
    table = stored(files.pieces(EMBEDDING), (dims["vocab_size"], dims["hidden_size"]), dtype, device)["weight"]
    head = HEAD if HEAD in files.where else EMBEDDING
    top = {
        "tokens": {"table": table}, "final": norm(FINAL),
        "lm_head": matrix(linears(kind, dims)["lm_head"], "lm_head" in dense, head),
    }  # fmt: skip
    return Weights(top, layers)


def dims_of(kind: Kind, folder: str | Path) -> dict[str, int | float]:
    """The sizes in the folder's config.json. Raises CheckpointError where it is another kind of model."""
    path = Path(folder) / CONFIG
    read = read_json(path)
    config: dict[str, Any] = {**read, **(read.get("rope_parameters") or read.get("rope_scaling") or {})}
    fixed = {"model_type": kind.model_type, "hidden_act": "silu", "rope_type": "default", **kind.fixed}
    for key, only in fixed.items():
        if config.get(key, only) != only:
            raise CheckpointError(f"{path}: {key} is {config[key]}, only {only} is known")
    config.setdefault("num_experts", config.get("num_local_experts"))
    if config.get("head_dim") is None and {"hidden_size", "num_attention_heads"} <= set(config):
        config["head_dim"] = config["hidden_size"] // config["num_attention_heads"]
    for key, wanted in kind.sizes.items():
        if not isinstance(config.get(key), (int, wanted)):
            raise CheckpointError(f"{path}: {key} is {config.get(key, 'missing')}, wanted: {wanted.__name__}")
    return {key: config[key] for key in kind.sizes}


def wanted_shapes(kind: Kind, dims: ModelDims, names: Collection[str]) -> Shapes:
    """Every tensor of the model by the checkpoint's name. The names that exist tell whether experts are fused and
    embeddings tied.
    """
    hidden, head = dims["hidden_size"], (dims["head_dim"],)
    queries, keys, _ = attention_parts(dims)
    shapes: Shapes = {EMBEDDING: (dims["vocab_size"], hidden), FINAL: (hidden,)}
    if HEAD in names:
        shapes[HEAD] = (dims["vocab_size"], hidden)
    local: Shapes = {
        "input_layernorm.weight": (hidden,), "post_attention_layernorm.weight": (hidden,),
        "self_attn.q_proj.weight": (queries, hidden), "self_attn.k_proj.weight": (keys, hidden),
        "self_attn.v_proj.weight": (keys, hidden), "self_attn.o_proj.weight": (hidden, queries),
    }  # fmt: skip
    if kind.qk_norm:
        local |= {"self_attn.q_norm.weight": head, "self_attn.k_norm.weight": head}
    if kind.experts:
        inter, pools = dims["moe_intermediate_size"], experts(kind, dims)
        local["mlp.gate.weight"] = (dims["num_experts"], hidden)
        if "model.layers.0.mlp.experts.0.gate_proj.weight" in names:
            for e in range(dims["num_experts"]):
                local |= _mlp_shapes(f"mlp.experts.{e}.", hidden, inter)
        else:
            local |= {"mlp.experts.gate_up_proj": pools["moe_gate_up"], "mlp.experts.down_proj": pools["moe_down"]}
    else:
        local |= _mlp_shapes("mlp.", hidden, dims["intermediate_size"])
    layers = range(dims["num_hidden_layers"])
    return shapes | {f"model.layers.{i}.{name}": shape for i in layers for name, shape in local.items()}


def _mlp_shapes(at: str, hidden: int, inter: int) -> Shapes:
    return {
        f"{at}gate_proj.weight": (inter, hidden),
        f"{at}up_proj.weight": (inter, hidden),
        f"{at}down_proj.weight": (hidden, inter),
    }


def _tensors(kind: Kind, dims: ModelDims, at: str, names: Collection[str]) -> dict[str, list[str]]:
    """The tensors of each matrix of a layer, in the order of its rows."""
    found = {
        "attn_qkv": [f"{at}self_attn.{part}_proj.weight" for part in "qkv"],
        "attn_out": [f"{at}self_attn.o_proj.weight"],
    }
    if not kind.experts:
        found["mlp_gate_up"] = [f"{at}mlp.gate_proj.weight", f"{at}mlp.up_proj.weight"]
        return {**found, "mlp_down": [f"{at}mlp.down_proj.weight"]}
    found["router"] = [f"{at}mlp.gate.weight"]
    found["moe_gate_up"], found["moe_down"] = [f"{at}mlp.experts.gate_up_proj"], [f"{at}mlp.experts.down_proj"]
    if found["moe_gate_up"][0] not in names:
        each = [f"{at}mlp.experts.{e}." for e in range(dims["num_experts"])]
        found["moe_gate_up"] = [f"{expert}{part}_proj.weight" for expert in each for part in ("gate", "up")]
        found["moe_down"] = [f"{expert}down_proj.weight" for expert in each]
    return found
