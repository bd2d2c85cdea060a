"""What a machine is, how fast it was when a run began, and what that says beside its usual speed."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Sniff(msgspec.Struct, frozen=True):
    """A short look at the machine before a run: the same work each time, whatever is measured later. read_gb_s: 1e9
    bytes/s from memory; matmul_us: one product, of a size that the kind of device fixes; launch_us: from one small
    call to the next, when many follow each other. The rest is read while the products run; None where the machine does
    not tell. seconds: that the look took, the read bandwidth not counted, which every run measures."""

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
        """What each probe costs; more is slower. Read bandwidth as seconds for 1e9 bytes."""
        return {"memory": 1 / self.read_gb_s, "matmul": self.matmul_us, "launch": self.launch_us}


class Sniffed(msgspec.Struct, frozen=True):
    """A look at a machine, with the run that it belongs to. machine: by which the looks at one machine are found, a
    GPU's UUID or a CPU with its host; name: as people call it. Other settings (driver, power limit, VBIOS, clocks
    policy, torch, threads) are another usual speed."""

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
    """Slower than its usual by so much that its times stand for nothing."""
    UNKNOWN = "not known yet"
    """Too few looks at this machine, under these settings."""


class Probe(msgspec.Struct, frozen=True):
    """One probe of a look beside its usual. slower: as a share, 0.2 where it takes 20 % longer; bound: from which it is
    called slow."""

    name: str
    slower: float
    bound: float

    @property
    def is_slow(self) -> bool:
        return self.slower > self.bound


class Health(msgspec.Struct, frozen=True):
    """A machine at its newest look. looks: that its usual is of. since: start of the first run of those in a row,
    up to the newest, that were slow; empty where it is not."""

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
        """`matmul 21 % slower than its usual since 2026-11-03`; empty where nothing is slow."""
        found = ", ".join(f"{probe.name} {100 * probe.slower:.0f} % slower" for probe in self.slow)
        return f"{found} than its usual, since {self.since[:16]}" if found else ""
