"""Recognise a file that is no trace of torch's profiler, by content that only such files have."""

from __future__ import annotations

import re

LOOKED_AT = 1 << 16
"""Bytes read from the start of a file."""

KINDS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("a Git LFS pointer, not the file itself (`git lfs pull` fetches it)", re.compile(rb"\Aversion https://git-lfs")),
    (
        "a host execution trace (torch's ExecutionTraceObserver), which has no times; wanted the profiler's own trace",
        re.compile(rb'"schema"\s*:\s*"[^"]*chakra|execution_trace\|process|"nodes"\s*:\s*\[\s*\{[^}]*"ctrl_deps"'),
    ),
    (
        "a trace of a Triton Inference Server, of requests and not of kernels",
        re.compile(rb'"model_name"\s*:|"timestamps"\s*:\s*\[\s*\{[^}]*"ns"\s*:|"REQUEST_START"'),
    ),
    (
        "a profile of JAX (XLA), which is not read",
        re.compile(rb'"hlo_(op|module)"|"highres-ticks"|/device:(GPU|TPU):\d'),
    ),
    ("a profile of JAX (XLA's xplane), which is not read", re.compile(rb"\A[\s\S]{0,64}/(host|device):\w")),
    ("a trace of an Ascend NPU, whose device rows are not read", re.compile(rb'Ascend|"Task Type"\s*:\s*"AI_')),
    (
        "a trace of Proton's instrumentation, of warps inside of kernels, which is not read; wanted a file of its"
        " other backends",
        re.compile(rb'"(Init|Finalization) Time \(ns\)"'),
    ),
    ("an output of rocprof", re.compile(rb"rocprofiler-sdk|rocprofv?[123]?\b|HSA_API|\"rocTX\"")),
    ("a speedscope profile, which is not read", re.compile(rb"speedscope\.app/file-format")),
    (
        "a snapshot of torch's memory, not of time",
        re.compile(rb'\A\x80[\x02-\x05]|"segments"\s*:\s*\[|"device_traces"'),
    ),
    (
        "a result of pytest-benchmark (`harness compare` and `harness import` read it)",
        re.compile(rb'"benchmarks"\s*:\s*\['),
    ),
)


def kind_of(start: bytes) -> str:
    """The kind of file that starts with these bytes; "" where no kind is recognised."""
    head = start[:LOOKED_AT]
    return next((kind for kind, pattern in KINDS if pattern.search(head)), "")
