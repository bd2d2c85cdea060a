"""NVML: the GPUs of this machine as the driver describes them, without torch. The only module that imports pynvml."""

from __future__ import annotations

import os
from typing import Any

from harness.values.measurement import Conditions

BENIGN_REASONS = {"gpu_idle", "applications_clocks_setting"}
"""Throttle reasons reported between launches or by configuration: no disturbance."""
REASON_BITS = {
    0x1: "gpu_idle", 0x2: "applications_clocks_setting", 0x4: "sw_power_cap", 0x8: "hw_slowdown", 0x10: "sync_boost",
    0x20: "sw_thermal_slowdown", 0x40: "hw_thermal_slowdown", 0x80: "hw_power_brake", 0x100: "display_clock_setting",
}  # fmt: skip
"""Names by bit, from nvml.h, nvmlClocksEventReason*."""


def open_nvml() -> tuple[Any, str]:
    """The initialised NVML module and "", or None and the reason why there is none."""
    try:
        import pynvml
    except ImportError:
        return None, "the Python package nvidia-ml-py is not installed"
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return None, str(error)
    return pynvml, ""


def has_gpu() -> bool:
    """Whether a GPU's driver answers."""
    return open_nvml()[0] is not None


class Gpu:
    """One GPU. `nvml`: the initialised module."""

    def __init__(self, nvml: Any, handle: Any) -> None:
        self.nvml, self._handle = nvml, handle

    def ask(self, what: str, *arguments: Any) -> Any:
        """NVML's answer to `nvmlDeviceGet...`, bytes as text; None where this GPU or this user gets none."""
        try:
            answer = getattr(self.nvml, f"nvmlDeviceGet{what}")(self._handle, *arguments)
        except self.nvml.NVMLError:
            return None
        return answer.decode() if isinstance(answer, bytes) else answer

    def driver(self) -> str:
        """Version of the driver, which is one for all GPUs."""
        answer = self.nvml.nvmlSystemGetDriverVersion()
        return answer.decode() if isinstance(answer, bytes) else str(answer)

    def throttle_reasons(self) -> tuple[str, ...]:
        """Names of the reasons that lower its clocks under load now."""
        return reason_names(int(self.ask("CurrentClocksThrottleReasons") or 0))


def all_gpus(nvml: Any) -> list[Gpu]:
    """Every GPU of the machine in NVML's order, hidden ones too; nvml None: none."""
    count = nvml.nvmlDeviceGetCount() if nvml is not None else 0
    return [Gpu(nvml, nvml.nvmlDeviceGetHandleByIndex(index)) for index in range(count)]


def visible_gpus() -> list[str]:
    """The value of CUDA_VISIBLE_DEVICES that shows a program each GPU alone; empty where there is no GPU."""
    nvml, _ = open_nvml()
    if nvml is None:
        return []
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        names = [name.strip() for name in given.split(",")]
        return [name for name in names if name and not name.startswith("-")]
    return [str(index) for index in range(nvml.nvmlDeviceGetCount())]


def first_visible_gpu() -> Gpu | None:
    """The GPU that a CUDA program would see first; None where there is none, or NVML does not know its name."""
    names = visible_gpus()
    return _by_name(names[0]) if names else None


def gpu_name(name: str) -> str:
    """The name of the GPU of an index or UUID; empty where NVML does not know it."""
    gpu = _by_name(name)
    return str(gpu.ask("Name") or "") if gpu else ""


def _by_name(name: str) -> Gpu | None:
    """The GPU of an index or UUID."""
    nvml, _ = open_nvml()
    if nvml is None:
        return None
    try:
        if name.isdigit():
            return Gpu(nvml, nvml.nvmlDeviceGetHandleByIndex(int(name)))
        return Gpu(nvml, nvml.nvmlDeviceGetHandleByUUID(name))
    except nvml.NVMLError:  # a slice of a GPU, say: torch has it, NVML not under this name
        return None


class ConditionsReader:
    """Reads the GPU of a UUID; where NVML does not know it, every field is None."""

    def __init__(self, uuid: str) -> None:
        self._gpu = _by_name(uuid)

    def read(self, process: int, round_number: int) -> Conditions:
        """The state of the GPU now, labelled with the process and round that it belongs to."""
        gpu = self._gpu
        if gpu is None:
            return Conditions(process=process, round=round_number)
        power_mw = gpu.ask("PowerUsage")
        return Conditions(
            process=process,
            round=round_number,
            sm_clock_mhz=gpu.ask("ClockInfo", gpu.nvml.NVML_CLOCK_SM),
            memory_clock_mhz=gpu.ask("ClockInfo", gpu.nvml.NVML_CLOCK_MEM),
            temperature_c=gpu.ask("Temperature", gpu.nvml.NVML_TEMPERATURE_GPU),
            power_w=None if power_mw is None else power_mw / 1000,
            throttle_reasons=gpu.throttle_reasons(),
            other_processes=max(0, _processes(gpu) - 1),
        )

    def joules(self) -> float | None:
        """Energy of the whole board since the driver was loaded; None where NVML does not tell (before Volta)."""
        counted_mj = self._gpu.ask("TotalEnergyConsumption") if self._gpu else None
        return None if counted_mj is None else float(counted_mj) / 1000

    def processes(self) -> int:
        """The number of processes that compute on it; 0 where the user is not told."""
        return _processes(self._gpu) if self._gpu else 0

    def driver(self) -> str | None:
        """Version of the driver."""
        return self._gpu.driver() if self._gpu else None

    def vbios(self) -> str | None:
        """Version of the board's firmware."""
        return self._gpu.ask("VbiosVersion") if self._gpu else None

    def power_limit_w(self) -> float | None:
        """The power limit enforced now."""
        limit_mw = self._gpu.ask("EnforcedPowerLimit") if self._gpu else None
        return None if limit_mw is None else float(limit_mw) / 1000

    def max_sm_clock_mhz(self) -> int | None:
        """The highest clock that the GPU offers."""
        return self._gpu.ask("MaxClockInfo", self._gpu.nvml.NVML_CLOCK_SM) if self._gpu else None


def _processes(gpu: Gpu) -> int:
    """The number of processes that hold a compute context; 0 where the user is not told.

    In a container NVML may know this process by another number; it is one of them all the same.
    """
    running = gpu.ask("ComputeRunningProcesses") or []
    return len({process.pid for process in running})


def reason_names(bits: int) -> tuple[str, ...]:
    """The reasons in an NVML mask that lower clocks under load, by name; unknown bits as hex."""
    names = [name for bit, name in REASON_BITS.items() if bits & bit and name not in BENIGN_REASONS]
    unknown = bits & ~sum(REASON_BITS)
    return tuple(names + ([hex(unknown)] if unknown else []))
