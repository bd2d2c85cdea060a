"""A run in the form that a report shows: every table and sentence as values, before any of them is text in a format.

`build` is pure. Names in a view are cleaned for a single line (`figures.clean`); each format escapes them for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.values.estimate import Estimate
from harness.values.run import Run

from ..figures import clean, gib, grouped, number, one_name, percent, plural, plus_minus, ratio_full, seconds
from .binary_view import ArmBinaries, arm_binaries
from .category_view import Categories, categories
from .decode_view import Explained, ModelGroup, explained, model_groups
from .energy_view import energy_sentences
from .figure_view import FigureGroup, figure_groups, figure_sentences
from .joined import join
from .kernel_view import KernelGroup, kernel_groups, timed_cold
from .landscape_view import Terrain, terrains
from .quality_view import quality_rows
from .run_view import Counts, Headline, Problem, counts, footnotes, headline, problems
from .samples_view import Strip, in_processes, strips
from .step_view import StepParts, steps

UNMATCHED_SHARE = 0.01
"""Share of a profile's time. Above it, categories are read with care: rules that know a model leave less on every
trace."""


@dataclass(frozen=True)
class View:
    """The tables and sentences of a report."""

    headline: Headline
    device: str
    read_gb_s: float | None
    """Bandwidth measured on that machine."""
    counts: Counts
    arms: tuple[str, ...]
    trouble: tuple[str, ...]
    """Sentences on failures and missing parts."""
    summary: tuple[str, ...]
    """Sentences on the main results."""
    decodes: tuple[ModelGroup, ...]
    prefills: tuple[ModelGroup, ...]
    figures: tuple[FigureGroup, ...]
    categories: tuple[Categories, ...]
    kernels: tuple[KernelGroup, ...]
    explained: tuple[Explained, ...]
    steps: tuple[StepParts, ...]
    binaries: tuple[ArmBinaries, ...]
    outputs: tuple[str, ...]
    """Sentences below the tables, as are `memory` and `energy`."""
    memory: str
    energy: tuple[str, ...]
    problems: tuple[Problem, ...]
    strips: tuple[Strip, ...]
    terrains: tuple[Terrain, ...]
    quality: tuple[tuple[str, str], ...]
    intervals: tuple[str, ...]
    """Sentences on the meaning of the intervals."""
    cautions: tuple[str, ...]
    """Sentences on conclusions to avoid."""
    methods: tuple[str, ...]
    """Sentences on the meaning of columns."""

    def place(self, arm: str) -> int:
        """Index of an arm, which selects its colour; 0 for one that the plan does not have."""
        return self.arms.index(arm) if arm in self.arms else 0

    @property
    def processes(self) -> tuple[Strip, ...]:
        return in_processes(self.strips)


def build(run: Run) -> View:
    """The view of a stored run, in any state. Unmeasured parts are absent; each failure is a row."""
    joined = join(run)
    decodes, prefills = model_groups(joined, "decode"), model_groups(joined, "prefill")
    kernels, profiles = kernel_groups(joined), categories(joined, decodes)
    figures = figure_groups(joined)
    head, counted, samples = headline(run), counts(joined), strips(joined)
    return View(
        headline=head,
        device=clean(run.environment.device_name) if run.environment else "",
        read_gb_s=joined.read_gb_s,
        counts=counted,
        arms=tuple(clean(arm) for arm in joined.arms),
        trouble=tuple(_trouble(head, counted)),
        summary=tuple(_summary(decodes, kernels, figures)),
        decodes=decodes,
        prefills=prefills,
        figures=figures,
        categories=profiles,
        kernels=kernels,
        explained=explained(joined, decodes),
        steps=steps(run.profiles, decodes),
        binaries=arm_binaries(run.profiles),
        outputs=tuple(_outputs(decodes)),
        memory=_memory(decodes),
        energy=tuple(energy_sentences(run)),
        problems=problems(joined),
        strips=samples,
        terrains=terrains(joined),
        quality=quality_rows(joined, samples),
        intervals=footnotes(_estimates(decodes, prefills, kernels, figures)),
        cautions=tuple(_cautions((*decodes, *prefills), kernels, profiles)),
        methods=tuple(_methods(decodes, kernels, profiles)),
    )


def _estimates(
    decodes: Sequence[ModelGroup], prefills: Sequence[ModelGroup], kernels: Sequence[KernelGroup],
    figures: Sequence[FigureGroup],
) -> Iterator[Estimate]:  # fmt: skip
    for group in (*decodes, *prefills):
        yield from (row.time for row in group.rows)
    for kernel in kernels:
        yield from (row.estimate for row in kernel.rows if row.estimate)
    for figure in figures:
        yield from (row.value for row in figure.rows)


def _trouble(head: Headline, counted: Counts) -> Iterator[str]:
    bad = counted.measured - counted.correct
    if bad:
        yield f"{bad} of {counted.measured} cases {'is' if bad == 1 else 'are'} wrong or failed."
    if head.state != "complete":
        if counted.missing:
            yield f"The run is {head.state}: {plural(counted.missing, 'case was', 'cases were')} not reached."
        else:
            yield f"The run is {head.state}: every case was measured, but not in all of the processes asked for."
    if head.throttled:
        yield f"The GPU was {head.throttled}."


def _summary(
    decodes: Sequence[ModelGroup], kernels: Sequence[KernelGroup], figures: Sequence[FigureGroup]
) -> Iterator[str]:
    """Sentences on outside figures, and on the decode of each arm or, without a decode, on the kernels."""
    yield from (sentence for figure in figures for sentence in figure_sentences(figure))
    for group in decodes:
        yield from _decode_sentences(group)
    if not decodes:
        yield from (sentence for group in kernels for sentence in _kernel_sentences(group))


def _decode_sentences(group: ModelGroup) -> Iterator[str]:
    first = group.rows[0]
    for row in group.rows:
        if row.ratio:
            rates = f"{number(first.tok_s.value, 4)} to {number(row.tok_s.value, 4)} tok/s"
            against = f"{', '.join(row.arms)} against {', '.join(first.arms)}"
            yield f"Decode at {group.title}, {against}: {ratio_full(row.ratio)}, {rates}."
        elif row is not first or len(group.rows) == 1:
            yield f"Decode at {group.title}, {', '.join(row.arms)}: {plus_minus(row.tok_s)} tok/s."


def _kernel_sentences(group: KernelGroup) -> Iterator[str]:
    for row in group.rows:
        if row.ratio and not row.source.case.tunables_in_id:
            against = ", ".join(group.rows[0].arms)
            yield f"{group.name}, {group.axes}, {', '.join(row.arms)} against {against}: {ratio_full(row.ratio)}."


def _outputs(decodes: Sequence[ModelGroup]) -> Iterator[str]:
    """Sentences on outputs. Every arm's timed steps are fed one recorded stream; these describe an arm's own greedy
    stream."""
    if not decodes:
        return
    left = [(group, row) for group in decodes for row in group.rows if row.stream_note]
    yield "The timed steps of all arms are fed the same recorded tokens."
    for group, row in left:
        yield f"{', '.join(row.arms)} at {group.title}: {row.stream_note}."
    if not left:
        yield "Each arm's own greedy stream is the recorded one."


def _memory(decodes: Sequence[ModelGroup]) -> str:
    """`19.8 GiB peak · capture 0.90 s`, the largest over the decode cases; empty if nothing is known."""
    measured = [row.measurement for group in decodes for row in group.rows]
    peak = _largest(m.peak_memory_bytes for m in measured)
    compiled, captured = _largest(m.compile_s for m in measured), _largest(m.capture_s for m in measured)
    parts = (
        f"{gib(peak)} GiB peak" if peak else "",
        f"first pass and compilation {seconds(compiled)} s" if compiled else "",
        f"capture {seconds(captured)} s" if captured else "",
    )
    return " · ".join(part for part in parts if part)


def _largest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _cautions(
    models: Sequence[ModelGroup], kernels: Sequence[KernelGroup], profiles: Sequence[Categories]
) -> Iterator[str]:
    shares = [row.bound_share for model in models for row in model.rows]
    shares += [row.bound_share for kernel in kernels for row in kernel.rows]
    if any(share is not None and share > 1 for share in shares):
        yield "Shares above 100 % mean that bytes came from a cache, not from memory; they are no share of a bandwidth."
    for table in profiles:
        for arm in table.kernels:
            if arm.unmatched_share >= UNMATCHED_SHARE:
                yield f"{percent(arm.unmatched_share)} of {table.unit_time} of {arm.arm} matched no category."


def _methods(
    decodes: Sequence[ModelGroup], kernels: Sequence[KernelGroup], profiles: Sequence[Categories]
) -> Iterator[str]:
    if timed_cold(kernels):
        yield (
            "Kernels are timed alone with weights that come from memory. Share of read: the time that the call's bytes "
            "take at the measured read bandwidth, over the time of the call."
        )
    if decodes:
        yield (
            "tok/s counts the tokens of all sequences of a batch and contains no prefill. Bound: every byte that a "
            "step needs is read once."
        )
    for table in profiles:
        where = "GPU time" if table.device != "cpu" else "CPU self time, this machine has no GPU that was profiled,"
        yield f"Categories are {where} of {table.steps} profiled {table.engine} steps, which give no timings."
        yield from _launches(decodes, table)
        if any(between is not None for between in table.between_us):
            less = "the time that its kernels cover" if table.overlapping else "its categories"
            yield f"Between kernels: the unprofiled {table.step_engine} step less {less}."
        if table.overlapping:
            yield (
                "Overlap: a kernel starts while the one before it ends, and both are in their categories in full; the "
                "time that they share is taken off once. Floors take it off every category alike."
            )


def _launches(decodes: Sequence[ModelGroup], table: Categories) -> Iterator[str]:
    """The two numbers of launches on one page: of the timed step and of its profile, where they differ."""
    timed = {
        arm: row.launches
        for group in decodes
        if (group.axes, group.engine) == (table.axes, table.step_engine)
        for row in group.rows
        for arm in row.arms
    }
    copies: list[str] = []
    for arm, cell, found in zip(table.arms, table.total.cells, table.kernels, strict=True):
        launches = timed.get(arm)
        if cell is None or launches is None:
            continue
        if round(found.per_step) != launches:
            yield (
                f"Launches of {arm}: {grouped(launches)} kernels in the timed {table.step_engine} step, "
                f"{grouped(found.per_step)} in the profiled {table.engine} step."
            )
        if more := round(cell.launches - found.per_step):
            copies.append(f"{more} per step of {arm}")
    if copies:
        yield f"Launches of a decode are kernels; its categories also count copies and memsets: {', '.join(copies)}."


def explained_words(entry: Explained) -> str:
    """`36.9 us x 40 = 1,476 us predicted, 1,462 ± 9 us measured, -14 us left`."""
    parts = " + ".join(f"{one_name(part.name)} {number(part.saving_us)} us x {part.calls}" for part in entry.parts[:4])
    if len(entry.parts) > 4:
        parts += f" + {len(entry.parts) - 4} more"
    if entry.predicted_half_us:
        predicted = f"{grouped(entry.predicted_us)} ± {grouped(entry.predicted_half_us)} us per step predicted"
    else:
        predicted = f"{grouped(entry.predicted_us)} us per step predicted (by one profile of each arm, no interval)"
    measured = f"{grouped(entry.measured_us)} ± {grouped(entry.measured_half_us)} us measured"
    return f"{parts} = {predicted}, {measured}, {grouped(entry.left_us)} us left"
