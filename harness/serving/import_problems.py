"""A worker's service that runs imported problems: their facts, and whether the ops made of them are right."""

from __future__ import annotations

from harness.importers.messages import (
    CheckOp,
    InputKinds,
    ModuleFacts,
    OpChecked,
    OpFacts,
    ProbeInputs,
    ProbeModule,
    ProbeOp,
)
from harness.worker.messages import Awake, Boot, Done
from harness.worker.wire import Wire

Job = ProbeModule | ProbeInputs | ProbeOp | CheckOp
Answer = ModuleFacts | InputKinds | OpFacts | OpChecked


def serve(wire: Wire, _: Boot) -> None:
    """Serve jobs until the wire closes, each with one answer. It has imported torch before it reports that it is
    awake."""
    from harness.serving import imported_op  # noqa: F401

    wire.send(Awake())
    while True:
        wire.send(answer(wire.receive(Job)))
        wire.send(Done())


ANSWERS = {ProbeModule: ModuleFacts, ProbeInputs: InputKinds, ProbeOp: OpFacts, CheckOp: OpChecked}


def answer(job: Job) -> Answer:
    """The answer to a job. Any exception of the imported code, an exit among them, is a refusal in one line."""
    try:
        return _answer(job)
    except (Exception, SystemExit) as error:
        from harness.measure.failure import first_line

        refused: Answer = ANSWERS[type(job)](refused=f"{type(error).__name__}: {first_line(error)}")
        return refused


def _answer(job: Job) -> Answer:
    from harness.serving import imported_op, module_facts, op_facts

    if isinstance(job, ProbeModule):
        return module_facts.facts_of(job)
    if isinstance(job, ProbeInputs):
        return op_facts.kinds_of(job)
    if isinstance(job, ProbeOp):
        return op_facts.facts_of(job)
    return imported_op.check(job)
