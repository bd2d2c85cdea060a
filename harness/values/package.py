"""A decode step that was compiled ahead of time: its parts in time and bytes, and the configuration of each kernel."""

from __future__ import annotations

from typing import Literal

import msgspec

from harness.values.case import Tunables

ChosenBy = Literal["given", "real inputs"]
"""How a kernel's configuration was decided: the list had one entry, or Inductor timed its entries on the step's own
tensors."""


class PackagedKernel(msgspec.Struct, frozen=True):
    """A Triton kernel of a package.

    chosen: Constants, warps and stages of the winner, as the compiling process kept them.
    variant: The variant that the kernel belongs to (`moe_down/triton_vecmat`). Empty for one that Inductor wrote.
    bytes: Size of its binary in the package. None if it is inside of the library.
    entries: Configurations on the list.
    timings_ms: Time of each, in the order of the list, if they were timed.
    num_warps, shared_bytes, grid: As the package itself launches it. None if it does not state them.
    same_again: A second compile chose the same. None without a second compile.
    """

    name: str
    entries: int
    chosen: Tunables
    variant: str = ""
    bytes: int | None = None
    timings_ms: tuple[tuple[str, float], ...] = ()
    num_warps: int | None = None
    shared_bytes: int | None = None
    grid: str = ""
    same_again: bool | None = None

    @property
    def function(self) -> str:
        """The Triton function, without the number that Inductor appends."""
        name, _, number = self.name.rpartition("_")
        return name if number.isdigit() and name else self.name

    @property
    def label(self) -> str:
        """`BLOCK_K=256 BLOCK_N=8, 2 warps, 4 stages`."""
        named = {"num_warps": "warps", "num_stages": "stages"}
        sizes = " ".join(f"{name}={value}" for name, value in self.chosen.items() if name not in named)
        rest = (f"{self.chosen[name]} {word}" for name, word in named.items() if name in self.chosen)
        return ", ".join(part for part in (sizes, *rest) if part)


class Package(msgspec.Struct, frozen=True):
    """A compiled step.

    compile_s: The whole compile. tuning_s and cpp_s are parts of it.
    load_s: In the process that ran it.
    inlined: Tensors whose values are constants in the code, so that later values have no effect.
    parts: Bytes by kind of file.
    compiles: Number of compiles.
    digest: sha256 of the file.
    """

    format: Literal["pt2", "pte"]
    export_s: float
    compile_s: float
    bytes: int
    digest: str
    load_s: float = 0.0
    tuning_s: float | None = None
    cpp_s: float | None = None
    parts: dict[str, int] = {}
    kernels: tuple[PackagedKernel, ...] = ()
    entries: int | None = None
    chosen_by: ChosenBy = "given"
    compiles: int = 1
    inlined: tuple[str, ...] = ()
    compiler: str = ""
    versions: dict[str, str] = {}
    notes: tuple[str, ...] = ()

    @property
    def tuned(self) -> tuple[PackagedKernel, ...]:
        """The arm's own kernels with more than one entry."""
        return tuple(kernel for kernel in self.kernels if kernel.entries > 1 and kernel.variant)

    @property
    def chooses_the_same(self) -> bool | None:
        """Whether another compile chose the same for each kernel. None without another compile."""
        found = [kernel.same_again for kernel in self.tuned if kernel.same_again is not None]
        return all(found) if found else None
