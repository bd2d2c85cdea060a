"""`harness machines`: each machine of the store, with its speed at its newest run beside its usual speed."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.options import AsJson, Store


def command(
    match: Annotated[str, typer.Argument(help="Part of a machine's name; default: all.")] = "",
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """List machines and their health. Exit status 3: in its newest run, a machine was slower than its usual speed."""
    from harness.errors import ExitStatus, HarnessError
    from harness.machines.health import every_machine
    from harness.store import Store as RunStore
    from harness.values.machine import MachineState

    stored = RunStore(store)
    known = every_machine(stored.sniffs())
    found = [one for one in known if match.lower() in f"{one.name} {one.machine}".lower()]
    if not found:
        there = ", ".join(sorted({one.name for one in known})) or "none; `harness run SUITE` looks at its machine first"
        raise HarnessError(f"no machine {match or 'yet'} in {stored.location}; there: {there}")
    if as_json:
        from harness_reports.documents.stored import machines_text

        print(machines_text(found))
    else:
        from harness_reports.formats.console import show
        from harness_reports.formats.terminal_table import Titled
        from harness_reports.tables.health import health, remarks

        show(Titled(health(found)), *remarks(found))
    slow = any(one.state in (MachineState.SLOW, MachineState.UNUSABLE) for one in found)
    raise typer.Exit(int(ExitStatus.UNDECIDED if slow else ExitStatus.OK))
