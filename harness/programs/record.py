"""A program whose calls are recorded, from its start to its op files."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from harness.errors import CaseFailed, HarnessError
from harness.programs.child import Ended, record_calls
from harness.programs.op_files import write_ops
from harness.programs.place import Place
from harness.programs.told import Calls
from harness.programs.window import Window
from harness.programs.words import PythonProgram
from harness.values.recorded import Recorded


def record_program(
    program: PythonProgram, place: Place, window: Window, calls: Calls, out: Path, force: bool
) -> tuple[Recorded, dict[str, str], Ended]:
    """Return three things: the recorded calls; by name, the reason why an op has no file; the ending of the program.

    Raises CaseFailed where nothing was recorded, with the program's own status where that is not 0.
    """
    place.folder.mkdir(parents=True, exist_ok=True)
    try:
        said, ended = record_calls(program, place, window, calls)
        found = _read(place)
        if found is None or not found.ops:
            why = said.failure if found is None else NOTHING
            raise _failed(f"{why}" if not ended.status or found is None else f"{said.failure}; {why}", ended)
        tensors = {op.name: place.folder / f"{place.stem(place.rank)}.{op.name}.pt" for op in found.ops}
        return found, write_ops(found, tensors, out, force), ended
    finally:
        shutil.rmtree(place.folder, ignore_errors=True)


NOTHING = "nothing recorded: no Triton launch, no custom op, no chosen module was called"


def _failed(why: str, ended: Ended) -> HarnessError:
    error = CaseFailed(why)
    if ended.status:
        error.exit_status = ended.shell_status  # type: ignore[assignment]  # the program's own
    return error


def _read(place: Place) -> Recorded | None:
    path = place.folder / f"{place.stem(place.rank)}.recorded"
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Recorded)
    except msgspec.DecodeError as error:
        raise HarnessError(f"{path}: cannot be read: {error}") from error
