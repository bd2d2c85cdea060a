"""The time of a decode step by category: the profiles of all arms side by side, with the kernels underneath."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.values.case import same_shape
from harness.values.profile import CategoryRow as ProfileCategory
from harness.values.profile import KernelRow, Profile

from ..figures import axes_words, clean
from .decode_view import ModelGroup
from .joined import Joined
from .step_view import overlaps, timed_like

UNMATCHED = ("Uncategorised", "")
"""Names that the trace reader gives to unmatched kernels (`harness.trace.categories.UNCATEGORISED`)."""

MOST_KERNELS = 40
"""Most kernels listed under the categories of one arm, longest first. One row sums up the rest."""


@dataclass(frozen=True)
class Cell:
    """One category in one arm. step_us: per decode step. total_ns: over the whole profile. share: of its GPU time."""

    step_us: float
    total_ns: int
    share: float
    launches: float


@dataclass(frozen=True)
class CategoryRow:
    """One category in all arms."""

    name: str
    cells: tuple[Cell | None, ...]
    """By arm; None for an arm without the category."""
    floor_tok_s: float | None = None
    """Decode rate of the last arm if this category took only the time of its bytes."""
    least_bytes: int | None = None
    """Bytes that its ops have to move in a step of the last arm."""
    read_share: float | None = None
    """Share of the measured read bandwidth, over the time of its kernels."""

    @property
    def gb_s(self) -> float | None:
        last = self.cells[-1]
        return self.least_bytes / last.step_us / 1e3 if self.least_bytes and last and last.step_us else None


@dataclass(frozen=True)
class ArmKernels:
    """The kernels that an arm launched, by name and place."""

    arm: str
    whole_ns: int
    """Time of the whole profile."""
    per_step: float
    """Kernels per decode step; categories count copies and memsets, too."""
    lines: tuple[KernelRow, ...]
    left_out: int
    """Number of kernels below the shown ones."""
    left_out_ns: int
    """Their time."""
    unmatched: tuple[KernelRow, ...]
    unmatched_share: float
    quality: tuple[tuple[str, int], ...]
    """Counts of damaged or odd rows of the trace."""

    def share(self, row: KernelRow) -> float:
        """The row's share of the whole profile."""
        return row.total_ns / self.whole_ns


@dataclass(frozen=True)
class Categories:
    """One table: the categories of all arms at one shape and engine."""

    arms: tuple[str, ...]
    device: str
    """`cpu`: self time of CPU ops, for a machine without a GPU."""
    engine: str
    axes: str
    steps: int
    """Profiled decode steps of each arm."""
    rows: tuple[CategoryRow, ...]
    total: CategoryRow
    """Sum of the categories."""
    overlap_us: tuple[float, ...]
    """The part of this sum in which kernels run at the same time; 0 if it is negligible."""
    step_us: tuple[float | None, ...]
    """Step time of the unprofiled decode under `step_engine`, if one was timed; `between_us` refers to it as well."""
    step_engine: str
    between_floor_tok_s: float | None
    kernels: tuple[ArmKernels, ...]

    @property
    def between_us(self) -> tuple[float | None, ...]:
        """Step time that no kernel fills; negative where kernels took longer under the profiler than in the step."""
        parts = zip(self.step_us, self.total.cells, self.overlap_us, strict=True)
        return tuple(
            None if step is None or cell is None else step - cell.step_us + overlap for step, cell, overlap in parts
        )

    @property
    def alone(self) -> tuple[float, ...]:
        """By arm, the part of the categories' sum that kernels cover when shared time counts once."""
        sums = (cell.step_us if cell else 0.0 for cell in self.total.cells)
        return tuple(
            1 - overlap / whole if whole else 1.0 for whole, overlap in zip(sums, self.overlap_us, strict=True)
        )

    @property
    def overlapping(self) -> bool:
        return any(self.overlap_us)

    @property
    def moved(self) -> bool:
        """Whether the least bytes of any category are known."""
        return any(row.least_bytes for row in self.rows)

    @property
    def unit(self) -> str:
        return "GPU" if self.device != "cpu" else "CPU self time"

    @property
    def unit_time(self) -> str:
        return "GPU time" if self.device != "cpu" else "CPU self time"


def categories(joined: Joined, decodes: Sequence[ModelGroup]) -> tuple[Categories, ...]:
    """One table for each profiled shape and engine."""
    groups: dict[tuple[str, ...], list[Profile]] = {}
    for profile in joined.run.profiles:
        axes = sorted(f"{name}={value}" for name, value in profile.axes.items())
        groups.setdefault((profile.device, profile.engine, *axes), []).append(profile)
    return tuple(_table(joined, decodes, profiles) for profiles in groups.values())


def _table(joined: Joined, decodes: Sequence[ModelGroup], profiles: Sequence[Profile]) -> Categories:
    order = {arm: place for place, arm in enumerate(joined.arms)}
    profiles = sorted(profiles, key=lambda p: order.get(p.arm, len(order)))
    first = profiles[0]
    names = _names(profiles)
    timed = [timed_like(decodes, profile) for profile in profiles]
    overlap_us = tuple(_overlap_us(profile) for profile in profiles)
    steps_us = tuple(row.time.value if row else None for _, row in timed)
    engine = next((engine for engine, row in timed if row), "")
    gpu = first.device != "cpu"
    rows = [CategoryRow(name, tuple(_category(profile, name) for profile in profiles)) for name in names]
    total = CategoryRow("total", tuple(_cell(profile, profile.categories) for profile in profiles))
    last, last_us = profiles[-1], steps_us[-1] if gpu else None
    batch = int(first.axes.get("batch", 1))
    if last_us is not None:
        floors = _floors(joined, last)
        alone = last.gpu_busy_ns / last.gpu_sum_ns if overlap_us[-1] else 1.0
        rows = [_with_floor(row, floors, last_us, batch, alone) for row in rows]
    if gpu:
        rows = [_with_bytes(row, _least_bytes(last).get(row.name), joined.read_gb_s) for row in rows]
    last_total = total.cells[-1]
    covered = last_total.step_us - overlap_us[-1] if last_total else 0.0
    between = covered if last_us is not None and 0 < covered < last_us else None
    return Categories(
        arms=tuple(clean(profile.arm) for profile in profiles),
        device=first.device,
        engine=clean(first.engine),
        axes=axes_words(first.axes, "decode"),
        steps=first.steps,
        rows=tuple(replace(row, name=clean(row.name)) for row in rows),
        total=total,
        overlap_us=overlap_us,
        step_us=steps_us if gpu else tuple(None for _ in profiles),
        step_engine=engine if gpu else "",
        between_floor_tok_s=batch * 1e6 / between if between else None,
        kernels=tuple(_kernels(profile) for profile in profiles),
    )


def _names(profiles: Sequence[Profile]) -> list[str]:
    """Categories by their time in the first arm, longest first; then the ones that only later arms have."""
    sums = [{row.name: row.total_ns for row in profile.categories} for profile in profiles]
    names = {name for found in sums for name in found}
    return sorted(names, key=lambda name: (tuple(-found.get(name, 0) for found in sums), name))


def _category(profile: Profile, name: str) -> Cell | None:
    rows = [row for row in profile.categories if row.name == name]
    return _cell(profile, rows) if rows else None


def _cell(profile: Profile, rows: Sequence[ProfileCategory]) -> Cell:
    """The sum of these categories of the profile."""
    steps, whole = profile.steps or 1, sum(row.total_ns for row in profile.categories)
    total_ns, calls = sum(row.total_ns for row in rows), sum(row.calls for row in rows)
    return Cell(total_ns / 1e3 / steps, total_ns, total_ns / whole if whole else 0.0, calls / steps)


def _overlap_us(profile: Profile) -> float:
    return (profile.gpu_sum_ns - profile.gpu_busy_ns) / 1e3 / (profile.steps or 1) if overlaps(profile) else 0.0


def _floors(joined: Joined, profile: Profile) -> Mapping[str, float]:
    """Least us per step of each category whose scopes all have a least number of bytes. Source: the profile, or kernels
    that were timed alone at its shape."""
    bounds: dict[str, float] = {}
    if joined.read_gb_s:
        bounds = {site.name: site.bytes / (joined.read_gb_s * 1e3) for site in profile.work if site.bytes}
    for entry in joined.kind("kernel"):
        bound = joined.bound_us(entry)
        if bound and entry.case.calls and same_shape(entry.case.axes, profile.axes):
            bounds[entry.case.op_site] = bound * entry.case.calls
    return {
        name: sum(bounds[scope] for scope in within)
        for name, within in _scopes(profile).items()
        if within <= bounds.keys() and within
    }


def _least_bytes(profile: Profile) -> dict[str, int]:
    """Least bytes of a step by category, for categories whose ops are all known and have no kernel in another
    category."""
    work, scopes = {site.name: site.bytes for site in profile.work}, _scopes(profile)
    return {
        name: sum(work[scope] for scope in within)
        for name, within in scopes.items()
        if within <= work.keys() and not any(within & other for key, other in scopes.items() if key != name)
    }


def _scopes(profile: Profile) -> dict[str, set[str]]:
    """By category, the scopes that launched its kernels."""
    found: dict[str, set[str]] = {}
    for row in profile.kernels:
        found.setdefault(row.category, set()).add(row.scope)
    return found


def _with_bytes(row: CategoryRow, least_bytes: int | None, read_gb_s: float | None) -> CategoryRow:
    row = replace(row, least_bytes=least_bytes or None)
    return replace(row, read_share=row.gb_s / read_gb_s if row.gb_s and read_gb_s else None)


def _with_floor(row: CategoryRow, floors: Mapping[str, float], step_us: float, batch: int, alone: float) -> CategoryRow:
    """alone: the part of the kernels' time that no other kernel covers. Time that two kernels share would not be saved
    with one of them."""
    cell, floor_us = row.cells[-1], floors.get(row.name)
    if cell is None or floor_us is None or floor_us >= cell.step_us * alone:
        return row
    return replace(row, floor_tok_s=batch * 1e6 / (step_us - cell.step_us * alone + floor_us))


def _kernels(profile: Profile) -> ArmKernels:
    whole = sum(row.total_ns for row in profile.categories) or 1
    ordered = sorted(profile.kernels, key=lambda row: (-row.total_ns, row.name, row.scope))
    shown, rest = ordered[:MOST_KERNELS], ordered[MOST_KERNELS:]
    return ArmKernels(
        arm=clean(profile.arm),
        whole_ns=whole,
        per_step=profile.kernel_count / (profile.steps or 1),
        lines=tuple(map(_cleaned, shown)),
        left_out=len(rest),
        left_out_ns=sum(row.total_ns for row in rest),
        unmatched=tuple(_cleaned(row) for row in ordered if row.category in UNMATCHED)[:MOST_KERNELS],
        unmatched_share=profile.uncategorised_ns / whole,
        quality=tuple((clean(name), count) for name, count in sorted(profile.data_quality.items()) if count),
    )


def _cleaned(row: KernelRow) -> KernelRow:
    category = clean(row.category) or "Uncategorised"
    return KernelRow(clean(row.name), category, row.calls, row.total_ns, clean(row.op), clean(row.scope))
