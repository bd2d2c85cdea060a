"""A kernel case with its op and variant loaded, and the ways to reject it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from harness.device.device import Device
from harness.device.timer import Call, WorkLeftRunning
from harness.load_kernels import VariantNotLoaded, load_op, load_variant
from harness.measure.agreement import sentence
from harness.measure.failure import failed, raised
from harness.measure.interpreter import repair
from harness.measure.operand_sets import arguments
from harness.values.case import Case
from harness.values.measurement import Correctness, Measurement, Status


class Rejected(Exception):
    """A case that will not be timed, with the measurement that gives the reason. source_text: text of its variant,
    where it was loaded."""

    def __init__(self, measurement: Measurement, source_text: str | None = None) -> None:
        super().__init__(measurement.reason)
        self.measurement, self.source_text = measurement, source_text


class Candidate:
    """A case with its op and variant loaded. Raises Rejected: FAILED where the variant cannot be imported, UNSUPPORTED
    where it says that it cannot run the case."""

    def __init__(self, case: Case, suite_folder: str) -> None:
        """Raises Rejected, with the measurement of the failed case, where the kernel cannot be loaded or run here."""
        assert case.op is not None and case.answer is not None
        self.case, self.op = case, load_op(case.op, case.weights)
        try:
            self.variant = load_variant(case.op, case.answer.variant, suite_folder)
        except VariantNotLoaded as error:
            raise Rejected(raised(case, error)) from error
        repair()
        reason = self.variant.supports(case) if self.variant.supports else None
        if reason:
            raise self.rejected(failed(case, reason, Status.UNSUPPORTED))
        self.tunables = self.variant.tunables_of(case.answer)

    def rejected(self, measurement: Measurement) -> Rejected:
        return Rejected(measurement, self.variant.source_text)

    def incorrect(self, found: Correctness, where: str = "") -> Rejected:
        """The rejection of a wrong output."""
        reason = f"{where}{sentence(found)}"
        source = self.variant.source_hash
        return self.rejected(Measurement(self.case, Status.INCORRECT, reason, found, source=source))

    def bind(self, operands: Mapping[str, Any]) -> Call:
        """One call of the variant on these operands."""
        positional, run, tunables = arguments(self.op, operands), self.variant.run, self.tunables
        return lambda: run(*positional, **tunables)

    @contextmanager
    def rejecting_errors(self, device: Device, doing: str = "") -> Iterator[None]:
        """Turn every error that a user's kernel raises inside into its case's result. Re-raises an error that takes the
        device from this process, since nothing else can run here. doing: put before the error's text."""
        try:
            yield
        except (Rejected, WorkLeftRunning):
            raise
        except Exception as error:
            if isinstance(error, torch.AcceleratorError) and not device.answers():
                raise
            if isinstance(error, torch.OutOfMemoryError):
                device.release_memory()
            raise self.rejected(raised(self.case, error, doing)) from error
