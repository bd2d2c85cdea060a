"""What a package of a GPU says of itself is read from its files alone."""

from __future__ import annotations

import zipfile
from pathlib import Path

from harness.export.contents import Launched, contents

WRAPPER = """
static __attribute__((noinline)) void call_gate_up_kernel_0(
    const x_type_& x,
    int32_t device_idx_,
    cudaStream_t stream_,
    kernels_type_& kernels_,
    const std::optional<std::string>& cubin_dir_ = std::nullopt
){
    uint32_t grid_0 = 256L;
    uint32_t grid_1 = 1;
    uint32_t grid_2 = 1;
    if (grid_0 == 0 || grid_1 == 0 || grid_2 == 0) return;
    if (kernels_.gate_up_kernel_0 == nullptr) {
        kernels_.gate_up_kernel_0 = loadKernel("/tmp/cache/cabc.cubin", "gate_up_kernel", 512, cubin_dir_, &m);
    }
    void* kernel_args_[] = {&var_0};
    launchKernel(kernels_.gate_up_kernel_0, grid_0, grid_1, grid_2, 2, 512, kernel_args_, stream_);
}
template <typename in_ptr0_type_, typename kernels_type_>
static __attribute__((noinline)) void call_triton_poi_fused_mul_0(
){
    uint32_t grid_0 = ((xnumel + (128 - 1)) / (128));
    uint32_t grid_1 = 1;
    uint32_t grid_2 = 1;
    if (kernels_.k == nullptr) {
        kernels_.k = loadKernel(__triton_poi_fused_mul_0_start, "triton_poi_fused_mul_0", 0);
    }
    launchKernel(kernels_.k, grid_0, grid_1, grid_2, 4, 0, kernel_args_, stream_);
}
void AOTInductorModel::run_impl() { call_gate_up_kernel_0(x); }
"""


def test_sizes_and_launches_of_a_package(tmp_path: Path) -> None:
    """Bytes by kind of file, each kernel's binary, and the warps, memory and grid with which it is launched."""
    path = tmp_path / "step.pt2"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("step/data/aotinductor/model/cabc.cubin", bytes(6000))
        package.writestr("step/data/aotinductor/model/cxyz.wrapper.so", bytes(10_000))
        package.writestr("step/data/aotinductor/model/cxyz.wrapper.cpp", WRAPPER)
        package.writestr("step/version", "1")
    found = contents(path)
    assert found.parts == {"kernels": 6000, "library": 10_000, "source": len(WRAPPER), "other": 1}
    assert found.binaries == {"cabc.cubin": 6000} and found.bytes == path.stat().st_size and len(found.digest) == 64
    grid = "((xnumel + (128 - 1)) / (128)) x 1 x 1"
    assert found.launches == (
        Launched("gate_up_kernel_0", "cabc.cubin", 2, 512, "256L x 1 x 1"),
        Launched("triton_poi_fused_mul_0", "", 4, 0, grid),
    )
