"""What decides the time of a configuration besides itself: device, driver and toolchain. Found without torch, so that a
sweep whose times are all known ends before torch is imported.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import msgspec

from harness.host import cpu_name, package_version
from harness.values.environment import Environment
from harness.values.measurement import METHOD_VERSION


class Machine(msgspec.Struct, frozen=True):
    """The fields of an environment that are part of a configuration's key. Two GPUs of one name are one machine."""

    device: str
    driver: str | None
    torch: str
    triton: str | None
    ptxas: str | None
    threads: int | None
    method: int


def machine_of(environment: Environment) -> Machine:
    device = environment.device_name if environment.device_kind != "cpu" else f"cpu {environment.cpu}"
    return Machine(
        device, environment.driver, environment.torch, environment.triton, environment.ptxas, environment.threads,
        environment.method,
    )  # fmt: skip


def probe(known: list[Environment]) -> Environment | None:
    """The newest known environment that this machine still is, as far as can be seen without torch; None where there is
    none, and a device process has to say."""
    torch, triton = package_version("torch"), package_version("triton")
    gpu = _gpu()
    for environment in reversed(known):
        software = (environment.torch.partition("+")[0], environment.triton, environment.method)
        if software != ((torch or "").partition("+")[0], triton, METHOD_VERSION):
            continue
        if environment.device_kind == "cpu":
            same = gpu is None and environment.cpu == cpu_name() and environment.threads == _threads()
        else:
            here = (environment.device_name, environment.device_uuid, environment.driver)
            same = gpu == here and environment.ptxas in (None, _ptxas(environment.compute_capability or ""))
        if same:
            return environment
    return None


def visible_gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES would have to be for a program to see each GPU alone; empty where there is none."""
    nvml = _nvml()
    if nvml is None:
        return []
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        names = [name.strip() for name in given.split(",")]
        return [name for name in names if name and not name.startswith("-")]
    return [str(index) for index in range(nvml.nvmlDeviceGetCount())]


def _gpu() -> tuple[str, str, str] | None:
    """Name, UUID and driver of the first GPU that a CUDA program would see; None where there is none."""
    nvml, gpus = _nvml(), visible_gpus()
    if nvml is None or not gpus:
        return None
    try:
        if gpus[0].isdigit():
            handle = nvml.nvmlDeviceGetHandleByIndex(int(gpus[0]))
        else:
            handle = nvml.nvmlDeviceGetHandleByUUID(gpus[0])
        said = (nvml.nvmlDeviceGetName(handle), nvml.nvmlDeviceGetUUID(handle), nvml.nvmlSystemGetDriverVersion())
    except nvml.NVMLError:
        return None
    return str(said[0]), str(said[1]), str(said[2])


def _nvml() -> Any:
    """The initialised NVML module; None where there is no package, no library or no driver."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # each of these says the same: no GPU can be asked
        return None
    return pynvml


def _threads() -> int:
    """What `settle_threads` makes of this machine."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdigit() else max(1, len(os.sched_getaffinity(0)) // 2)


def _ptxas(capability: str) -> str | None:
    """The last line of `ptxas --version`, of the one that Triton uses."""
    import importlib.util

    blackwell = capability.removeprefix("sm_").isdigit() and int(capability.removeprefix("sm_")) >= 100
    name = "ptxas-blackwell" if blackwell else "ptxas"
    given = os.environ.get(f"TRITON_{name.upper().replace('-', '_')}_PATH")
    spec = importlib.util.find_spec("triton")
    if not given and (spec is None or not spec.submodule_search_locations):
        return None
    path = given or str(Path(next(iter(spec.submodule_search_locations or ()))) / "backends/nvidia/bin" / name)  # type: ignore[union-attr]
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    lines = said.strip().splitlines()
    return lines[-1] if lines else None
