"""A live profile: eager decode steps under torch.profiler, exported and read back by the one trace reader."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
import torch
from torch.profiler import ProfilerActivity, profile

from harness.decode.check import fresh_stream
from harness.decode.engines import Step
from harness.decode.suite_model import SuiteModel, prefill_in_chunks
from harness.errors import CaseFailed
from harness.trace import breakdown, load_rules
from harness.values.profile import Profile

WARM_UP_STEPS = 3
PROFILED_STEPS = 8


def profile_arm(model: SuiteModel, arm: str, batch: int, context: int, keep: Path | None = None) -> Profile:
    """The breakdown of `PROFILED_STEPS` eager decode steps of an arm, after warm-up. keep: where to leave the trace.

    Raises CaseFailed when a GPU was used but the trace has no kernels: the profiler was not permitted or lost them.
    """
    steps = WARM_UP_STEPS + PROFILED_STEPS
    decoder, _ = model.arm(arm, batch, context + steps + 1, profile=True)
    with torch.no_grad():
        logits = prefill_in_chunks(decoder, model.prompt(batch, context))
        step = Step(decoder, fresh_stream(decoder.sample(logits), steps), context, greedy=True)
        for _ in range(WARM_UP_STEPS):
            step()
        activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if model.device == "cuda" else [])
        with profile(activities=activities, with_stack=False, record_shapes=False) as recorded:
            for _ in range(PROFILED_STEPS):
                step()
            if model.device == "cuda":
                torch.cuda.synchronize()
    with tempfile.TemporaryDirectory() as folder:
        path = keep or Path(folder) / "trace.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        recorded.export_chrome_trace(str(path))
        result = breakdown(path, load_rules(), steps=PROFILED_STEPS)
    if model.device == "cuda" and result.kernel_count == 0:
        raise CaseFailed(
            f"profile of {arm}: the trace has no GPU kernels; `harness doctor` says what the profiler needs"
        )
    return msgspec.structs.replace(result, arm=arm, engine="eager", axes={"batch": batch, "context": context})
