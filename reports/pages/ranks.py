"""Ranks of one job in words, and on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from harness.values.profile import Profile
from harness.values.ranks import NOT_YET, Job

from ..figures import clean, percent, plural
from ..figures import milliseconds as ms
from ..tables.ranks import causes, collectives, kind_words, lacking_words, late, op_words, ranks, steady

if TYPE_CHECKING:
    from rich.console import RenderableType


def render(job: Job, profiles: Sequence[Profile], top: int = 12) -> RenderableType:
    """Render headline, the late rank, a line for each rank, causes, collectives, and remarks on the data."""
    from rich.console import Group
    from rich.text import Text

    from ..formats.terminal_table import Shown

    parts: list[RenderableType] = [Text(" · ".join(facts(job, profiles))), Text(verdict(job)), ""]
    parts.append(Shown(ranks(job)))
    for table in (causes(job), steady(job), collectives(job), late(job)):
        if table.rows and top:
            parts += ["", Shown(table.first(top, lambda left: f"and {len(left):,} more (--top)"))]
    parts.append("")
    parts += [Text(f"{head:<15}{words}") for head, words in remarks(job, profiles)]
    return Group(*parts, Text())


def facts(job: Job, profiles: Sequence[Profile]) -> Iterator[str]:
    world = f", world size {job.world_size:,}" if job.world_size else ""
    yield f"{plural(len(job.ranks), 'rank')} of one job"
    yield f"{clean(job.backend) or 'backend not said'}{world}"
    yield "GPU time" if job.device == "cuda" else "CPU time of ops (the traces have no GPU rows)"
    yield plural(sum(profile.events for profile in profiles), "event")


def verdict(job: Job) -> str:
    """One sentence: the rank that others waited for, how long, and why."""
    worst = job.straggler
    if not any(row.matched for row in job.ranks):
        return "No collective is in two ranks: nobody can be told to wait for another."
    if worst is None:
        return "No rank waited for another."
    total = sum(row.held_up_ns for row in job.ranks)
    words = (
        f"rank {worst.rank} was late: last in {worst.came_last:,} of {plural(worst.matched, 'collective')}, the others"
        f" waited {ms(worst.held_up_ns)} ms for it ({percent(worst.held_up_ns / total)} of all waiting)"
    )
    why = next((row for row in job.causes if row.rank == worst.rank and row.cause not in ("", NOT_YET)), None)
    if why is not None:
        words += f"; {op_words(why.cause)} took {why.excess_ns / why.times / 1e3:,.1f} us longer than on the others"
    return f"{words}.{_steadily(job)}"


def _steadily(job: Job) -> str:
    """The rank that is late every time, as opposed to one that other work on the machine held up."""
    if not job.steady or not job.steady[0].late:
        return ""
    row = job.steady[0]
    words = (
        f" Before each {kind_words(row.kind)} rank {row.rank} takes {row.later_ns / 1e3:,.1f} us longer"
        f" [{row.low_ns / 1e3:,.1f}, {row.high_ns / 1e3:,.1f}]"
    )
    return f"{words}{f', of which {op_words(row.cause)} {row.cause_ns / 1e3:,.1f} us' if row.cause else ''}."


def remarks(job: Job, profiles: Sequence[Profile]) -> Iterator[tuple[str, str]]:
    yield "recognised", f"as ranks by {job.recognised}"
    if job.absent:
        shown = ", ".join(map(str, job.absent[:8])) + (", ..." if len(job.absent) > 8 else "")
        yield "absent", f"no trace of {plural(len(job.absent), 'rank')} of {job.world_size:,}: {shown}"
    fitted = [clock for clock in job.clocks[1:] if clock.pairs]
    if fitted:
        median = max(clock.error_ns for clock in fitted) / 1e3
        most = max(clock.error_95_ns for clock in fitted) / 1e3
        yield (
            "clocks",
            (
                f"aligned by the ends of {plural(min(clock.pairs for clock in fitted), 'collective')} or more; after"
                f" that ends differ by {median:,.1f} us (median of the worst rank), {most:,.1f} us (95 %)"
            ),
        )
    for clock in job.clocks[1:]:
        if not clock.pairs:
            yield "clocks", f"rank {clock.rank} shares no collective with the others: its clock is taken as it is"
    if job.calls and not any(row.kind.group for row in job.calls):
        yield "matched", "by type and order: the traces name no process groups"
    for lacked in job.lacking:
        yield "lacking", lacking_words(lacked)
    if job.not_charged_ns:
        yield "begin", f"{ms(job.not_charged_ns)} ms of waiting are for ranks whose trace begins later: charged to none"
    if job.unmatched:
        yield (
            "unmatched",
            f"{plural(job.unmatched, 'collective')} without a partner (one rank alone, or the other end is not known)",
        )
    if job.looked_at < sum(row.count for row in job.calls if row.wait_ns):
        yield "explained", f"the {plural(job.looked_at, 'longest wait')}"
    for row, profile in zip(job.ranks, profiles, strict=True):
        for name, count in profile.data_quality.items():
            yield "data quality", f"rank {row.rank}: {clean(name).replace('_', ' ')}: {count:,}"
