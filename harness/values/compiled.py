"""What came of compiling a case without running it."""

from __future__ import annotations

import hashlib

import msgspec

from harness.values.binary import Binary
from harness.values.case import Case
from harness.values.launch import Launch
from harness.values.measurement import Status


class Compiled(msgspec.Struct, frozen=True):
    """A case's launches in the order in which `run` makes them, with the binary of each.

    status: OK; UNSUPPORTED: the variant cannot do it, or it does not fit the target; FAILED: `run` or the compiler
    raised; TIMEOUT: over the time limit. Whatever is not OK has a reason. host_ops: hash of the torch calls that `run`
    makes between its launches. compile_s: wall time of the case in its process. stages_s: seconds by compiler stage
    (`ttir`, `ttgir`, `llir`, `ptx`, `cubin`), as far as they were run. shared: launches whose machine code was taken
    over from equal intermediate code. cpu_s: processor time of the case with its assembler, which other work on the
    machine changes little. cached: read from the cache of results, nothing was compiled.
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
    """By kernels under `triton.autotune`, on a GPU that they chose by."""
    followed: bool = True
    """Not where FAILED is a limit of this machine: code of the host asked for a GPU before anything was launched."""
    refused: bool = False
    """Where FAILED is the compiler's own word on the code, which the same compiler will repeat."""

    def __post_init__(self) -> None:
        if self.status is not Status.OK and not self.reason:
            raise ValueError(f"{self.case.id}: {self.status.value} needs a reason")

    @property
    def is_broken(self) -> bool:
        """Whether the code is at fault, not what this machine lacks."""
        return self.status is Status.FAILED and self.followed

    @property
    def identity(self) -> str | None:
        """Equal for two cases of one question whose calls do the same work. None where that cannot be told: the case
        was not compiled, or launches no Triton kernel, so that its tunables act where nothing here looks."""
        if self.status is not Status.OK or not self.launches:
            return None
        parts = [self.case.question, self.host_ops, *(launch.identity for launch in self.launches)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def main(self) -> Binary | None:
        """The binary that stands for the case in a table: the one that executes most instructions per weight, else the
        first."""
        return max(self.binaries, key=lambda b: b.instructions_per_weight or 0.0, default=None)
