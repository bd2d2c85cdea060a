"""A model that is a torch module: `model: hf:NAME_OR_FOLDER` or `./file.py:function`, and the changes of arms to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from harness.engines import engine_facts
from harness.errors import HarnessError
from harness.suite.checkpoint import CONFIG
from harness.suite.format import NAME_PATTERN, SuiteFile
from harness.suite.inherited import LIKE, parent_of
from harness.suite.nodes import Node
from harness.suite.op_sources import function_at
from harness.values.module_model import ModuleChanges, ModuleModel
from harness.values.suite import Arm, ForwardQuestions

HF = "hf:"
RANDOM = "random"
DTYPES = ("float32", "bfloat16")
"""Dtypes for which logits have a tolerance."""
ABOUT_OPS = ("kernels", "shapes", "sweep", "models", "ops", "routing")
"""Keys that refer to ops by name, which such a model does not call."""
OF_WEIGHTS = ("from", "seed")
IMPLEMENTATIONS = ("attn_implementation", "experts_implementation")
"""Keys of arms that transformers alone understands."""


def is_module(name: Any) -> bool:
    """Whether a suite's `model:` is a torch module rather than a block of models.yaml."""
    return isinstance(name, str) and (name.startswith(HF) or name.endswith(".py") or ".py:" in name)


def read_module(root: Node, file: SuiteFile, folder: Path) -> ModuleModel:
    """The model that a suite names, with its weights. Raises SuiteError where it does not exist, and for keys about
    ops."""
    for key in ABOUT_OPS:
        if key in root.value:
            raise root.key_error(key, f"names ops, and {file.model} has none")
    if file.dtype not in DTYPES:
        raise root.value["dtype"].error(f"logits have no tolerance for {file.dtype}", file.dtype, DTYPES)
    for key in root.value["weights"].value if "weights" in root.value else ():
        if key not in OF_WEIGHTS:
            raise root.value["weights"].key_error(key, "has no effect on this model", OF_WEIGHTS)
    node = root.value["model"]
    config = _config(file.config)
    apply = _functions(file.apply, folder) if file.apply is not None else ()
    given = "weights" in root.value and "from" in root.value["weights"].value
    weights = "" if file.weights.source == RANDOM else str(_weights_in(root.value["weights"].value["from"], folder))
    found = named_model(node, folder)
    return msgspec.structs.replace(found, config=config, weights=weights if given else found.weights, apply=apply)


def named_model(node: Node, folder: Path) -> ModuleModel:
    """`hf:NAME_OR_FOLDER` or `./file.py:function`, with the weights that lie in its folder. Raises SuiteError."""
    text = _word(node, folder)
    if not is_module(text):
        raise node.error(f"{text} is no module; wanted: hf:NAME, hf:./folder or ./file.py:function")
    if not text.startswith(HF):
        return ModuleModel("file", _function(node, folder, "build"))
    name = text.removeprefix(HF)
    if not ("/" in name or name.startswith(".")):
        if not re.fullmatch(r"[a-z0-9_-]+", name):
            raise node.error(
                f"{name!r} is neither a model type of transformers (hf:qwen3_moe) nor a folder (hf:./path)"
            )
        return ModuleModel("hf", name)
    there = (folder / name).expanduser().resolve()
    if not (there / CONFIG).is_file():
        raise node.error(f"{there}: no folder with a {CONFIG}; names on a hub are not looked up, only local folders")
    return ModuleModel("hf", str(there), weights=str(there) if any(there.glob("*.safetensors")) else "")


def _weights_in(node: Node, folder: Path) -> Path:
    path = (folder / str(node.value)).expanduser().resolve()
    if not path.is_dir():
        raise node.error(f"{path}: no such folder")
    return path


def _config(node: Node | None) -> dict[str, Any]:
    if node is None:
        return {}
    return {key: child.plain for key, child in node.items()}


def read_forward(root: Node, file: SuiteFile, folder: Path) -> ForwardQuestions | None:
    """The questions about a module without states, with the file or function of its inputs."""
    if file.forward is None:
        return None
    asked = root.value["forward"]
    for node in asked.value["engines"].elements() if "engines" in asked.value else ():
        if engine_facts(str(node.value)).packages:
            raise node.error(f"{node.value} runs decode steps alone")
    return msgspec.structs.replace(file.forward, inputs=_function(asked.value["inputs"], folder, "inputs"))


def read_module_arms(node: Node, model: ModuleModel, folder: Path) -> dict[str, Arm]:
    """The arms by name, in the order of the file; an arm inherits missing keys from the arm that it is `like`."""
    entries = dict(node.items())
    if not entries:
        raise node.error("an arm is needed")
    for name in entries:
        if not re.fullmatch(NAME_PATTERN, name):
            raise node.key_error(name, "is not a name of an arm; allowed: letters, digits, _ . + -")
    own = {name: _own_changes(arm, model, folder) for name, arm in entries.items()}
    return {name: Arm(name, {}, _resolved(name, node, own, ())) for name in entries}


def _own_changes(arm: Node, model: ModuleModel, folder: Path) -> dict[str, Any]:
    """The changes that the arm itself makes."""
    known = ("apply", "replace", "kernels", "quantize", *(IMPLEMENTATIONS if model.kind == "hf" else ()))
    found: dict[str, Any] = {}
    for key, child in arm.items() if arm.value is not None else ():
        if key == LIKE:
            continue
        if key not in known:
            raise arm.key_error(key, "is no change of a torch module", [*known, LIKE])
        found[key] = _READERS[key](child, folder)
    return found


def _resolved(name: str, node: Node, own: Mapping[str, dict[str, Any]], below: tuple[str, ...]) -> ModuleChanges:
    like = parent_of(name, node, own, below)
    inherited = _resolved(like, node, own, (*below, name)) if like is not None else ModuleChanges()
    said = dict(own[name])
    for key in ("replace", "kernels"):
        if key in said:
            said[key] = {**getattr(inherited, key), **said[key]}
    return msgspec.structs.replace(inherited, **said)


def _word(node: Node, _: Path) -> str:
    if not isinstance(node.value, str) or not node.value.strip():
        raise node.error(f"{node.shown} is not a word")
    return node.value


def _functions(node: Node, folder: Path) -> tuple[str, ...]:
    return tuple(_function(child, folder, "apply") for child in (node.elements() if node.is_list else [node]))


def _replacements(node: Node, folder: Path) -> dict[str, str]:
    return {kind: _function(child, folder, kind) for kind, child in node.items()}


def _packages(node: Node, folder: Path) -> dict[str, str]:
    """The folder of a package, by the name of its layer."""
    found = {}
    for layer, child in node.items():
        path = (folder / str(child.value)).resolve()
        if not path.is_dir():
            raise child.error(f"{path}: no such folder; packages are local, no hub is asked")
        found[layer] = str(path)
    return found


def _function(node: Node, folder: Path, usual: str) -> str:
    """`/path/file.py:name`, with the usual name where the suite leaves it out. Raises SuiteError where the file does
    not define it."""
    text = _word(node, folder)
    text = text if ".py:" in text else f"{text}:{usual}"
    try:
        found = function_at(text, folder)
    except HarnessError as error:
        raise node.error(str(error)) from error
    defined = re.search(rf"^(?:def|class)\s+{found.name}\b|^{found.name}\s*[:=]", found.file.read_text(), re.MULTILINE)
    if defined is None:
        raise node.error(f"{found.file} defines no {found.name}")
    return f"{found.file}:{found.name}"


_READERS: dict[str, Callable[[Node, Path], Any]] = {
    "attn_implementation": _word,
    "experts_implementation": _word,
    "replace": _replacements,
    "kernels": _packages,
    "quantize": _word,
    "apply": _functions,
}
