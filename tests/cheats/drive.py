"""Every cheat of this folder beside an honest kernel, each in a process of its own: what the bench says of both.

`python -m tests.cheats.drive [NAME ...]` prints one JSON object, and a line a cheat on stderr. On a machine with a GPU
the cheats run on it: those that say `GPU` run there alone, those that say `CPU` read tensors on the host, which no
graph can capture.
"""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness.worker.clock import ParentClock, WireClock
from harness.worker.messages import Done, Measured, Refused, Started, WindowBegins, WindowEnds
from harness.worker.wire import Wire

FOLDER = Path(__file__).parent
NOT_CHEATS = ("__init__", "drive")
DIMS = {
    "int4_mm": {"tokens": 4, "n": 256, "k": 512, "group": 64},
    "residual_add": {"tokens": 4, "hidden": 512},
    "gated_delta_rule": {"batch": 1, "length": 1, "k_heads": 2, "v_heads": 4, "k_dim": 32, "v_dim": 32},
}
GPU_DIMS = {**DIMS, "int4_mm": {"tokens": 4, "n": 4096, "k": 2048, "group": 128}}
HONEST = {"int4_mm": "torch_blocked", "residual_add": "torch_ops", "gated_delta_rule": "torch_recurrent"}
LIMIT_S = 240.0


def cheats() -> dict[str, Path]:
    found = {file.stem: file for file in sorted(FOLDER.glob("*.py")) if not file.stem.startswith("test_")}
    return {name: file for name, file in found.items() if name not in NOT_CHEATS}


def declared(file: Path) -> dict[str, Any]:
    """The constants of a cheat's file, read without importing it, and its docstring."""
    import ast

    tree = ast.parse(file.read_text())
    found: dict[str, Any] = {"doc": ast.get_docstring(tree) or ""}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)):
                found[name] = value
    return found


def judge(name: str, wire: Wire) -> None:
    """Sends the measurements of an honest kernel and of the cheat."""
    import torch

    from harness.device.choice import open_device
    from harness.measure.kernel_cases import KernelBench
    from harness.values.case import Case, Implementation
    from harness.values.suite import Timing

    torch.set_num_threads(1)
    device, file = open_device(), cheats()[name]
    says = declared(file)
    op, dtype = says["OP"], "bfloat16" if device.gpu else says.get("DTYPE", "float32")
    dims = (GPU_DIMS if device.gpu else DIMS)[op]
    cases = [
        Case("kernel", arm, dtype, {"tokens": 4}, op=op, site="main", dims=dims, answer=Implementation(variant))
        for arm, variant in (("honest", HONEST[op]), ("cheat", str(file)))
    ]
    cases = [case for case in cases if case.arm == "cheat" or not says.get("ALONE")]
    clocked = [case.id for case in cases]
    wire.send(Started("time from outside", tuple(clocked)))
    bench = KernelBench(device, Timing(rounds=4), 0, str(FOLDER), "uniform", clock=WireClock(wire), clocked=clocked)
    for event in bench.run(cases):
        if isinstance(event, Measured):
            wire.send(event)
    wire.send(Done())


def _answer(name: str, connection: Any) -> None:
    wire = Wire(connection)
    try:
        judge(name, wire)
    except BaseException as error:
        wire.send(Refused(f"{type(error).__name__}: {error}", 1))


def in_a_process(name: str, context: Any) -> dict[str, Any]:
    found = _heard_of(name, context)
    print(f"{name}: {found.get('cheat')}", file=sys.stderr, flush=True)
    return found


def _heard_of(name: str, context: Any) -> dict[str, Any]:
    mine, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(name, theirs))
    process.start()
    theirs.close()
    try:
        found = _told(Wire(mine), process.pid)
    except EOFError:
        found = {"cheat": {"status": "DIED", "reason": "without a word", "samples": 0}}
    process.kill()
    process.join()
    return found


def _told(wire: Wire, pid: int) -> dict[str, Any]:
    """By arm, status, reason and number of samples. The clock outside is this process'."""
    clock, end = ParentClock(pid, ()), time.monotonic() + LIMIT_S
    found: dict[str, Any] = {}
    while wire.poll(max(0.0, end - time.monotonic())):
        message = wire.receive(Started | WindowBegins | WindowEnds | Measured | Done | Refused)
        if isinstance(message, Started):
            clock = ParentClock(pid, message.cases)
        elif isinstance(message, WindowBegins | WindowEnds):
            wire.send(clock.answer(message))
        elif isinstance(message, Measured):
            m = clock.judged(message).measurement
            found[m.case.arm] = {"status": m.status.value, "reason": m.reason, "samples": len(m.samples)}
        elif isinstance(message, Refused):
            return found | {"cheat": {"status": "DIED", "reason": message.problem, "samples": 0}}
        else:
            return found
    return {"cheat": {"status": "TIMEOUT", "reason": "", "samples": 0}}


def drive(names: Iterable[str], gpu: bool) -> dict[str, dict[str, Any]]:
    """CPU: forked from one process that has imported torch; GPU: started anew, several at once."""
    chosen = list(names)
    if not gpu:
        import harness.measure.kernel_cases  # noqa: F401  imported once, before the forks

        return {name: in_a_process(name, multiprocessing.get_context("fork")) for name in chosen}
    with ThreadPoolExecutor(12) as pool:
        found = pool.map(lambda name: in_a_process(name, multiprocessing.get_context("spawn")), chosen)
        return dict(zip(chosen, found, strict=True))


def main(arguments: Sequence[str]) -> None:
    gpu = importlib.util.find_spec("torch") is not None and _has_gpu()
    elsewhere = "CPU" if gpu else "GPU"
    names = arguments or [name for name, file in cheats().items() if not declared(file).get(elsewhere)]
    found = drive(names, gpu)
    print(json.dumps(found))


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


if __name__ == "__main__":
    main(sys.argv[1:])
