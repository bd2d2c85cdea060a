"""Recorded calls as op files: the kind of each, its cases, a definition where the program has one, and the call
itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from harness.errors import HarnessError
from harness.importers.op_text import distinct, function, role_lines, wrapped
from harness.importers.outcome import NotImported
from harness.programs.grids import Axis, grid_axes
from harness.programs.op_source import launches_kernels, source_of
from harness.values.recorded import Recorded, RecordedCase, RecordedOp, RecordedTensor, RecordedValue

SAME = "The same in the program's dtype: the baseline of a kernel."
MOST_SHOWN = 6
"""Values of a histogram to show, the commonest first."""
WARPS = (1, 2, 4, 8)
STAGES = (1, 2, 3, 4)
NO_DEFINITION = """It has no definition. `reference` answers with the kernel's own recorded outputs at the recorded
inputs. At all others it runs the recorded launch, where that can be launched. So a kernel that agrees repeats this one,
right or wrong. For a real check, write the definition in `reference`; then `inputs` may make tensors
of its own."""
OWN_DEFINITION = (
    "`reference` is the program's own implementation, in float32: a kernel that agrees shares its mistakes."
)
OF_KERNELS = " It launches Triton kernels itself, which are then checked against themselves."


def write_ops(found: Recorded, tensors: Mapping[str, Path], out: Path, force: bool) -> dict[str, str]:
    """Write an op file in `out` for each op that makes one, its tensors beside it, and a suite of all. Return the
    reasons of the other ops, by name. Raises HarnessError where a file exists already."""
    refused = {op.name: op.reason for op in found.ops if op.reason}
    texts = {}
    for op in found.ops:
        if not op.reason:
            try:
                texts[op.name] = op_text(op, found)
            except NotImported as reason:
                refused[op.name] = str(reason)
    there = [path for name in texts for path in (out / f"{name}.py",) if path.exists()]
    if there and not force:
        raise HarnessError(f"{there[0]}: is there already; --force writes over it")
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (out / f"{name}.py").write_text(text, encoding="utf-8")
            shutil.copyfile(tensors[name], out / f"{name}.pt")
        for path, text in suites([op for op in found.ops if op.name in texts], found):
            (out / path).write_text(text, encoding="utf-8")
        (out / "recorded.json").write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    except OSError as error:
        raise HarnessError(f"{out}: cannot be written: {error.strerror or error}") from error
    return refused


def suites(ops: Sequence[RecordedOp], found: Recorded) -> Iterator[tuple[str, str]]:
    """One suite for each floating dtype of the program."""
    by_dtype: dict[str, list[RecordedOp]] = {}
    for op in ops:
        by_dtype.setdefault(op.dtype, []).append(op)
    for dtype, of_dtype in by_dtype.items():
        text = f"suite: 1\ntitle: {json.dumps('Recorded of ' + ' '.join(found.words))}\ndtype: {dtype}\nops:\n"
        text += "".join(f"  {op.name}: ./{op.name}.py\n" for op in of_dtype)
        text += "arms:\n  recorded:\n" + "".join(f"    {op.name}: run\n" for op in of_dtype)
        text += "shapes:\n"
        text += "".join(f"  {op.name}: {json.dumps([{'case': c.number} for c in op.cases])}\n" for op in of_dtype)
        swept = [op.name for op in of_dtype if op.kind == "launch"]
        if swept:
            text += "sweep:\n" + "".join(f"  {name}: {{run: space}}\n" for name in swept)
        yield ("recorded.yaml" if len(by_dtype) == 1 else f"recorded_{dtype}.yaml"), text


def op_text(op: RecordedOp, found: Recorded) -> str:
    """The text of an op file. Raises NotImported where the program's text cannot be taken."""
    name = op.qualname.rpartition(".")[2]
    taken = f"from {op.package} import {op.qualname}" if op.package else source_of(op.file, op.qualname)
    body = {"launch": _launch, "op": _custom_op, "module": _module}[op.kind](op, name)
    said = NO_DEFINITION if op.kind == "launch" else OWN_DEFINITION
    if op.kind != "launch" and not op.package and launches_kernels(taken):
        said += OF_KERNELS
    head = f'"""{_summary(op, found)}\n\n{said}\n\n{_cases(op, found)}\n"""'
    imports = "import torch\nimport triton\n" if op.kind == "launch" else "import torch\n"
    imports += "\nfrom harness_kernels.recorded import Recording"
    settings, *functions = body
    own = ["RECORDING = Recording(__file__)", f'SHAPES = [{{"case": {_smallest(op)}}}]', settings]
    parts = ["\n".join([head, "", imports]), taken, "\n".join(filter(None, own)), *functions]
    return "\n\n\n".join(parts) + "\n"


def _summary(op: RecordedOp, found: Recorded) -> str:
    what = {"launch": "a Triton kernel", "op": "a custom op", "module": "a module"}[op.kind]
    return f"`{op.called}`, {what}, as {' '.join(found.words)[:60]} called it."


def _cases(op: RecordedOp, found: Recorded) -> str:
    steps = f"calls in {found.steps} sampled steps" if found.steps else "calls of the whole program"
    lines = [f"Cases, with {steps}:"]
    for case in op.cases:
        shown = ", ".join(_shown(n, v) for n, v in case.arguments.items() if not n.startswith("weight "))
        launch = f"; grid {case.grid}, " + ", ".join(f"{n}={v}" for n, v in case.constants.items()) if case.grid else ""
        lines.append(f"  {case.number}: {case.calls} x  {shown}{launch}")
    return "\n".join(lines).replace("\\", "\\\\").replace('"""', "'''")


def _shown(name: str, value: RecordedTensor | RecordedValue) -> str:
    if isinstance(value, RecordedValue):
        return f"{name}={value.value!r}"
    often = sorted(range(len(value.histogram)), key=lambda at: -value.histogram[at])[:MOST_SHOWN]
    counts = ", ".join(f"{int(value.low) + at}: {value.histogram[at]}" for at in often if value.histogram[at])
    return f"{name} {value.dtype}{list(value.shape)}" + (
        f" ({counts}{', ...' * (len(value.histogram) > len(often))})" if counts else ""
    )


def _smallest(op: RecordedOp) -> int:
    """The case that an interpreter finishes first."""

    def size(case: RecordedCase) -> int:
        return sum(sum(v.shape) for v in case.arguments.values() if isinstance(v, RecordedTensor))

    return min((case for case in op.cases if case.samples), key=size, default=op.cases[0]).number


def _inputs(op: RecordedOp, exact: bool) -> str:
    last = ", exact=True" if exact else ""
    return function(
        "inputs", ["case=1", "*", "generator", "device", "dtype"], "Inputs of a recorded call, drawn at random.",
        [f"return RECORDING.inputs(case, {list(op.parameters)!r}, generator, device, dtype{last})"],
    )  # fmt: skip


def _roles(roles: Mapping[str, str]) -> str:
    return wrapped("ROLES = {", ", ".join(f'"{name}": "{role}"' for name, role in roles.items()), "}") if roles else ""


def _launch(op: RecordedOp, name: str) -> list[str]:
    given = [one for one in op.parameters if one not in op.written]
    first = op.cases[0]
    axes = grid_axes(op.cases)
    tunables = _tunables(op, axes)
    read = "{" + ", ".join(f'"{one}": {one}' for one in given) + "}"
    every = "{" + ", ".join(f'"{one}": {one}' for one in op.parameters) + "}"
    answer = [f"answer = RECORDING.answer({read}, {list(op.written)!r}, run, {every})"]
    answer += ["for value, recorded in zip([" + ", ".join(op.written) + "], answer):", "    value.copy_(recorded)"]
    constants = {n: v for n, v in first.constants.items() if n not in tunables}
    options = [f"{n}={n}" for n in tunables] + [f"{n}={v!r}" for n, v in constants.items()]
    if axes is not None:
        grid = "(" + ", ".join(axis.text for axis in axes) + ",)"
    else:
        key = "(" + ", ".join(_key(op, one) for one in op.parameters) + ",)"
        grid = f"GRIDS[{key}]"
    call = [f"{_kernel(op, name)}[{grid}]({', '.join(op.parameters)}, {', '.join(options)})"]
    defaults = [f"{n}={v!r}" for n, v in tunables.items()]
    settings = [_roles(dict.fromkeys(op.written, "state")), _space(tunables, axes)]
    if axes is None:
        settings.append(_grids(op))
    return [
        "\n".join(filter(None, settings)), _inputs(op, exact=True),
        function("reference", list(op.parameters), "The kernel's own output: no definition, see above.", answer),
        function("run", [*op.parameters, *(["*", *defaults] if defaults else [])], "The launch as it was.", call),
    ]  # fmt: skip


def _kernel(op: RecordedOp, name: str) -> str:
    return f"RECORDING.kernel({op.qualname})" if op.package else name


def _tunables(op: RecordedOp, axes: Sequence[Axis] | None) -> dict[str, object]:
    """Constants that may be chosen: tiles that the grid follows, warps and stages; of the first case."""
    first = op.cases[0].constants
    tiles = [axis.tile for axis in axes or () if axis.tile]
    found: dict[str, object] = {name: first[name] for name in dict.fromkeys(tiles)}
    return found | {"num_warps": first.get("num_warps", 4), "num_stages": first.get("num_stages", 3)}


def _space(tunables: Mapping[str, object], axes: Sequence[Axis] | None) -> str:
    parts = {}
    for name, value in tunables.items():
        assert isinstance(value, int)
        if name == "num_warps":
            parts[name] = sorted({*WARPS, value})
        elif name == "num_stages":
            parts[name] = sorted({*STAGES, value})
        else:
            parts[name] = sorted({max(1, value // 2), value, value * 2}) if value & (value - 1) == 0 else [value]
    return wrapped("SPACE = {", ", ".join(f'"{name}": {values}' for name, values in parts.items()), "}")


def _key(op: RecordedOp, name: str) -> str:
    return f"tuple({name}.shape)" if isinstance(op.cases[0].arguments[name], RecordedTensor) else name


def _grids(op: RecordedOp) -> str:
    """A table of grids by the shapes of a call, for a grid without a known formula."""
    rows = {}
    for case in op.cases:
        key = tuple(v.shape if isinstance(v, RecordedTensor) else v.value for v in case.arguments.values())
        rows[repr(key)] = case.grid
    return wrapped("GRIDS = {", ", ".join(f"{key}: {grid}" for key, grid in rows.items()), "}")


def _custom_op(op: RecordedOp, name: str) -> list[str]:
    call = f"{op.qualname}({', '.join(op.parameters)})"
    lines = [call] if not op.outputs else [f"return {call}"]
    settings = [_roles(dict.fromkeys(op.written, "state")), _outputs(op)]
    return [
        "\n".join(filter(None, settings)), _inputs(op, exact=False),
        function("reference", list(op.parameters), "The op's implementation.", lines),
        function("run", list(op.parameters), SAME, lines),
    ]  # fmt: skip


def _outputs(op: RecordedOp) -> str:
    return f"OUTPUTS = {[f'y{at}' for at in range(op.outputs)]!r}" if op.outputs > 1 else ""


def _module(op: RecordedOp, name: str) -> list[str]:
    """The module's parameters and buffers are inputs, and put into it again for each call."""
    inputs = [one for one in op.parameters if not one.startswith("weight ")]
    names = distinct([one.removeprefix("weight ") for one in op.parameters])
    weights = names[len(inputs) :]
    tensors = [one.removeprefix("weight ") for one in op.weights]
    classes = "{}" if op.package else "globals()"
    lines = []
    place = f"{names[0]}.device"
    if weights:
        lines.append(f"state = dict(zip(TENSORS, [{', '.join(weights)}]))")
    given = "{" + ", ".join(f'"{one}": {one}' for one in inputs) + "}"
    state = "state" if weights else "{}"
    lines.append(f"return torch.func.functional_call(RECORDING.module({classes}, {place}), {state}, (), {given})")
    settings = [*role_lines(weights), _outputs(op), wrapped("TENSORS = [", ", ".join(map(repr, tensors)), "]")]
    return [
        "\n".join(filter(None, settings)), _inputs(op, exact=False),
        function("reference", list(names), f"`{name}` as the program built it.", lines),
        function("run", list(names), SAME, lines),
    ]  # fmt: skip
