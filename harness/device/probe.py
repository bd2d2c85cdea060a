"""Device, driver and toolchain, which decide the time of a configuration besides itself.

They are found without torch, so that a sweep whose times are all known ends before torch is imported.
"""

from __future__ import annotations

import msgspec

from harness.device.host import cpu_name, package_version, settled_threads
from harness.device.nvml import first_visible_gpu
from harness.device.ptxas import ptxas_version
from harness.values.environment import Environment, slug
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
    device = environment.device_name if environment.has_gpu else f"cpu {environment.cpu}"
    return Machine(
        device, environment.driver, environment.torch, environment.triton, environment.ptxas, environment.threads,
        environment.method,
    )  # fmt: skip


def probe(known: list[Environment]) -> Environment | None:
    """The newest known environment that still matches this machine, as far as that shows without torch.

    None where there is none: a device process has to tell then.
    """
    torch, triton = package_version("torch"), package_version("triton")
    gpu = _gpu()
    for environment in reversed(known):
        software = (environment.torch.partition("+")[0], environment.triton, environment.method)
        if software != ((torch or "").partition("+")[0], triton, METHOD_VERSION):
            continue
        if not environment.has_gpu:
            same = gpu is None and environment.cpu == cpu_name() and environment.threads == settled_threads()
        else:
            here = (environment.device_name, environment.device_uuid, environment.driver)
            same = gpu == here and environment.ptxas in (None, _ptxas(environment.compute_capability or ""))
        if same:
            return environment
    return None


def slug_here() -> str:
    """The name of this machine's device in tuned files, found without torch."""
    gpu = _gpu()
    return slug(gpu[0] if gpu else f"cpu-{cpu_name()}")


def _gpu() -> tuple[str, str, str] | None:
    """Name, UUID and driver of the first GPU that a CUDA program would see; None where there is none."""
    gpu = first_visible_gpu()
    return None if gpu is None else (str(gpu.ask("Name")), str(gpu.ask("UUID")), gpu.driver())


def _ptxas(target: str) -> str | None:
    capability = target.removeprefix("sm_")
    return ptxas_version(int(capability)) if capability.isdigit() else None
