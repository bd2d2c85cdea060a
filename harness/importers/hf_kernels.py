"""Benchmarks of Hugging Face `kernels` packages: classes with `setup_*`, `benchmark_*` and `verify_*` methods.

The class stays as written. The attributes that `setup_*` makes and `verify_*` reads become the op's inputs, the return
value of `verify_*` the reference; `run_kernel` calls `benchmark_*` with the package's own kernel. A workload is a value
of the dim `workload`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.importers.definition import FLOATS
from harness.importers.op_text import file_of, function, wrapped
from harness.importers.outcome import Imported, NotImported, op_name
from harness.importers.python_source import Statement, read_text, statements

CUDA, PLACE = 'device="cuda"', "device=self.device"
NOT_INPUTS = ("out", "kernel", "device", "seed")
OURS = frozenset({"reference", "inputs", "run", "run_kernel", "workload_of", "WORKLOADS", "KERNEL", "Benchmark"})
BASE = '''class Benchmark:
    """What a workload has of `kernels.benchmark.Benchmark`."""

    device = "cpu"
    kernel = out = None'''


@dataclass(frozen=True)
class Workloads:
    """One class of a file."""

    file: Path
    title: str
    name: str
    package: str
    names: tuple[str, ...]
    """The names of its workloads."""
    setups: tuple[str, ...]
    code: str
    """The op file's text up to and with the class."""
    read: tuple[str, ...]
    """Attributes that a reference needs."""
    used_by_kernel: tuple[str, ...]
    set_by_verify: bool
    """Whether `verify_*` makes the output that is compared."""

    @property
    def dims(self) -> dict[str, int]:
        return {"workload": 0}

    def probe_text(self) -> str:
        """An op file that knows only its inputs."""
        return file_of(self.title, [self.code, _workload_of(self), _inputs(self, self.attributes, "")])

    @property
    def attributes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.read, *self.used_by_kernel)))


def read_problems(file: Path) -> list[Workloads]:
    """Every class of workloads in a file. Raises NotImported where there is none."""
    parts = statements(read_text(file))
    classes = [one for one in parts if isinstance(one.node, ast.ClassDef)]
    found = [_read(file, parts, one) for one in classes if _methods(one.node, "benchmark_")]
    if not found:
        bases = [ast.unparse(base) for one in classes if isinstance(one.node, ast.ClassDef) for base in one.node.bases]
        raise NotImported(f"no class of it has workloads of its own: they derive from {', '.join(bases) or 'nothing'}")
    return found


def _read(file: Path, parts: Sequence[Statement], one: Statement) -> Workloads:
    node = one.node
    assert isinstance(node, ast.ClassDef)
    names = [name for name in _methods(node, "benchmark_") if name in _methods(node, "verify_")]
    if not names:
        raise NotImported(f"no workload has a verify_*, so there is no reference: {node.name}")
    setups = {name: f"setup_{name}" if name in _methods(node, "setup_") else "setup" for name in names}
    methods = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
    if any(setup not in methods for setup in setups.values()):
        raise NotImported(f"a workload has no setup: {node.name}")
    setup_nodes = [methods[setup] for setup in dict.fromkeys(setups.values())]
    if any("kernel" in _attributes(setup, ast.Load) for setup in setup_nodes):
        raise NotImported(f"its setup runs the kernel, so its inputs cannot be made without it: {node.name}")
    verifies = [methods[f"verify_{name}"] for name in names]
    benchmarks = [methods[f"benchmark_{name}"] for name in names]
    if any("kernel" in _attributes(verify, ast.Load) for verify in verifies):
        raise NotImported(f"its verify_* runs the kernel that it verifies: {node.name}")
    made = {name for setup in setup_nodes for name in _attributes(setup, ast.Store)}
    written = {name for verify in verifies for name in _attributes(verify, ast.Store)}
    read = _in_order(setup_nodes, made & {name for v in verifies for name in _attributes(v, ast.Load)})
    by_kernel = _in_order(setup_nodes, made & {name for b in benchmarks for name in _attributes(b, ast.Load)})
    code = _code(parts, one)
    package = file.resolve().parent.parent.name
    return Workloads(
        file, node.name, op_name(f"{package} {node.name.removesuffix('Benchmark')}"), package, tuple(names),
        tuple(setups[name] for name in names), code, read, by_kernel, "out" in written,
    )  # fmt: skip


def _methods(node: ast.stmt, prefix: str) -> list[str]:
    """The rest after the prefix in the names of a class's methods."""
    body = node.body if isinstance(node, ast.ClassDef) else []
    return [n.name.removeprefix(prefix) for n in body if isinstance(n, ast.FunctionDef) and n.name.startswith(prefix)]


def _attributes(node: ast.AST, context: type[ast.expr_context]) -> set[str]:
    """Attributes of `self` that are read or set."""
    return {
        n.attr for n in ast.walk(node)
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "self"
        and isinstance(n.ctx, context)
    }  # fmt: skip


def _in_order(setups: Sequence[ast.FunctionDef], names: set[str]) -> tuple[str, ...]:
    stored = [
        n.attr for setup in setups for n in ast.walk(setup)
        if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store) and n.attr in names
    ]  # fmt: skip
    return tuple(name for name in dict.fromkeys(stored) if name not in NOT_INPUTS)


def _code(parts: Sequence[Statement], one: Statement) -> str:
    """Imports, functions and the class, without the package's own base class."""
    kept = []
    taken = OURS & {name for part in parts for name in part.defines if not part.is_import}
    if taken:
        raise NotImported(f"defines {', '.join(sorted(taken))}, which an op file needs for itself")
    classes = {part.node.name for part in parts if isinstance(part.node, ast.ClassDef)}
    for part in parts:
        if isinstance(part.node, ast.ImportFrom) and (part.node.module or "").startswith("kernels"):
            continue
        other = isinstance(part.node, ast.ClassDef) and part is not one and _methods(part.node, "benchmark_")
        if not other:
            kept.append(part)
    imports = "\n".join(part.text for part in kept if part.is_import)
    rest = [part.text.replace(CUDA, PLACE) if part is one else part.text for part in kept if not part.is_import]
    text = "\n\n\n".join([imports, BASE, *rest])
    node = one.node
    assert isinstance(node, ast.ClassDef)
    bases = [ast.unparse(base) for base in node.bases]
    if any(base.rpartition(".")[2] != "Benchmark" and base not in classes for base in bases):
        raise NotImported(f"it derives from a class in another file: {', '.join(bases)}")
    return text


def write_op(problem: Workloads, kinds: Mapping[str, str]) -> Imported:
    """kinds: by attribute, `float16 [8, 16]` or a literal, of the first workload. Raises NotImported where `verify_*`
    reads no tensor of its setup."""
    tensors = [name for name in problem.attributes if _is_tensor(kinds[name])]
    constants = {name: kinds[name] for name in problem.attributes if name not in tensors}
    if not tensors:
        raise NotImported(f"its verify_* reads no tensor of its setup: {problem.title}")
    dtypes = [kinds[name].partition(" ")[0] for name in tensors]
    main = next((dtype for dtype in dtypes if dtype in FLOATS), "float32")
    with_kernel = not problem.set_by_verify
    out = "out" if with_kernel else ""
    head = [f"WORKLOADS = ({', '.join(repr(n) for n in problem.names)},)".replace("'", '"')]
    head += [f'KERNEL = "kernels-community/{problem.package}"', 'SHAPES = [{"workload": 0}]', 'OUTPUTS = ("y",)']
    defaults = {**constants, **({"out_shape": "()", "out_dtype": f'"{main}"'} if with_kernel else {}), "workload": "0"}
    takes = [*tensors, *(f"{name}={value}" for name, value in defaults.items())]
    filled = [f"made.{name} = {name}" for name in problem.attributes]
    start = [f"made = workload_of({tensors[0]}.device)", *filled]
    verify = 'return getattr(made, f"verify_{WORKLOADS[workload]}")()'
    parts = [problem.code, "\n".join(head), _workload_of(problem), _inputs(problem, problem.attributes, out)]
    parts.append(function("reference", takes, "The result of the workload's `verify_*`.", [*start, verify]))
    parts.append(function("run", takes, "In the dtype of its inputs: the baseline of a kernel.", [*start, verify]))
    notes = []
    if with_kernel:
        parts.append(_run_kernel(takes, start))
    else:
        notes.append("no run_kernel: its verify_* makes the output that is compared")
    shapes = tuple({"workload": number} for number in range(len(problem.names)))
    arms = {"torch": "run"}
    docstring = f"Workloads of {problem.title} ({', '.join(problem.names)}), of the package {problem.package}."
    text = file_of(docstring, parts)
    return Imported(problem.name, f"{problem.file}:{problem.title}", text, shapes, main, arms, notes=tuple(notes))


def _is_tensor(kind: str) -> bool:
    return kind.endswith("]") and not kind.startswith("[")


def _workload_of(problem: Workloads) -> str:
    return f"""def workload_of(device):
    made = {problem.title}()
    made.device = device
    return made"""


def _inputs(problem: Workloads, attributes: Sequence[str], out: str) -> str:
    setups = "(" + ", ".join(f'"{name}"' for name in problem.setups) + ",)"
    pairs = [f'"{name}": made.{name}' for name in attributes]
    if out:
        pairs += ['"out_shape": tuple(made.out.shape)', '"out_dtype": str(made.out.dtype).removeprefix("torch.")']
        missing = ["    if made.out is None:  # the kernel allocates it", "        made.out = torch.empty(())"]
    else:
        missing = []
    return "\n".join([
        "def inputs(workload=0, *, device):", "    \"\"\"The inputs that the workload's `setup_*` makes.\"\"\"",
        "    made = workload_of(torch.device(device))", f"    getattr(made, {setups}[workload])()", *missing,
        wrapped("return {", ", ".join([*pairs, '"workload": workload']), "}", indent=4),
    ])  # fmt: skip


def _run_kernel(takes: Sequence[str], start: Sequence[str]) -> str:
    body = [
        *start, "made.kernel = import_module(\"kernels\").get_kernel(KERNEL)",
        f"made.out = torch.empty(out_shape, dtype=getattr(torch, out_dtype), device={takes[0]}.device)",
        'getattr(made, f"benchmark_{WORKLOADS[workload]}")()', "return made.out",
    ]  # fmt: skip
    supports = '''def supports_kernel(case):
    return None if find_spec("kernels") else "needs the package kernels: pip install kernels"'''
    imports = "from importlib import import_module\nfrom importlib.util import find_spec"
    return "\n\n\n".join([imports, supports, function("run_kernel", takes, "The package's own kernel.", body)])
