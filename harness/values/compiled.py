"""The result of compiling a case without running it."""

from __future__ import annotations

import hashlib

import msgspec

from harness.values.binary import Binary
from harness.values.case import Case
from harness.values.launch import Launch
from harness.values.measurement import Status


class Compiled(msgspec.Struct, frozen=True):
    """A case's launches in the order in which `run` makes them, with the binary of each.

    status: OK. UNSUPPORTED: the variant cannot do it, or it does not fit the target. FAILED: `run` or the compiler
        raised. TIMEOUT: over the time limit. Every status but OK has a reason.
    host_ops: Hash of the torch calls that `run` makes between its launches.
    compile_s: Wall time of the case in its process.
    stages_s: Seconds by compiler stage (`ttir`, `ttgir`, `llir`, `ptx`, `cubin`) that was run.
    shared: Launches whose machine code was taken over from equal intermediate code.
    cpu_s: Processor time of the case with its assembler. Other work on the machine changes it by up to a half.
    cached: The result was read from the cache. Nothing was compiled.
    """

    case: Case
    status: Status
    reason: str = ""
    launches: tuple[Launch, ...] = ()
    binaries: tuple[Binary, ...] = ()
    host_ops: str = ""
    compile_s: float = 0.0
    stages_s: dict[str, float] = {}
    shared: int = 0
    cached: bool = False
    cpu_s: float = 0.0
    chosen: tuple[str, ...] = ()
    """The choices of kernels under `triton.autotune`, made on a GPU."""
    followed: bool = True
    """False if FAILED is a limit of this machine: host code asked for a GPU before the first launch."""
    refused: bool = False
    """True if FAILED is the compiler's own error on the code, which the same compiler will repeat."""

    def __post_init__(self) -> None:
        if self.status is not Status.OK and not self.reason:
            raise ValueError(f"{self.case.id}: {self.status.value} needs a reason")

    @property
    def is_broken(self) -> bool:
        """Whether the code is at fault, and not a limit of this machine."""
        return self.status is Status.FAILED and self.followed

    @property
    def identity(self) -> str | None:
        """Equal for two cases of one question whose calls do the same work. None if unknown: the case was not compiled,
        or it launches no Triton kernel, so that the effect of its tunables cannot be seen here."""
        if self.status is not Status.OK or not self.launches:
            return None
        parts = [self.case.question, self.host_ops, *(launch.identity for launch in self.launches)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def main(self) -> Binary | None:
        """The binary that stands for the case in a table: the one with most instructions per weight, else the first."""
        return max(self.binaries, key=lambda b: b.instructions_per_weight or 0.0, default=None)
