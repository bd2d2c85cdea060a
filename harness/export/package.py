"""A decode step's package: compiled in a process of its own, kept for the other processes of the run, and loaded here
over the arm's own tensors.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import msgspec
import torch

from harness.decode.step import Ahead, Step
from harness.device.device import Device
from harness.errors import CaseFailed
from harness.export.compiling import SERVICE, ChosenConfiguration, CompileStep, Loaded, NotCompiled, StepCompiled
from harness.export.contents import Contents, contents
from harness.export.foreign import registering
from harness.export.kept import kept_or_made
from harness.export.loading import load
from harness.export.operators import Operator, registered
from harness.export.program import StepModule, export
from harness.export.settings import OPTIONS, compiler, compiler_version, environment
from harness.export.stored import write_program
from harness.kernels_root import in_use
from harness.scratch import Scratch
from harness.suite.catalogue import bound_ops
from harness.values.case import Tunables
from harness.values.package import Package, PackagedKernel
from harness.worker.process import WorkerDied, WorkerProcess

MOST_INLINED = 8
"""Elements of a constant whose values AOTInductor writes into the code, where nothing writes the constant."""
FILE = "step.pt2"


class PackagedStep:
    """A step's package, loaded: calling it runs one step over the step's own states and weights."""

    def __init__(self, step: Step, device: Device) -> None:
        """Raises CaseFailed where the step cannot be exported, compiled or loaded."""
        if step.ahead is None:
            raise CaseFailed(
                "this step does not list the tensors that it reads, so it cannot be compiled ahead of time"
            )
        self.module = StepModule(step, step.ahead.weights)
        with Scratch("package") as scratch:
            folder, record = _package(self.module, step.ahead, device, Path(scratch))
            start = time.perf_counter()
            self._model = load(folder / FILE, device.captures)
            inlined = self._give_tensors()
        self.record = msgspec.structs.replace(record, load_s=time.perf_counter() - start, inlined=inlined)

    def _give_tensors(self) -> tuple[str, ...]:
        """Make the step's own tensors the package's constants, so that a rewind of the step rewinds the package.

        Must come before the first step, which would otherwise be a segmentation fault. Return the names of the tensors
        that the package does not share.
        """
        live = self.module.tensors()
        known = set(self._model.get_constant_fqns())
        unknown = set(live) - known  # read by nobody, or up to eight elements that nothing writes: values in the code
        inlined = tuple(sorted(name for name in unknown if live[name].numel() <= MOST_INLINED))
        written = unknown & set(self.module.written)
        if written or known - set(live):
            strange = sorted(written or known - set(live))
            raise CaseFailed(f"the package's constants are not the step's tensors: {', '.join(strange[:5])}")
        self._model.load_constants({name: live[name] for name in known}, check_full_update=True, user_managed=True)
        return inlined

    def __call__(self) -> torch.Tensor:
        found = self._model()
        logits: torch.Tensor = found[0] if isinstance(found, (list, tuple)) else found
        return logits


def _package(module: StepModule, ahead: Ahead, device: Device, scratch: Path) -> tuple[Path, Package]:
    """The folder of a package and its record, from `keep` where another process of the run has left them."""
    start = time.perf_counter()
    with torch.no_grad(), registered(ahead.ops, ahead.entries) if ahead.ops else nullcontext(()) as operators:
        program = export(module)
    export_s = time.perf_counter() - start
    folder = (kept_packages() or ahead.keep or scratch) / f"package-{_key(program, module, operators, ahead.compiles)}"

    def make() -> Package:
        compiling = _Compiling(program, operators, device, scratch)
        found = [compiling.compile(scratch / f"{number}.pt2") for number in range(max(1, ahead.compiles))]
        made = _record(export_s, found, contents(scratch / "0.pt2"), operators, compiling.compiler)
        (scratch / "0.pt2").replace(folder / FILE)
        return made

    return folder, kept_or_made(folder, make)


def kept_packages() -> Path | None:
    """The folder that HARNESS_PACKAGES names, which keeps packages from run to run; None: they are kept for the run
    alone.
    """
    folder = os.environ.get("HARNESS_PACKAGES")
    return Path(folder) if folder else None


def _key(
    program: torch.export.ExportedProgram, module: StepModule, operators: Sequence[Operator], compiles: int
) -> str:
    """The key that two steps must share to have one package."""
    tensors = {name: [str(t.dtype), [*t.shape], [*t.stride()], str(t.device)] for name, t in module.tensors().items()}
    constants = module.tensors().items()
    small = {name: t.tolist() for name, t in constants if t.numel() <= MOST_INLINED and name not in module.written}
    built = [OPTIONS, compiles, str(torch.__version__)]
    asked = [str(program.graph), tensors, small, msgspec.to_builtins(list(operators)), built]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]


class _Compiling:
    """Compiles one program, each time in a fresh process with empty caches."""

    def __init__(
        self, program: torch.export.ExportedProgram, operators: Sequence[Operator], device: Device, scratch: Path
    ) -> None:
        self._operators, self._scratch, self._gpu = tuple(operators), scratch, device.gpu
        self._program = scratch / "program.pt2"
        self._modules = registering(program)
        self._blanks = write_program(program, self._program, with_values=any(one.entries for one in operators))
        self.compiler = compiler_version(compiler(device.gpu))

    def compile(self, package: Path) -> StepCompiled:
        """Compile the package. Raises CaseFailed with the reason, also where the compiler or the loading of its package
        crashes.
        """
        job = CompileStep(
            str(self._program), self._blanks, str(package), self._operators, dict(bound_ops()), self._modules,
            dict(OPTIONS), load=self._gpu,
        )  # fmt: skip
        cache = Path(tempfile.mkdtemp(dir=self._scratch))
        with WorkerProcess(SERVICE, kernels_root=str(in_use()), environment=environment(self._gpu, cache)) as worker:
            compiled: StepCompiled | None = None
            try:
                for message in worker.ask(job, StepCompiled | NotCompiled | Loaded):
                    if isinstance(message, NotCompiled):
                        raise CaseFailed(f"the package was not compiled: {message.reason}")
                    compiled = message if isinstance(message, StepCompiled) else compiled
            except WorkerDied as death:
                doing = "compiling:" if compiled is None else f"loading the package that {self.compiler} built:"
                raise CaseFailed(f"{doing} {death.reason}") from None
            assert compiled is not None
            return compiled


def _record(
    export_s: float, found: Sequence[StepCompiled], package: Contents, operators: Sequence[Operator], built_by: str
) -> Package:
    first, others = found[0], found[1:]
    again = [{kernel.name: kernel.chosen for kernel in other.kernels} for other in others]
    entries = {operator.label: len(operator.entries) for operator in operators}
    kernels = tuple(_kernel(kernel, package, again) for kernel in first.kernels)
    versions = {"torch": str(torch.__version__)}
    if operators:
        import triton

        versions["triton"] = triton.__version__
    return Package(
        "pt2", export_s, first.compile_s, package.bytes, package.digest,
        tuning_s=first.tuning_s, cpp_s=first.cpp_s, parts=package.parts, kernels=kernels,
        entries=max(entries.values(), default=0) or 1, compiles=len(found),
        chosen_by="real inputs" if any(kernel.entries > 1 and kernel.variant for kernel in kernels) else "given",
        compiler=built_by, versions=versions,
    )  # fmt: skip


def _kernel(kernel: ChosenConfiguration, package: Contents, again: Sequence[dict[str, Tunables]]) -> PackagedKernel:
    launched = next((launch for launch in package.launches if launch.name == kernel.name), None)
    return PackagedKernel(
        kernel.name, max(1, len(kernel.timings_ms)), kernel.chosen, kernel.variant,
        package.binaries.get(launched.binary) if launched else None, kernel.timings_ms,
        launched.num_warps if launched else None, launched.shared_bytes if launched else None,
        launched.grid if launched else "",
        all(other.get(kernel.name) == kernel.chosen for other in again) if again else None,
    )  # fmt: skip
