"""A program, unchanged, in a process of its own and recorded there.

Started as `python -P -m harness.recording.program RECORDING`: the program is this process's `__main__`, and has its
standard input and output.
"""

from __future__ import annotations

import builtins
import os
import runpy
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType, ModuleType, TracebackType
from typing import NoReturn

import msgspec

from harness.programs.told import CHILDREN, Recording, Told, write_told
from harness.programs.words import PythonProgram
from harness.recording.record_session import RecordSession
from harness.recording.session import Session
from harness.values.environment import Environment

SITE = Path(__file__).parent / "site"


def main(text: str) -> NoReturn:
    recording = msgspec.json.decode(text, type=Recording)
    signal.signal(signal.SIGTERM, _end)
    Path(recording.folder, recording.flag).write_bytes(b"\0")
    site = "" if recording.calls else str(SITE)
    os.environ[CHILDREN] = text
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (site, recording.python_path)))
    session = RecordSession(recording) if recording.calls else Session(recording, leads=True)
    leave = os._exit

    def leaving(status: int) -> NoReturn:
        """`os._exit` of the program's own process: it saves the trace first."""
        if os.getpid() == started:
            _tell(recording, session, status, folder)
        leave(status)

    started, folder = os.getpid(), Path.cwd()
    os._exit = leaving
    status = _run(recording.program)
    for number in (signal.SIGTERM, signal.SIGINT):  # nothing but its trace is left to be ended
        signal.signal(number, signal.SIG_IGN)
    _tell(recording, session, status, folder)
    sys.exit(status)


def _tell(recording: Recording, session: Session | RecordSession, status: int, folder: Path) -> None:
    """folder: the one that the program was started in, which it may have left, or removed."""
    reason = session.end()
    write_told(Path(recording.told), Told(as_the_system_sees(status), reason, _environment(folder)))


def as_the_system_sees(status: int) -> int:
    """The exit status of `sys.exit(status)`, which may be True, 256 or -1."""
    return int(status) & 0xFF


def _run(program: PythonProgram) -> int:
    """Run the program as `python script.py` does; return its exit status."""
    sys.argv = [program.target, *program.arguments]
    sys.path.insert(0, os.getcwd() if program.module else str(Path(program.target).resolve().parent))
    main_module = ModuleType("__main__")
    # multiprocessing has noted the main module under both names; pickles of the program's classes look there
    sys.modules["__main__"] = sys.modules["__mp_main__"] = main_module
    try:
        if program.module:
            runpy._run_module_as_main(program.target, alter_argv=True)  # type: ignore[attr-defined]
        else:
            main_module.__dict__.update(__file__=program.target, __builtins__=builtins)
            exec(compile(Path(program.target).read_bytes(), program.target, "exec"), main_module.__dict__)
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
            return 1
        return as_the_system_sees(end.code or 0)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BaseException as error:
        traceback.print_exception(type(error), error, _of_program(error.__traceback__))
        return 1
    return 0


def _of_program(frames: TracebackType | None) -> TracebackType | None:
    """Without the frames above the program's first."""
    inner = frames
    while inner is not None and inner.tb_frame.f_code.co_filename in (__file__, runpy.__file__, "<frozen runpy>"):
        inner = inner.tb_next
    return inner or frames


def _environment(folder: Path) -> Environment | None:
    """The program's environment; None where the device cannot be queried any more: a program may leave it broken."""
    if "torch" not in sys.modules:
        return None
    from harness.device.choice import open_device
    from harness.device.environment import read_environment

    try:
        return read_environment(open_device(), folder, measure_bandwidth=False)
    except Exception:
        return None


def _end(_: int, __: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(128 + signal.SIGTERM)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:  # before the program began
        sys.exit(128 + signal.SIGINT)
