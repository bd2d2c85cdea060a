"""`harness`: registers the commands and turns errors into one line and an exit status."""

from __future__ import annotations

import errno
import io
import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from harness import __version__
from harness.cli import (
    breakdown,
    calibrate,
    check,
    compare,
    doctor,
    export,
    history,
    import_,
    note,
    profile,
    report,
    run,
    schema,
    show,
    sweep,
    try_,
)
from harness.cli import list as list_command
from harness.errors import ExitStatus, HarnessError

REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}
"""What a system says of a file or folder that the program may not have, wherever it asks; no other OSError is the
user's to mend."""

app = typer.Typer(
    name="harness",
    help="Profiles, times and compares GPU inference kernels and the decode that they make up.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def program(version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
    if version:
        print(__version__)
        raise typer.Exit


app.command("breakdown")(breakdown.command)
app.command("calibrate")(calibrate.command)
app.command("check")(check.command)
app.command("compare")(compare.command)
app.command("doctor")(doctor.command)
app.command("export")(export.command)
app.command("history")(history.command)
app.command("import")(import_.command)
app.command("list")(list_command.command)
app.command("note")(note.command)
app.command("profile")(profile.command)
app.command("report")(report.command)
app.command("run")(run.command)
app.command("schema")(schema.command)
app.command("show", cls=show.Command)(show.command)
app.command("sweep")(sweep.command)
app.command("try")(try_.command)


def main() -> None:
    """Entry point of the `harness` script. SIGTERM is taken as ^C: what was measured is stored, workers are ended."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    _write_utf_8()
    try:
        app()
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(int(error.exit_status)) from None
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        where = error.filename or "a file"
        print(f"error: {where}: {error.strerror}", file=sys.stderr)
        raise SystemExit(int(ExitStatus.USAGE)) from None


def _write_utf_8() -> None:
    """Whatever the locale: a table has a ± in it and JSON is UTF-8, and under another encoding a finished run would end
    in an error while it is shown."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")


def _as_interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
