"""A call's kernels as code: TTGIR, PTX and the SASS of the hot loop. `python -m harness.attempt.listing JOB sm_90`.

Compiled for the target, with or without a GPU; nothing is run.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main(file: str, target: str) -> None:
    os.environ.pop("TRITON_INTERPRET", None)
    from harness import kernels_root
    from harness.attempt.tools import read_call

    call = read_call(file)
    kernels_root.bind(Path(call.kernels_root))
    import triton

    from harness.resolve import load_variant
    from harness.static.compile_case import meta_inputs
    from harness.static.record import Recorder, StandInDriver
    from harness.static.sass import disassemble
    from harness.static.target import parse_target
    from harness.suite.catalogue import load_spec

    triton.runtime.driver.set_active(StandInDriver(parse_target(target)))
    case = call.case
    assert case.op is not None and case.answer is not None
    variant = load_variant(case.op, case.answer.variant, call.folder)
    recorder = Recorder()
    inputs = meta_inputs(load_spec(case.op), variant, case.dims, case.activations)
    recorder.call(variant.run, inputs, {**variant.tunables, **case.answer.tunables})
    if not recorder.launches:
        print("no Triton kernel is launched: torch's own kernels have no code here")
    for launch in recorder.launches:
        kernel = launch.kernel
        sass = disassemble(kernel.asm["cubin"], triton.knobs.nvidia.nvdisasm.path)
        loop = hot_loop(sass)
        for title, text in (
            ("TTGIR", kernel.asm["ttgir"]), ("PTX", kernel.asm["ptx"]),
            ("SASS, hot loop" if loop != sass else "SASS", loop),
        ):  # fmt: skip
            print(f"==== {kernel.metadata.name}, grid {launch.grid}, {target}: {title}\n{text.rstrip()}\n")


def hot_loop(sass: str) -> str:
    """The lines of the longest innermost loop, from its label to its branch; all of it where there is none."""
    from harness.static.sass import LABEL, TARGET

    rows = sass.splitlines()
    labels: dict[str, int] = {}
    loops = []
    for number, row in enumerate(rows):
        if found := LABEL.match(row):
            labels[found[1]] = number
        elif " BRA" in row and (target := TARGET.search(row)) and labels.get(target[1], number) < number - 1:
            loops.append((labels[target[1]], number))
    inner = [a for a in loops if not any(b != a and a[0] <= b[0] and b[1] <= a[1] for b in loops)]
    if not inner:
        return sass
    start, stop = max(inner, key=lambda loop: loop[1] - loop[0])
    return "\n".join(rows[start : stop + 1])


if __name__ == "__main__":
    main(*sys.argv[1:3])
