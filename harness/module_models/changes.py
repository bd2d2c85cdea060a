"""An arm's changes to a module: implementations, modules, layers of kernel packages, quantisation, by functions.

Every change that finds nothing to change is an error: otherwise the arm would be the baseline under another name.
"""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path
from types import MethodType, ModuleType
from typing import Any

from torch import nn

from harness.errors import CaseFailed, HarnessError, allowed
from harness.module_models.named_function import named_function
from harness.values.module_model import ModuleChanges

PACKAGE_PLACES = ("", "torch-ext", "build/torch-universal")
"""Places of the Python package in a repository of the `kernels` library: its root, its sources or its build."""


def changed(module: nn.Module, changes: ModuleChanges) -> nn.Module:
    """The module with an arm's changes, made in place where they allow it.

    Raises CaseFailed for a change that finds nothing to change, and any error of a user's file.
    """
    for kind in ("attn", "experts"):
        chosen = getattr(changes, f"{kind}_implementation")
        if chosen:
            _implementation(module, kind, chosen)
    for name, source in changes.replace.items():
        module = _replaced(module, name, source)
    for layer, folder in changes.kernels.items():
        _kernelised(module, layer, Path(folder))
    if changes.quantize:
        _quantised(module, changes.quantize)
    for source in changes.apply:
        module = applied(module, source)
    return module.eval()


def applied(module: nn.Module, source: str) -> nn.Module:
    """The module that a function returns, or the one passed in where the function returns None. Raises CaseFailed for
    any other result."""
    found = named_function(source)(module)
    if found is None:
        return module
    if not isinstance(found, nn.Module):
        raise CaseFailed(f"{source} returned {type(found).__name__}, wanted: a torch module, or nothing")
    return found


def _implementation(module: nn.Module, kind: str, chosen: str) -> None:
    choose = getattr(module, f"set_{kind}_implementation", None)
    if choose is None:
        raise CaseFailed(f"{kind}_implementation: this version of transformers cannot choose one")
    choose(chosen)
    found = getattr(module.config, f"_{kind}_implementation", None)
    if found != chosen:
        raise CaseFailed(f"{kind}_implementation: {chosen} was asked for, the model took {found}")


def _replaced(module: nn.Module, name: str, source: str) -> nn.Module:
    """Replace each module of a class of that name by the function's result for it."""
    make = named_function(source)
    found = [(path, part) for path, part in module.named_modules() if type(part).__name__ == name]
    if not found:
        raise CaseFailed(f"replace: no module is a {name}; {allowed(name, _classes(module))}")
    for path, part in found:
        made = make(part)
        if not isinstance(made, nn.Module):
            raise CaseFailed(f"{source} returned {type(made).__name__}, wanted: a torch module")
        if not path:
            return made
        module.set_submodule(path, made)
    return module


def _classes(module: nn.Module) -> list[str]:
    return [type(part).__name__ for part in module.modules()]


def _kernelised(module: nn.Module, layer: str, folder: Path) -> None:
    """Set the `forward` of a package's layer on each module that stands for such a layer.

    As in the `kernels` library, a module matches by the name that its class gives (`use_kernel_forward_from_hub`), else
    by the class's own name or its end.
    """
    layers = getattr(_package(folder), "layers", None)
    found = getattr(layers, layer, None)
    if found is None:
        raise CaseFailed(f"{folder}: its package has no layers.{layer}")
    parts = [part for part in module.modules() if layer in (_hub_name(part), type(part).__name__)]
    parts = parts or [part for part in module.modules() if type(part).__name__.endswith(layer)]
    if not parts:
        raise CaseFailed(f"kernels: no module stands for a {layer}; {allowed(layer, _classes(module))}")
    for part in parts:
        part.forward = MethodType(found.forward, part)


def _hub_name(part: nn.Module) -> str:
    found: str = getattr(type(part), "kernel_layer_name", "")
    return found


def _package(folder: Path) -> ModuleType:
    """The package of a local repository of kernels, with its `layers` imported."""
    places = [folder / place for place in PACKAGE_PLACES]
    packages = [init.parent for place in places for init in sorted(place.glob("*/__init__.py"))]
    packages = [folder] if (folder / "__init__.py").is_file() else packages
    if not packages:
        raise CaseFailed(f"{folder}: no Python package in it (a folder with an __init__.py)")
    package = packages[0]
    if str(package.parent) not in sys.path:
        sys.path.insert(0, str(package.parent))
    module = importlib.import_module(package.name)
    if Path(module.__file__ or "").parent != package:
        raise CaseFailed(f"{package}: another package {package.name} is imported already, from {module.__file__}")
    if (package / "layers.py").is_file() or (package / "layers").is_dir():
        importlib.import_module(f"{package.name}.layers")
    return module


def _quantised(module: nn.Module, text: str) -> None:
    """Quantise by torchao, in place: quantised tensors are replaced by new ones."""
    try:
        quantization: Any = importlib.import_module("torchao.quantization")
    except ImportError as error:
        raise HarnessError(f"quantize: {text}: torchao is not installed here") from error
    configuration = _torchao_config(quantization, text)
    before = {id(parameter) for parameter in module.parameters()}
    quantization.quantize_(module, configuration)
    if all(id(parameter) in before for parameter in module.parameters()):
        raise CaseFailed(f"quantize: {text} changed no weight")


def _torchao_config(quantization: Any, text: str) -> Any:
    """Parse `Int4WeightOnlyConfig(group_size=64)`, with literals as arguments."""
    names = [name for name in dir(quantization) if name.endswith("Config")]
    try:
        call = ast.parse(text.strip(), mode="eval").body
        name = call.func if isinstance(call, ast.Call) else call
        given = call.keywords if isinstance(call, ast.Call) else []
        keywords = {str(one.arg): ast.literal_eval(one.value) for one in given}
        chosen = name.id if isinstance(name, ast.Name) else ""
    except (SyntaxError, ValueError) as error:
        raise CaseFailed(f"quantize: {text}: not a configuration with literal arguments") from error
    if chosen not in names:
        raise CaseFailed(f"quantize: torchao has no {chosen or text}; {allowed(chosen, names)}")
    return getattr(quantization, chosen)(**keywords)
