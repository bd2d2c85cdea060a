"""Figures of a program: read from its output or files, as samples in the figure's unit.

Formats: pytest-benchmark's JSON; Google Benchmark's (`--benchmark_format=json`); nvbench's (`--json`); hyperfine's
(`--export-json`); llama-bench's (`-o json`, `-o jsonl`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import CaseFailed, allowed
from harness.outside.group import MOST_PRINTED_BYTES, Group
from harness.values.outside import OF_PROCESS, UNITS_US, Figure

GPU_TIME = "nv/cold/time/gpu/mean"
"""nvbench's summary of a state that is a time on the GPU."""
MOST_VALUES = 250_000
"""Values of a figure in one process. Benchmarks of a microsecond have some 100,000; more would fill the store."""
STEP = re.compile(r"([^.\[\]]+)|\[(-?\d+)\]")
"""A step of a path in JSON: a key, or an index in a list."""


def read_figure(figure: Figure, program: Group, folder: Path) -> list[float] | str:
    """The samples of a program that has ended, or the reason why there are none."""
    try:
        if figure.read == "wall":
            numbers: Iterable[float] = [program.wall_s * 1e6]
        elif figure.read == "cpu":
            numbers = [program.cpu_s * 1e6]
        elif figure.read == "rss":
            if program.peak_rss_bytes is None:
                raise CaseFailed("rss: its peak is not above that of this program, which Linux counts it from")
            numbers = [program.peak_rss_bytes / 2**20]
        else:
            numbers = found = figure_in(figure, _text(figure.file, folder) if figure.file else program.stdout)
            if len(found) > MOST_VALUES:
                raise CaseFailed(f"{len(found):,} values in one process; at most {MOST_VALUES:,} are kept")
        return [_positive(figure.sample(_positive(number)), number) for number in numbers]
    except CaseFailed as error:
        return f"{error}{_unread(figure, program)}"


def _unread(figure: Figure, program: Group) -> str:
    """The end of what a program printed to standard error alone, as many benchmarks do."""
    if figure.file or figure.read in OF_PROCESS or program.stdout.strip() or not program.last_line:
        return ""
    return f"; standard error, which is not read, ends with: {program.last_line}"


def figure_in(figure: Figure, text: str) -> list[float]:
    """The numbers of a text that a figure names, in its own unit. Raises CaseFailed where there are none."""
    where = figure.file or "its output"
    if figure.read == "regex":
        return _matches(figure.at, text, where)
    document = _json(text, where)
    if figure.read == "json":
        return _numbers(_at(document, figure.at, where), f"{where}: {figure.at}")
    try:
        found = BENCHMARKS[figure.read](document)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError, OverflowError) as error:
        raise CaseFailed(f"{where}: is no output of {figure.read} ({type(error).__name__}: {error})") from error
    return _chosen(found, figure, where)


def _chosen(found: Mapping[str, list[float] | str], figure: Figure, where: str) -> list[float]:
    """The wanted benchmark in a file: the named one, or the only one."""
    name = figure.at or (next(iter(found)) if len(found) == 1 else "")
    if name not in found:
        what = f"no benchmark {name}" if name else f"{len(found)} benchmarks, and `at` names none"
        if not found:
            raise CaseFailed(f"{where}: there is no benchmark in it")
        raise CaseFailed(f"{where}: {what}; {allowed(name, list(found))}")
    numbers = found[name]
    if isinstance(numbers, str):
        raise CaseFailed(f"{where}: {name}: {numbers}")
    return numbers


def _pytest_benchmark(document: Any) -> dict[str, list[float] | str]:
    """By `fullname`; every round where the file has them, else the median."""
    found: dict[str, list[float] | str] = {}
    for benchmark in document["benchmarks"]:
        stats = benchmark["stats"]
        seconds = stats.get("data") or [stats["median"]]
        found[benchmark["fullname"]] = [float(s) * 1e6 for s in seconds]
    return found


def _google_benchmark(document: Any) -> dict[str, list[float] | str]:
    """By name; the real time of every repetition, their median where the file has aggregates alone."""
    found: dict[str, list[float] | str] = {}
    rows = document["benchmarks"]
    single = [row for row in rows if row.get("run_type", "iteration") == "iteration"]
    for row in single or [row for row in rows if row.get("aggregate_name") == "median"]:
        name = row.get("run_name", row["name"])
        if row.get("error_occurred"):
            found[name] = f"it says: {row.get('error_message', 'an error')}"
            continue
        before = found.get(name, [])
        if not isinstance(before, str):
            found[name] = [*before, float(row["real_time"]) * UNITS_US[row["time_unit"]]]
    return found


def _nvbench(document: Any) -> dict[str, list[float] | str]:
    """By `benchmark` or `benchmark/state`; the mean time on the GPU, the only one in the file."""
    found: dict[str, list[float] | str] = {}
    for benchmark in document["benchmarks"]:
        states = benchmark["states"]
        for state in states:
            name = benchmark["name"] if len(states) == 1 else f"{benchmark['name']}/{state['name']}"
            if state.get("is_skipped"):
                found[name] = f"skipped: {state.get('skip_reason', '')}"
                continue
            by_tag = {summary["tag"]: summary["data"] for summary in state["summaries"]}
            if GPU_TIME not in by_tag:
                found[name] = f"has no summary {GPU_TIME}"
                continue
            values = {entry["name"]: entry["value"] for entry in by_tag[GPU_TIME]}
            found[name] = [float(values["value"]) * 1e6]
    return found


def _hyperfine(document: Any) -> dict[str, list[float] | str]:
    """By the timed command; every run."""
    found: dict[str, list[float] | str] = {}
    for result in document["results"]:
        times = result.get("times") or [result["mean"]]
        found[result.get("command_name") or result["command"]] = [float(s) * 1e6 for s in times]
    return found


def _llama_bench(document: Any) -> dict[str, list[float] | str]:
    """By the test as its table names it (`pp512`, `tg128`, `pp512+tg128`, `tg128 @ d4096`); us per token."""
    found: dict[str, list[float] | str] = {}
    for row in document if isinstance(document, list) else [document]:
        prompt, new, depth = int(row["n_prompt"]), int(row["n_gen"]), int(row.get("n_depth", 0))
        name = "+".join(filter(None, (f"pp{prompt}" if prompt else "", f"tg{new}" if new else "")))
        name += f" @ d{depth}" if depth else ""
        found[name] = [float(ns) / 1e3 / (prompt + new) for ns in row["samples_ns"]]
    return found


BENCHMARKS: dict[str, Callable[[Any], dict[str, list[float] | str]]] = {
    "pytest_benchmark": _pytest_benchmark, "google_benchmark": _google_benchmark, "nvbench": _nvbench,
    "hyperfine": _hyperfine, "llama_bench": _llama_bench,
}  # fmt: skip


def _matches(pattern: str, text: str, where: str) -> list[float]:
    found = re.findall(pattern, text, re.MULTILINE)
    if not found:
        raise CaseFailed(f"{where}: nothing matches {pattern!r}{_shown(text)}")
    return _numbers([match.replace(",", "") for match in found], f"{where}: {pattern!r}")


def _shown(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"; it ends with: {lines[-1][:200]}" if lines else "; it is empty"


def _json(text: str, where: str) -> Any:
    """The document, or the one behind other lines, since programs print these first; several documents as a list."""
    try:
        return _document(text)
    except ValueError as error:
        found = list(_documents(text))
        if not found:
            raise CaseFailed(f"{where}: is no JSON: {error}{_shown(text)}") from error
        return found[0] if len(found) == 1 else found


def _documents(text: str) -> Iterator[Any]:
    """The documents that begin and end with a line."""
    end = 0
    for start in re.finditer(r"^[ \t]*(?=[{\[])", text, re.MULTILINE):
        if start.end() < end:  # within the last one
            continue
        with suppress(ValueError, RecursionError):
            document, behind = json.JSONDecoder().raw_decode(text, start.end())
            if not text[behind : text.find("\n", behind) + 1 or None].strip():
                end = behind
                yield document


def _document(text: str) -> Any:
    """Also of what the standard has not: NaN, infinities and numbers out of range, as Google Benchmark and Python write
    them, and a mark of the byte order. Raises ValueError."""
    try:
        return msgspec.json.decode(text)
    except ValueError:
        with suppress(RecursionError):
            return json.loads(text.removeprefix("\ufeff"))
        raise
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _at(document: Any, path: str, where: str) -> Any:
    """`results[0].latency.p50`: keys and indices; a negative index counts from the end."""
    done = ""
    for key, place in STEP.findall(path):
        here = f" at {done}" if done else ""
        if key:
            if not isinstance(document, dict):
                raise CaseFailed(f"{where}: no key {key}{here}, which is no object")
            if key not in document:
                raise CaseFailed(f"{where}: no key {key}{here}; {allowed(key, [str(name) for name in document])}")
            document, done = document[key], f"{done}.{key}".lstrip(".")
        else:
            if not isinstance(document, list) or not -len(document) <= int(place) < len(document):
                raise CaseFailed(f"{where}: no place [{place}]{here}")
            document, done = document[int(place)], f"{done}[{place}]"
    return document


def _numbers(value: Any, where: str) -> list[float]:
    """A number or a list of them, in JSON or as text."""
    values = value if isinstance(value, list) else [value]
    found = []
    for one in values:
        try:
            if isinstance(one, bool):
                raise ValueError
            found.append(float(one))
        except (TypeError, ValueError):
            raise CaseFailed(f"{where}: {str(one)[:80]!r} is no number") from None
        except OverflowError:
            found.append(math.inf)
    if not found:
        raise CaseFailed(f"{where}: an empty list; wanted a number or a list of numbers")
    return found


def _positive(sample: float, printed: float | None = None) -> float:
    """printed: the number that the sample was made of; it may leave the range of numbers in another unit."""
    if not (math.isfinite(sample) and sample > 0):
        number = sample if printed is None else printed
        raise CaseFailed(f"{number:g} is no figure; wanted a finite number above 0")
    return sample


def _text(name: str, folder: Path) -> str:
    file = folder / name
    try:
        if not file.is_file() and file.exists():
            raise CaseFailed(f"{name}: is no file")
        if file.stat().st_size > MOST_PRINTED_BYTES:
            raise CaseFailed(f"{name}: larger than {MOST_PRINTED_BYTES >> 20} MiB")
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise CaseFailed(f"{name}: the program wrote no such file (in {folder})") from None
    except OSError as error:
        raise CaseFailed(f"{name}: cannot be read: {error.strerror}") from error
