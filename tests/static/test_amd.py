"""AMD's figures against the compiler's own remarks, for every Triton variant of the project."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.compilers.workload import workload
from harness.plan import expand
from harness.static.pool import compile_cases
from harness.static.results import triton_cache
from harness.suite.load import load_suite
from harness.values.binary import Binary
from harness.values.compiled import Compiled
from harness.values.measurement import Status
from tests.conftest import REPOSITORY

pytest.importorskip("triton")
pytestmark = [pytest.mark.xdist_group("compilers"), pytest.mark.slow]

LEAST_KERNELS = 20
NVIDIAS = "tests/compilers/planted"


def remarks(text: str) -> dict[str, int]:
    """What `-Rpass-analysis=kernel-resource-usage` prints, which LLVM also writes below the code as comments."""
    return {name: int(value) for name, value in re.findall(r"^; (\w+)(?::| =) (\d+)", text, re.M)}


def directives(text: str) -> dict[str, int]:
    """`.amdhsa_next_free_vgpr 44`: what the assembler puts into the kernel's descriptor."""
    return {name: int(value) for name, value in re.findall(r"^\t\t\.amdhsa_(\w+) (\d+)$", text, re.M)}


@pytest.fixture(scope="module", params=["gfx942", "gfx1100"])
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Binary, str]]:
    """Each distinct binary with its assembly, from Triton's own cache."""
    suite = load_suite(REPOSITORY / "suites/every_variant.yaml")
    cases = [work.case for work in workload(expand(suite), with_neighbours=False)]
    if request.param == "gfx1100":  # the other rules of occupancy: a third of the kernels shows them
        cases = cases[::3]
    found = compile_cases(cases, request.param, suite.folder, folder=tmp_path_factory.mktemp("amd"))
    assert [f.reason for f in found if f.status is Status.FAILED] == []
    distinct = {binary.sha256: binary for f in found for binary in f.binaries}
    return [(binary, assembly(binary)) for binary in distinct.values()]


def assembly(binary: Binary) -> str:
    return next((triton_cache() / binary.cache_key).glob("*.amdgcn")).read_text()


def test_registers_scratch_and_code_are_what_the_compiler_remarks(compiled: list[tuple[Binary, str]]) -> None:
    if compiled[0][0].target == "gfx942":
        assert len(compiled) >= LEAST_KERNELS
    for binary, text in compiled:
        said = remarks(text)
        total = said.get("TotalNumVgprs", said["NumVgprs"])
        assert (binary.registers, binary.agprs) == (total, said.get("NumAgprs", 0))
        assert (binary.sgprs, binary.stack_bytes) == (said["TotalNumSgprs"], said["ScratchSize"])
        assert binary.code_bytes == said["codeLenInByte"]


def test_waves_a_simd_are_the_compilers_occupancy(compiled: list[tuple[Binary, str]]) -> None:
    """LLVM's figure takes the largest workgroup into account, too: where that limits it, ours, by registers alone, is
    no smaller."""
    exact = 0
    for binary, text in compiled:
        assert binary.waves_per_simd is not None
        assert binary.waves_per_simd >= remarks(text)["Occupancy"]
        exact += binary.waves_per_simd == remarks(text)["Occupancy"]
    assert exact >= 0.9 * len(compiled)


def test_the_descriptor_of_the_kernel_says_the_same(compiled: list[tuple[Binary, str]]) -> None:
    for binary, text in compiled:
        said = directives(text)
        assert said["next_free_vgpr"] == binary.registers
        assert said["private_segment_fixed_size"] == binary.stack_bytes
        assert (32 if said.get("wavefront_size32") else 64) == binary.warp


def test_loads_and_instructions_agree_with_a_count_of_the_text(compiled: list[tuple[Binary, str]]) -> None:
    """The hot loop is at most all of the code, and a width is one that the text loads somewhere."""
    names = {1: "ubyte|sbyte|u8|i8", 2: "ushort|sshort|short|u16|i16|b16", 4: "dword|b32", 8: "dwordx2|b64"}
    names |= {12: "dwordx3|b96", 16: "dwordx4|b128"}
    for binary, text in compiled:
        code = text[: text.index(".section\t.rodata")]
        instructions = re.findall(r"^\t([a-z]\w+)", code, re.M)
        assert binary.instructions is not None and 0 < binary.instructions <= len(instructions)
        for width in filter(None, (binary.load_bytes, binary.widest_load_bytes)):
            load = re.compile(rf"(global|buffer|flat)_load_(lds_)?(d16_|d16_hi_)?({names[width]})(_d16|_d16_hi)?\b")
            assert any(load.match(name) for name in instructions), (binary.kernel, width)


def test_what_is_nvidias_alone_is_unsupported_with_its_reason(tmp_path: Path) -> None:
    from tests.compilers.cases import only

    found = compile_cases(
        [only(what) for what in ("pdl", "ptx", "libdevice", "wide", "plain", "waves", "membar", "cluster", "garbage")],
        "gfx942", REPOSITORY / NVIDIAS, folder=tmp_path,
    )  # fmt: skip
    said = {str(one.case.tunables["what"]): (one.status, one.reason) for one in found}
    assert said["plain"] == (Status.OK, "")
    assert said["pdl"] == (Status.UNSUPPORTED, "launch_pdl is NVIDIA's alone")
    assert said["ptx"][0] is Status.UNSUPPORTED and said["ptx"][1].startswith("PTX assembly is NVIDIA's alone: ")
    assert said["libdevice"] == (Status.UNSUPPORTED, "__nv_expf of libdevice is NVIDIA's alone")
    assert said["wide"][0] is Status.UNSUPPORTED and "2,048 work-items" in said["wide"][1]
    assert said["waves"] == (Status.OK, "")
    assert said["membar"] == (Status.UNSUPPORTED, "PTX assembly is NVIDIA's alone: membar.gl;")
    assert said["cluster"] == (Status.UNSUPPORTED, "gfx942 has no clusters (num_ctas > 1)")
    assert said["garbage"] == (Status.FAILED, "RuntimeError: invalid instruction: hello world")


def test_a_precision_that_a_target_lacks_is_unsupported(tmp_path: Path) -> None:
    from tests.compilers.cases import only

    (found,) = compile_cases([only("tf32")], "gfx950", REPOSITORY / NVIDIAS, folder=tmp_path)
    assert (found.status, found.reason) == (Status.UNSUPPORTED, "gfx950 has no products in tf32")


def test_nvidia_takes_its_own_code_and_tells_why_it_takes_no_other(tmp_path: Path) -> None:
    from tests.compilers.cases import only

    every = ("pdl", "ptx", "libdevice", "tf32", "membar", "cluster", "waves", "waitcnt", "garbage", "aborts", "exits")
    found: tuple[Compiled, ...] = compile_cases(
        [only(what) for what in every], "sm_90", REPOSITORY / NVIDIAS, folder=tmp_path
    )
    said = {str(one.case.tunables["what"]): (one.status, one.reason) for one in found}
    assert [said[what] for what in every[:6]] == [(Status.OK, "")] * 6
    assert said["waves"] == (Status.UNSUPPORTED, "waves_per_eu is AMD's alone")
    assert said["waitcnt"] == (Status.UNSUPPORTED, "AMD's assembly is its own alone: s_waitcnt vmcnt(0)")
    died = "the compiler's process ended with"
    assert said["aborts"] == (Status.FAILED, f"{died} signal 6: Cannot select: planted"), "its own words, not its input"
    assert said["exits"] == (Status.FAILED, f"{died} exit status 1: planted end")
    assert said["garbage"][0] is Status.FAILED and "PTXASError: Parsing error near" in said["garbage"][1]
