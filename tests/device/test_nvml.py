"""What NVML says of a GPU, and what it leaves out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from harness.device import nvml
from tests.doctor.test_doctor import Nvml, NvmlError


def made_up(**answers: object) -> Nvml:
    """The doctor's healthy GPU, with what a round asks beside."""
    return Nvml(**{
        "nvmlDeviceGetHandleByUUID": "handle", "nvmlDeviceGetTemperature": 41, "nvmlDeviceGetPowerUsage": 350_500,
        **answers,
    })  # fmt: skip


def test_throttle_reasons_are_named_and_idle_is_none() -> None:
    """Unknown bits are not lost."""
    assert nvml.reason_names(0x1 | 0x2) == ()
    assert nvml.reason_names(0x4 | 0x40) == ("sw_power_cap", "hw_thermal_slowdown")
    assert nvml.reason_names(0x1000) == ("0x1000",)


def test_a_round_has_every_condition_and_what_a_gpu_refuses_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three processes one is ours. A GPU that does not tell its temperature still tells the rest."""
    running = [SimpleNamespace(pid=pid) for pid in (1, 2, 2, 3)]
    for answer, wanted in ((41, 41), (NvmlError("Not Supported"), None)):
        module = made_up(
            nvmlDeviceGetTemperature=answer, nvmlDeviceGetComputeRunningProcesses=running,
            nvmlDeviceGetCurrentClocksThrottleReasons=0x4,
        )  # fmt: skip
        module.NVML_TEMPERATURE_GPU = 0
        monkeypatch.setattr(nvml, "open_nvml", lambda module=module: (module, ""))
        found = nvml.ConditionsReader("GPU-3f1a").read(2, 5)
        assert (found.process, found.round, found.temperature_c, found.power_w) == (2, 5, wanted, 350.5)
        assert found.throttle_reasons == ("sw_power_cap",) and found.other_processes == 2


def test_a_gpu_that_nvml_does_not_know_has_no_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice of a GPU: torch has it, NVML not under that name."""
    module = made_up(nvmlDeviceGetHandleByUUID=NvmlError("Not Found"))
    monkeypatch.setattr(nvml, "open_nvml", lambda: (module, ""))
    reader = nvml.ConditionsReader("MIG-1")
    assert reader.read(0, 0).sm_clock_mhz is None and reader.driver() is None and reader.power_limit_w() is None


@pytest.mark.parametrize(
    ("given", "names"), [(None, ["0", "1"]), ("1", ["1"]), ("GPU-3f1a,0", ["GPU-3f1a", "0"]), ("-1", []), ("", [])]
)
def test_the_visible_gpus_are_those_of_cuda_visible_devices(
    given: str | None, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them where it is not set."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    monkeypatch.setattr(nvml, "open_nvml", lambda: (made_up(nvmlDeviceGetCount=2), ""))
    assert nvml.visible_gpus() == names
