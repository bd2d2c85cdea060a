"""The op file of a module: its parameters are inputs of the reference, which puts them back into the module."""

from __future__ import annotations

from collections.abc import Sequence

from harness.importers.kernelbench import INPUTS, MODEL, ModuleProblem
from harness.importers.messages import SPREAD, ModuleFacts
from harness.importers.op_text import Signature, distinct, file_of, literal_dict, role_lines, tolerance_lines, wrapped
from harness.importers.outcome import Imported, NotImported


def write_op(problem: ModuleProblem, facts: ModuleFacts, evaluate: bool = False) -> Imported:
    """The op file of a problem that has run."""
    signature = _signature(problem, facts)
    docstring = (
        f"{problem.summary}\n\nAfter {problem.file.name}, a problem of KernelBench's form; its classes are as they"
    )
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
        problem.name, str(problem.file), file_of(docstring, parts), (dict(problem.dims),),
        arms={"torch": "run"}, notes=tuple(notes),
    )  # fmt: skip


def _names(constant: str, names: Sequence[str]) -> str:
    return wrapped(f"{constant} = (", ", ".join(f'"{name}"' for name in names) + "," * (len(names) == 1), ")")


def _with_cache(core: str, facts: ModuleFacts) -> str:
    return f"from functools import cache\n\n{core}" if _is_cached(facts) else core


def _is_cached(facts: ModuleFacts) -> bool:
    """Whether the module is cached. Lists cannot be keys, and a module without tensors or arguments costs nothing to
    build."""
    return bool(facts.tensors) and not any(text.startswith(("[", "{")) for text in facts.arguments)


def _shape_lines(facts: ModuleFacts) -> list[str]:
    if not small_shapes(facts)[0]:
        return []
    return [wrapped("SHAPES = [", ", ".join(literal_dict(dims) for dims in small_shapes(facts)), "]")]


def small_shapes(facts: ModuleFacts) -> tuple[dict[str, int], ...]:
    """The sizes for a CPU, the last of them with numbers that hide no mistakes."""
    if not (facts.mirrored or facts.flat):
        return facts.small
    plain = facts.small if len(facts.small) > 1 else facts.small * 2
    return (*plain[:-1], {**plain[-1], SPREAD: 1})


def _signature(problem: ModuleProblem, facts: ModuleFacts) -> Signature:
    """The reference's parameters: tensors first, then constants."""
    given = problem.forward[: len(facts.inputs)]
    if len(given) < len(facts.inputs):
        raise NotImported(f"{INPUTS} returns {len(facts.inputs)} values, {MODEL} takes {len(given)}")
    more = [f"argument_{place}" for place in range(len(problem.arguments), len(facts.arguments))]
    names = distinct([*given, *facts.tensors, *problem.arguments[: len(facts.arguments)], *more])
    inputs = names[: len(given)]
    tensors = names[len(given) : len(given) + len(facts.tensors)]
    arguments = names[len(given) + len(facts.tensors) :]
    free = [name for name, kind in zip(inputs, facts.inputs, strict=True) if _is_tensor(kind)]
    constants = {n: kind for n, kind in zip(inputs, facts.inputs, strict=True) if not _is_tensor(kind)}
    constants |= dict(zip(arguments, facts.arguments, strict=True))
    return Signature(inputs, tuple(free), tensors, arguments, constants)


def _is_tensor(kind: str) -> bool:
    return kind.endswith("]") and not kind.startswith("[")


def _functions(problem: ModuleProblem, facts: ModuleFacts, evaluate: bool, signature: Signature) -> list[str]:
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
    docstring = f"`{MODEL}` as it is, in PyTorch: the baseline of a kernel."
    texts.append(signature.function("run", docstring, body(written)))
    return texts


def _shapes_docstring(signature: Signature, facts: ModuleFacts) -> str:
    shapes = [f"{name} {kind}" for name, kind in zip(signature.inputs, facts.inputs, strict=True) if _is_tensor(kind)]
    return f"At the problem's sizes {', '.join(shapes)} -> {', '.join(facts.outputs)}."


def _weights(facts: ModuleFacts) -> str:
    drawn = [
        "    if spread:  # a constant tensor hides a kernel that forgets it",
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
    """Whether every tensor of the module is given to it, so that its own device and dtype do not matter."""
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
    """The function that makes all arguments of the reference, in its order."""
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
