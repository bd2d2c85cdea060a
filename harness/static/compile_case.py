"""Compiles one case to its launches and binaries: `run` runs unchanged on meta tensors, and nothing is computed."""

from __future__ import annotations

import errno
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import torch
import triton
from triton.compiler.compiler import make_backend
from triton.compiler.errors import CompilationError

from harness.load_kernels import LoadedVariant, load_op, load_operands, load_variant
from harness.measure.failure import asks_for_a_gpu
from harness.measure.inputs import make_inputs
from harness.measure.operand_sets import PREPARED
from harness.static.amd_binaries import AmdBinaries
from harness.static.claims import InProgress, OverLimit
from harness.static.complaint import reason_of
from harness.static.identity import cache_folder
from harness.static.makers_alone import AnothersAlone, anothers_option
from harness.static.nvidia_binaries import NvidiaBinaries
from harness.static.record import Recorded, Recorder, StandInDriver
from harness.static.results import triton_cache
from harness.static.stages import Stages
from harness.static.target import Target, does_not_fit
from harness.suite.catalogue import OpSpec, load_spec
from harness.values.binary import Binary
from harness.values.case import Case
from harness.values.compiled import Compiled
from harness.values.launch import Launch
from harness.values.measurement import Status

DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EIO})
"""Errors of a cache's or scratch folder."""


DAMAGED = (ValueError, IndexError, KeyError, struct.error, subprocess.CalledProcessError)
"""Errors of reading a binary that is cut off."""


class CannotWrite(Exception):
    """The reason why no case can be compiled here now, of whatever kernel."""


class CaseCompiler:
    """Compiles case after case for one target, in a process that never touches a GPU.

    Makes the target this process's only device for Triton, for good.
    """

    def __init__(
        self, target: Target, suite_folder: str, stages: Stages, complaint: Callable[[], str] = lambda: ""
    ) -> None:
        """complaint: the error that the compiler printed about the present case."""
        self.suite_folder, self.stages, self.complaint = suite_folder, stages, complaint
        triton.runtime.driver.set_active(StandInDriver(target))
        self._reads(target)
        self._inputs: dict[Any, list[Any]] = {}

    def _reads(self, target: Target) -> None:
        self.target = target
        self._binaries = AmdBinaries(target) if target.backend == "hip" else NvidiaBinaries(target)

    def compile(self, case: Case) -> Compiled:
        """Compile one case. Raises InProgress where another process is compiling the same code, and CannotWrite for a
        full disk or a folder that is not to be written; any other error becomes the result's reason.
        """
        start, spent, asked, refused = time.perf_counter(), cpu_seconds(), "", False
        self.stages.clear()
        try:
            status, reason, recorder = self._record(case)
        except InProgress:
            raise
        except OverLimit as over:
            status, reason, recorder = Status.TIMEOUT, str(over), None
        except AnothersAlone as only:
            status, reason, recorder = Status.UNSUPPORTED, str(only), None
        except NotImplementedError as error:  # what torch has not for tensors without values
            status, reason, recorder = Status.UNSUPPORTED, f"not followed without a GPU: {reason_of(error)}", None
        except OSError as error:
            if error.errno in DISK:
                raise CannotWrite(f"{error.filename or 'a cache'}: {error.strerror}") from error
            status, reason, recorder = Status.FAILED, reason_of(error), None
        except Exception as error:  # whatever a variant or the compiler raises is this case's result
            asked, alone = asks_for_a_gpu(error), anothers_option(error, self.target)
            status = Status.UNSUPPORTED if alone else Status.FAILED
            reason, recorder = asked or alone or reason_of(error, self.complaint()), None
            refused = status is Status.FAILED and isinstance(error, CompilationError)
        found = Compiled(
            case, status, reason, compile_s=time.perf_counter() - start, stages_s=dict(self.stages.seconds),
            shared=self.stages.shared, followed=not asked, cpu_s=cpu_seconds() - spent,
            refused=refused,
        )  # fmt: skip
        if recorder is None:
            return found
        try:
            return self._described(found, recorder)
        except DAMAGED:  # Triton's cache has files that a crash left incomplete
            forget_binaries(recorder.launches)
            _, _, recorder = self._record(case)
            assert recorder is not None
            return self._described(found, recorder)

    def _record(self, case: Case) -> tuple[Status, str, Recorder | None]:
        assert case.op is not None and case.answer is not None
        if case.problem is not None:
            return Status.UNSUPPORTED, case.problem, None
        variant = load_variant(case.op, case.answer.variant, self.suite_folder)
        if variant.supports and (reason := variant.supports(case)):
            return Status.UNSUPPORTED, reason, None
        recorder = Recorder()
        with self.stages.active(self.target.backend):
            recorder.call(variant.run, self._meta_inputs(variant, case), variant.tunables_of(case.answer))
        return Status.OK, "", recorder

    def _meta_inputs(self, variant: LoadedVariant, case: Case) -> list[Any]:
        key = (variant.source_hash, variant.path, case.dtype, tuple(sorted(case.dims.items())))
        if key not in self._inputs:
            self._inputs[key] = meta_inputs(load_spec(variant.op), variant, case.dims, case.activations, case.weights)
        return self._inputs[key]

    def _described(self, found: Compiled, recorder: Recorder) -> Compiled:
        macs = multiply_adds(load_spec(str(found.case.op)), found.case.dims)
        binaries = tuple(self._binaries.read(launch, macs) for launch in recorder.launches)
        launches = tuple(map(_launch, recorder.launches, binaries))
        misfit = next((reason for binary in binaries if (reason := does_not_fit(binary))), None)
        return msgspec.structs.replace(
            found, binaries=binaries, launches=launches, host_ops=recorder.host_ops,
            status=Status.UNSUPPORTED if misfit else Status.OK, reason=misfit or "",
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
    """The inputs that an op's own function makes: on the meta device where it can, else on the CPU, with their values
    dropped.
    """
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
    """Multiply-adds of one call of an op with int4 weights at one token: one per weight that it uses.

    None for other ops: a norm has weights too, but its work does not scale with them.
    """
    if op.cost is None or not any(i.fill == "int4" for i in op.op.inputs):
        return None
    return op.cost(dims).flop // 2 or None


def forget_binaries(launches: Sequence[Recorded]) -> None:
    """Remove these kernels from Triton's disk cache and this process, so that the next launch compiles them."""
    for launch in launches:
        shutil.rmtree(triton_cache() / cache_folder(launch.kernel), ignore_errors=True)
        launch.kernel.src.fn.device_caches.clear()


def _launch(recorded: Recorded, binary: Binary) -> Launch:
    metadata = recorded.kernel.metadata
    flags = {"pdl": "launch_pdl", "cooperative": "launch_cooperative_grid"}
    return Launch(
        binary.sha256, binary.kernel, recorded.grid, binary.cluster, binary.shared_bytes, recorded.scalars,
        recorded.tensors, tuple(name for name, field in flags.items() if getattr(metadata, field, False)),
    )  # fmt: skip


def warm_toolchain(target: Target) -> None:
    """Compute the values that Triton computes once per process, so that forked processes inherit them."""
    from triton.runtime.cache import triton_key

    triton_key()
    make_backend(StandInDriver(target).target).hash()


def cpu_seconds() -> float:
    """CPU time so far of this process and the assemblers that it started, in seconds."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system
