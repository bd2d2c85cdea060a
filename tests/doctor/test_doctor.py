"""`harness doctor` over a made-up NVML, made-up system files and this machine as it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.doctor import examine, gpu, host, software
from harness.values.finding import Finding


class NvmlError(Exception):
    """Stands for pynvml.NVMLError."""


class Nvml(SimpleNamespace):
    """One healthy H100 as NVML describes it; keywords replace single answers, an exception is raised instead."""

    NVMLError = NvmlError
    NVML_CLOCK_SM, NVML_CLOCK_MEM = 1, 2

    def __init__(self, **answers: Any) -> None:
        healthy: dict[str, Any] = {
            "nvmlDeviceGetCount": 1,
            "nvmlDeviceGetHandleByIndex": "handle",
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=80 << 30, used=1 << 30),
            "nvmlDeviceGetName": b"NVIDIA H100 80GB HBM3",
            "nvmlDeviceGetUUID": "GPU-3f1a",
            "nvmlSystemGetDriverVersion": "570.86",
            "nvmlDeviceGetComputeRunningProcesses": [],
            "nvmlDeviceGetEnforcedPowerLimit": 700_000,
            "nvmlDeviceGetPowerManagementDefaultLimit": 700_000,
            "nvmlDeviceGetClockInfo": 1755,
            "nvmlDeviceGetMaxClockInfo": 1980,
            "nvmlDeviceGetCurrentClocksThrottleReasons": 0,
            "nvmlDeviceGetPersistenceMode": 1,
            "nvmlDeviceGetEccMode": [1, 1],
            "nvmlDeviceGetMigMode": [0, 0],
        }
        super().__init__(**{name: self._answering(value) for name, value in (healthy | answers).items()})

    @staticmethod
    def _answering(value: Any) -> Any:
        def answer(*_: Any) -> Any:
            if isinstance(value, Exception):
                raise value
            return value

        return answer


def _of(nvml: Any, problem: str = "") -> dict[str, Finding]:
    return {found.name: found for found in gpu.findings(nvml, problem)}


def test_a_healthy_gpu_needs_no_remedy() -> None:
    """Everything about an idle, uncapped, unsplit GPU is ok, and its name, UUID and driver are said."""
    found = _of(Nvml())
    assert {f.status for f in found.values()} == {"ok"}
    assert found["GPU 0"].text == "NVIDIA H100 80GB HBM3, GPU-3f1a, driver 570.86, 80.0 GiB, 1.0 in use"


@pytest.mark.parametrize(
    ("answers", "name", "said", "remedy"),
    [
        ({"nvmlDeviceGetEnforcedPowerLimit": 400_000}, "GPU 0 power", "400 W", "nvidia-smi -i 0 -pl 700"),
        ({"nvmlDeviceGetPersistenceMode": 0}, "GPU 0 persistence", "off", "-pm 1"),
        ({"nvmlDeviceGetMigMode": [1, 1]}, "GPU 0 MIG", "slice", "not split"),
        ({"nvmlDeviceGetCurrentClocksThrottleReasons": 0x40}, "GPU 0 clocks", "hw_thermal_slowdown", "cool"),
        (
            {"nvmlDeviceGetComputeRunningProcesses": [SimpleNamespace(pid=1, usedGpuMemory=2 << 30)]},
            "GPU 0 others",
            "pid 1 (2.0 GiB)",
            "CUDA_VISIBLE_DEVICES",
        ),
    ],
)
def test_each_disturbance_is_one_warning_with_one_remedy(
    answers: dict[str, Any], name: str, said: str, remedy: str
) -> None:
    """A cap, persistence off, MIG, throttling or another process: that line warns and no other does."""
    found = _of(Nvml(**answers))
    assert [f.name for f in found.values() if f.status != "ok"] == [name]
    assert said in found[name].text
    assert remedy in found[name].remedy


def test_what_nvml_does_not_support_is_left_out() -> None:
    """A GPU that knows no ECC, MIG or persistence still has its other lines."""
    refused = ("nvmlDeviceGetEccMode", "nvmlDeviceGetMigMode", "nvmlDeviceGetPersistenceMode")
    found = _of(Nvml(**{name: NvmlError("Not Supported") for name in refused}))
    assert set(found) == {"GPU 0", "GPU 0 others", "GPU 0 power", "GPU 0 clocks"}


@pytest.mark.parametrize(
    ("nvml", "problem"), [(None, "NVML Shared Library Not Found"), (Nvml(nvmlDeviceGetCount=0), "")]
)
def test_without_a_gpu_that_is_one_line(nvml: Any, problem: str) -> None:
    """No library and no device are said in words, with what remains to be measured."""
    (found,) = gpu.findings(nvml, problem)
    assert found.status == "missing"
    assert (problem or "the driver lists none") in found.text


@pytest.mark.parametrize(
    ("parameters", "is_admin", "status"),
    [
        ("RmProfilingAdminOnly: 1\n", False, "warn"),
        ("RmProfilingAdminOnly: 1\n", True, "ok"),
        ("EnableMSI: 1\nRmProfilingAdminOnly: 0\n", False, "ok"),
        (None, False, None),
    ],
)
def test_who_may_read_hardware_counters(
    tmp_path: Path, parameters: str | None, is_admin: bool, status: str | None
) -> None:
    """What the kernel module was loaded with decides, unless one is an administrator; without a module, silence."""
    file = tmp_path / "params"
    if parameters is not None:
        file.write_text(parameters)
    assert [f.status for f in software._counters(file, is_admin)] == ([status] if status else [])


def test_the_governor_is_read_from_every_core(tmp_path: Path) -> None:
    """One core on `powersave` is a warning; none that shows a governor is silence."""
    assert list(host._governor(tmp_path)) == []
    for core, governor in enumerate(["performance", "performance"]):
        folder = tmp_path / f"cpu{core}" / "cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text(f"{governor}\n")
    assert [f.status for f in host._governor(tmp_path)] == ["ok"]
    (tmp_path / "cpu1" / "cpufreq" / "scaling_governor").write_text("powersave\n")
    assert [f.status for f in host._governor(tmp_path)] == ["warn"]


def test_load_of_others_warns() -> None:
    """A few runnable threads on many cores are nothing; half of the cores taken is a disturbance."""
    assert host._processor(cores=16, load=1.5).status == "ok"
    assert host._processor(cores=16, load=8.0).status == "warn"


def test_a_remedy_stands_exactly_where_something_is_wrong() -> None:
    """A finding that is ok with a remedy, or not ok without, cannot be made."""
    with pytest.raises(ValueError, match="remedy"):
        Finding("x", "warn", "broken")
    with pytest.raises(ValueError, match="remedy"):
        Finding("x", "ok", "fine", "do this")


def test_this_machine_is_examined_without_a_store(tmp_path: Path) -> None:
    """On any machine each name comes once, the folder of the runs is not created, and torch and Triton are found."""
    folder = tmp_path / "runs" / "deep"
    names = [found.name for found in examine(folder, measure_bandwidth=False)]
    assert len(names) == len(set(names))
    assert {"CPU", "disk", "torch", "Triton", "profiler"} <= set(names)
    assert not folder.parent.exists()


def test_the_command_prints_versioned_json() -> None:
    """`--json` is machine-readable on standard output, with a status 0 on a machine that lacks something."""
    command = [sys.executable, "-m", "harness", "doctor", "--json", "--no-bandwidth"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert said["schema"] == 1
    assert all(found["status"] == "ok" or found["remedy"] for found in said["findings"])
