"""An attempt from question to stored answer: the parent's side of `harness try`. Does not import torch."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from harness.attempt.against import Against, opponent
from harness.attempt.predict import predict
from harness.attempt.question import TryOptions, TryRequest, ask
from harness.attempt.session import Session
from harness.device.nvml import has_gpu
from harness.errors import HarnessError
from harness.store import Store
from harness.store.attempts import add, next_number
from harness.suite.catalogue import bound_ops
from harness.values.attempt import Attempt
from harness.values.compiled import Compiled
from harness.values.measurement import Measurement, Status
from harness.worker.messages import TryJob, TryReply

FOLDER = Path(".harness") / "try"
"""Evidence of wrong outputs, one folder per attempt, and texts of revisions."""


class Options(msgspec.Struct, frozen=True):
    """Options of the parent, beside those of the question."""

    note: str = ""
    tags: tuple[str, ...] = ()
    static: bool = True
    """Compile for `TryOptions.target` where there is no GPU."""
    rounds: int | None = None
    """Replaces the timer's own number."""
    folder: Path = FOLDER
    """For evidence, and for texts of revisions."""


class Bench:
    """Attempts at one question, one after the other, in one warm session."""

    def __init__(self, store: Store, session: Session, options: Options) -> None:
        self.store, self.session, self.options = store, session, options

    def attempt(self, asked: TryOptions) -> Attempt:
        """Check, time and store one attempt. Raises HarnessError for an invalid question."""
        start = time.perf_counter()
        started = datetime.now(UTC).isoformat(timespec="seconds")
        question = question_here(asked)
        text = Path(question.file).read_text(encoding="utf-8")
        with ThreadPoolExecutor(1) as background:
            compiling = self._compiling(background, question, asked)
            greeting = self.session.greeting()
            against = opponent(question, asked.against, greeting.environment, self.options.folder / "revisions")
            answered = self.session.answer(self._job(question, against))
            if compiling is None and self.options.static and answered.interpreted:
                compiling = background.submit(_compile, question, asked.target)
            compiled = compiling.result() if compiling is not None else _compiled(answered)
        measured = _said_by_the_compiler(answered.measurement, compiled)
        name, label = (against.name, against.label) if against else ("", "")
        other, here = answered.against, greeting.environment
        attempt = Attempt(
            started=started, file=question.file, source=answered.source or text,
            measurement=measured, model=question.model, environment=here, against=other,
            against_label=label, against_name=name,
            diagnosis=answered.diagnosis, compiled=compiled, remarks=answered.remarks,
            predicted=predict(question, answered.measurement, other, against, here, self.store),
            evidence=answered.evidence, note=self.options.note, tags=self.options.tags,
            wall_s=time.perf_counter() - start,
        )  # fmt: skip
        return add(self.store, attempt)

    def _job(self, question: TryRequest, against: Against | None) -> TryJob:
        number = next_number(self.store)
        evidence = (self.options.folder / f"{number:04d}").resolve()
        other = against.case if against else None
        return TryJob(
            question.case, other, str(Path.cwd()), str(evidence), question.explicit, self.options.rounds, bound_ops()
        )

    def _compiling(
        self, background: ThreadPoolExecutor, question: TryRequest, asked: TryOptions
    ) -> Future[Compiled | None] | None:
        """Compile for a target while the check runs, for a file that names Triton. None where nothing is to be
        compiled."""
        if not self.options.static or not names_triton(question) or has_gpu():
            return None
        return background.submit(_compile, question, asked.target)


def question_here(asked: TryOptions) -> TryRequest:
    """Return the question. On a machine without a GPU it has the smallest model's shapes, regardless of the file, so
    that all attempts at an op use one model's shapes."""
    question = ask(asked)
    if asked.model or question.explicit or has_gpu():
        return question
    try:
        return ask(msgspec.structs.replace(asked, small=True))
    except HarnessError:  # the smallest model has no such op or site
        return question


def names_triton(question: TryRequest) -> bool:
    return "triton" in Path(question.file).read_text(encoding="utf-8")


def _compile(question: TryRequest, target: str) -> Compiled | None:
    from harness.static.pool import compile_cases

    found = compile_cases([question.case], target, Path.cwd(), jobs=1)
    return found[0] if found else None


def _said_by_the_compiler(measurement: Measurement, compiled: Compiled | None) -> Measurement:
    """Turn UNSUPPORTED into FAILED where the compiler refuses the kernel too: that is a mistake of the kernel, not a
    limit of the interpreter."""
    if measurement.status is Status.UNSUPPORTED and compiled is not None and compiled.is_broken:
        return msgspec.structs.replace(measurement, status=Status.FAILED, reason=compiled.reason)
    return measurement


def _compiled(answered: TryReply) -> Compiled | None:
    """The compilation as the worker observed it in its own launches; None where it observed none."""
    if not answered.binaries:
        return None
    return Compiled(answered.measurement.case, Status.OK, launches=answered.launches, binaries=answered.binaries)
