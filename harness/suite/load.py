"""A suite file to a checked `Suite`, against the kernels that it is for; imports no torch."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import msgspec

from harness import kernels_root
from harness.errors import HarnessError, allowed
from harness.suite.catalogue import KernelLibrary
from harness.suite.choices import read_arms
from harness.suite.format import ROUTINGS, SuiteFile
from harness.suite.models import ModelDims, read_model
from harness.suite.nodes import Node, parse
from harness.suite.reading import read_section
from harness.suite.sweeps import read_sweep
from harness.values.suite import ComparePolicy, KernelQuestions, Sections, Suite, Weights

GATES = ("decode", "prefill", "peak_memory", "energy")
LINEAR_OPS = ("int4_mm", "linear")


def load_suite(path: Path) -> Suite:
    """The suite in a file, with every name in it checked.

    Raises SuiteError, one line `file:line:column: key.path: what; allowed: ...`, for the first thing that is wrong.
    """
    text = _text(path)
    root = parse(text, path)
    file = read_section(root, SuiteFile)
    kernels = KernelLibrary(kernels_root.find(path).resolve(), path.resolve().parent)
    architecture, dims = read_model(root.value["model"], kernels)
    weights = _weights(file.weights, root, kernels.layout(architecture), dims)
    uses = kernels.uses(architecture, dims, weights.group, weights.dense)
    ops = list(dict.fromkeys(use.op for use in uses))
    places = {op: [use.site for use in uses if use.op == op] for op in ops}
    sizes = {op: sorted({name for use in uses if use.op == op for name in use.dims}) for op in ops}
    arms = read_arms(file.arms, places, kernels)
    _check_routing(root, file.routing, kernels.suite_folder)
    for key, section in (("kernels", KernelQuestions), ("compare", ComparePolicy)):
        if key in root.value:
            read_section(root.value[key], section, {"op of the model": ops, "gate": [*GATES, *ops]})
    stated = {name: getattr(file, name) for name in Sections.__struct_fields__}
    suite = Suite(
        **{**stated, "weights": weights},
        name=path.stem,
        path=str(path.resolve()),
        text=text,
        architecture=architecture,
        dims=dims,
        arms=arms,
        kernels_root=str(kernels.root),
        sweep=read_sweep(file.sweep, sizes, kernels) if file.sweep else (),
    )
    if suite.kernels is None and suite.decode is None and not suite.sweep:
        raise root.error("asks for nothing; allowed: kernels, decode, sweep")
    return suite


def is_suite(path: Path) -> bool:
    """Whether a YAML file says that it is one."""
    return b"\nsuite:" in b"\n" + path.read_bytes()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise HarnessError(f"{path}: not UTF-8: byte {error.start}") from error
    except FileNotFoundError as error:
        beside = [str(file) for file in path.parent.glob("*.yaml") if is_suite(file)]
        raise HarnessError(f"{path}: no such suite; {allowed(str(path), beside)}") from error
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read: {error.strerror}") from error


def _weights(weights: Weights, root: Node, layout: ModuleType, dims: ModelDims) -> Weights:
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
