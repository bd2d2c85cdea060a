"""A program whose calls are recorded: the choice of steps, and the results on disk."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.programs.told import Recording
from harness.recording.when_imported import when_imported
from harness.values.recorded import Recorded, RecordedOp, RecordedTensor, RecordedValue, main_dtype

if TYPE_CHECKING:
    from harness.recording.launches import Launches
    from harness.recording.op_calls import ModuleCalls, OpCalls
    from harness.recording.reservoir import Called, Reservoir
    from harness.recording.steps import StepWatch

NO_TORCH = "nothing recorded: it never imported torch"
MIB = 1 << 20


class RecordSession:
    """Watches every call before the first step, and in a program without steps; then sampled steps only. After the last
    of those it leaves no overhead in the program."""

    def __init__(self, recording: Recording) -> None:
        assert recording.calls is not None
        self._recording, self._asked, self._window = recording, recording.calls, recording.window
        self._reservoir: Reservoir | None = None
        self._steps: StepWatch | None = None
        self._watched: list[OpCalls | ModuleCalls | Launches] = []
        self._sampled = 0
        self._looking = self._in_step = self._ended = False
        self._reason = ""
        when_imported("torch", self._begin)
        when_imported("triton", self._watch_launches)

    def _begin(self) -> None:
        from harness.recording.launches import Launches
        from harness.recording.op_calls import ModuleCalls, OpCalls
        from harness.recording.reservoir import Reservoir
        from harness.recording.steps import StepWatch

        self._reservoir = Reservoir(self._asked.samples, self._asked.megabytes * MIB)
        self._steps = steps = StepWatch(self._window.name, self._step_began, lambda _: self._look(False))
        modules = ModuleCalls(self._reservoir, self._asked.modules, lambda: steps.outermost)
        launches = Launches(self._reservoir, lambda: self._in_step)
        self._watched = [OpCalls(self._reservoir), modules, launches]
        self._steps.start()
        self._look(True)

    def _watch_launches(self) -> None:
        import torch  # noqa: F401  begins what is not begun yet

        for watched in self._watched if self._looking else ():
            watched.start()

    def _step_began(self, number: int) -> None:
        if not self._in_step and self._reservoir is not None:
            self._in_step = True  # what came before the first step is no call of a step
            self._reservoir.forget_calls()
        since = number - self._window.after
        over = bool(self._window.steps) and self._sampled >= self._window.steps
        wanted = since >= 0 and since % self._asked.every == 0 and not over
        self._sampled += wanted
        self._look(wanted)
        if over and self._steps is not None and not self._window.name:
            self._steps.stop()

    def _look(self, wanted: bool) -> None:
        if wanted == self._looking:
            return
        self._looking = wanted
        for watched in self._watched:
            if wanted:
                watched.start()
            else:
                watched.stop()

    def end(self) -> str:
        """Write the records; return the reason why there are none, "" where there are some."""
        if self._ended:
            return self._reason
        self._ended = True
        if self._reservoir is None or self._steps is None:
            self._reason = NO_TORCH
            return self._reason
        self._look(False)
        self._steps.stop()
        folder = Path(self._recording.folder)
        names: dict[str, int] = {}
        ops = tuple(self._write(one, folder, names) for one in self._reservoir.found.values() if one.cases)
        beyond = {one.called: one.beyond for one in self._reservoir.found.values() if one.beyond}
        words = self._recording.program.words
        found = Recorded(words, ops, self._sampled if self._in_step else 0, self._steps.count, beyond)
        (folder / f"{self._recording.stem}.recorded").write_bytes(msgspec.json.encode(found))
        return ""

    def _write(self, one: Called, folder: Path, names: dict[str, int]) -> RecordedOp:
        import torch

        from harness.recording.module_pickle import packed

        base = re.sub(r"\W+", "_", one.called.rpartition("<locals>.")[2]).strip("_").lower()
        names[base] = names.get(base, 0) + 1
        name = base if names[base] == 1 else f"{base}_{names[base]}"
        cases = tuple(case.record() for case in one.cases.values())
        weights = tuple(part for part in one.parameters if part.startswith("weight "))
        reason, about = "", one.about
        content: dict[str, Any] = {"dtype": main_dtype(cases[0].arguments.values()), "cases": {}}
        for case, recorded in zip(one.cases.values(), cases, strict=True):
            tensors = {
                n: msgspec.to_builtins(v) for n, v in recorded.arguments.items() if isinstance(v, RecordedTensor)
            }
            values = {n: v.value for n, v in recorded.arguments.items() if isinstance(v, RecordedValue)}
            content["cases"][case.number] = {"tensors": tensors, "values": values, "samples": case.samples}
        if one.kind == "module":
            try:
                content |= packed(about)
            except Exception as error:  # whatever somebody's module holds
                reason = f"cannot be taken out of the program: {type(error).__name__}: {error}"
            about = type(about)
        elif about is None:
            reason = "its implementation is not Python"
        if one.outputs is None:
            reason = reason or "it returns something else than tensors"
        torch.save(content, folder / f"{self._recording.stem}.{name}.pt")
        file, qualname, package = ("", "", "") if about is None else _place(about)
        if "<locals>" in qualname:
            reason = reason or f"{qualname} is defined inside of a function"
        return RecordedOp(
            name, one.kind, one.called, file, qualname, package, one.parameters, tuple(sorted(one.written)), cases,
            weights, one.outputs or 0, reason,
        )  # fmt: skip


def _place(about: Any) -> tuple[str, str, str]:
    """The file, the name in it, and the module to import it from where the file is part of a package."""
    module = sys.modules.get(about.__module__)
    try:
        file = inspect.getsourcefile(about) or ""
    except TypeError:
        file = getattr(module, "__file__", "") or ""
    package = about.__module__ if getattr(module, "__package__", "") and about.__module__ != "__main__" else ""
    return str(Path(file).resolve()) if file else "", about.__qualname__, package
