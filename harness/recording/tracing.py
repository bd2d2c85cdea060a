"""torch's profiler over a window of this process, and its traces."""

from __future__ import annotations

import json
import os
import threading
import warnings
from pathlib import Path
from typing import Any

import torch
from torch.autograd.profiler import record_function
from torch.profiler import ProfilerActivity, profile, supported_activities

OWN_PROFILER = "no trace: it runs torch's profiler itself; `harness breakdown` reads the trace that it writes"
MARK = "ProfilerStep#{}"
"""The name by which every reader of traces knows a step."""


class Tracing:
    """Opens and closes the profiler for all threads. A profiler that the program itself starts would end this one
    unnoticed; it is left alone."""

    def __init__(self, folder: Path, stem: str, cpu_only: bool = False) -> None:
        """Its traces are `stem.PID.1.json` and so on in the folder. cpu_only: CUPTI is not used."""
        self._folder, self._stem = folder, stem
        self._cpu_only = cpu_only
        self._profile: Any = None
        self._mark: Any = None
        self._start = profile.start
        self._said = False
        self._lock = threading.RLock()
        self.taken = False
        """Whether the program runs the profiler itself."""
        self.written = 0
        self.problem = ""
        self._watch_profilers()
        if torch.distributed.is_available():
            self._watch_process_group()

    @property
    def is_open(self) -> bool:
        return self._profile is not None

    def open(self) -> None:
        with self._lock:
            if self._profile is not None or self.taken:
                return
            os.environ.setdefault("TEARDOWN_CUPTI", "0")  # replaying a graph after CUPTI was torn down has crashed
            every_thread = torch._C._profiler._ExperimentalConfig(profile_all_threads=True)
            activities = {ProfilerActivity.CPU} if self._cpu_only else supported_activities()
            found = profile(activities=activities, experimental_config=every_thread)
            self._said = self._has_group()  # then torch says it itself
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of cycles, of which there is one
                self._start(found)
            self._profile = found

    def prepare(self) -> None:
        """Start the profiler once in the thread that imported torch, as it requires before another thread may."""
        first = profile(activities={ProfilerActivity.CPU})
        self._start(first)
        first.stop()

    def mark(self, step: int) -> None:
        """Mark the begin of a step and the end of the one before."""
        self.unmark()
        if self._profile is not None:
            self._mark = record_function(MARK.format(step))
            self._mark.__enter__()

    def unmark(self) -> None:
        if self._mark is not None:
            self._mark.__exit__(None, None, None)
            self._mark = None

    def close(self) -> None:
        """Write the trace, all of it or nothing; the reason for a failure is in `problem`."""
        with self._lock:
            if self._profile is None:
                return
            self.unmark()
            self._say_group()
            found, self._profile = self._profile, None
            try:
                if torch.cuda.is_available() and torch.cuda.is_initialized() and not self._cpu_only:
                    torch.cuda.synchronize()  # what is launched belongs to it
                found.stop()
                path = self._folder / f"{self._stem}.{os.getpid()}.{self.written + 1}.json"
                part = path.with_suffix(".part")
                found.export_chrome_trace(str(part))
                part.replace(path)
                self.written += 1
            except Exception as error:  # whatever the program left the profiler in
                self.problem = f"no trace: {type(error).__name__}: {error}"

    def abandon(self) -> bool:
        """In a forked child: end the recording that the parent began. Return False where only the parent could: CUPTI's
        threads do not exist here."""
        self._lock = threading.RLock()
        self._cpu_only = True  # a forked child has no CUDA, whatever its parent has
        self._mark, self.written, self.problem, self._said = None, 0, "", False
        found, self._profile = self._profile, None
        if found is None:
            return True
        if ProfilerActivity.CUDA in found.activities:
            return False
        found.stop()
        return True

    def _watch_profilers(self) -> None:
        def started(other: Any) -> None:
            with self._lock:
                self.taken = True
                if self._profile is not None:
                    self.unmark()
                    self._profile.stop()
                    self._profile = None
            self._start(other)

        profile.start = started  # type: ignore[assignment,method-assign]

    def _watch_process_group(self) -> None:
        """torch records the rank of this process only where the process group exists when the profiler starts; most
        programs create it later, and destroy it before they end."""
        destroy = torch.distributed.destroy_process_group

        def destroyed(*args: Any, **options: Any) -> None:
            self._say_group()
            destroy(*args, **options)

        torch.distributed.destroy_process_group = destroyed

    def _has_group(self) -> bool:
        return torch.distributed.is_available() and torch.distributed.is_initialized()

    def _say_group(self) -> None:
        if self._profile is not None and not self._said and self._has_group():
            self._said = True
            self._profile.add_metadata_json("distributedInfo", json.dumps(self._profile._get_distributed_info()))
