"""`--share`: push a command's measurements into the team's store when the command has ended, never before.

The push is a process of its own with a deadline: a server that is down, restarts or never replies costs one line. Runs
that did not arrive wait in the outbox of the local store for the next command that shares, or for `harness push`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from typing import Annotated

import typer

from harness.errors import HarnessError
from harness.secrets import masked

DEADLINE_S = 120.0
"""Deadline of a push after a command; runs that are not pushed by then wait."""


def share_at_the_end(context: typer.Context, share: str) -> str:
    """Called as the option is read: however the command ends, the runs that it stored are shared afterwards."""
    if share:
        context.call_on_close(partial(_share, context, share))
    return share


Share = Annotated[
    str,
    typer.Option(
        "--share", envvar="HARNESS_SHARED", callback=share_at_the_end,
        help="Push the results into this team store at the end.",
    ),
]  # fmt: skip


def _share(context: typer.Context, share: str) -> None:
    if said := push_waiting(share, str(context.params.get("store") or "")):
        print(said, file=sys.stderr)


def push_waiting(share: str, location: str) -> str:
    """Put this process's runs into the outbox and push all that wait; return the result in a line, empty where nothing
    waits."""
    from harness.store import Store, outbox

    try:
        store = Store(location)
        outbox.add_own(store)
        waiting = outbox.waiting(store)
        store.close()
        if not waiting:
            return ""
        said = _push(waiting, share, location)
        left = len(outbox.waiting(store))
    except (HarnessError, OSError) as error:
        return f"not shared: {error}"
    waits = f"{left} run waits" if left == 1 else f"{left} runs wait"
    return f"{said}; {waits}: `harness push`, or the next --share, sends the rest" if left else said


def _push(uuids: list[str], share: str, location: str) -> str:
    """Push in a process of its own, which may hang for as long as a mute server likes. The URL is passed where no list
    of processes shows it."""
    environment = {**os.environ, "HARNESS_SHARED": share, "HARNESS_STORE": location}
    command = [sys.executable, "-m", "harness", "push", *uuids]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", timeout=DEADLINE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{masked(share)}: no answer within {DEADLINE_S:.0f} s"
    said = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return said[-1] if said else f"{masked(share)}: the push ended with status {done.returncode}"
