"""The faster of two compile times is judged, and only cells whose time would gate are compiled again."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.compilers.judge import slower_to_compile
from harness.compilers.twice import AGAIN, timed_twice
from harness.compilers.versions import Compiler
from harness.runner.static_side import CompileReply, CompileRequest
from tests.compilers.test_judge import compiled

OLD, NEW = (Compiler(name, name, "index", None, Path("/cache", name)) for name in ("3.7.1", "3.9.0"))


@pytest.mark.parametrize(("second", "gates"), [(1.2, False), (4.0, True)])
def test_a_cell_gates_by_the_faster_of_both_tries(second: float, gates: bool) -> None:
    asked: list[tuple[str, Path, tuple[str, ...]]] = []

    def compile_with(compiler: Compiler, request: CompileRequest, _: Path) -> CompileReply:
        asked.append((compiler.name, compiler.folder, request.targets))
        cpu_s = second if compiler.name == NEW.name else 1.1
        return CompileReply({target: (compiled(cpu_s),) for target in request.targets})

    case = compiled().case
    found = {
        name: {(target, case.id): compiled(times[target]) for target in times}
        for name, times in {
            OLD.name: {"sm_80": 1.0, "sm_90": 1.0}, NEW.name: {"sm_80": 1.1, "sm_90": 3.0},
        }.items()
    }  # fmt: skip
    request = CompileRequest((case,), ("sm_80", "sm_90"), "", "")
    now = timed_twice(found, [OLD, NEW], OLD.name, request, Path(), compile_with)
    assert asked == [(one.name, one.folder / AGAIN, ("sm_90",)) for one in (OLD, NEW)]
    place = ("sm_90", case.id)
    assert bool(slower_to_compile(now[OLD.name][place], now[NEW.name][place])) is gates
    assert now[OLD.name][place].cpu_s == 1.0 and now[NEW.name]["sm_80", case.id].cpu_s == 1.1


def test_nothing_is_compiled_again_where_no_time_gates() -> None:
    case = compiled().case
    found = {one.name: {("sm_90", case.id): compiled(1.0)} for one in (OLD, NEW)}
    request = CompileRequest((case,), ("sm_90",), "", "")
    assert timed_twice(found, [OLD, NEW], OLD.name, request, Path(), lambda *_: CompileReply()) == found
