"""Operators of tritonbench: a class whose registered methods each return the call to be timed.

Its kernels lie beside it in the package, so the op file imports the operator from there. The method registered as the
baseline is the reference, every other one a variant, and the operator's own inputs are numbered.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.importers.op_text import file_of, function
from harness.importers.outcome import Imported, NotImported, op_name
from harness.importers.python_source import parameters, read_text, statements

REGISTER = "register_benchmark"
HEAD = """from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import islice

import torch"""
OPERATOR = '''@cache
def operator(device, dtype):
    """tritonbench's operator without its command line, and without the count of its inputs, which makes them all."""
    precision = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}[dtype]
    place = "cpu" if device == "meta" else device
    words = ["--op", OPERATOR, "--device", place, "--precision", precision]
    arguments, others = import_module("tritonbench.utils.parser").get_parser().parse_known_args(words)
    made = object.__new__(import_module(f"tritonbench.operators.{OPERATOR}.operator").Operator)
    seed = torch.manual_seed
    try:
        with torch.random.fork_rng():  # it seeds them, and replaces torch's function by one that always seeds the same
            made.__init__(arguments, others)
    finally:
        torch.manual_seed = seed
    return made


def inputs(number=0, *, device, dtype):
    """The operator's own inputs, by number."""
    made = next(islice(operator(str(device), dtype).get_input_iter(), number, None))
    return [value.to(device) if isinstance(value, torch.Tensor) else value for value in made]'''
MISSING = '''def missing(name):
    """Why an implementation cannot run here."""
    if not find_spec("tritonbench"):
        return "needs tritonbench: pip install git+https://github.com/meta-pytorch/tritonbench"
    import_module(f"tritonbench.operators.{OPERATOR}.operator")
    known = import_module("tritonbench.utils.triton_op").REGISTERED_BENCHMARKS.get(OPERATOR, {})
    return None if name in known and known[name].enabled else f"{name} is not enabled here"'''


@dataclass(frozen=True)
class Operator:
    """An operator of tritonbench."""

    file: Path
    operator: str
    baseline: str
    names: tuple[str, ...]
    """The baseline's arguments."""
    others: tuple[str, ...]
    """The other implementations."""

    @property
    def dims(self) -> dict[str, int]:
        return {"number": 0}

    def probe_text(self) -> str:
        return file_of(self.operator, [HEAD, f'OPERATOR = "{self.operator}"', OPERATOR])


def read_problem(file: Path) -> Operator:
    """The operator in a file `.../operators/NAME/operator.py`. Runs nothing. Raises NotImported for a file that is no
    operator with a baseline of plain inputs."""
    classes = {one.node.name: one.node for one in statements(read_text(file)) if isinstance(one.node, ast.ClassDef)}
    if "Operator" not in classes:
        raise NotImported("has no class Operator")
    name = file.resolve().parent.name
    if not name.isidentifier():
        raise NotImported(f"lies in a folder {name}, whose name no package has")
    methods = [node for node in classes["Operator"].body if isinstance(node, ast.FunctionDef)]
    registered = {node.name: call for node in methods for call in _registrations(node)}
    baselines = [name for name, call in registered.items() if _is_baseline(call)]
    if not baselines:
        raise NotImported("registers no baseline, so there is no reference")
    node = next(node for node in methods if node.name == baselines[-1])
    if node.args.vararg or node.args.kwarg:
        raise NotImported(f"its baseline {node.name} takes *args or **kwargs, which hide its inputs")
    others = tuple(name for name in registered if name != node.name)
    return Operator(file, name, node.name, parameters(node, method=True), others)


def _registrations(node: ast.FunctionDef) -> Sequence[ast.Call]:
    return [d for d in node.decorator_list if isinstance(d, ast.Call) and ast.unparse(d.func).endswith(REGISTER)]


def _is_baseline(call: ast.Call) -> bool:
    said = [word.value for word in call.keywords if word.arg == "baseline"]
    return bool(said) and isinstance(said[0], ast.Constant) and said[0].value is True


def write_op(problem: Operator, kinds: Sequence[str]) -> Imported:
    """kinds: of the operator's first inputs, in order. Raises NotImported where they do not fit the baseline or none is
    a tensor."""
    names = problem.names[: len(kinds)]
    if len(kinds) > len(problem.names):
        raise NotImported(f"its inputs are {len(kinds)}, its baseline takes {', '.join(problem.names)}")
    tensors = [name for name, kind in zip(names, kinds, strict=True) if kind.endswith("]") and kind[0] != "["]
    if not tensors:
        raise NotImported("none of its inputs is a tensor")
    constants = [f"{n}={kind}" for n, kind in zip(names, kinds, strict=True) if n not in tensors]
    takes = [*tensors, *constants]
    order = ", ".join(names)

    def call(name: str) -> list[str]:
        first = tensors[0]
        return [f"return operator({first}.device.type, {_dtype(tensors, kinds, names)}).{name}({order})()"]

    inputs = OPERATOR
    if list(names) != [*tensors, *[n for n in names if n not in tensors]]:
        placed = ", ".join(f"{name}.to(device)" for name in tensors)
        inputs = inputs.replace("    made = next(", f"    {order} = next(").rpartition("\n")[0]
        inputs += f"\n    return [{', '.join([placed, *[n for n in names if n not in tensors]])}]"
    settings = [f'OPERATOR = "{problem.operator}"', 'SHAPES = [{"number": 0}]', 'OUTPUTS = ("y",)']
    parts = [HEAD, "\n".join(settings), inputs, MISSING]
    parts.append(
        function("reference", takes, f"`{problem.baseline}`, the operator's baseline.", call(problem.baseline))
    )
    parts.append(function("run", takes, "The baseline in the dtype of its inputs.", call(problem.baseline)))
    for other in problem.others:
        said = f'def supports_{other}(case):\n    return missing("{other}")'
        parts += [said, function(f"run_{other}", takes, "tritonbench's, with its preparation.", call(other))]
    name, docstring = op_name(f"{problem.operator} tritonbench"), f"The operator {problem.operator} of tritonbench."
    arms = {"torch": "run"}
    return Imported(name, str(problem.file), file_of(docstring, parts), (problem.dims,), "float32", arms)


def _dtype(tensors: Sequence[str], kinds: Sequence[str], names: Sequence[str]) -> str:
    """The dtype of the first floating-point input; there may be none."""
    floats = [n for n, kind in zip(names, kinds, strict=True) if n in tensors and kind.startswith(("float", "bfloat"))]
    return f"{floats[0]}.dtype" if floats else "torch.float32"
