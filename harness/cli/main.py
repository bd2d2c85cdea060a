"""`harness`: registers the commands and turns errors into one line and an exit status."""

from __future__ import annotations

import copy
import errno
import io
import os
import signal
import sys
import traceback
from types import FrameType
from typing import Annotated, NoReturn

import typer

from harness import __version__
from harness.cli import (
    accept,
    bisect,
    breakdown,
    calibrate,
    check,
    compare,
    compilers,
    confirm,
    doctor,
    explain,
    export,
    history,
    import_,
    import_op,
    init,
    machines,
    note,
    profile,
    quiet,
    record,
    report,
    run,
    schema,
    serve,
    show,
    store,
    sweep,
    track,
    try_,
)
from harness.cli import list as list_command
from harness.cli.words_after import WithProgram
from harness.errors import ExitStatus, HarnessError
from harness.plain_text import on_terminal, visible
from harness.secrets import masked

REFUSALS = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENAMETOOLONG, errno.ELOOP,
}  # fmt: skip
"""Errors that a system raises where the program may not use a file or folder; the user cannot fix any other OSError."""

app = typer.Typer(
    name="harness",
    help="Profile, time and regression-test GPU inference kernels, alone and inside a full decode.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def program(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    only_verdicts: Annotated[
        bool, typer.Option(quiet.OPTION, help="Print verdicts, summaries and errors only; also after COMMAND.")
    ] = False,
) -> None:
    ctx.call_on_close(quiet.begin(only_verdicts))
    if version:
        print(__version__)
        raise typer.Exit


app.command("accept")(accept.command)
app.command("bisect")(bisect.command)
app.command("breakdown")(breakdown.command)
app.command("calibrate")(calibrate.command)
app.command("check")(check.command)
app.command("compare", cls=WithProgram)(compare.command)
app.command("compilers")(compilers.command)
app.command("confirm")(confirm.command)
app.command("doctor")(doctor.command)
app.command("explain")(explain.command)
app.command("export")(export.command)
app.command("history")(history.command)
app.command("import")(import_.command)
app.command("import-op")(import_op.command)
app.command("init")(init.command)
app.command("list")(list_command.command)
app.command("machines")(machines.command)
app.command("note")(note.command)
app.command("profile", cls=WithProgram)(profile.command)
app.command("push")(store.push)
app.command("record", cls=WithProgram)(record.command)
app.command("report")(report.command)
app.command("run")(run.command)
app.command("schema")(schema.command)
app.command("serve")(serve.command)
app.command("show", cls=show.Command)(show.command)
app.add_typer(store.app, name="store")
app.command("sweep")(sweep.command)
app.command("track")(track.command)
app.command("try")(try_.command)


def main() -> None:
    """Run the `harness` script. SIGTERM and a closed terminal are treated as ^C: finished measurements are stored,
    workers are ended and temporary folders removed."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # nohup ignores it
        signal.signal(signal.SIGHUP, _as_interrupt)
    _write_utf_8()
    try:
        try:
            _refuse_bytes(sys.argv[1:])
            arguments = quiet.option_first(sys.argv[1:])
            _with_one_command(arguments)(arguments)
        finally:
            sys.stdout.flush()
    except HarnessError as error:
        print(f"error: {visible(str(error))}", file=sys.stderr)
        raise SystemExit(int(error.exit_status)) from None
    except OSError as error:
        if error.errno not in REFUSALS:
            _fault(error)
        where = error.filename or "a file"
        print(f"error: {visible(str(where))}: {error.strerror}", file=sys.stderr)
        raise SystemExit(int(ExitStatus.USAGE)) from None
    except Exception as error:
        _fault(error)


def _refuse_bytes(arguments: list[str]) -> None:
    """Raise HarnessError for an argument that is not UTF-8: names and notes are kept as text, in every store alike."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise HarnessError(f"{os.fsencode(argument)!r}: an argument that is not UTF-8") from None


def _with_one_command(arguments: list[str]) -> typer.Typer:
    """The program with only the called command: building the parameters of every command takes longer than reading a
    small trace. With every command where the first argument names none, for help and for messages about a wrong
    name."""
    first = [word for word in arguments if word != quiet.OPTION][:1]
    named = [command for command in app.registered_commands if command.name in first]
    if not named:
        return app
    one = copy.copy(app)
    one.registered_commands, one.registered_groups = named, []
    return one


def _fault(error: Exception) -> NoReturn:
    """Report an unforeseen error. Python's own exit status for it, 1, would mean a regression here."""
    traceback.print_exception(error)
    print("error: a bug in harness, not in your kernel; please report the lines above", file=sys.stderr)
    raise SystemExit(int(ExitStatus.FAULT)) from None


def _write_utf_8() -> None:
    """Write UTF-8 in every locale: tables contain ± and JSON is UTF-8. Under another encoding a finished run would end
    in an error while it is shown."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        line_buffering = sys.stdout.line_buffering
        sys.stdout = _Output(sys.stdout.detach(), "utf-8", "backslashreplace", line_buffering=line_buffering)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = _Errors(sys.stderr.detach(), "utf-8", "backslashreplace", line_buffering=True)


class _Output(io.TextIOWrapper):
    """Standard output or error that ends the command as shell tools end when their reader is gone (`| head`). The
    printing libraries would exit with 1, which is a regression here. A terminal gets no control characters but this
    program's own; a pipe or file gets the text unchanged."""

    def write(self, text: str) -> int:
        try:
            super().write(on_terminal(text) if self.isatty() else text)
            return len(text)
        except BrokenPipeError:
            self._end()

    def flush(self) -> None:
        try:
            super().flush()
        except BrokenPipeError:
            self._end()

    def _end(self) -> NoReturn:
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())  # what is still in the buffer
        raise SystemExit(128 + signal.SIGPIPE)


class _Errors(_Output):
    """Shows no password of a URL, which may have been given in a wrong place."""

    def write(self, text: str) -> int:
        super().write(masked(text))
        return len(text)


def _as_interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
