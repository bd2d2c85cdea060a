"""How many public problems `harness import-op` makes ops of, why it refuses others, and whether planted mistakes show.

Usage: python -m benchmarks.imported_problems KIND=SOURCE ... [--plant N]

SOURCE is a folder of problems, such as a clone of ScalingIntelligence/KernelBench (`kernelbench=KernelBench/level1`),
flashinfer-ai/flashinfer-bench, NVIDIA/SOL-ExecBench, huggingface/kernels-community or meta-pytorch/tritonbench. Prints
Markdown: a row for each source, the reasons of the refusals, and, for N ops of each source, evenly chosen, how many of
the wrong variants of `benchmarks/planted_mistakes.py` were found. Exit status 1 where one was not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.planted_mistakes import with_mistakes
from harness.importers.import_ops import Runner, import_all
from harness.importers.messages import CheckOp, OpChecked
from harness.importers.outcome import Imported, NotImported, Outcome, Refused
from harness.importers.problem_files import find_problems
from harness.kernels_root import in_use

HEAD = (
    "| source | revision | problems | imported | checked on a CPU | refused | mistakes planted | found |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|"
)


def revision(source: str) -> str:
    """The commit of the clone that a source lies in; empty outside of one."""
    folder = source if Path(source).is_dir() else str(Path(source).parent)
    found = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip()[:12]


def imported(kind: str, source: str, runner: Runner) -> list[Outcome]:
    found = []
    for outcome in import_all(kind, find_problems(kind, source), runner.ask):
        found.append(outcome)
        runner.next_problem()
        said = outcome.name if isinstance(outcome, Imported) else f"{outcome.source}: {outcome.reason}"
        print(f"{len(found)}: {said}", file=sys.stderr)
    return found


def survivors(op: Imported, runner: Runner) -> tuple[int, list[str]]:
    """How many mistakes were planted in an op, and those that no small shape of it showed."""
    text, mistakes = with_mistakes(op.text)
    small = tuple({tuple(one.dims.items()): one.dims for one in op.checked if one.dtype == op.dtype}.values())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{op.name}_planted.py"
        file.write_text(text, encoding="utf-8")
        job = CheckOp(file.stem, str(file), tuple(mistakes), (op.dtype,), small)
        try:
            answer: OpChecked = runner.ask(job, OpChecked)
        except NotImported as death:
            return len(mistakes), [f"{op.name}: {death}"]
    found = {one.variant for one in answer.checked if one.wrong}
    return len(mistakes), [f"{op.name}: {what}" for name, what in mistakes.items() if name not in found]


def chosen(ops: list[Imported], count: int) -> list[Imported]:
    """So many, evenly from the first to the last."""
    known = [op for op in ops if op.checked]
    step = max(1, len(known) // max(1, count))
    return known[::step][:count]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+", metavar="KIND=SOURCE")
    parser.add_argument("--plant", type=int, default=20)
    asked = parser.parse_args()
    runner, missed = Runner(in_use()), []
    reasons: Counter[str] = Counter()
    print(HEAD, flush=True)
    for word in asked.sources:
        kind, _, source = word.partition("=")
        found = imported(kind, source, runner)
        ops = [one for one in found if isinstance(one, Imported)]
        planted = [survivors(op, runner) for op in chosen(ops, asked.plant)]
        count, left = sum(n for n, _ in planted), [line for _, lines in planted for line in lines]
        missed += left
        refused = [one for one in found if isinstance(one, Refused)]
        reasons.update(f"{kind}: {one.reason.partition(':')[0]}" for one in refused)
        checked = sum(bool(op.checked) for op in ops)
        print(
            f"| {kind}: {Path(source).name} | {revision(source)} | {len(found)} | {len(ops)} | {checked}"
            f" | {len(refused)} | {count} in {len(planted)} ops | {count - len(left)} |", flush=True,
        )  # fmt: skip
    runner.end()
    print("\n| refused because | problems |\n|---|---:|")
    print("\n".join(f"| {reason} | {count} |" for reason, count in reasons.most_common()))
    print("\n" + "\n".join(f"NOT FOUND   {line}" for line in missed) if missed else "\nevery planted mistake was found")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
