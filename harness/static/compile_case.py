"""One case to its launches and binaries: `run` goes its usual way on meta tensors, and nothing is computed."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import torch
import triton
from triton.backends.nvidia.compiler import CUDABackend
from triton.compiler.errors import CompilationError

from harness.device.ptxas import ptxas_release
from harness.errors import HarnessError
from harness.load_kernels import LoadedVariant, load_op, load_operands, load_variant
from harness.measure.failure import asks_for_a_gpu
from harness.measure.inputs import make_inputs
from harness.measure.operand_sets import PREPARED
from harness.static.claims import InProgress, OverLimit
from harness.static.cubin import Cubin, read_cubin
from harness.static.encoded import ARCHITECTURES, read_encoded
from harness.static.ptx import hot_loop
from harness.static.record import Recorded, Recorder, StandInDriver
from harness.static.sass import Code, disassemble, read_code
from harness.static.stages import Stages
from harness.static.target import blocks_per_sm, does_not_fit
from harness.suite.catalogue import OpSpec, load_spec
from harness.values.binary import Binary
from harness.values.case import Case
from harness.values.compiled import Compiled
from harness.values.launch import Launch
from harness.values.measurement import Status

LOCATION = re.compile(r"^#loc.*$|\s*loc\(.*\)$", re.M)
REASON_LENGTH = 300


class CaseCompiler:
    """Compiles case after case for one target, in a process that never touches a GPU.

    Makes the target this process's only device for Triton, for good.
    """

    def __init__(self, capability: int, suite_folder: str, stages: Stages) -> None:
        self.capability, self.suite_folder, self.stages = capability, suite_folder, stages
        self.target = f"sm_{capability}"
        triton.runtime.driver.set_active(StandInDriver(capability))
        self.ptxas = ptxas_release(capability) or "unknown"
        self._inputs: dict[Any, list[Any]] = {}
        self._codes: dict[str, Code] = {}

    def compile(self, case: Case) -> Compiled:
        """Raises InProgress where another process is compiling the same code; all else becomes the result's reason."""
        start, asked = time.perf_counter(), ""
        self.stages.clear()
        try:
            status, reason, recorder = self._record(case)
        except InProgress:
            raise
        except OverLimit as over:
            status, reason, recorder = Status.TIMEOUT, str(over), None
        except NotImplementedError as error:  # what torch has not for tensors without values
            status, reason, recorder = Status.UNSUPPORTED, f"not followed without a GPU: {reason_of(error)}", None
        except Exception as error:  # whatever a variant or the compiler raises is this case's result
            asked = asks_for_a_gpu(error)
            status, reason, recorder = Status.FAILED, asked or reason_of(error), None
        found = Compiled(
            case, status, reason, compile_s=time.perf_counter() - start, stages_s=dict(self.stages.seconds),
            shared=self.stages.shared, followed=not asked,
        )  # fmt: skip
        return found if recorder is None else self._described(found, recorder)

    def _record(self, case: Case) -> tuple[Status, str, Recorder | None]:
        assert case.op is not None and case.answer is not None
        if case.problem is not None:
            return Status.UNSUPPORTED, case.problem, None
        variant = load_variant(case.op, case.answer.variant, self.suite_folder)
        if variant.supports and (reason := variant.supports(case)):
            return Status.UNSUPPORTED, reason, None
        recorder = Recorder()
        with self.stages.active():
            recorder.call(variant.run, self._meta_inputs(variant, case), variant.tunables_of(case.answer))
        return Status.OK, "", recorder

    def _meta_inputs(self, variant: LoadedVariant, case: Case) -> list[Any]:
        key = (variant.source_hash, variant.path, case.dtype, tuple(sorted(case.dims.items())))
        if key not in self._inputs:
            self._inputs[key] = meta_inputs(load_spec(variant.op), variant, case.dims, case.activations, case.weights)
        return self._inputs[key]

    def _described(self, found: Compiled, recorder: Recorder) -> Compiled:
        macs = multiply_adds(load_spec(str(found.case.op)), found.case.dims)
        binaries = tuple(self._binary(launch, macs) for launch in recorder.launches)
        launches = tuple(map(_launch, recorder.launches, binaries))
        misfit = next((reason for binary in binaries if (reason := does_not_fit(binary))), None)
        return msgspec.structs.replace(
            found, binaries=binaries, launches=launches, host_ops=recorder.host_ops,
            status=Status.UNSUPPORTED if misfit else Status.OK, reason=misfit or "",
        )  # fmt: skip

    def _binary(self, launch: Recorded, macs: int | None) -> Binary:
        kernel, metadata, image = launch.kernel, launch.kernel.metadata, launch.kernel.asm["cubin"]
        cubin = read_cubin(image)
        if cubin.sha256 not in self._codes:
            self._codes[cubin.sha256] = _code(image, cubin, self.capability)
        code = self._codes[cubin.sha256]
        per_weight = instructions_per_weight(code, kernel.asm.get("ptx", ""), launch.grid, metadata.num_warps, macs)
        return Binary(
            sha256=cubin.sha256, target=self.target, triton=triton.__version__, ptxas=self.ptxas,
            kernel=metadata.name, registers=cubin.registers, spill_bytes=code.spill_bytes,
            stack_bytes=cubin.stack_bytes, shared_bytes=metadata.shared, num_warps=metadata.num_warps,
            cluster=(metadata.num_ctas, 1, 1), instructions_per_weight=per_weight,
            counted_over=None if per_weight is None else "loop" if code.loop else "kernel",
            load_bytes=code.load_bytes, widest_load_bytes=code.widest_load_bytes,
            blocks_per_sm=blocks_per_sm(self.capability, cubin.registers, metadata.shared, metadata.num_warps),
            ttir_hash=code_hash(kernel.asm.get("ttir", "")), ttgir_hash=code_hash(kernel.asm.get("ttgir", "")),
            cache_key=cache_folder(kernel),
        )  # fmt: skip


def meta_inputs(
    op: OpSpec, variant: LoadedVariant, dims: Mapping[str, int], activations: str, weights: str = ""
) -> list[Any]:
    """The inputs of `run` as meta tensors and numbers, repacked where the variant has a `prepare`."""
    raw = _declared_inputs(op, dims, activations) if op.own is None else _made_inputs(op, dims, activations, weights)
    if variant.prepare is not None:
        raw |= variant.prepare({i.name: raw[i.name] for i in op.op.inputs if i.role in PREPARED})
    return [raw[i.name] for i in op.op.inputs]


def _made_inputs(op: OpSpec, dims: Mapping[str, int], activations: str, weights: str) -> dict[str, Any]:
    """Those that an op's own function makes: on the meta device where it can, else on the CPU, their values thrown
    away."""
    loaded, dtype = load_op(op.name, weights), getattr(torch, activations)
    try:
        return make_inputs(loaded, dims, dtype, "meta", torch.Generator(), None)
    except Exception:  # whatever a function does with values: sort them, take them to Python
        made = make_inputs(loaded, dims, dtype, "cpu", torch.Generator(), None)
        return {name: value.to("meta") if isinstance(value, torch.Tensor) else value for name, value in made.items()}


def _declared_inputs(op: OpSpec, dims: Mapping[str, int], activations: str) -> dict[str, Any]:
    evaluate = load_operands().evaluate
    raw: dict[str, Any] = {}
    for i in op.op.inputs:
        if i.role == "constant":
            raw[i.name] = dims[i.value] if isinstance(i.value, str) else i.value
            continue
        dtype = getattr(torch, activations if i.dtype in ("activation", "scale") else i.dtype)
        raw[i.name] = torch.empty([evaluate(text, dims) for text in i.shape], dtype=dtype, device="meta")
    return raw


def multiply_adds(op: OpSpec, dims: Mapping[str, int]) -> int | None:
    """Multiply-adds of one call of an op with int4 weights: at one token, one per weight that it uses. None for other
    ops: a norm has weights too, but its work is not by the weight."""
    if op.cost is None or not any(i.fill == "int4" for i in op.op.inputs):
        return None
    return op.cost(dims).flop // 2 or None


def instructions_per_weight(
    code: Code, ptx: str, grid: tuple[int, int, int], num_warps: int, macs: int | None
) -> float | None:
    """Thread instructions that all passes through the hot loop execute, per multiply-add of the call.

    How often the loop runs is read from the PTX; where the machine code has it unrolled, its loads say how many passes
    one holds.
    """
    if macs is None:
        return None
    passes = 1.0
    if code.loop:
        loop = hot_loop(ptx)
        if loop is None or loop.trips is None:
            return None
        loads = sum(code.global_loads.values())
        if bool(loads) != bool(loop.global_loads):
            return None
        unrolled = max(1, round(loads / loop.global_loads)) if loads else 1
        passes = loop.trips / unrolled
    blocks = grid[0] * grid[1] * grid[2]
    return code.instructions * passes * blocks * 32 * num_warps / macs


def _code(image: bytes, cubin: Cubin, capability: int) -> Code:
    if capability in ARCHITECTURES:
        return read_encoded(cubin.code, capability)
    return read_code(disassemble(image, triton.knobs.nvidia.nvdisasm.path))


def _launch(recorded: Recorded, binary: Binary) -> Launch:
    metadata = recorded.kernel.metadata
    flags = {"pdl": "launch_pdl", "cooperative": "launch_cooperative_grid"}
    return Launch(
        binary.sha256, binary.kernel, recorded.grid, binary.cluster, binary.shared_bytes, recorded.scalars,
        recorded.tensors, tuple(name for name, field in flags.items() if getattr(metadata, field, False)),
    )  # fmt: skip


def cache_folder(kernel: Any) -> str:
    """Name of the folder of Triton's disk cache that holds a compiled kernel."""
    return next((Path(path).parent.name for path in kernel.metadata_group.values()), "")


def code_hash(text: str) -> str:
    """Of Triton's intermediate code without its source locations; of nothing, nothing."""
    return hashlib.sha256(LOCATION.sub("", text).encode()).hexdigest() if text else ""


def warm_toolchain(capability: int) -> None:
    """What Triton computes once per process: forked processes then find it computed."""
    from triton.backends.compiler import GPUTarget
    from triton.runtime.cache import triton_key

    triton_key()
    CUDABackend(GPUTarget("cuda", capability, 32)).hash()


def reason_of(error: Exception) -> str:
    """One line that says what failed."""
    if isinstance(error, HarnessError):
        return str(error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no message"]
    what = lines[0]
    if isinstance(error, CompilationError):  # a place in the kernel, its source text, and at the end what is wrong
        what += f" {lines[-1]}"
    return f"{type(error).__name__}: {what}"[:REASON_LENGTH]
