"""Problems to op files: read here, run and checked in a worker that is replaced where a problem kills it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.importers import flashinfer_bench, hf_kernels, kernelbench, module_op_file, tritonbench
from harness.importers.messages import (
    MOST_S,
    CheckOp,
    InputKinds,
    ModuleFacts,
    OpChecked,
    OpFacts,
    ProbeInputs,
    ProbeModule,
    ProbeOp,
)
from harness.importers.outcome import Imported, NotImported, Outcome, Refused
from harness.worker.launch import worker_environment
from harness.worker.messages import Awake
from harness.worker.process import WorkerDied, WorkerProcess

SERVICE = "harness.serving.import_problems"
START_LIMIT_S = 120.0
"""Limit for the start of a process, which imports torch."""
PROBLEMS_A_WORKER = 40
"""Problems per process, since a process keeps all its imports."""
Ask = Callable[[Any, Any], Any]
"""A function from a job and the type of its answer to the answer."""


class Runner:
    """Sends jobs to a worker on the CPU, and starts another one for the next problem where it died or hung."""

    def __init__(self, kernels_root: Path, limit_s: float = MOST_S) -> None:
        self._kernels_root, self._limit_s = kernels_root, limit_s
        self._worker: WorkerProcess | None = None
        self._asked = 0

    def ask(self, job: object, kind: Any) -> Any:
        """Raises NotImported where the worker dies of the job, or stays silent beyond the limit."""
        if self._worker is None:
            environment = worker_environment() | {"CUDA_VISIBLE_DEVICES": ""}
            self._worker = WorkerProcess(
                SERVICE, kernels_root=str(self._kernels_root), environment=environment, own_session=True,
                silence="runs for more than {:.0f} s on this CPU",
            )  # fmt: skip
            self._worker.hear(Awake, START_LIMIT_S)
        try:
            [answer] = self._worker.ask(job, kind, self._limit_s)
        except WorkerDied as death:
            self.end()
            raise NotImported(death.reason) from death
        return answer

    def next_problem(self) -> None:
        self._asked += 1
        if self._asked % PROBLEMS_A_WORKER == 0:
            self.end()

    def end(self) -> None:
        if self._worker is not None:
            self._worker.close()
        self._worker = None


def import_all(kind: str, files: Sequence[Path], ask: Ask, evaluate: bool = False) -> Iterator[Outcome]:
    """An outcome for each problem. ask: `Runner.ask`, or the same in this process. evaluate: modules in evaluation
    mode."""
    names: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            try:
                for one in _import(kind, file, evaluate, ask):
                    checked = _checked(_named(one[0], names), *one[1:], ask, Path(folder))
                    names.add(checked.name)
                    yield checked
            except NotImported as reason:
                yield Refused(str(file), str(reason))


Draft = tuple[Imported, tuple[dict[str, int], ...], tuple[str, ...], ProbeModule | None]
"""An unchecked op, the small shapes and dtypes for its check, and the module that it was made of."""


def _import(kind: str, file: Path, evaluate: bool, ask: Ask) -> Iterator[Draft]:
    if kind == "kernelbench":
        yield _module(file, evaluate, ask)
    elif kind == "flashinfer-bench":
        yield _definition(file, ask)
    elif kind == "hf-kernels":
        yield from _benchmarks(file, ask)
    else:
        yield _operator(file, ask)


def _module(file: Path, evaluate: bool, ask: Ask) -> Draft:
    problem = kernelbench.read_problem(file)
    probe = ProbeModule(problem.core, str(file), problem.dims, evaluate)
    facts: ModuleFacts = ask(probe, ModuleFacts)
    if facts.refused:
        raise NotImported(facts.refused)
    dtypes = ("float32",) if facts.slow else ("float32", "bfloat16")
    return module_op_file.write_op(problem, facts, evaluate), module_op_file.small_shapes(facts), dtypes, probe


def _definition(file: Path, ask: Ask) -> Draft:
    problem = flashinfer_bench.read_problem(file)
    text = flashinfer_bench.write_op(problem, problem.dims).text
    facts: OpFacts = ask(ProbeOp(text, str(file), problem.dims, problem.free), OpFacts)
    if facts.refused:
        raise NotImported(facts.refused)
    op = flashinfer_bench.write_op(problem, facts.varying, facts.small, facts.written)
    if facts.unchecked:
        return msgspec.structs.replace(op, unchecked=facts.unchecked), (), (), None
    small = tuple({name: value for name, value in one.items() if name in facts.varying} for one in facts.small)
    return op, small, (op.dtype,), None


def _benchmarks(file: Path, ask: Ask) -> Iterator[Draft]:
    for problem in hf_kernels.read_problems(file):
        kinds = _kinds(problem.probe_text(), file, problem.dims, ask)
        yield _answering(hf_kernels.write_op(problem, kinds), problem.dims, ask)


def _operator(file: Path, ask: Ask) -> Draft:
    problem = tritonbench.read_problem(file)
    kinds = _kinds(problem.probe_text(), file, problem.dims, ask)
    return _answering(tritonbench.write_op(problem, tuple(kinds.values())), problem.dims, ask)


def _kinds(text: str, file: Path, dims: dict[str, int], ask: Ask) -> dict[str, str]:
    made: InputKinds = ask(ProbeInputs(text, str(file), dims), InputKinds)
    if made.refused:
        raise NotImported(made.refused)
    return made.kinds


def _answering(op: Imported, dims: dict[str, int], ask: Ask) -> Draft:
    """A draft of an op whose sizes are numbered. Its reference was checked: the same answers for the same inputs, and
    not the same for all."""
    facts: OpFacts = ask(ProbeOp(op.text, op.source, dims, ()), OpFacts)
    if facts.refused:
        raise NotImported(facts.refused)
    return msgspec.structs.replace(op, unchecked=facts.unchecked), (dims,), (op.dtype,), None


def _named(op: Imported, names: set[str]) -> Imported:
    """The op, with a name that no other op of this import has."""
    if op.name not in names:
        return op
    folder = Path(op.source).parent.name
    return msgspec.structs.replace(op, name=f"{op.name}_{''.join(c if c.isalnum() else '_' for c in folder)}")


def _checked(
    op: Imported, small: Sequence[dict[str, int]], dtypes: Sequence[str], module: ProbeModule | None, ask: Ask,
    folder: Path,
) -> Imported:  # fmt: skip
    """The op with the result of its check. Raises NotImported where it is wrong in the dtype in which it is to be
    measured."""
    if op.unchecked:
        return op
    file = folder / f"{op.name}.py"
    file.write_text(op.text, encoding="utf-8")
    variants = tuple(op.arms.values())
    found: OpChecked = ask(CheckOp(op.name, str(file), variants, tuple(dtypes), tuple(small), module), OpChecked)
    if found.refused:
        raise NotImported(found.refused.replace(str(file), file.name))
    wrong = [one for one in found.checked if one.wrong]
    for one in wrong:
        if one.dtype == op.dtype:
            raise NotImported(f"its own {one.variant} is wrong at {one.dims}: {one.wrong}")
    notes = [*op.notes, *dict.fromkeys(f"not checked in {one.dtype}: {one.wrong}" for one in wrong)]
    kept = tuple(one for one in found.checked if not one.wrong)
    return msgspec.structs.replace(op, checked=kept, notes=tuple(notes))
