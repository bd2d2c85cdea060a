"""An attempt in lines of text: correctness, the time and its baseline, the binary, and the predicted gain."""

from __future__ import annotations

from collections.abc import Sequence

from harness.stats import estimate, ratio
from harness.values.attempt import Attempt
from harness.values.binary import Binary
from harness.values.case import SHAPE_SITE
from harness.values.compiled import Compiled
from harness.values.estimate import Estimate, Ratio
from harness.values.measurement import Mismatch, Status
from harness.values.numerics import Sameness

TOOLS = "--ncu  --sanitize  --asm  --interpret   look into one call"
NO_VALUES = (Mismatch.OUTPUTS, Mismatch.INPUT_CHANGED, Mismatch.WRITE_OUTSIDE)
"""Kinds of mismatch that are wrong for any values."""


def headline(attempt: Attempt) -> str:
    """`moe_down · 1 token, 2048 x 512, 8 of 256 experts · against autotuned (triton_vecmat 8,256 w2)`."""
    case = attempt.measurement.case
    parts = [
        f"{case.op if case.site == SHAPE_SITE else case.op_site}{f' of {attempt.model}' if attempt.model else ''}",
        shape_words(case.dims),
        case.activations,
    ]
    if attempt.against is not None:
        parts.append(f"against {attempt.against_label}")
    return " · ".join(parts)


def shape_words(dims: dict[str, int]) -> str:
    """The sizes in the terms of a kernel author."""
    left = dict(dims)
    words = []
    tokens = left.pop("tokens", None)
    if tokens is not None:
        words.append(f"{tokens} token{'s' * (tokens != 1)}")
    if {"hidden", "inter"} <= set(left):
        words.append(f"{left.pop('hidden')} x {left.pop('inter')}")
    if {"n", "k"} <= set(left):
        words.append(f"{left.pop('n')} x {left.pop('k')}")
    if {"experts", "top_k"} <= set(left):
        words.append(f"{left.pop('top_k')} of {left.pop('experts')} experts")
    return ", ".join([*words, *(f"{name} {value}" for name, value in left.items())])


def lines(attempt: Attempt, best: tuple[Attempt, float] | None = None) -> list[str]:
    """Every line below the headline. best: the fastest earlier attempt of the day, with its us."""
    measurement = attempt.measurement
    if measurement.status is Status.INCORRECT:
        found = _incorrect(attempt)
    elif measurement.status is not Status.OK:
        found = [f"{measurement.status.value}   {measurement.reason}"]
    else:
        found = [_correct(attempt), *_time(attempt, best)]
    found += list(attempt.remarks)
    static = _static(attempt.compiled, attempt)
    if static and attempt.compiled is not None and attempt.compiled.is_broken:
        return [static, *found, *_predicted(attempt), f"next        {TOOLS}"]
    compiles = attempt.compiled is not None and attempt.compiled.status is Status.OK
    if static and compiles and measurement.status is Status.UNSUPPORTED:
        static = f"compiles: yes · {static}"
    return [*found, *([static] if static else []), *_predicted(attempt), f"next        {TOOLS}"]


def _incorrect(attempt: Attempt) -> list[str]:
    result, diagnosis = attempt.measurement.correctness, attempt.diagnosis
    assert result is not None
    if result.kind in NO_VALUES and not result.wrong_elements:
        return [f"INCORRECT   {diagnosis.words if diagnosis and diagnosis.words else result.region or result.detail}"]
    worst = f"worst {result.max_error:.2g} of the output's size (allowed {result.allowed_max_error:.2g})"
    if result.wrong_elements == 0:
        worst = f"rms {result.rms_error:.2g} of the output's (allowed {result.allowed_rms_error:.2g})"
    count = f"{result.wrong_elements:,} of {result.elements:,} values"
    region = diagnosis.region if diagnosis and diagnosis.region else result.region
    found = [f"INCORRECT   {count}, {region or 'everywhere'}; {worst}"]
    if result.detail and not (diagnosis and diagnosis.words.startswith(result.detail)):
        found.append(f"            {result.detail}")
    if diagnosis and diagnosis.words:
        head = "looks like: " if diagnosis.pattern else ""
        found.append(f"            {head}{diagnosis.words}")
    if attempt.evidence:
        found.append(f"            inputs, output, reference: {attempt.evidence} (repro.py runs it)")
    return found


def _correct(attempt: Attempt) -> str:
    result = attempt.measurement.correctness
    assert result is not None
    numerics = attempt.measurement.numerics
    repeatable = {True: " · repeatable bit for bit", False: " · not repeatable bit for bit", None: ""}[
        result.repeatable
    ]
    if numerics and numerics.determinism and numerics.determinism.differing:
        repeatable = f" · repeats itself {numerics.determinism.words} in {numerics.determinism.calls} calls"
    rows = numerics.batch_invariance if numerics else None
    if rows is not None and rows.sameness not in (None, Sameness.BITWISE):
        repeatable += f" · a row alone against the same among {rows.among}: {rows.words}"
    error = f"{result.max_error:.2g} of the output's size (allowed {result.allowed_max_error:.2g})"
    return f"correct     {error}{repeatable}"


def _time(attempt: Attempt, best: tuple[Attempt, float] | None) -> list[str]:
    own = estimate(attempt.measurement.samples)
    if own is None:
        return []
    words = [us(own)]
    against = attempt.against
    if against is not None and (found := ratio(against.samples, attempt.measurement.samples)) is not None:
        words.append(f"{ratio_words(found)} than {attempt.against_name}")
    elif against is not None:
        words.append(f"{attempt.against_name}: {against.status.value}: {against.reason}")
    if best is not None:
        other, value_us = best
        times, word = (value_us / own.value, "faster") if own.value <= value_us else (own.value / value_us, "slower")
        words.append(f"{times:.2f}x {word} than your best today (try {other.number}, {us_words(value_us)} us)")
    return [", ".join(words), *_floor(attempt, own)]


def ratio_words(found: Ratio) -> str:
    """`1.47x faster [1.45, 1.49]`, or a note that no difference can be told."""
    words = f"{found.words} {found.interval}"
    return words if found.told_apart else f"not clearly different ({words})"


def us(found: Estimate) -> str:
    """The value and its interval, which includes noise between processes if one process could not show it."""
    value = us_words(found.value)
    spread = f"{found.half_width:,.0f}" if found.half_width >= 100 else f"{found.half_width:.2g}"
    return f"{value} ± {spread} us ({100 * found.confidence:.0f} %, {found.n} samples)"


def us_words(value: float) -> str:
    """Four digits, never an exponent."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _floor(attempt: Attempt, own: Estimate) -> list[str]:
    work, here = attempt.measurement.work, attempt.environment
    if work is None:
        return []
    rate_gb_s = work.bytes / own.value / 1e3
    of_read = f", {100 * rate_gb_s / here.read_gb_s:.0f} % of read" if here is not None and here.read_gb_s else ""
    return [f"{rate_gb_s:,.3g} GB/s{of_read}"]


def _static(compiled: Compiled | None, attempt: Attempt) -> str:
    """Registers, spills, loads, instructions per weight, blocks and waves of the kernel that does most."""
    if compiled is None:
        return ""
    if compiled.status is Status.UNSUPPORTED or not compiled.followed:
        return f"not compiled here: {compiled.reason}"
    if compiled.status is not Status.OK:
        return f"does not compile: {compiled.reason}"
    main = compiled.main
    if main is None:
        return ""
    words = [binary_words(main)]
    launch = next((found for found in compiled.launches if found.binary == main.sha256), None)
    if launch is not None:
        words.append(_grid_words(launch.grid, main, attempt))
    more = len(compiled.binaries) - 1
    others = f" · and {more} more kernel{'s' * (more > 1)}" if more else ""
    return f"{main.target}: {', '.join(words)}{others}"


def binary_words(main: Binary) -> str:
    """`40 registers, 0 spills, 16-byte loads, 5.1 instructions/weight`; of AMD `45 VGPRs, 21 SGPRs, 0 AGPRs, ...`."""
    spills = f"{main.spill_bytes} bytes spilt" if main.spill_bytes else "0 spills"
    if main.sgprs is None:
        words = [f"{main.registers} registers", spills]
    else:
        words = [f"{main.registers} VGPRs", f"{main.sgprs} SGPRs", f"{main.agprs} AGPRs", spills]
        words += [f"{main.stack_bytes} bytes of scratch", f"{main.shared_bytes:,} bytes of LDS"]
        words += [f"{main.waves_per_simd} waves of {main.warp} a SIMD", f"{main.instructions} instructions"]
    if main.load_bytes is not None:
        words.append(f"{main.load_bytes}-byte loads")
    if main.instructions_per_weight is not None:
        words.append(f"{main.instructions_per_weight:.2g} instructions/weight")
    return ", ".join(words)


def _grid_words(grid: Sequence[int], main: Binary, attempt: Attempt) -> str:
    blocks = grid[0] * grid[1] * grid[2]
    words = f"{blocks:,} block{'s' * (blocks != 1)} of {main.threads} threads"
    sms = attempt.environment.sm_count if attempt.environment is not None else None
    if sms:
        words += f", {blocks / sms:.2g} an SM"
        if main.blocks_per_sm:
            words += f", {blocks / (sms * main.blocks_per_sm):.2g} waves"
    elif main.blocks_per_sm:
        words += f", {main.blocks_per_sm} at once on {'an SM' if main.sgprs is None else 'a compute unit'}"
    return words


def _predicted(attempt: Attempt) -> list[str]:
    found, against = attempt.predicted, attempt.against
    if found is None or against is None:
        return []
    told = ratio(against.samples, attempt.measurement.samples)
    if told is None or not told.told_apart:  # an unclear difference has no gain to predict
        return []
    text = f"end to end  {found.calls} x {found.delta_us / found.calls:+.2f} us = {found.delta_us:+,.0f} us a token"
    if found.tok_s is None:
        return [f"{text} (predicted, not measured; no decode of this model is stored here)"]
    before, after = found.tok_s
    return [f"{text}, {before:,.1f} -> about {after:,.1f} tok/s (predicted from run {found.run}, not measured)"]
