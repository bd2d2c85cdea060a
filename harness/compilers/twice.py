"""Compiles what took too long to compile once more. Other work on the machine changes processor time by half, so the
faster of two times is judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from harness.compilers.judge import slower_to_compile
from harness.compilers.versions import Compiler
from harness.runner.static_side import CompileReply, CompileRequest
from harness.values.compiled import Compiled

AGAIN = "again"
"""Folder of a compiler's second results: a later run finds both times."""
Place = tuple[str, str]
"""Target and id of a case."""
Found = dict[Place, Compiled]


def timed_twice(
    found: dict[str, Found], compilers: Sequence[Compiler], base: str, asked: CompileRequest, tree: Path,
    compile_with: Callable[[Compiler, CompileRequest, Path], CompileReply],
) -> dict[str, Found]:  # fmt: skip
    """The results by version, those whose compile time would gate with the faster of two times; also the base's."""
    doubtful = {
        name: {place for place, own in by_place.items() if _is_slower(found[base].get(place), own)}
        for name, by_place in found.items()
        if name != base
    }
    doubtful[base] = set().union(*doubtful.values())
    for compiler in compilers:
        places = doubtful[compiler.name]
        if not places:
            continue
        targets = tuple(target for target in asked.targets if any(place[0] == target for place in places))
        cases = tuple(case for case in asked.cases if any(place[1] == case.id for place in places))
        second = msgspec.structs.replace(compiler, folder=compiler.folder / AGAIN)
        reply = compile_with(second, msgspec.structs.replace(asked, cases=cases, targets=targets), tree)
        again = {(target, one.case.id): one for target, several in reply.compiled.items() for one in several}
        found = {**found, compiler.name: _faster(found[compiler.name], again, places)}
    return found


def _is_slower(base: Compiled | None, own: Compiled) -> bool:
    return base is not None and bool(slower_to_compile(base, own))


def _faster(first: Found, again: Found, places: set[Place]) -> Found:
    """The first results, with the second time where that is less. A second result that took a binary over has none."""
    found = dict(first)
    for place in places:
        if (second := again.get(place)) is not None and second.stages_s and not second.shared:
            found[place] = msgspec.structs.replace(first[place], cpu_s=min(first[place].cpu_s, second.cpu_s))
    return found
