"""Problems of KernelBench's form: a file with a module `Model`, `get_inputs` and `get_init_inputs`.

The classes stay as they are written. Numbers at the file's top level that are sizes become the op's dims, parameters
and buffers become inputs of its reference, and the arguments of `Model` its constants.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.importers.messages import SPREAD, ModuleFacts
from harness.importers.op_text import Signature, distinct, file_of, literal_dict, role_lines, tolerance_lines, wrapped
from harness.importers.outcome import Imported, NotImported, op_name
from harness.importers.python_source import (
    Statement,
    closure,
    function_in,
    indented,
    parameters,
    read_text,
    statements,
    whole_number,
)

MODEL, INPUTS, ARGUMENTS = "Model", "get_inputs", "get_init_inputs"
OURS = frozenset({"reference", "inputs", "run", "problem", "model", "weights", "ROLES", "SHAPES", "TENSORS", "FLAT", "WRITTEN", "cache"})
SETTINGS = ("kernel", "stride", "pad", "dilation", "group", "layer", "head", "patch", "window", "dim_index")
"""In names: numbers that say what is computed, and not how much."""
LEAST_SIZE = 16
"""A number that only `Model` is given is a size from here on."""


@dataclass(frozen=True)
class ModuleProblem:
    """dims: name and value of each size. core: the text of the op file without what is known only after it has run.
    forward: the names of the inputs of `Model`. arguments: those of its arguments."""

    file: Path
    name: str
    summary: str
    dims: dict[str, int]
    core: str
    forward: tuple[str, ...]
    arguments: tuple[str, ...]


def read_problem(file: Path) -> ModuleProblem:
    """The problem in a file; NotImported where there is none. Runs nothing."""
    parts = statements(read_text(file))
    classes = {one.node.name: one.node for one in parts if isinstance(one.node, ast.ClassDef)}
    functions = {one.node.name for one in parts if isinstance(one.node, ast.FunctionDef)}
    if MODEL not in classes:
        raise NotImported(f"has no class {MODEL}")
    if INPUTS not in functions:
        raise NotImported(f"has no function {INPUTS}")
    taken = OURS & {name for one in parts for name in one.defines}
    if taken:
        raise NotImported(f"defines {', '.join(sorted(taken))}, which an op file needs for itself")
    getters = [one for one in parts if one.defines <= {INPUTS, ARGUMENTS} and one.is_definition]
    definitions = [one for one in parts if one.is_definition and one not in getters]
    fixed = closure({name for one in definitions for name in one.uses}, parts)
    local = [one for one in parts if not one.is_import and not one.is_definition and not one.defines & fixed]
    dims, statements_left = _sizes(local, getters)
    forward = function_in(classes[MODEL].body, "forward")
    if forward is None:
        raise NotImported(f"{MODEL} has no method forward")
    made_by = function_in(classes[MODEL].body, "__init__")
    names = parameters(made_by, method=True) if made_by is not None else ()
    head = [one.text for one in parts if one.is_import or one.defines & fixed or one in definitions]
    core = "\n\n\n".join([_head(head), _problem(dims, statements_left, getters)])
    summary = (ast.get_docstring(classes[MODEL]) or f"{file.stem}.").strip().splitlines()[0]
    return ModuleProblem(file, op_name(file), summary, dims, core, parameters(forward, method=True), names)


def _head(texts: Sequence[str]) -> str:
    """What stays at the top level: imports and constants line by line, functions and classes apart."""
    text, last_was_block = "", False
    for one in texts:
        block = "\n" in one
        text += ("\n\n\n" if text and (block or last_was_block) else "\n" if text else "") + one
        last_was_block = block
    return text


def _sizes(local: Sequence[Statement], getters: Sequence[Statement]) -> tuple[dict[str, int], list[str]]:
    """The sizes among the constants, and the text of the statements that are left of them."""
    shaping = closure({n for one in getters if INPUTS in one.defines for n in one.uses}, local)
    known = closure({n for one in getters for n in one.uses}, local)
    assigned = [name for one in local for name in one.defines]
    dims: dict[str, int] = {}
    left: list[str] = []
    for one in local:
        if not one.defines & known:
            continue
        pairs = _pairs(one.node)
        if pairs is None:
            text, found = _sizes_in_tuple(one, shaping)
            dims |= found
            left.append(text)
            continue
        for name, value in pairs:
            number = whole_number(value)
            if number is not None and assigned.count(name) == 1 and _is_size(name, number, shaping):
                dims[name] = number
            else:
                left.append(f"{name} = {ast.unparse(value)}")
    return dims, left


def _pairs(node: ast.stmt) -> list[tuple[str, ast.expr]] | None:
    """Name and value of each constant that an assignment makes; None for one that cannot be taken apart."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        return [(node.target.id, node.value)]
    if not isinstance(node, ast.Assign):
        return None
    pairs: list[tuple[str, ast.expr]] = []
    for target in node.targets:
        if isinstance(target, ast.Name) and not isinstance(node.value, ast.Tuple | ast.List):
            pairs.append((target.id, node.value))
        elif (
            isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
            and len(target.elts) == len(node.value.elts) and all(isinstance(e, ast.Name) for e in target.elts)
        ):  # fmt: skip
            names = [element.id for element in target.elts if isinstance(element, ast.Name)]
            pairs += zip(names, node.value.elts, strict=True)
        else:
            return None
    return pairs


def _sizes_in_tuple(one: Statement, shaping: Collection[str]) -> tuple[str, dict[str, int]]:
    """`shape = (32768,)` with its number as a dim, where inputs are made of it: `shape = (shape_0,)`."""
    node = one.node
    if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple | ast.List) and len(node.targets) == 1):
        return one.text, {}
    target, numbers = node.targets[0], [whole_number(element) for element in node.value.elts]
    if not isinstance(target, ast.Name) or None in numbers:
        return one.text, {}
    dims = {f"{target.id}_{place}": number for place, number in enumerate(numbers) if number is not None}
    if target.id not in shaping and any(number < LEAST_SIZE for number in dims.values()):
        return one.text, {}
    inside = ", ".join(dims)
    return f"{target.id} = " + (f"({inside},)" if isinstance(node.value, ast.Tuple) else f"[{inside}]"), dims


def _is_size(name: str, number: int, shaping: Collection[str]) -> bool:
    if number < 1 or any(word in name.lower() for word in SETTINGS):
        return False
    return name in shaping or number >= LEAST_SIZE


def _problem(dims: Collection[str], left: Sequence[str], getters: Sequence[Statement]) -> str:
    """The function `problem` of the op file."""
    bodies = [indented(one.text) for one in getters]
    made = f"{ARGUMENTS}()" if any(ARGUMENTS in one.defines for one in getters) else "[]"
    lines = [
        f"def problem({', '.join(dims)}):",
        f'    """The arguments of `{MODEL}` and the function that makes its inputs, at these sizes."""',
        *(indented(text) for text in left),
    ]
    return "\n".join(lines) + ("\n\n" if left else "\n") + "\n\n".join(bodies) + f"\n\n    return {made}, {INPUTS}"


def write_op(problem: ModuleProblem, facts: ModuleFacts, evaluate: bool = False) -> Imported:
    """The op file of a problem that has run."""
    signature = _signature(problem, facts)
    docstring = f"{problem.summary}\n\nAfter {problem.file.name}, a problem of KernelBench's form; its classes are as they"
    docstring += " were there."
    settings = [*role_lines(signature.tensors), *_shape_lines(facts), *tolerance_lines(problem.dims, facts.errors)]
    if facts.tensors:
        settings.append(_names("TENSORS", facts.tensors))
    if facts.dropped:
        settings.append(_names("WRITTEN", facts.dropped))
    if facts.flat:
        settings.append(_names("FLAT", facts.flat))
    parts = [
        _with_cache(problem.core, facts), "\n".join(settings), *_functions(problem, facts, evaluate, signature),
    ]  # fmt: skip
    notes = ["buffers that it only writes are left out: " + ", ".join(facts.dropped[:3])] if facts.dropped else []
    return Imported(
        problem.name, str(problem.file), file_of(docstring, parts), (dict(problem.dims),), arms={"torch": "run"}, notes=tuple(notes)
    )  # fmt: skip


def _names(constant: str, names: Sequence[str]) -> str:
    return wrapped(f"{constant} = (", ", ".join(f'"{name}"' for name in names) + "," * (len(names) == 1), ")")


def _with_cache(core: str, facts: ModuleFacts) -> str:
    return f"from functools import cache\n\n{core}" if _is_cached(facts) else core


def _is_cached(facts: ModuleFacts) -> bool:
    """Lists are no keys; a module without tensors or arguments costs nothing to build."""
    return bool(facts.tensors) and not any(text.startswith(("[", "{")) for text in facts.arguments)


def _shape_lines(facts: ModuleFacts) -> list[str]:
    if not small_shapes(facts)[0]:
        return []
    return [wrapped("SHAPES = [", ", ".join(literal_dict(dims) for dims in small_shapes(facts)), "]")]


def small_shapes(facts: ModuleFacts) -> tuple[dict[str, int], ...]:
    """The sizes for a CPU, the last of them with numbers that hide nothing."""
    if not (facts.mirrored or facts.flat):
        return facts.small
    plain = facts.small if len(facts.small) > 1 else facts.small * 2
    return (*plain[:-1], {**plain[-1], SPREAD: 1})


def _signature(problem: ModuleProblem, facts: ModuleFacts) -> Signature:
    """The reference's parameters: tensors first, then constants."""
    given = problem.forward[: len(facts.inputs)]
    if len(given) < len(facts.inputs):
        raise NotImported(f"{INPUTS} returns {len(facts.inputs)} values, {MODEL} takes {len(given)}")
    names = distinct([*given, *facts.tensors, *problem.arguments[: len(facts.arguments)]])
    inputs = names[: len(given)]
    tensors = names[len(given) : len(given) + len(facts.tensors)]
    arguments = names[len(given) + len(facts.tensors) :]
    free = [name for name, kind in zip(inputs, facts.inputs, strict=True) if _is_tensor(kind)]
    constants = {n: kind for n, kind in zip(inputs, facts.inputs, strict=True) if not _is_tensor(kind)}
    constants |= dict(zip(arguments, facts.arguments, strict=True))
    return Signature(inputs, tuple(free), tensors, arguments, constants)


def _is_tensor(kind: str) -> bool:
    return kind.endswith("]") and not kind.startswith("[")


def _functions(
    problem: ModuleProblem, facts: ModuleFacts, evaluate: bool, signature: Signature
) -> list[str]:
    mode = ".eval()" if evaluate else ""
    made = f"{MODEL}({', '.join(signature.arguments)}){mode}"
    given, written = list(signature.inputs), list(signature.inputs)
    for number in facts.written:
        written[number] += ".clone()"

    def body(inputs: Sequence[str]) -> list[str]:
        if not facts.tensors:
            return [f"return {made}({', '.join(inputs)})"]
        first = signature.tensors[0]
        place = [] if _is_plain(facts) else ['"meta"' if facts.on_meta else f"{first}.device", f"{first}.dtype"]
        built = f"model({', '.join([*place, *signature.arguments])})"
        return [
            f"state = dict(zip(TENSORS, [{', '.join(signature.tensors)}]))",
            f"return torch.func.functional_call({built}, state, ({', '.join(inputs)},))",
        ]

    texts = []
    if facts.tensors:
        texts += [_weights(facts), _model(facts, mode)]
    texts.append(_inputs(problem, facts, signature))
    texts.append(signature.function("reference", _shapes_docstring(signature, facts), body(given)))
    docstring = f"`{MODEL}` as it is, in PyTorch: what a kernel is to be faster than."
    texts.append(signature.function("run", docstring, body(written)))
    return texts


def _shapes_docstring(signature: Signature, facts: ModuleFacts) -> str:
    shapes = [f"{name} {kind}" for name, kind in zip(signature.inputs, facts.inputs, strict=True) if _is_tensor(kind)]
    return f"At the problem's sizes {', '.join(shapes)} -> {', '.join(facts.outputs)}."


def _weights(facts: ModuleFacts) -> str:
    drawn = [
        "    if spread:  # what is one value throughout hides who forgets it",
        "        for name in FLAT:",
        "            state[name] = state[name] + 0.1 * torch.randn_like(state[name])",
    ] if facts.flat else []  # fmt: skip
    return "\n".join([
        f"def weights(arguments, dtype{', spread' * bool(facts.flat)}):",
        f'    """The parameters and buffers of `{MODEL}` as it initialises them, in float32, then rounded."""',
        "    usual = torch.get_default_dtype()",
        "    torch.set_default_dtype(torch.float32)",
        f"    made = {MODEL}(*arguments)",
        "    state = {**dict(made.named_parameters()), **dict(made.named_buffers())}",
        *drawn,
        "    torch.set_default_dtype(usual)",
        "    values = [state[name].detach() for name in TENSORS]",
        "    return [value.to(dtype) if value.is_floating_point() else value for value in values]",
    ])  # fmt: skip


def _is_plain(facts: ModuleFacts) -> bool:
    """Whether every tensor that the module has is given to it, so that neither place nor dtype of its own matter."""
    return facts.on_meta and not facts.unused


def _model(facts: ModuleFacts, mode: str) -> str:
    """The module into which the reference puts its tensors."""
    plain = _is_plain(facts)
    head, where, cast = ("*arguments", '"meta"', "") if plain else ("device, dtype, *arguments", "device", ".to(dtype)")
    said = "without memory of its own" if facts.on_meta else "with the tensors that it holds as plain attributes"
    lines = ["@cache"] if _is_cached(facts) else []
    lines += [
        f"def model({head}):",
        f'    """`{MODEL}` {said}: its parameters are inputs of the op."""',
        f"    with torch.device({where}):",
        f"        made = {MODEL}(*arguments){cast}{mode}",
    ]
    if facts.dropped:
        lines += [
            "    for name in WRITTEN:  # and never read",
            '        owner, _, last = name.rpartition(".")',
            "        setattr(made.get_submodule(owner), last, None)",
        ]
    return "\n".join([*lines, "    return made"])


def _inputs(problem: ModuleProblem, facts: ModuleFacts, signature: Signature) -> str:
    """The function that makes all that the reference takes, in its order."""
    sizes = [f"{name}={value}" for name, value in problem.dims.items()]
    spread = [f"{SPREAD}=0"] if facts.mirrored or facts.flat else []
    keywords = ["*", "dtype"] if facts.tensors else []
    constants = [name for name in signature.inputs if name not in signature.free]
    weights = f"*weights(arguments, dtype{', spread' * bool(facts.flat)})"
    made = [*signature.free, *[weights] * bool(facts.tensors), *constants, *["*arguments"] * bool(signature.arguments)]
    said = "The problem's inputs" + f", and the parameters of `{MODEL}`" * bool(facts.tensors)
    said += ". spread: 1 draws them so that no mistake hides" * bool(spread)
    unpacked = ", ".join(signature.inputs) if len(signature.inputs) > 1 else f"[{signature.inputs[0]}]"
    mirrored = [signature.inputs[number] for number in facts.mirrored]
    lines = [
        wrapped("def inputs(", ", ".join([*sizes, *spread, *keywords]), "):"), f'    """{said}."""',
        f"    arguments, {INPUTS} = problem({', '.join(problem.dims)})", f"    {unpacked} = {INPUTS}()",
    ]  # fmt: skip
    if mirrored:
        both = ", ".join(mirrored)
        lines += [
            f"    if {SPREAD}:  # the problem's are never negative",
            f"        {both} = {', '.join(f'2 * {name} - 1' for name in mirrored)}",
        ]
    return "\n".join([*lines, f"    return [{', '.join(made)}]"])
