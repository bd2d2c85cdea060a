"""One launch of a compiled kernel: everything that two launches must share to be the same work."""

from __future__ import annotations

import hashlib

import msgspec


class Launch(msgspec.Struct, frozen=True):
    """The kernel, grid and arguments of a launch.

    binary: sha256 of the kernel.
    grid: Blocks in x, y, z.
    scalars: The numeric arguments, in order.
    tensors: For each tensor argument, in order, its memory (numbered by first use), dtype, shape, strides and offset.
    flags: Launch attributes that are set (`pdl`, `cooperative`).
    """

    binary: str
    kernel: str
    grid: tuple[int, int, int]
    cluster: tuple[int, int, int]
    shared_bytes: int
    scalars: tuple[str, ...] = ()
    tensors: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """Equal if binary, grid, cluster, shared memory and all arguments are equal."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()
