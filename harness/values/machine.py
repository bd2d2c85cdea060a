"""A machine, its speed when a run began, and that speed beside its usual one."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Sniff(msgspec.Struct, frozen=True):
    """A short look at the machine before a run: the same work each time, whatever the run measures. The fields after
    `seconds` are read while the product runs, and are None if the machine does not report them.

    read_gb_s: Read bandwidth of memory, 1e9 bytes/s.
    matmul_us: One matrix product. The kind of device fixes its size.
    launch_us: From one small call to the next in a long row of calls.
    seconds: Duration of the look without the read bandwidth, which every run measures.
    """

    host: str
    read_gb_s: float
    matmul_us: float
    launch_us: float
    seconds: float
    vbios: str | None = None
    sm_clock_mhz: int | None = None
    memory_clock_mhz: int | None = None
    temperature_c: int | None = None
    power_w: float | None = None
    throttle_reasons: tuple[str, ...] = ()
    cpu_mhz: float | None = None
    governor: str | None = None

    @property
    def costs(self) -> dict[str, float]:
        """The cost of each probe. More is slower. Read bandwidth counts as seconds for 1e9 bytes."""
        return {"memory": 1 / self.read_gb_s, "matmul": self.matmul_us, "launch": self.launch_us}


class Sniffed(msgspec.Struct, frozen=True):
    """A look at a machine, with the run that it belongs to.

    machine: The key of the looks at one machine: a GPU's UUID, or a CPU with its host.
    name: The name that people use.
    settings: Driver, power limit, VBIOS, clocks policy, torch, threads. Other settings have another usual speed.
    """

    machine: str
    name: str
    started: str
    run: str
    settings: tuple[str, ...]
    sniff: Sniff


class MachineState(StrEnum):
    USUAL = "as usual"
    SLOW = "slow"
    UNUSABLE = "too slow to compare"
    """So much slower than its usual speed that its times are worthless."""
    UNKNOWN = "not known yet"
    """Too few looks at this machine under these settings."""


class Probe(msgspec.Struct, frozen=True):
    """One probe of a look beside its usual value.

    slower: As a share: 0.2 if it takes 20 % longer.
    bound: The share above which the probe counts as slow.
    """

    name: str
    slower: float
    bound: float

    @property
    def is_slow(self) -> bool:
        return self.slower > self.bound


class Health(msgspec.Struct, frozen=True):
    """A machine at its newest look.

    looks: Looks that its usual speed comes from.
    since: Start of the first run in the unbroken series of slow runs up to the newest. Empty if the newest is not slow.
    """

    machine: str
    name: str
    state: MachineState
    looks: int
    newest: Sniffed
    probes: tuple[Probe, ...] = ()
    since: str = ""

    @property
    def slow(self) -> tuple[Probe, ...]:
        return tuple(probe for probe in self.probes if probe.is_slow)

    @property
    def words(self) -> str:
        """`matmul 21 % slower than its usual since 2026-11-03`. Empty if nothing is slow."""
        found = ", ".join(f"{probe.name} {100 * probe.slower:.0f} % slower" for probe in self.slow)
        return f"{found} than its usual, since {self.since[:16]}" if found else ""
