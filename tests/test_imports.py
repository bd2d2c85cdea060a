"""Who may import whom: the rules of the house as one table, enforced on every file and in real processes."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.import_layers import HEAVY, LAYERS, Layer


@dataclass(frozen=True)
class Import:
    name: str
    line: int
    deferred: bool


def imports_of(source: str) -> list[Import]:
    """The absolute imports of a module's text, except those under `if TYPE_CHECKING`."""
    found: list[Import] = []

    def visit(node: ast.AST, deferred: bool) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, node.lineno, deferred) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.extend(Import(f"{node.module}.{alias.name}", node.lineno, deferred) for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child, deferred or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))

    visit(ast.parse(source), False)
    return found


def below(name: str, roots: tuple[str, ...]) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in roots)


def violations(layer: Layer, source: str) -> list[str]:
    """`line: name` of each import that the layer forbids."""
    return [
        f"{found.line}: {found.name}"
        for found in imports_of(source)
        if below(found.name, layer.forbidden)
        and not below(found.name, layer.except_for)
        and (layer.deferred or not found.deferred)
    ]


@pytest.mark.parametrize("name", LAYERS)
def test_every_file_keeps_to_its_layer(name: str) -> None:
    """No file of a layer imports what the layer must not know."""
    layer = LAYERS[name]
    files = sorted(file for pattern in layer.files for file in REPOSITORY.glob(pattern))
    found = [f"{file.relative_to(REPOSITORY)}:{line}" for file in files for line in violations(layer, file.read_text())]
    assert not found, f"{name}: {found}"


@pytest.mark.parametrize(
    ("source", "deferred", "wanted"),
    [
        ("import torch", True, ["1: torch"]),
        ("import torch.nn as nn", True, ["1: torch.nn"]),
        ("from torch import Tensor", True, ["1: torch.Tensor"]),
        ("import torchvision", True, []),
        ("from .torch import x", True, []),
        ("def f():\n    import torch", True, ["2: torch"]),
        ("def f():\n    import torch", False, []),
        ("if True:\n    import torch", False, ["2: torch"]),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch", True, []),
        ("from harness import load_kernels, values", True, ["1: harness.load_kernels"]),
    ],
)
def test_planted_violations_are_found(source: str, deferred: bool, wanted: list[str]) -> None:
    """The walker sees every form of an import, and no other name."""
    layer = Layer((), ("torch", "harness.load_kernels"), deferred)
    assert violations(layer, source) == wanted


def test_python_files_all_belong_to_one_layer() -> None:
    """A new file of the harness or the kernels cannot stay outside of the rules."""
    covered = {file for layer in LAYERS.values() for pattern in layer.files for file in REPOSITORY.glob(pattern)}
    outside = {"harness/__init__.py", "harness/__main__.py"}
    everything = [
        *REPOSITORY.glob("harness/**/*.py"),
        *REPOSITORY.glob("kernels/**/*.py"),
        *REPOSITORY.glob("reports/**/*.py"),
    ]
    left = sorted({str(file.relative_to(REPOSITORY)) for file in everything if file not in covered} - outside)
    assert left == [], "name their layer in LAYERS"


def test_no_file_is_longer_than_300_lines() -> None:
    """A module is a noun with one job."""
    folders = ("harness", "kernels", "reports", "tests")
    files = [file for folder in folders for file in (REPOSITORY / folder).rglob("*.py")]
    long = {str(file.relative_to(REPOSITORY)): n for file in files if (n := len(file.read_text().splitlines())) > 300}
    assert long == {}


def test_the_folders_that_get_a_name_of_their_own_have_no_package_file() -> None:
    """`kernels/` must not be importable as `kernels`: that is another project's package."""
    for folder in ("kernels", "reports", "suites"):
        assert not (REPOSITORY / folder / "__init__.py").exists()
    assert not list((REPOSITORY / "kernels").rglob("__init__.py"))


AUDIT = """
import sys
from harness.cli.main import app
try:
    app(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
except Exception as error:
    assert type(error).__module__ == "harness.errors", error
print("LOADED", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def loaded_by(arguments: list[str], folder: Path) -> set[str]:
    """Top-level packages in a fresh process after a command."""
    done = subprocess.run(
        [sys.executable, "-c", AUDIT, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("LOADED")[2].split())


TINY = str(REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml")
LIGHT_COMMANDS = {
    "--help": (["--help"], {*HEAVY, "scipy", "matplotlib", "sqlalchemy", "numpy", "yaml", "jinja2"}),
    "list": (["list", TINY], {*HEAVY, "scipy", "matplotlib", "sqlalchemy", "numpy"}),
    "list --json": (["list", TINY, "--json"], {*HEAVY, "scipy", "matplotlib", "sqlalchemy", "numpy"}),
    "check --static": (["check", TINY, "--static"], {*HEAVY, "scipy", "matplotlib", "sqlalchemy", "numpy"}),
    "schema": (["schema"], {*HEAVY, "scipy", "matplotlib", "sqlalchemy", "numpy"}),
    "report": (["report", "last"], set(HEAVY)),
    "compare": (["compare", "1", "2"], set(HEAVY)),
    "history": (["history", "router"], set(HEAVY)),
    "show": (["show"], set(HEAVY)),
}


@pytest.mark.parametrize("name", LIGHT_COMMANDS)
def test_commands_for_a_laptop_load_no_torch(name: str, tmp_path: Path) -> None:
    """In a real process, whatever the command imports on its way."""
    from harness.cli.main import app

    arguments, forbidden = LIGHT_COMMANDS[name]
    names = {command.name for command in app.registered_commands}
    assert arguments[0].startswith("-") or arguments[0] in names, f"there is no command {arguments[0]}"
    assert loaded_by(arguments, tmp_path) & forbidden == set()
