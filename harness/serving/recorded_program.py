"""A program, unchanged, under torch's profiler from its first line to its last, in a process of its own.

Started as `python -P -m harness.serving.recorded_program RECORDING`: the program is this process's `__main__`, and has
its standard input and output.
"""

from __future__ import annotations

import builtins
import json
import os
import runpy
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType, ModuleType, TracebackType
from typing import Any, NoReturn

import msgspec
import torch
from torch.profiler import profile, supported_activities

from harness.programs.told import Recording, Told, write_told
from harness.programs.words import PythonProgram
from harness.values.environment import Environment

OWN_PROFILER = "no trace: it runs torch's profiler itself; `harness breakdown` reads what that writes"


class Recorder:
    """torch's profiler around a program. One that the program starts itself would end it unseen."""

    def __init__(self) -> None:
        self._profile = profile(activities=supported_activities())
        self.taken = False
        """Whether the program runs the profiler itself."""
        self._said = False

    def start(self) -> None:
        os.environ.setdefault("TEARDOWN_CUPTI", "0")  # replaying a graph after CUPTI was torn down has crashed
        self._profile.start()
        self._watch_profilers()
        if torch.distributed.is_available():
            self._watch_process_group()

    def stop(self, path: Path) -> None:
        """Writes the trace, all of it or nothing."""
        if self.taken:
            return
        self._say_group()
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            torch.cuda.synchronize()  # what is launched belongs to it
        self._profile.stop()
        part = path.with_suffix(".part")
        self._profile.export_chrome_trace(str(part))
        part.replace(path)

    def _watch_profilers(self) -> None:
        start = profile.start

        def started(other: Any) -> None:
            if not self.taken:
                self.taken = True
                self._profile.stop()
            start(other)

        profile.start = started  # type: ignore[assignment,method-assign]

    def _watch_process_group(self) -> None:
        """torch says which rank this is where the process group is there when the profiler starts; here it never is,
        and most programs destroy it before they end."""
        destroy = torch.distributed.destroy_process_group

        def destroyed(*args: Any, **options: Any) -> None:
            self._say_group()
            destroy(*args, **options)

        torch.distributed.destroy_process_group = destroyed

    def _say_group(self) -> None:
        there = torch.distributed.is_available() and torch.distributed.is_initialized()
        if there and not self._said and not self.taken:
            self._said = True
            self._profile.add_metadata_json("distributedInfo", json.dumps(self._profile._get_distributed_info()))


def main(text: str) -> NoReturn:
    recording = msgspec.json.decode(text, type=Recording)
    signal.signal(signal.SIGTERM, _end)
    recorder, reason = Recorder(), ""
    recorder.start()
    status = _run(recording.program)
    for number in (signal.SIGTERM, signal.SIGINT):  # nothing but its trace is left to be ended
        signal.signal(number, signal.SIG_IGN)
    try:
        recorder.stop(Path(recording.trace))
    except Exception as error:  # whatever the program left the profiler in
        reason = f"no trace: {type(error).__name__}: {error}"
    reason = OWN_PROFILER if recorder.taken else reason
    write_told(Path(recording.told), Told(status, reason, _environment()))
    sys.exit(status)


def _run(program: PythonProgram) -> int:
    """As `python script.py` does; its exit status."""
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
        return end.code or 0
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


def _environment() -> Environment | None:
    """Where it ran; None where the device cannot be asked any more: a program may leave it broken."""
    from harness.device.choice import open_device
    from harness.device.environment import read_environment

    try:
        return read_environment(open_device(), Path.cwd(), measure_bandwidth=False)
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
