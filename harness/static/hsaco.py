"""Reads AMD's code object (an ELF file): registers, spills, scratch, and a hash of the sections that run."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from harness.static.elf import digest_of, function_sizes, read_notes, read_sections

RUNS = (".text", ".rodata", ".data", ".bss")
"""Sections that decide a launch's behaviour: code, the kernel's descriptor, constants.

Debug sections (paths, line numbers) and the notes (the compiler's spelling of the target) stay out.
"""
METADATA = 32
"""`NT_AMDGPU_METADATA`: MessagePack (LLVM, "User Guide for AMDGPU Backend", code object V3 and above)."""


class Hsaco(msgspec.Struct, frozen=True):
    """`vgprs`: vector registers of a lane, AGPRs included where the architecture has one file for both. `vgpr_spills`,
    `sgpr_spills`: registers that did not fit. `scratch_bytes`: private memory of a lane. `lds_bytes`: fixed LDS of a
    workgroup, without the dynamic LDS of the launch. `code_bytes`, `code_hash`: the kernel's function, without padding.
    """

    sha256: str
    kernel: str
    vgprs: int
    agprs: int
    sgprs: int
    vgpr_spills: int
    sgpr_spills: int
    scratch_bytes: int
    lds_bytes: int
    wave: int
    code_bytes: int
    code_hash: str


def read_hsaco(image: bytes) -> Hsaco:
    """Parse a code object of one kernel. Raises ValueError for any other file."""
    sections = read_sections(image)
    kernels = [
        kernel
        for section in sections if section.name == ".note"
        for owner, kind, body in read_notes(section.body) if (owner, kind) == ("AMDGPU", METADATA)
        for kernel in msgspec.msgpack.decode(body)["amdhsa.kernels"]
    ]  # fmt: skip
    if len(kernels) != 1:
        raise ValueError(f"{len(kernels)} kernels in its metadata: not a code object of one kernel")
    facts: dict[str, Any] = kernels[0]
    code = next((section.body for section in sections if section.name == ".text"), b"")
    code_bytes = function_sizes(sections).get(facts[".name"], len(code))
    return Hsaco(
        digest_of(section for section in sections if section.name in RUNS),
        facts[".name"], facts[".vgpr_count"], facts.get(".agpr_count", 0), facts[".sgpr_count"],
        facts.get(".vgpr_spill_count", 0), facts.get(".sgpr_spill_count", 0), facts[".private_segment_fixed_size"],
        facts[".group_segment_fixed_size"], facts[".wavefront_size"],
        code_bytes, hashlib.sha256(code[:code_bytes]).hexdigest(),
    )  # fmt: skip
