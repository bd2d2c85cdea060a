"""One launch of a compiled kernel: everything that two launches must share to be the same work."""

from __future__ import annotations

import hashlib

import msgspec


class Launch(msgspec.Struct, frozen=True):
    """binary: sha256 of the kernel. grid: blocks in x, y, z. scalars: the numbers that are passed, in order; tensors:
    for each tensor argument, in order, which memory it is (numbered by first use), its dtype, shape, strides and
    offset. flags: launch attributes that are set (`pdl`, `cooperative`)."""

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
        """Equal where binary, grid, cluster, shared memory and all arguments are."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()
