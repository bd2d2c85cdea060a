"""A worker's service that runs other people's problems: what they are, and whether the ops made of them are right."""

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
from harness.worker.messages import Boot, Done
from harness.worker.wire import Wire


Job = ProbeModule | ProbeInputs | ProbeOp | CheckOp


def serve(wire: Wire, _: Boot) -> None:
    """Jobs until the wire closes, each with one answer."""
    while True:
        wire.send(answer(wire.receive(Job)))
        wire.send(Done())


def answer(job: Job) -> ModuleFacts | InputKinds | OpFacts | OpChecked:
    if isinstance(job, ProbeModule):
        from harness.serving import module_facts

        return module_facts.facts_of(job)
    if isinstance(job, ProbeOp):
        from harness.serving import op_facts

        return op_facts.facts_of(job)
    if isinstance(job, ProbeInputs):
        from harness.serving import op_facts

        return op_facts.kinds_of(job)
    from harness.serving.imported_op import check

    return check(job)
