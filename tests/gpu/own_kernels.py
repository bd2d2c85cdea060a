"""Every variant of the library at 1 to 8 tokens through the whole gate: checked under all conditions, captured, timed,
compared again. `python -m tests.gpu.own_kernels [SUITE] [SECONDS]` prints one JSON object; status 1 where one is
refused.

Many processes share the GPU, which takes what waits for it out of its turn; what is not OK among them is asked once
more by itself, and that answer counts.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
import yaml

from harness import kernels_root
from tests.conftest import REPOSITORY

SUITE = REPOSITORY / "suites" / "qwen3_5_moe.yaml"
TOKENS = range(1, 9)
MATRICES = ("gdn_in", "gdn_out", "lm_head")
"""Of the int4 products' shapes, the largest, a narrow one and a wide one."""
PROCESSES = 12
SET_BYTES = 1 << 29
"""Copies of a case's weights, in each process."""
NUMERICS = (1, 8)
"""Numbers of tokens at which calls are repeated beside a neighbour, too."""
HOST_READS = "torch_per_expert"
"""Reads the experts' ids on the host, which no graph can capture: timed by events."""
LEFT_ALONE = {"moe_experts": ("moe_block", ("shared",))}
"""Ops that no arm's decode has: the op whose shapes they have, without these dims."""


def questions(suite: Path) -> list[list[Any]]:
    """By op, shape and number of tokens, a case for each variant."""
    from harness.plan import expand
    from harness.suite.load import load_suite
    from harness.values.case import Implementation

    asked = yaml.safe_load(suite.read_text())
    asked["kernels"]["ops"] = sorted(file.parent.name for file in (REPOSITORY / "kernels").glob("*/spec.py"))
    asked["kernels"]["tokens"] = list(TOKENS)
    text = suite.parent / ".own_kernels.yaml"
    text.write_text(yaml.safe_dump(asked))
    try:
        plan = expand(load_suite(text))
    finally:
        text.unlink()
    first: dict[tuple[str, str, int], Any] = {}
    for case in plan.cases:
        if case.kind == "kernel" and case.op is not None and (case.op != "int4_mm" or case.site in MATRICES):
            first.setdefault((case.op, case.site if case.op == "int4_mm" else "", int(case.axes["tokens"])), case)
    for op, (like, without) in LEFT_ALONE.items():
        for tokens in TOKENS:
            if (case := first.get((like, "", tokens))) is None:
                continue
            dims = {name: size for name, size in case.dims.items() if name not in without}
            first[op, "", tokens] = msgspec.structs.replace(case, op=op, dims=dims)
    return [
        [
            msgspec.structs.replace(case, arm=variant, answer=Implementation(variant), same_as=None)
            for variant in variants(case.op)
        ]
        for case in first.values()
    ]


def variants(op: str) -> list[str]:
    files = (REPOSITORY / "kernels" / op).glob("*.py")
    return sorted(file.stem for file in files if file.stem not in ("spec", "reference", "__init__"))


def measured(cases: Sequence[Any]) -> list[tuple[Any, str, str]]:
    """Each case with its status and reason."""
    import torch

    from harness.device.choice import open_device
    from harness.measure.kernel_cases import KernelBench
    from harness.values.suite import Timing
    from harness.worker.messages import Measured

    kernels_root.bind(REPOSITORY / "kernels")
    torch.set_num_threads(1)
    device = open_device()
    device.set_bytes_limit = SET_BYTES
    found = []
    for kind in ("events", None) if device.gpu else (None,):
        bench = KernelBench(device, Timing(kind, rounds=2), 0, str(REPOSITORY / "suites"), "uniform")
        if int(cases[0].axes["tokens"]) not in NUMERICS:
            bench._numerics = lambda *_: None
        chosen = [case for case in cases if not device.gpu or (case.variant == HOST_READS) == (kind == "events")]
        found += [event.measurement for event in bench.run(chosen) if isinstance(event, Measured)]
    return [(m.case, m.status.value, m.reason) for m in found]


def ask(
    groups: Sequence[Sequence[Any]], processes: int, end: float, forgotten: list[str]
) -> list[tuple[Any, str, str]]:
    """All groups, as far as the time goes; the others are named in `forgotten`."""
    found = []
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        futures = {pool.submit(measured, group): group for group in groups}
        try:
            for future in as_completed(futures, timeout=max(1.0, end - time.monotonic())):
                group = futures.pop(future)
                try:
                    found += future.result()
                except Exception as error:  # the process ended
                    found += [(case, "DIED", f"{type(error).__name__}: {error}") for case in group]
        except TimeoutError:
            forgotten += [case.id for group in futures.values() for case in group]
            for process in list(pool._processes.values()):
                process.kill()
    return found


def main(suite: str = str(SUITE), seconds: str = "140") -> int:
    began = time.monotonic()
    forgotten: list[str] = []
    kernels_root.bind(REPOSITORY / "kernels")
    groups = sorted(questions(Path(suite)), key=lambda group: group[0].op not in ("int4_mm", "moe_block"))
    found = ask(groups, PROCESSES, began + float(seconds) - 20, forgotten)
    doubted = [[case] for case, status, _ in found if status not in ("OK", "UNSUPPORTED")]
    again = {case.id: (case, *rest) for case, *rest in ask(doubted, 1, began + float(seconds), forgotten)}
    last = [again.get(row[0].id, row) for row in found]
    refused = {case.id: f"{status}: {reason}" for case, status, reason in last if status not in ("OK", "UNSUPPORTED")}
    print(
        json.dumps({
            "seconds": round(time.monotonic() - began, 1),
            "by status": Counter(status for _, status, _ in last),
            "refused": refused,
            "asked again": len(doubted),
            "unsupported": dict(Counter(f"{c.op} {c.variant}: {r}" for c, s, r in last if s == "UNSUPPORTED")),
            "not reached": forgotten,
        }, indent=1)
    )  # fmt: skip
    return bool(refused or forgotten)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
