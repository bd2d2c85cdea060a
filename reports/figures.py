"""The text of numbers and names, in one place: every other module of this folder shows the results of these functions.

A number is written with its unit and, if it was measured, with its interval. us are microseconds, GB/s is 1e9 bytes per
second, GiB is 2^30 bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from harness.plain_text import visible
from harness.values.case import AxisValue, Implementation
from harness.values.estimate import Estimate, Ratio, decimals_for, leading_place

NAME_LIMIT = 120
"""Most characters of a shown name; kernel names from C++ templates reach 10,000."""

UNKNOWN = "-"


def clean(text: str, limit: int = NAME_LIMIT) -> str:
    """A name on one line, harmless in a terminal or page: control and direction characters replaced, the middle cut."""
    line = visible(" ".join(text.split()))
    if len(line) <= limit:
        return line
    head = (limit - 1) * 2 // 3
    return f"{line[:head]}…{line[len(line) - (limit - 1 - head) :]}"


def one_name(text: str) -> str:
    """A name of several ops (`a + b -> c`) in brackets, so that it reads as one term of a sum."""
    return f"({text})" if " -> " in text else text


def clean_prose(text: str, limit: int = 20_000) -> tuple[str, ...]:
    """Paragraphs of free text, split at empty lines, each on one line and cleaned like a name."""
    paragraphs = (clean(part, limit) for part in text.replace("\r\n", "\n").split("\n\n"))
    return tuple(part for part in paragraphs if part)


def grouped(value: float, decimals: int = 0) -> str:
    """1234.5 -> `1,234.5`; a zero never carries a minus."""
    text = f"{value:,.{decimals}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text


def number(value: float, digits: int = 3) -> str:
    """Three significant digits without an exponent, and never fewer digits than the whole part has: `0.512`, `46.3`,
    `2,560`."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    return grouped(value, max(0, digits - 1 - leading_place(value, digits)))


def signed(value: float, digits: int = 3) -> str:
    """A difference, `number` with its sign: `+1.30`, `-4,150`."""
    return f"{'+' if value >= 0 else ''}{number(value, digits)}"


def plus_minus(estimate: Estimate) -> str:
    """`46.3 ± 0.3`, with as many decimals as the interval deserves; `46.3 (n 1)` without an interval."""
    if estimate.half_width <= 0:
        return f"{number(estimate.value)} (n {estimate.n})"
    decimals = decimals_for(estimate.half_width)
    return f"{grouped(estimate.value, decimals)} ± {grouped(estimate.half_width, decimals)}"


def bracketed(estimate: Estimate) -> str:
    """`46.3 [46.0, 46.6]`: value and ends of the interval."""
    return " ".join(value_and_interval(estimate))


def value_and_interval(estimate: Estimate) -> tuple[str, str]:
    """`46.3` and `[46.0, 46.6]`, or `(n 1)` without an interval."""
    if estimate.half_width <= 0:
        return number(estimate.value), f"(n {estimate.n})"
    decimals = decimals_for(estimate.half_width)
    low, high = grouped(estimate.low, decimals), grouped(estimate.high, decimals)
    return grouped(estimate.value, decimals), f"[{low}, {high}]"


def ratio_words(ratio: Ratio) -> str:
    """`2.71x faster`; an interval on both sides of 1 reads `no difference seen`."""
    return ratio.words if ratio.told_apart else "no difference seen"


def ratio_full(ratio: Ratio) -> str:
    """`2.71x faster [2.68, 2.74]`, or `no difference seen (1.001x slower [0.997, 1.004])`."""
    found = f"{ratio.words} {ratio.interval}"
    return found if ratio.told_apart else f"no difference seen ({found})"


def count(value: float) -> str:
    """A mean of counts: `80` if it is whole, else one decimal."""
    return grouped(value, 0 if value == round(value) else 1)


def percent(share: float | None) -> str:
    """0.17 -> `17 %`; below ten percent one decimal. A share above zero is never shown as zero."""
    if share is None:
        return UNKNOWN
    value = share * 100
    if 0 < value < 0.05:
        return "<0.1 %"
    return f"{grouped(value, 1 if abs(value) < 9.95 else 0)} %"


def milliseconds(ns: float) -> str:
    """1234567 -> `1.235`, as in the published tables. The heading has the unit."""
    return grouped(ns / 1e6, 3)


def gib(count: float | None) -> str:
    """Bytes as `19.8`, in GiB. The heading has the unit."""
    return UNKNOWN if count is None else number(count / 2**30)


def seconds(value: float | None) -> str:
    return UNKNOWN if value is None else number(value, 2)


def bandwidth(gb_s: float) -> str:
    """3001 -> `3.00 TB/s`; 41.2 -> `41.2 GB/s`."""
    return f"{number(gb_s / 1000)} TB/s" if gb_s >= 1000 else f"{number(gb_s)} GB/s"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 case`, `28 cases`, `1,024 tokens`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def span(low: int, high: int) -> str:
    """`3`, or `3 to 6`."""
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def axes_words(axes: Mapping[str, AxisValue], kind: str) -> str:
    """The question's dimensions in words: `1 token, context 1,024`; `batch 8, context 1,024`."""
    parts = []
    if kind == "kernel" and "tokens" in axes:
        parts.append(plural(int(axes["tokens"]), "token"))
    elif kind in ("decode", "prefill") or (kind == "figure" and "batch" in axes):
        parts.append(f"batch {axes.get('batch', 1)}")
    said = ("tokens", "routing", "batch", *(() if kind == "figure" else ("new_tokens",)))
    for name in (name for name in axes if name not in said):
        value = axes[name]
        name = name.replace("_", " ")
        parts.append(f"{clean(name)} {value:,}" if isinstance(value, int) else f"{clean(name)} {clean(value)}")
    if kind == "kernel" and axes.get("batch", 1) != 1:
        parts.append(f"batch {axes['batch']}")
    if axes.get("routing", "uniform") != "uniform":
        parts.append(f"{clean(str(axes['routing']))} routing")
    return ", ".join(parts)


def config_words(answer: Implementation | None) -> str:
    """`triton_vecmat 8,256 w2 s2`: variant, then block_n,block_k, warps and stages, then the other tunables by name."""
    if answer is None:
        return UNKNOWN
    return " ".join([clean(answer.variant), *tunable_words(answer.tunables)])


def tunable_words(tunables: Mapping[str, int | float | str | bool | None]) -> Iterable[str]:
    left = dict(sorted(tunables.items()))
    if "block_n" in left and "block_k" in left:
        yield f"{left.pop('block_n')},{left.pop('block_k')}"
    for name, letter in (("num_warps", "w"), ("num_stages", "s")):
        if name in left:
            yield f"{letter}{left.pop(name)}"
    for name, value in left.items():
        yield f"{clean(name)}={clean(str(value))}"
