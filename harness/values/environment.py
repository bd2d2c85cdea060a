"""The machine and software of a run, and the fields that must agree before two runs are compared."""

from __future__ import annotations

import msgspec

from harness.values.difference import Difference

REFUSED_WHEN_DIFFERENT = (
    "device_kind",
    "device_name",
    "driver",
    "cuda",
    "torch",
    "triton",
    "power_limit_w",
    "clocks_policy",
    "cpu",
    "threads",
    "method",
)
"""Fields that change numbers by themselves."""


class Environment(msgspec.Struct, frozen=True):
    """The machine and software that a run was measured on.

    device_kind: `cuda` or `cpu`.
    read_gb_s: Measured read bandwidth, 1e9 bytes per second.
    l2_bytes: Cache that a cold measurement must flush.
    threads: Threads of torch on a CPU if they affect the numbers.
    commit: HEAD of the suite's repository, with `+` if the working tree differed from it.
    """

    device_kind: str
    device_name: str
    python: str
    torch: str
    cpu: str
    cpu_cores: int
    platform: str
    device_uuid: str | None = None
    sm_count: int | None = None
    compute_capability: str | None = None
    memory_bytes: int | None = None
    l2_bytes: int | None = None
    driver: str | None = None
    cuda: str | None = None
    triton: str | None = None
    ptxas: str | None = None
    power_limit_w: float | None = None
    clocks_policy: str | None = None
    max_sm_clock_mhz: int | None = None
    read_gb_s: float | None = None
    commit: str | None = None
    threads: int | None = None
    harness: str = ""
    method: int = 0

    def differences(self, other: Environment) -> tuple[Difference, ...]:
        """The fields that forbid a comparison, from this environment to the other."""
        pairs = ((name, getattr(self, name), getattr(other, name)) for name in REFUSED_WHEN_DIFFERENT)
        return tuple(Difference(name, str(ours), str(theirs)) for name, ours, theirs in pairs if ours != theirs)

    @property
    def has_gpu(self) -> bool:
        """Whether kernels were run on a GPU."""
        return self.device_kind != "cpu"

    @property
    def machine(self) -> str:
        """The device by name and the start of its UUID: `NVIDIA H200 GPU-6244`. A CPU by its name."""
        own = (self.device_uuid or "")[:8]
        return f"{self.device_name} {own}" if own else self.cpu if not self.has_gpu else self.device_name

    @property
    def slug(self) -> str:
        """The device in file names: `nvidia-h100-80gb-hbm3`."""
        return slug(self.device_name if self.has_gpu else f"cpu-{self.cpu}")


def slug(name: str) -> str:
    """`NVIDIA H100 80GB HBM3` in the form of file names."""
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


DIRTY = "+"
"""Suffix of a commit if the working tree differed from it."""


def short_commit(commit: str, digits: int) -> str:
    """`4f2c9e1+`: the first digits, and the mark if there is one."""
    return commit.removesuffix(DIRTY)[:digits] + DIRTY * commit.endswith(DIRTY)
