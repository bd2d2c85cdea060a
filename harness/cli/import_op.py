"""`harness import-op`: import problems of other collections as ops."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from harness.importers.outcome import Outcome

KINDS = ("kernelbench", "flashinfer-bench", "hf-kernels", "tritonbench")


def command(
    kind: Annotated[str, typer.Argument(help="kernelbench, flashinfer-bench, hf-kernels or tritonbench.")],
    source: Annotated[str, typer.Argument(help="A problem's file, a folder of problems, or a quoted pattern.")],
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", help="File of the op, or folder for several problems; default: the current folder."
        ),
    ] = "",
    evaluate: Annotated[bool, typer.Option("--evaluate", help="Modules in evaluation mode: no dropout.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Import problems of other benchmark collections as ops.

    Each problem becomes an op file and a suite, or one line with the reason why not.

    A problem's code runs in a process of its own, never in this one; still, read the code that you import.
    """
    from harness.errors import HarnessError, allowed

    if kind not in KINDS:
        raise HarnessError(f"{kind}: unknown kind; {allowed(kind, KINDS)}")
    from harness.importers.import_ops import Runner, import_all
    from harness.importers.op_folder import refuse_existing, write_folder, write_one
    from harness.importers.outcome import Imported
    from harness.importers.problem_files import find_problems
    from harness.kernels_root import in_use

    files = find_problems(kind, source)
    single = Path(source).is_file()
    if single and out and not out.endswith(".py"):
        raise HarnessError(f"--out {out}: one problem makes one file, whose name ends in .py")
    folder = Path(out.removesuffix(".py") or "imported")
    refuse_existing(Path(out) if single and out else folder, single and bool(out), force or (single and not out))
    runner, found = Runner(in_use()), []
    try:
        for outcome in import_all(kind, files, runner.ask, evaluate):
            found.append(outcome)
            print(_line(outcome), flush=True)
            runner.next_problem()
    finally:
        runner.end()
    ops = [one for one in found if isinstance(one, Imported)]
    if len(ops) == 1 and single:
        written = write_one(ops[0], Path(out or f"{ops[0].name}.py"), force)
    elif ops:
        written = write_folder(ops, folder, force)
    else:
        written = []
    _end(found, written)


def _line(outcome: Outcome) -> str:
    from harness.importers.outcome import Imported

    if not isinstance(outcome, Imported):
        return f"refused   {outcome.source}: {outcome.reason}"
    shapes = len({str(one.dims) for one in outcome.checked})
    dtypes = ", ".join(dict.fromkeys(one.dtype for one in outcome.checked))
    state = f"not checked: {outcome.unchecked}" if outcome.unchecked else f"checked at {shapes} shapes in {dtypes}"
    return "; ".join([f"imported  {outcome.name}: {state}", *outcome.notes])


def _end(found: list[Outcome], written: list[Path]) -> None:
    from harness.errors import ExitStatus
    from harness.importers.outcome import Imported

    ops = [one for one in found if isinstance(one, Imported)]
    checked = sum(not one.unchecked for one in ops)
    print(f"{len(ops)} of {len(found)} imported, {checked} of them checked on the CPU; {len(found) - len(ops)} refused")
    if not ops:
        raise typer.Exit(ExitStatus.CASE_FAILED)
    print(f"wrote {written[0]}" + (f" and {len(written) - 1} more, {written[-1]} among them" if written[1:] else ""))
