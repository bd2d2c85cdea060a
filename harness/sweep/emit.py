"""The choice in the formats of other programs: a list for `triton.autotune`, and vLLM's JSON."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping, Sequence

from harness.suite.catalogue import KernelLibrary
from harness.suite.closure import source_files
from harness.sweep.register import choice
from harness.values.case import Case, Tunables
from harness.values.static_sweep import StaticSweep, groups
from harness.values.sweep import Shipped, SweepResult, SweptVariant

LAUNCH_OPTIONS = ("num_warps", "num_stages", "num_ctas", "maxnreg")
"""Keywords of `triton.Config`; every other tunable is a meta-parameter of the kernel."""
VLLM_NAMES = {
    "block_m": "BLOCK_SIZE_M", "block_n": "BLOCK_SIZE_N", "block_k": "BLOCK_SIZE_K", "group_m": "GROUP_SIZE_M",
    "num_warps": "num_warps", "num_stages": "num_stages", "split_k": "SPLIT_K",
}  # fmt: skip


def emitted(result: SweepResult, form: str, shipped: Mapping[str, Shipped], kernels: KernelLibrary) -> str:
    """The output of `--emit`. shipped: the choice of `--ship`, in place of the five fastest. kernels: of the suite."""
    environment = result.environment
    if form == "vllm":
        chosen = [(q.op, q.variant, q.dims, found.tunables) for q in result.questions if (found := choice(q))]
        return _vllm(chosen, environment.device_name, environment.triton)
    lists = []
    for q in result.questions:
        ship = shipped.get(f"{q.op} {q.variant}")
        where = f"{environment.device_name}, triton {environment.triton}"
        lists.append(_triton(q.op, q.variant, q.dims, ship.chosen if ship else _top(q), where, kernels))
    return "\n\n".join(lists)


def emitted_compiled(found: StaticSweep, form: str, kernels: KernelLibrary) -> str:
    """The output of `--emit` for configurations that were compiled and not timed: every distinct one in the order of
    the space. For vLLM, the first of each question."""
    by_question: dict[tuple[str, str, str], list[Case]] = {}
    for group in groups(found.configurations):
        case = group[0].case
        assert case.op is not None
        by_question.setdefault((case.op, case.variant, repr(sorted(case.dims.items()))), []).append(case)
    if form == "vllm":
        firsts = [(op, variant, cases[0].dims, cases[0].tunables) for (op, variant, _), cases in by_question.items()]
        return _vllm(firsts, found.target, None)
    return "\n\n".join(
        _triton(op, variant, cases[0].dims, [case.tunables for case in cases], f"{found.target}, not timed", kernels)
        for (op, variant, _), cases in by_question.items()
    )


def _triton(
    op: str, variant: str, dims: Mapping[str, int], found: Sequence[Tunables], where: str, kernels: KernelLibrary
) -> str:
    """Python text: a list of distinct `triton.Config`, and the key that selects one."""
    names = meta_names(op, variant, kernels)
    sizes = ", ".join(f"{name}={size}" for name, size in sorted(dims.items()))
    lines = (f"    {_config(tunables, names)}," for tunables in found)
    return "\n".join([f"# {op} {variant} on {where}: {sizes}", "configs = [", *lines, "]"])


def meta_names(op: str, variant: str, kernels: KernelLibrary) -> dict[str, str]:
    """The kernel's own name of each tunable.

    It is the parameter of a `triton.jit` function that gets the tunable in a launch (`kernel[grid](..., block_n,
    GROUP=group)`), or else the parameter with the same name up to case. A tunable that is no parameter keeps its own
    name.
    """
    file = kernels.variant_file(op, variant)
    sources = source_files(file, kernels.root) if file is not None else ()
    nodes = [node for source in sources for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))]
    parameters = {
        node.name: [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        for node in nodes if isinstance(node, ast.FunctionDef) and any(map(_is_jit, node.decorator_list))
    }  # fmt: skip
    found = {name.lower(): name for names in parameters.values() for name in names}
    for call in (n for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Subscript)):
        kernel = call.func.value  # type: ignore[attr-defined]
        places = parameters.get(kernel.id, []) if isinstance(kernel, ast.Name) else []
        passed = [*zip(places, call.args, strict=False), *((k.arg, k.value) for k in call.keywords if k.arg)]
        found |= {value.id: name for name, value in passed if isinstance(value, ast.Name)}
    return found


def _is_jit(decorator: ast.expr) -> bool:
    """Whether a decorator is `triton.jit`, `@jit`, `@triton.jit(...)`, or autotunes or specialises such a function."""
    while isinstance(decorator, ast.Call):
        decorator = decorator.func
    name = decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")
    return name in ("jit", "autotune", "heuristics")


def _top(question: SweptVariant) -> list[Tunables]:
    """The five fastest and the baseline, the choice first."""
    first = choice(question)
    finals = question.finals
    rest = [*finals.confirmed, *([finals.baseline] if finals.baseline else [])] if finals else []
    found: list[Tunables] = []
    for confirmed in ([first] if first else []) + rest:
        own = confirmed.measurement.samples and confirmed.measurement.case.variant == question.variant
        if own and confirmed.tunables not in found:
            found.append(dict(confirmed.tunables))
    return found


def _config(tunables: Tunables, names: Mapping[str, str]) -> str:
    """A `triton.Config` as text. An option that is None is Triton's own choice, and left out."""
    given = {name: names.get(name, names.get(name.lower(), name)) for name in tunables if name not in LAUNCH_OPTIONS}
    meta = ", ".join(f'"{own}": {tunables[name]!r}' for name, own in given.items())
    chosen = {name: value for name, value in tunables.items() if name in LAUNCH_OPTIONS and value is not None}
    return f"triton.Config({{{meta}}}{''.join(f', {name}={value!r}' for name, value in chosen.items())})"


def _vllm(chosen: Iterable[tuple[str, str, Mapping[str, int], Tunables]], device: str, triton: str | None) -> str:
    """The content of vLLM's files `E=..,N=..,device_name=...json`, by op and variant: number of tokens ->
    configuration, beside `triton_version`. Each key ends with the name that vLLM would look for."""
    files: dict[str, dict[str, object]] = {}
    for op, variant, dims, tunables in chosen:
        where = device.replace(" ", "_")
        name = f"E={dims.get('experts', 1)},N={dims.get('inter', dims.get('n', 0))},device_name={where}.json"
        entry = files.setdefault(f"{op}/{variant}/{name}", {"triton_version": triton} if triton else {})
        entry[str(dims.get("tokens", 1))] = {VLLM_NAMES.get(n, n): v for n, v in tunables.items()}
    return json.dumps(files, indent=2)
