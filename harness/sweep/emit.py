"""The choice in the words of other programs: a list for `triton.autotune`, and vLLM's JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from harness.sweep.register import choice
from harness.values.case import Tunables
from harness.values.sweep import Shipped, SweepResult, SweptVariant

LAUNCH_OPTIONS = ("num_warps", "num_stages", "num_ctas", "maxnreg")
"""Keywords of `triton.Config`; every other tunable is a meta-parameter of the kernel, by convention in capitals."""
VLLM_NAMES = {
    "block_m": "BLOCK_SIZE_M", "block_n": "BLOCK_SIZE_N", "block_k": "BLOCK_SIZE_K", "group_m": "GROUP_SIZE_M",
    "num_warps": "num_warps", "num_stages": "num_stages", "split_k": "SPLIT_K",
}  # fmt: skip


def emitted(result: SweepResult, form: str, shipped: Mapping[str, Shipped]) -> str:
    """What `--emit` prints. shipped: the choice of `--ship`, in place of the five fastest."""
    if form == "vllm":
        return _vllm(result)
    return "\n\n".join(_triton(question, result, shipped) for question in result.questions)


def _triton(question: SweptVariant, result: SweepResult, shipped: Mapping[str, Shipped]) -> str:
    """Python text: a list of `triton.Config`, distinct ones, and the key to choose by."""
    chosen = shipped.get(f"{question.op} {question.variant}")
    found: Sequence[Tunables] = chosen.chosen if chosen else _top(question)
    sizes = ", ".join(f"{name}={size}" for name, size in sorted(question.dims.items()))
    head = f"# {question.op} {question.variant} on {result.environment.device_name}, triton {result.environment.triton}"
    return "\n".join([f"{head}: {sizes}", "configs = [", *(f"    {_config(tunables)}," for tunables in found), "]"])


def _top(question: SweptVariant) -> list[Tunables]:
    """The five and the baseline, the choice first."""
    first = choice(question)
    finals = question.finals
    rest = [*finals.confirmed, *([finals.baseline] if finals.baseline else [])] if finals else []
    found: list[Tunables] = []
    for confirmed in ([first] if first else []) + rest:
        own = confirmed.measurement.samples and confirmed.measurement.case.variant == question.variant
        if own and confirmed.tunables not in found:
            found.append(dict(confirmed.tunables))
    return found


def _config(tunables: Tunables) -> str:
    meta = ", ".join(f'"{n.upper()}": {value!r}' for n, value in tunables.items() if n not in LAUNCH_OPTIONS)
    options = "".join(f", {n}={value!r}" for n, value in tunables.items() if n in LAUNCH_OPTIONS)
    return f"triton.Config({{{meta}}}{options})"


def _vllm(result: SweepResult) -> str:
    """By op and variant, what a file `E=..,N=..,device_name=...json` of vLLM holds: number of tokens -> configuration,
    beside `triton_version`. `file` is the name that vLLM would look for."""
    device = result.environment.device_name.replace(" ", "_")
    files: dict[str, dict[str, object]] = {}
    for question in result.questions:
        chosen = choice(question)
        if chosen is None:
            continue
        dims = question.dims
        name = f"E={dims.get('experts', 1)},N={dims.get('inter', dims.get('n', 0))},device_name={device}.json"
        entry = files.setdefault(
            f"{question.op}/{question.variant}/{name}", {"triton_version": result.environment.triton}
        )
        entry[str(dims.get("tokens", 1))] = {VLLM_NAMES.get(n, n): v for n, v in chosen.tunables.items()}
    return json.dumps(files, indent=2)
