"""Run as a program: compiles every kernel of a decode step in which each starts while the one before still runs, for a
GPU that is not there, and prints what each may read or write before it waits for that one."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import triton
from triton.runtime.jit import JITFunction

from harness import kernels_root
from harness.load_kernels import load_op, load_operands, load_variant
from harness.plan import expand
from harness.plan.calls import dims_at, uses
from harness.suite.load import load_suite
from harness.values.case import Implementation
from harness.values.suite import CallSite
from tests.conftest import REPOSITORY
from tests.kernels.compiled import Target, described

SUITE = REPOSITORY / "suites" / "qwen3_5_moe.yaml"
ARM, COMPOSED = "overlapped", "phases"
BATCHES = (1, 8)
PLANTED = "a gate that waits behind its loads"
WAIT, STORE = "    wait_for_inputs(OVERLAP)\n", "    tl.store(out"
"""Of the gate's kernel; as a mistake the first is put before the second, behind the loads."""


def places(arm: str) -> dict[str, tuple[str, dict[str, int], Implementation]]:
    """By place, what the arm chose for a decode step of the 35B model: the op, its dims at one token, the answer."""
    suite = load_suite(SUITE)
    answers = expand(suite, arms=[arm]).answers[arm]
    asked = {
        use.op_site: (use.op, dict(use.dims), answers.get(CallSite("decode", use.op, use.site))) for use in uses(suite)
    }
    return {
        place: (op, dims, answer)
        for place, (op, dims, answer) in asked.items()
        if answer and answer.variant.startswith("triton_")
    }


def reached_before_wait(ptx: str) -> tuple[set[int], int]:
    """(parameters behind whose pointers something is loaded, stores and atomics) on any way from a kernel's entry to
    its first `griddepcontrol.wait`."""
    head, body = ptx[ptx.index(".entry") :].split(")", 1)
    assert "_param_0" in head
    lines = [line for raw in body.splitlines() if (line := raw.split("//")[0].strip(" \t{};"))]
    labels = {line.removesuffix(":"): at for at, line in enumerate(lines) if line.endswith(":")}
    behind = _pointers(lines)
    loaded: set[int] = set()
    stores = 0
    seen: set[int] = set()
    ways = [0]
    while ways:
        at = ways.pop()
        while at < len(lines) and at not in seen:
            seen.add(at)
            predicated, instruction = re.match(r"(@!?%?p\d* )?\s*(.*)", lines[at]).groups()  # type: ignore[union-attr]
            at += 1
            if instruction.startswith("griddepcontrol.wait"):
                break
            if jump := re.match(r"bra(?:\.uni)?\s+(\S+)", instruction):
                ways.append(labels[jump[1]])
            if instruction.startswith(("ld.global", "cp.async")) and "[" in instruction:
                address = re.findall(r"\[\s*(%rd\d+)", instruction)[-1]
                loaded |= behind[address]
            stores += instruction.startswith(("st.global", "atom", "red."))
            if not predicated and (jump or instruction == "ret"):
                break
    return loaded, stores


def _pointers(lines: list[str]) -> dict[str, set[int]]:
    """By 64-bit register, the parameters that its value is computed from, whatever the way."""
    behind: dict[str, set[int]] = {}
    size = -1
    while size != (size := sum(map(len, behind.values()))):
        for line in lines:
            registers = re.findall(r"%rd\d+", line)
            if not registers or re.match(r"(@\S+ )?(ld\.global|st\.|atom)", line):
                continue
            parameters = {int(number) for number in re.findall(r"_param_(\d+)", line)}
            sources = set().union(*(behind.get(register, set()) for register in registers[1:]))
            behind.setdefault(registers[0], set()).update(parameters | sources)
    return behind


def operand(declared: Any, dims: dict[str, int]) -> Any:
    """A tensor without values, in bfloat16 unless declared otherwise, or the constant."""
    if declared.role == "constant":
        return dims[declared.value] if isinstance(declared.value, str) else declared.value
    dtype = torch.bfloat16 if declared.dtype in ("activation", "scale") else getattr(torch, declared.dtype)
    return torch.empty([load_operands().evaluate(size, dims) for size in declared.shape], dtype=dtype, device="meta")


def rows_of(op: str, variant: str, tunables: Any, dims: dict[str, int], launches: list[Any]) -> list[dict[str, Any]]:
    """One row per launch of a call that starts early."""
    launches.clear()
    load_variant(op, variant, REPOSITORY).run(*(operand(i, dims) for i in load_op(op).op.inputs), **tunables)
    rows = []
    for function, arguments, kernel in launches:
        given = zip(function.params, arguments, strict=False)
        # An integer of 1 is compiled in, as a constexpr is.
        passed = [p.name for p, value in given if not (p.is_constexpr or (isinstance(value, int) and value == 1))]
        row: dict[str, Any] = described(kernel) | {"early": kernel.metadata.launch_pdl}
        row["products"] = kernel.asm["ptx"].count("mma.sync")
        if kernel.metadata.launch_pdl:
            loaded, row["stores"] = reached_before_wait(kernel.asm["ptx"])
            row["reads"] = sorted(passed[number] for number in loaded)
        rows.append(row)
    return rows


def main(capability: int) -> dict[str, list[dict[str, Any]]]:
    triton.runtime.driver.set_active(Target(capability))
    launches: list[Any] = []
    launch = JITFunction.run

    def warm_up(self: Any, *args: Any, grid: Any, warmup: bool, **options: Any) -> None:
        launches.append((self, args, launch(self, *args, grid=grid, warmup=True, **options)))

    JITFunction.run = warm_up
    found = {}
    first, second = places(ARM), places(COMPOSED)
    composed = {place: asked for place, asked in second.items() if place not in first}
    for batch in BATCHES:
        for place, (op, dims, answer) in {**first, **(composed if batch == 1 else {})}.items():
            asked = dims_at(dims, tokens=batch, batch=batch, length=1, context=1024)
            found[f"{place}, batch {batch}"] = rows_of(op, answer.variant, answer.tunables, asked, launches)
    text = (REPOSITORY / "kernels" / "sigmoid_gate" / "triton_rows.py").read_text()
    assert text.count(WAIT) == text.count(STORE) == 1
    with tempfile.TemporaryDirectory() as folder:
        planted = Path(folder) / "waits_late.py"
        text = text.replace("from ..", "from harness_kernels.").replace(WAIT, "").replace(STORE, WAIT + STORE)
        planted.write_text(text)
        found[PLANTED] = rows_of("sigmoid_gate", str(planted), {"overlap": True}, {"tokens": 2, "width": 64}, launches)
    return found


if __name__ == "__main__":
    kernels_root.bind(REPOSITORY / "kernels")
    with tempfile.TemporaryDirectory() as cache:
        triton.knobs.cache.dir = cache
        print(json.dumps(main(int(sys.argv[1]))))
