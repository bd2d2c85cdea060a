"""Machines, and the speed of each at its newest run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from harness.values.machine import Health, MachineState

from ..figures import bandwidth, clean, grouped, number, plural, signed
from ..table import Column, Name, Number, Row, Table, Words

NAMED = ("driver {}", "{} W", "clocks {}", "torch {}", "{} threads", "method {}", "VBIOS {}")
"""The settings of a look in their order (`harness.store.machines.SETTINGS`)."""


def health(found: Sequence[Health]) -> Table:
    columns = (
        Column("machine", "Machine"), Column("state", "State"), Column("memory", "Reads", right=True),
        Column("matmul", "Matmul, us", right=True), Column("launch", "Launch, us", right=True),
        Column("clock", "Clock, MHz", right=True), Column("looks", "Looks", right=True),
        Column("seen", "Last seen"), Column("host", "Host", extra=True), Column("settings", "Settings", extra=True),
    )  # fmt: skip
    return Table("machines", "Machines", columns, tuple(map(_row, found)))


def _row(one: Health) -> Row:
    sniff = one.newest.sniff
    clock = sniff.sm_clock_mhz or sniff.cpu_mhz
    return Row((
        Name(clean(one.name), long=True), Words(one.state.value),
        Number(sniff.read_gb_s, _beside(one, "memory", bandwidth(sniff.read_gb_s))),
        Number(sniff.matmul_us, _beside(one, "matmul", grouped(sniff.matmul_us))),
        Number(sniff.launch_us, _beside(one, "launch", number(sniff.launch_us))),
        Number(clock, grouped(clock)) if clock else None, Number(one.looks, str(one.looks)),
        Words(one.newest.started[:16].replace("T", " "), "nowrap"), Words(clean(sniff.host)),
        Words(_settings(one), "wide"),
    ))  # fmt: skip


def _beside(one: Health, name: str, value: str) -> str:
    """The value with the probe's excess over its usual time, if that is known."""
    slower = next((probe.slower for probe in one.probes if probe.name == name), None)
    return value if slower is None else f"{value} ({signed(100 * slower, 2)} %)"


def _settings(one: Health) -> str:
    """`driver 580.159.04, 700 W, clocks as found`: each setting under its name."""
    named = zip_longest(NAMED, one.newest.settings, fillvalue="{}")
    words = [name.format(word).replace(".0 W", " W") for name, word in named if word not in ("None", "{}")]
    governor = [f"governor {one.newest.sniff.governor}"] if one.newest.sniff.governor else []
    return clean(", ".join((*words, *governor)), 160)


def remarks(found: Sequence[Health]) -> Iterator[str]:
    """A line for each slow machine, and one for the machines that are not known yet."""
    yield "In brackets: how much longer a probe takes than this machine's usual."
    for one in found:
        if one.slow:
            yield f"{clean(one.name)}: {one.words}. Do not compare its runs since then with earlier ones."
    new = sum(one.state is MachineState.UNKNOWN for one in found)
    if new:
        yield f"{plural(new, 'machine')} with too few runs to know the usual speed: five are needed."
