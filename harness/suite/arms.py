"""The arms of a suite of models and kernels: choices of variants or changes of a module.

An arm may also replace the suite's model: by another implementation of it (`model:`), or by an engine outside
(`engine:`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.suite.catalogue import KernelLibrary
from harness.suite.choices import SitesByOp, read_arms
from harness.suite.module_models import named_model, read_module_arms
from harness.suite.nodes import Node
from harness.suite.outside import engine_of_arm
from harness.values.module_model import ModuleModel
from harness.values.outside import OutsideEngine
from harness.values.suite import Arm

ENGINE, MODEL = "engine", "model"


def read_every_arm(
    node: Node, module: ModuleModel | None, sites_by_op: SitesByOp, kernels: KernelLibrary, has_model: bool
) -> tuple[dict[str, Arm], dict[str, OutsideEngine]]:
    """The arms by name in the order of the file, and the engines of those that run outside. Raises SuiteError."""
    outside = {name: engine_of_arm(name, arm) for name, arm in node.items() if _has(arm, ENGINE)}
    own = {name for name, arm in node.items() if has_model and module is None and _has(arm, MODEL)} - set(outside)
    rest = _only(node, set(node.value) - own - set(outside))
    folder = kernels.suite_folder
    if module is not None:
        arms = read_module_arms(rest, module, folder)
    else:
        arms = read_arms(rest, sites_by_op, kernels)
        arms |= _other_models(_only(node, own), folder)
    arms |= {name: Arm(name, {}) for name in outside}
    return {name: arms[name] for name in node.value}, outside


def _has(arm: Node, key: str) -> bool:
    return arm.is_mapping and key in arm.value


def _only(node: Node, names: set[str]) -> Node:
    kept = {name: arm for name, arm in node.items() if name in names}
    return Node(kept, node.file, node.line, node.column, node.path, node.key_places)


def _other_models(node: Node, folder: Path) -> Mapping[str, Arm]:
    """Arms of a model that stands in the place of the suite's, with the changes that they make to it."""
    found: dict[str, Arm] = {}
    for name, arm in node.items():
        model = named_model(arm.value[MODEL], folder)
        changes = Node({key: child for key, child in arm.items() if key != MODEL}, *_place(arm), arm.key_places)
        [made] = read_module_arms(Node({name: changes}, *_place(node), node.key_places), model, folder).values()
        found[name] = Arm(name, {}, made.changes, model)
    return found


def _place(node: Node) -> tuple[str, int, int, str]:
    return node.file, node.line, node.column, node.path
