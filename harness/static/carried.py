"""Takes over a static sweep made elsewhere: configurations pruned there are not tried again here."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.errors import HarnessError
from harness.static.results import Results, sources, toolchain
from harness.static.target import parse_target
from harness.suite.catalogue import kernels_of
from harness.values.compiled import Compiled
from harness.values.measurement import Status
from harness.values.static_sweep import PRUNED
from harness.values.suite import Plan


class Row(msgspec.Struct, frozen=True):
    """The fields read from a configuration of `sweep --compile-only --json`."""

    id: str
    op: str
    variant: str
    status: Status
    reason: str


class Document(msgspec.Struct, frozen=True):
    """The fields read from `sweep --compile-only --json`."""

    schema: int
    compile_only: bool
    target: str
    toolchain: str
    limit_s: float
    sources: dict[str, str]
    configurations: tuple[Row, ...]


def accept(file: Path, plan: Plan, target: str, folder: Path | None = None) -> int:
    """Add the pruned configurations of `file` to this machine's results; return how many of them are cases of the plan.

    Raises HarnessError (one line) for a file that is no such JSON, and where the target, the toolchain or a variant's
    source differs. A configuration that did not fit or took too long there then proves nothing here.
    """
    document = _read(file)
    target = parse_target(target).name
    here = _compiler(toolchain(target))
    if document.target != target:
        raise HarnessError(f"{file}: compiled for {document.target}, the target here is {target}")
    if _compiler(document.toolchain) != here:
        raise HarnessError(f"{file}: compiled by {_compiler(document.toolchain)}, here is {here}")
    known = {row.id: row for row in document.configurations if row.status in PRUNED}
    pruned = [case for case in plan.cases if case.id in known]
    for place, source in sources(pruned, kernels_of(plan.suite)).items():
        if document.sources.get(place) != source:
            raise HarnessError(f"{file}: {place}: its source is another one here")
    results = Results(target, plan.suite.folder, folder, Path(plan.suite.kernels_root))
    for case in pruned:
        results.save(Compiled(case, known[case.id].status, known[case.id].reason), document.limit_s)
    return len(pruned)


def _read(file: Path) -> Document:
    try:
        document = msgspec.json.decode(file.read_bytes(), type=Document)
    except OSError as error:
        raise HarnessError(f"{file}: cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise HarnessError(f"{file}: not the JSON of `harness sweep --compile-only --json`: {error}") from error
    if document.schema != 1:
        raise HarnessError(f"{file}: schema {document.schema}; allowed: 1")
    return document


def _compiler(text: str) -> str:
    """The toolchain text without torch, which takes no part in compiling a kernel."""
    return "; ".join(part for part in text.split("; ") if not part.startswith("torch "))
