"""Operators of other packages that a program calls, and the modules that register them.

The process that compiles has to import these first.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterable
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import msgspec

from harness.export.operators import NAMESPACE

OF_TORCH = ("aten", "prim", "prims", "higher_order", "inductor", "_c10d_functional", "quantized_decomposed", NAMESPACE)

REGISTERS = re.compile(r"""(?:custom_op|triton_op|define)\(\s*["'](\w+::\w+)""")


class Registering(msgspec.Struct, frozen=True):
    """A module that registers operators when it is imported."""

    name: str
    file: str


def registering(program: Any) -> tuple[Registering, ...]:
    """The imported modules whose text registers an operator that the program calls, of neither torch nor the harness.
    torch does not tell where an operator came from."""
    targets = (node.target for node in program.graph.nodes if node.op == "call_function")
    foreign = {t._schema.name for t in targets if getattr(t, "namespace", NAMESPACE) not in OF_TORCH}
    return tuple(_naming(foreign)) if foreign else ()


def _naming(names: set[str]) -> Iterable[Registering]:
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if not file.endswith(".py") or name.partition(".")[0] in ("torch", "harness"):
            continue
        if any(found in names for found in REGISTERS.findall(Path(file).read_text(encoding="utf-8", errors="ignore"))):
            yield Registering(name, file)


def import_again(modules: Iterable[Registering]) -> None:
    """Import them in this process, one that no import finds by its file."""
    for module in modules:
        if module.name in sys.modules:
            continue
        if find_spec(module.name.partition(".")[0]) is not None:
            importlib.import_module(module.name)
            continue
        spec = spec_from_file_location(module.name, module.file)
        assert spec is not None and spec.loader is not None
        made = sys.modules[module.name] = module_from_spec(spec)
        spec.loader.exec_module(made)
