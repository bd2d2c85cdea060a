"""A suite file to a checked `Suite`. Binds this process to the kernels that the suite is for; imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import kernels_root
from harness.errors import HarnessError, allowed
from harness.suite.catalogue import load_layout, model_uses
from harness.suite.choices import read_arms
from harness.suite.format import ROUTINGS, SUITE
from harness.suite.models import ModelDims, read_model
from harness.suite.nodes import Node, parse
from harness.suite.sweeps import read_sweep
from harness.values.suite import ComparePolicy, DecodeQuestions, KernelQuestions, Suite, Weights

GATES = ("decode", "prefill", "peak_memory")
LINEAR_OPS = ("int4_mm", "linear")


def load_suite(path: Path) -> Suite:
    """The suite in a file, with every name in it checked.

    Raises SuiteError, one line `file:line:column: key.path: what; allowed: ...`, for the first thing that is wrong.
    """
    text = _text(path)
    kernels_root.bind(kernels_root.find(path))
    root = parse(text, path)
    values = SUITE.read(root)
    folder = path.resolve().parent
    architecture, dims = read_model(root.value["model"], folder)
    weights = _weights(values["weights"], root, architecture, dims)
    uses = model_uses(architecture, dims, weights.group, weights.dense)
    ops = list(dict.fromkeys(use.op for use in uses))
    places = {op: [use.site for use in uses if use.op == op] for op in ops}
    names = {op: sorted({name for use in uses if use.op == op for name in use.dims}) for op in ops}
    suite = Suite(
        name=path.stem,
        path=str(path.resolve()),
        text=text,
        title=values["title"],
        model=root.value["model"].value,
        architecture=architecture,
        dims=dims,
        arms=read_arms(values["arms"], places, folder),
        kernels_root=str(kernels_root.bound_root()),
        analysis=values["analysis"],
        dtype=values["dtype"],
        weights=weights,
        routing=_routing(root, values["routing"], folder),
        kernels=_kernels(values["kernels"], ops),
        decode=DecodeQuestions(**values["decode"]) if values["decode"] else None,
        sweep=read_sweep(values["sweep"], names, folder) if values["sweep"] else (),
        compare=_compare(values["compare"], ops),
    )
    if suite.kernels is None and suite.decode is None and not suite.sweep:
        raise root.error("asks for nothing; allowed: kernels, decode, sweep")
    return suite


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise HarnessError(f"{path}: not UTF-8: byte {error.start}") from error
    except FileNotFoundError as error:
        beside = [str(file) for file in path.parent.glob("*.yaml") if b"\nsuite:" in b"\n" + file.read_bytes()]
        raise HarnessError(f"{path}: no such suite; {allowed(str(path), beside)}") from error
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read: {error.strerror}") from error


def _weights(values: dict[str, Any] | None, root: Node, architecture: str, dims: ModelDims) -> Weights:
    """The weights section, checked against the model: dense sites exist, every matrix has whole groups."""
    layout = load_layout(architecture)
    sites = [use.site for use in layout.uses(dims, Weights().group, ()) if use.op in LINEAR_OPS]
    found = Weights(dense=tuple(site for site in Weights().dense if site in sites))
    if values is not None:
        dense = found.dense
        if values["dense"] is not None:
            dense = _names(values["dense"], "site of a linear op", sites)
        found = Weights(values["dtype"], values["group"], values["from"], values["seed"], dense)
    problem = layout.problem(dims, found.group, found.dense)
    if problem:
        raise root.value.get("weights", root.value["model"]).error(problem)
    return found


def _routing(root: Node, routing: str, folder: Path) -> str:
    if routing not in ROUTINGS and not (folder / routing).is_file():
        raise root.value["routing"].error(f"no such routing, nor a file {folder / routing}", routing, ROUTINGS)
    return routing


def _kernels(values: dict[str, Any] | None, ops: Sequence[str]) -> KernelQuestions | None:
    if values is None:
        return None
    return KernelQuestions(_names(values["ops"], "op of the model", ops), values["tokens"], values["context"])


def _compare(values: dict[str, Any] | None, ops: Sequence[str]) -> ComparePolicy:
    if values is None:
        return ComparePolicy()
    gate = ComparePolicy().gate if values["gate"] is None else _names(values["gate"], "gate", [*GATES, *ops])
    return ComparePolicy(gate, values["same_within_percent"], values["budget_s"], values["setup"])


def _names(node: Node, kind: str, names: Sequence[str]) -> tuple[str, ...]:
    """A list of different names of a known kind."""
    found: list[str] = []
    for child in node.elements():
        if child.value not in names:
            raise child.error(
                f"{child.value if isinstance(child.value, str) else child.shown} is no {kind}", str(child.value), names
            )
        if child.value in found:
            raise child.error(f"{child.shown} is here twice")
        found.append(child.value)
    return tuple(found)
