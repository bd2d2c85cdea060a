"""Clocks, temperature, power and throttle reasons of the GPU, read through NVML once per round."""

from __future__ import annotations

from typing import Any

from harness.values.measurement import Conditions

BENIGN_REASONS = {"gpu_idle", "applications_clocks_setting"}
"""Reported between launches or as configured: not a disturbance."""


def open_nvml() -> tuple[Any, str]:
    """The initialised NVML module and "", or None and why there is none."""
    try:
        import pynvml
    except ImportError:
        return None, "the Python package nvidia-ml-py is not installed"
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return None, str(error)
    return pynvml, ""


class ConditionsReader:
    """Reads the GPU that torch calls `cuda:0`; without NVML or without a GPU every field is None."""

    def __init__(self, uuid: str | None) -> None:
        self._nvml: Any = None
        if uuid is None:
            return
        nvml, _ = open_nvml()
        if nvml is None:
            return
        try:
            self._handle = nvml.nvmlDeviceGetHandleByUUID(uuid)
        except nvml.NVMLError:  # a slice of a GPU, say: torch has it, NVML not under this name
            return
        self._nvml = nvml

    def read(self, process: int, round_number: int) -> Conditions:
        nvml = self._nvml
        if nvml is None:
            return Conditions(process=process, round=round_number)
        handle = self._handle
        reasons = int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle))
        return Conditions(
            process=process,
            round=round_number,
            sm_clock_mhz=nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM),
            memory_clock_mhz=nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM),
            temperature_c=nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU),
            power_w=nvml.nvmlDeviceGetPowerUsage(handle) / 1000,
            throttle_reasons=reason_names(reasons),
            other_processes=self._others(),
        )

    def _others(self) -> int:
        """Processes beside this one that hold a context for computing. In a container NVML may know this one by another
        number; it is one of them all the same."""
        try:
            running = self._nvml.nvmlDeviceGetComputeRunningProcesses(self._handle)
        except self._nvml.NVMLError:  # not told to every user
            return 0
        return max(0, len({process.pid for process in running}) - 1)

    def driver(self) -> str | None:
        if self._nvml is None:
            return None
        return str(self._nvml.nvmlSystemGetDriverVersion())

    def power_limit_w(self) -> float | None:
        if self._nvml is None:
            return None
        return float(self._nvml.nvmlDeviceGetEnforcedPowerLimit(self._handle)) / 1000

    def max_sm_clock_mhz(self) -> int | None:
        if self._nvml is None:
            return None
        return int(self._nvml.nvmlDeviceGetMaxClockInfo(self._handle, self._nvml.NVML_CLOCK_SM))


REASON_BITS = {
    0x1: "gpu_idle", 0x2: "applications_clocks_setting", 0x4: "sw_power_cap", 0x8: "hw_slowdown", 0x10: "sync_boost",
    0x20: "sw_thermal_slowdown", 0x40: "hw_thermal_slowdown", 0x80: "hw_power_brake", 0x100: "display_clock_setting",
}  # fmt: skip
"""nvml.h, nvmlClocksEventReason*."""


def reason_names(bits: int) -> tuple[str, ...]:
    """The reasons in an NVML mask that lower clocks under load, by name; unknown bits as hex."""
    names = [name for bit, name in REASON_BITS.items() if bits & bit and name not in BENIGN_REASONS]
    unknown = bits & ~sum(REASON_BITS)
    return tuple(names + ([hex(unknown)] if unknown else []))
