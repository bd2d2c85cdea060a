"""The explanation of a comparison in lines of text: the sum of the kernels, the profile, the code."""

from __future__ import annotations

from collections.abc import Iterator

from harness.compare.explain import CodeChange, Explanation, ProfileChange
from harness.compare.reconcile import PROFILE, Reconciled
from harness.trace.difference import Change
from harness.values.static_comparison import StaticCase

from ..figures import axes_words, clean, count, number, one_name, plural, signed
from ..tables.static import FIGURES, figure

MOST_CODE = 10
MOST_PLACES = 4
NAME = 60
UNITS = {"pair": "pairs", "process": "processes a side", "round": "rounds of one process"}


def lines(found: Explanation) -> Iterator[tuple[str, str]]:
    """Each head word with its text; nothing if no explanation is known."""
    for decode in found.decodes:
        yield "why", _reconciled(decode)
    for profile in found.profiles:
        yield from _profile(profile)
    for case in found.binaries:
        yield "binary", _binary(case)
    for code in found.code[:MOST_CODE]:
        yield "code", _code(code)
    if len(found.code) > MOST_CODE:
        yield "code", f"and {len(found.code) - MOST_CODE} more cases whose code or tunables differ"
    for note in found.notes:
        yield "note", clean(note, 400)


def _reconciled(found: Reconciled) -> str:
    """`moe_down 40 calls x +1.30 us = +52 ± 2 us a step predicted, +52 ± 8 measured, 0 left`."""
    if any(part.each.level == PROFILE for part in found.parts):
        return _by_profile(found)
    names = [one_name(clean(part.name, 2 * NAME)) for part in found.parts]
    times = [f"{plural(part.calls, 'call')} x {signed(part.each.us)} us" for part in found.parts]
    parts = " + ".join(map(" ".join, zip(names, times, strict=True)))
    measured, units = found.measured, UNITS.get(found.measured.level, found.measured.level)
    return (
        f"{clean(found.case)}: {parts} = {signed(found.predicted_us)} ± {number(found.predicted_half_us, 2)} us a "
        f"step predicted, {signed(measured.us)} ± {number(measured.half_us, 2)} measured (95 %, {measured.n} {units}), "
        f"{signed(found.left_us, 2)} left"
    )


def _by_profile(found: Reconciled) -> str:
    """`mlp.experts -310 us + 12 more = -322 us a step predicted by one profile of each side, ...`."""
    parts = [f"{clean(part.name, 2 * NAME)} {signed(part.us)} us" for part in found.parts[:MOST_PLACES]]
    if len(found.parts) > MOST_PLACES:
        parts.append(f"{len(found.parts) - MOST_PLACES} more")
    units = UNITS.get(found.measured.level, found.measured.level)
    return (
        f"{clean(found.case)}: {' + '.join(parts)} = {signed(found.predicted_us)} us a step predicted by one profile "
        f"of each side, {signed(found.measured.us)} ± {number(found.measured.half_us, 2)} measured (95 %, "
        f"{found.measured.n} {units}), {signed(found.left_us, 2)} left"
    )


def _profile(found: ProfileChange) -> Iterator[tuple[str, str]]:
    arms = found.arms[0] if found.arms[0] == found.arms[1] else " -> ".join(found.arms)
    where = ", ".join(filter(None, (clean(arms), axes_words(found.axes, "decode"), clean(found.engine))))
    steps = max(found.steps, 1)
    device = "GPU" if found.device == "cuda" else "CPU"
    before, after = (ns / 1e3 / steps for ns in (found.base_ns, found.head_ns))
    yield (
        "profile",
        f"{where}: {device} time {before:,.1f} -> {after:,.1f} us a step ({signed(after - before)}); one profile of "
        f"{steps} steps a side, no interval",
    )
    for change in found.categories:
        yield "", f"{clean(change.name, NAME)}: {_change(change, steps)}"
    for change in found.kernels:
        name = change.name if not change.head_name else f"{change.name} -> {change.head_name}"
        yield "", f"kernel {clean(name, 2 * NAME)}: {_change(change, steps)}"


def _change(change: Change, steps: int) -> str:
    """Calls and time per call, and the contribution of each to the difference."""
    delta = f"{signed(change.delta_ns / 1e3 / steps)} us a step"
    if not change.base_calls or not change.head_calls:
        only = change.head_calls or change.base_calls
        return f"{delta}, {change.state}, {count(only / steps)} calls a step"
    sums = (change.base_ns, change.base_calls), (change.head_ns, change.head_calls)
    before, after = (ns / 1e3 / calls for ns, calls in sums)
    words = count(change.base_calls / steps)
    if change.base_calls != change.head_calls:
        words += f" -> {count(change.head_calls / steps)} ({signed(change.calls_ns / 1e3 / steps)} us)"
    return f"{delta}: {words} calls a step, {number(before)} -> {number(after)} us each"


def _binary(found: StaticCase) -> str:
    """`down_kernel: regs 96 -> 168, spill B 0, blocks/SM 10 -> 6, B/load 16`, and the place where the code first
    differs."""
    words = [
        f"{kernel.name}: {', '.join(f'{FIGURES[name]} {figure(kernel, name)}' for name in list(FIGURES)[:4])}"
        for kernel in found.kernels
        if not kernel.same
    ]
    if found.changed_line:
        words.append(f"first changed line {found.changed_line}")
    return f"{clean(found.case)}, {found.target}: {clean('; '.join(words) or found.reason, 500)}"


def _code(found: CodeChange) -> str:
    words = []
    if found.variants[0] != found.variants[1]:
        words.append(f"variant {found.variants[0]} -> {found.variants[1]}")
    if found.changed_line:
        words.append(f"first changed line {found.changed_line}")
    if found.tunables:
        words.append(f"tunables differ: {', '.join(found.tunables)}")
    if found.pinned:
        words.append(f"to compare the code alone, give both sides' arm `{found.pinned}`")
    return f"{clean(found.case)}: {clean('; '.join(words), 500)}"
