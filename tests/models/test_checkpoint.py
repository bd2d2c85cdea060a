"""A checkpoint is read as Hugging Face writes it, in every form, and a wrong one is refused in one line."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from harness_kernels.models.qwen3_5_moe import checkpoint, weights
from tests.models import hugging_face
from tests.models.hugging_face import DENSE, GROUP, TINY

Tensors = dict[str, Tensor]
DIMS = {**TINY, "num_hidden_layers": 2, "full_attention_interval": 2}
ONE_FILE = "model.safetensors"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `save_pretrained` writes it: one file, prefix `model.`."""
    return hugging_face.save(hugging_face.random_model(DIMS, 0), tmp_path_factory.mktemp("plain"))


@pytest.fixture
def folder(plain: Path, tmp_path: Path) -> Path:
    """A copy to be changed."""
    return Path(shutil.copytree(plain, tmp_path / "changed"))


def load(folder: Path, dims: dict[str, Any] = DIMS, **options: Any) -> weights.Weights:
    options = {"group": GROUP, "dense": DENSE, "dtype": torch.float32, "device": "cpu", **options}
    return checkpoint.load(folder, dims, **options)


def same(one: weights.Weights, other: weights.Weights) -> bool:
    def equal(a: dict[str, weights.Site], b: dict[str, weights.Site]) -> bool:
        return a.keys() == b.keys() and all(
            a[site].keys() == b[site].keys() and all(torch.equal(a[site][name], b[site][name]) for name in a[site])
            for site in a
        )

    return equal(one.top, other.top) and all(map(equal, one.layers, other.layers))


def rewrite(folder: Path, change: Callable[[Tensors], Tensors]) -> None:
    file = folder / ONE_FILE
    save_file({name: tensor.contiguous() for name, tensor in change(load_file(file)).items()}, file)


def reconfigure(folder: Path, **change: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))


def single_experts(tensors: Tensors) -> Tensors:
    """Each expert's three matrices under names of their own; transformers writes them so since 5.0."""
    out = {}
    for name, tensor in tensors.items():
        if name.endswith("experts.gate_up_proj"):
            for e, expert in enumerate(tensor):
                gate, up = expert.chunk(2)
                at = f"{name.removesuffix('gate_up_proj')}{e}."
                out |= {f"{at}gate_proj.weight": gate, f"{at}up_proj.weight": up}
        elif name.endswith("experts.down_proj"):
            at = name.removesuffix("down_proj")
            out |= {f"{at}{e}.down_proj.weight": expert for e, expert in enumerate(tensor)}
        else:
            out[name] = tensor
    return out


def fused_experts(tensors: Tensors) -> Tensors:
    """All experts in two tensors a layer, as the module holds them."""
    out = {name: tensor for name, tensor in tensors.items() if ".mlp.experts." not in name}
    single = single_experts(tensors)
    for at in sorted({name.partition("experts.")[0] + "experts." for name in single if ".mlp.experts." in name}):
        each = range(DIMS["num_experts"])
        pairs = [torch.cat([single[f"{at}{e}.{part}_proj.weight"] for part in ("gate", "up")]) for e in each]
        out[f"{at}gate_up_proj"] = torch.stack(pairs)
        out[f"{at}down_proj"] = torch.stack([single[f"{at}{e}.down_proj.weight"] for e in each])
    return out


def with_vision(tensors: Tensors) -> Tensors:
    """As the published checkpoint has it: the text under `model.language_model.`, a vision tower, extra predictors."""
    renamed = {re.sub(r"^model\.", "model.language_model.", name): tensor for name, tensor in tensors.items()}
    return {**renamed, "model.visual.blocks.0.attn.proj.weight": torch.ones(2), "mtp.norm.weight": torch.ones(2)}


FORMS = {
    "single experts": (single_experts, "model.layers.0.mlp.experts.7.up_proj.weight"),
    "fused experts": (fused_experts, "model.layers.0.mlp.experts.gate_up_proj"),
    "single experts, with vision": (
        lambda tensors: with_vision(single_experts(tensors)),
        "model.language_model.layers.0.mlp.experts.7.up_proj.weight",
    ),
    "fused experts, with vision": (
        lambda tensors: with_vision(fused_experts(tensors)),
        "model.language_model.layers.0.mlp.experts.gate_up_proj",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_weights(form: str, plain: Path, folder: Path) -> None:
    """Single or fused experts, with the prefix `model.` or `model.language_model.`."""
    change, has = FORMS[form]
    rewrite(folder, change)
    assert has in load_file(folder / ONE_FILE)
    assert same(load(folder), load(plain))


def test_shards(plain: Path, tmp_path: Path) -> None:
    """Several files with an index, as `save_pretrained` writes a large model."""
    hugging_face.save(hugging_face.random_model(DIMS, 0), tmp_path, max_shard_size="100KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert same(load(tmp_path), load(plain))


def test_small_pieces(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How much is read at a time does not show in the result."""
    whole = load(plain)
    monkeypatch.setattr("harness_kernels.models.qwen3_5_moe.checkpoint_files.CHUNK", 500)
    assert same(load(plain), whole)


def test_tied_embeddings(folder: Path) -> None:
    """Without `lm_head.weight` the embedding is the head, packed or dense."""
    rewrite(folder, lambda tensors: {name: tensor for name, tensor in tensors.items() if name != "lm_head.weight"})
    top = load(folder, dense=(*DENSE, "lm_head")).top
    assert torch.equal(top["lm_head"]["weight"], top["tokens"]["table"])
    assert "scale" in load(folder).top["lm_head"]


def test_dtypes(folder: Path) -> None:
    """A bfloat16 checkpoint: what is dense keeps its bits, scales are bfloat16, A_log and dt_bias float32."""
    rewrite(folder, lambda tensors: {name: tensor.to(torch.bfloat16) for name, tensor in tensors.items()})
    layer = load(folder, dtype=torch.bfloat16).layers[0]
    tensors = load_file(folder / ONE_FILE)
    assert torch.equal(layer["router"]["weight"], tensors["model.layers.0.mlp.gate.weight"])
    assert layer["gdn_in"]["scale"].dtype == torch.bfloat16
    assert layer["gdn_in"]["weight"].dtype == torch.uint8
    assert torch.equal(layer["delta"]["a_log"], tensors["model.layers.0.linear_attn.A_log"].float())


@pytest.mark.parametrize("interval", [1, 2, 3])
def test_dims_of(interval: int, tmp_path: Path) -> None:
    """The sizes come back from config.json; an interval longer than the model is as good as any other such."""
    dims = {**TINY, "num_hidden_layers": 2, "full_attention_interval": interval, "vocab_size": 40 + interval}
    hugging_face.config(dims).save_pretrained(tmp_path)
    assert checkpoint.dims_of(tmp_path) == dims


def test_dims_of_a_model_with_vision(plain: Path, folder: Path) -> None:
    """The text model's sizes lie under `text_config` there."""
    text = json.loads((plain / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen3_5_moe", "text_config": text}))
    assert checkpoint.dims_of(folder) == DIMS


def without(name: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {key: tensor for key, tensor in tensors.items() if key != name}


def replaced(name: str, tensor: Tensor) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {**tensors, name: tensor}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            without("model.layers.0.linear_attn.A_log"),
            "{folder}: no tensor model.layers.0.linear_attn.A_log, wanted with shape [4]; nearest: ",
        ),
        (
            lambda tensors: without("model.layers.1.mlp.experts.down_proj")(fused_experts(tensors)),
            "{folder}: no tensor model.layers.1.mlp.experts.down_proj, wanted with shape [8, 64, 32]; nearest: ",
        ),
        (
            lambda tensors: without("model.layers.1.mlp.experts.5.up_proj.weight")(single_experts(tensors)),
            "{folder}: no tensor model.layers.1.mlp.experts.5.up_proj.weight, wanted with shape [32, 64]; nearest: ",
        ),
        (
            replaced("model.layers.1.self_attn.q_proj.weight", torch.ones(128, 64)),
            "{folder}/model.safetensors: model.layers.1.self_attn.q_proj.weight has shape [128, 64], wanted: [256, 64]",
        ),
        (
            replaced("model.layers.2.mlp.gate.weight", torch.ones(8, 64)),
            "{folder}/model.safetensors: model.layers.2.mlp.gate.weight is not a tensor of this model",
        ),
        (
            replaced("model.layers.1.self_attn.q_proj.bias", torch.ones(256)),
            "{folder}/model.safetensors: model.layers.1.self_attn.q_proj.bias is not a tensor of this model",
        ),
    ],
)
def test_a_wrong_tensor(change: Callable[[Tensors], Tensors], line: str, folder: Path) -> None:
    """Missing, misshaped or unknown: one line with the place, the tensor and what was wanted."""
    rewrite(folder, change)
    refused(folder, line)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"hidden_size": 128}, "{folder}/config.json: hidden_size is 128, wanted: 64"),
        ({"rms_norm_eps": 1e-5}, "{folder}/config.json: rms_norm_eps is 1e-05, wanted: 1e-06"),
        ({"hidden_act": "gelu"}, "{folder}/config.json: hidden_act is gelu, only silu is known"),
        ({"num_experts": None}, "{folder}/config.json: num_experts is None, wanted: int"),
        (
            {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e7, "partial_rotary_factor": 0.25}},
            "{folder}/config.json: rope_type is yarn, only default is known",
        ),
        ({"rope_parameters": {"rope_type": "default"}}, "{folder}/config.json: partial_rotary_factor is missing"),
        (
            {"layer_types": ["full_attention", "linear_attention"]},
            "{folder}/config.json: layer_types is not one full_attention after a fixed number of linear_attention",
        ),
        (
            {"layer_types": ["full_attention", "full_attention"]},
            "{folder}/config.json: layer_types differ from full_attention_interval 2",
        ),
    ],
)
def test_another_model(change: dict[str, Any], line: str, folder: Path) -> None:
    """A configuration that says something else than the suite is refused, also where every shape would fit."""
    reconfigure(folder, **change)
    refused(folder, line)


def test_sizes_that_make_no_model(plain: Path) -> None:
    """A group that divides no matrix is the loader's error too."""
    with pytest.raises(checkpoint.CheckpointError, match=r"gdn_in: its 64 columns are no multiple of .* 24$"):
        load(plain, group=24)


def test_broken_folders(folder: Path, tmp_path: Path) -> None:
    """No folder, no files, half a file, no JSON, a shard that is gone: the file and the reason."""
    refused(tmp_path / "nothing", "{folder}/config.json: No such file or directory")
    (folder / ONE_FILE).write_bytes((folder / ONE_FILE).read_bytes()[:-100])
    refused(folder, "{folder}/model.safetensors: ")
    index = folder / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"lm_head.weight": "gone.safetensors"}}')
    refused(folder, "{folder}: no tensor model.embed_tokens.weight")
    index.write_text('{"weight_map": {"model.embed_tokens.weight": "gone.safetensors"}}')
    refused(folder, "{folder}/gone.safetensors: ")
    index.unlink()
    (folder / ONE_FILE).unlink()
    refused(folder, "{folder}: no *.safetensors in it")
    (folder / "config.json").write_text('{"hidden_size": }')
    refused(folder, "{folder}/config.json:1:17: Expecting value")


def refused(folder: Path, line: str) -> None:
    with pytest.raises(checkpoint.CheckpointError) as error:
        load(folder)
    text = str(error.value)
    assert text.startswith(line.replace("{folder}", str(folder)))
    assert "\n" not in text
