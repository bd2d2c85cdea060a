"""A suite file to a `Suite`, checked against its kernels; imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from harness import kernels_root
from harness.errors import HarnessError, allowed
from harness.suite.arms import read_every_arm
from harness.suite.catalogue import KernelLibrary
from harness.suite.checkpoint import problem_of
from harness.suite.format import ROUTINGS, SuiteFile
from harness.suite.models import ModelDims, read_model
from harness.suite.module_models import is_module, read_forward, read_module
from harness.suite.nodes import Node, parse
from harness.suite.outside import outside_suite
from harness.suite.reading import read_section
from harness.suite.shapes import full_dims, read_shapes
from harness.suite.sweeps import read_sweep
from harness.values.case import SHAPE_SITE
from harness.values.suite import MODEL_WEIGHTS, ComparePolicy, KernelQuestions, Sections, Suite, Weights

RANDOM = "random"
"""Weights that are generated, not read."""
GATES = ("decode", "prefill", "peak_memory", "energy")
LINEAR_OPS = ("int4_mm", "linear")


def load_suite(path: Path) -> Suite:
    """The suite in a file, with every name in it checked.

    Raises SuiteError, one line `file:line:column: key.path: what; allowed: ...`, for the first error.
    """
    text = _text(path)
    root = parse(text, path)
    file = read_section(root, SuiteFile)
    if file.engine is not None:
        return outside_suite(root, file, path, text)
    library = KernelLibrary(kernels_root.find(path).resolve(), path.resolve().parent)
    kernels = library.with_own_found(file.ops, file.models)
    module = read_module(root, file, kernels.suite_folder) if is_module(file.model) else None
    architecture, dims, weights, uses = _model(root, file, kernels) if module is None else ("", {}, file.weights, ())
    ops = list(dict.fromkeys(use.op for use in uses))
    places = {op: [use.site for use in uses if use.op == op] for op in ops}
    sizes = {op: sorted({name for use in uses if use.op == op for name in use.dims}) for op in ops}
    shapes = read_shapes(file.shapes, kernels) if file.shapes else {}
    for op, calls in shapes.items():
        places[op] = [*places.get(op, ()), SHAPE_SITE]
        sizes[op] = sorted({*sizes.get(op, ()), *(name for call in calls for name in call)})
    stored = _stored(root, file, shapes, kernels)
    for op in places:
        known = kernels.spec(op).op.tolerance
        if file.dtype not in known:
            raise root.value["dtype"].error(f"{op} has no tolerance for {file.dtype}", file.dtype, known)
    arms, outside = read_every_arm(file.arms, module, places, kernels, has_model=bool(architecture))
    if outside and file.forward is not None:
        raise root.key_error("forward", "is no question to an arm that has an `engine` outside of this program")
    _check_routing(root, file.routing, kernels.suite_folder)
    for key, section in (("kernels", KernelQuestions), ("compare", ComparePolicy)):
        if key in root.value:
            read_section(root.value[key], section, {"op of the model": ops, "gate": [*GATES, *ops]})
    stated = {name: getattr(file, name) for name in Sections.__struct_fields__}
    stated["forward"] = read_forward(root, file, kernels.suite_folder)
    suite = Suite(
        **{**stated, "weights": weights},
        name=path.stem,
        path=str(path.resolve()),
        text=text,
        architecture=architecture,
        dims=dims,
        arms=arms,
        outside=outside,
        kernels_root=str(kernels.root),
        ops=dict(kernels.sources),
        models=dict(kernels.models),
        module=module,
        shapes=shapes,
        stored=stored,
        sweep=read_sweep(file.sweep, sizes, kernels) if file.sweep else (),
    )
    asked = (suite.kernels, suite.decode, suite.forward, suite.sweep or None, suite.shapes or None)
    if all(section is None for section in asked):
        raise root.error("has nothing to measure; allowed: kernels, shapes, decode, forward, sweep, engine")
    return suite


def _model(root: Node, file: SuiteFile, kernels: KernelLibrary) -> tuple[str, ModelDims, Weights, tuple[Any, ...]]:
    """Architecture, dims, weights and uses of the suite's model; empty without a model, where no section refers to
    one."""
    for key in ("config", "apply", "forward"):
        if key in root.value:
            raise root.key_error(key, "is for a model hf:NAME_OR_FOLDER or ./file.py:function")
    if "model" not in root.value:
        for key in ("kernels", "decode"):
            if key in root.value:
                raise root.key_error(key, "needs a model, and this suite has none (model: ...)")
        if file.shapes is None:
            raise root.error("key model is missing (a block of models.yaml), or shapes (sizes of calls of no model)")
        for key in root.value["weights"].value if "weights" in root.value else ():
            if key != "dtype":
                raise root.value["weights"].key_error(key, "needs a model; without one allowed: dtype")
        return "", {}, Weights(), ()
    architecture, dims = read_model(root.value["model"], kernels)
    if file.weights.dtype != MODEL_WEIGHTS:
        what = f"the library's models store {MODEL_WEIGHTS}; others are for ops of one's own (shapes, without a model)"
        raise root.value["weights"].value["dtype"].error(what)
    weights = _weights(file.weights, root, kernels.layout(architecture), dims)
    if weights.source != RANDOM and (wrong := problem_of(kernels.suite_folder / weights.source, dims)):
        raise root.value["weights"].value["from"].error(wrong)
    return architecture, dims, weights, _uses(root.value["model"], kernels, architecture, dims, weights)


def _stored(root: Node, file: SuiteFile, shapes: Mapping[str, Any], kernels: KernelLibrary) -> str:
    """The storage of weights where the suite has no model. Raises SuiteError where no op of the suite uses it."""
    if "model" in root.value or "weights" not in root.value:
        return ""
    specs = [kernels.spec(op) for op in shapes]
    if not any(spec.own and spec.own.takes_weights for spec in specs):
        raise root.key_error("weights", "no op of this suite uses it (`inputs` takes no `weights`)")
    return str(file.weights.dtype)


def _uses(name: Node, kernels: KernelLibrary, architecture: str, dims: ModelDims, weights: Weights) -> tuple[Any, ...]:
    """Every site of an op in the model. Raises SuiteError where a user's own model names an unknown op or dim."""
    uses = kernels.uses(architecture, dims, weights.group, weights.dense)
    for use in uses if architecture in kernels.models else ():
        try:
            spec = kernels.spec(use.op)
            known = use.dims if spec.own else spec.dims or use.dims
            full_dims(spec, {dim: size for dim, size in use.dims.items() if dim in known})
        except HarnessError as error:
            raise name.error(f"{kernels.models[architecture]}: uses: {use.op_site}: {error}") from error
    return uses


def is_suite(path: Path) -> bool:
    """Whether a YAML file declares itself a suite. A pipe or a link to itself is none, and is not waited for."""
    return path.is_file() and b"\nsuite:" in b"\n" + path.read_bytes()


def _text(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            kind = "folder" if path.is_dir() else "pipe or device"
            raise HarnessError(f"{path}: cannot be read: no file, but a {kind}")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise HarnessError(f"{path}: not UTF-8: byte {error.start}") from error
    except FileNotFoundError as error:
        beside = [str(file) for file in path.parent.glob("*.yaml") if is_suite(file)]
        raise HarnessError(f"{path}: no such suite; {allowed(str(path), beside)}") from error
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read: {error.strerror}") from error


def _weights(weights: Weights, root: Node, layout: Any, dims: ModelDims) -> Weights:
    """The weights section, checked against the model: dense sites exist, every matrix has whole groups."""
    sites = [use.site for use in layout.uses(dims, Weights().group, ()) if use.op in LINEAR_OPS]
    node = root.value.get("weights")
    if node is not None and "dense" in node.value:
        read_section(node, Weights, {"site of a linear op": sites})
    else:
        weights = msgspec.structs.replace(weights, dense=tuple(site for site in weights.dense if site in sites))
    problem = layout.problem(dims, weights.group, weights.dense)
    if problem:
        raise (node or root.value["model"]).error(problem)
    return weights


def _check_routing(root: Node, routing: str, folder: Path) -> None:
    if routing not in ROUTINGS and not (folder / routing).is_file():
        raise root.value["routing"].error(f"no such routing, nor a file {folder / routing}", routing, ROUTINGS)
