"""What a job on GitHub Actions gets beside the files: its summary, and annotations on what is wrong or slower."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.errors import ExitStatus, HarnessError
from harness.values.verdict import Comparison

from ..figures import clean
from ..tables.comparison import ratio_words
from ..views.view import View

MOST_ANNOTATIONS = 10
"""GitHub shows ten of a kind and step."""


def append_summary(markdown: str, environ: Mapping[str, str]) -> bool:
    """Adds a page to the job's summary; False where no job runs."""
    path = environ.get("GITHUB_STEP_SUMMARY", "")
    if not path:
        return False
    try:
        with Path(path).open("a", encoding="utf-8") as summary:
            summary.write(f"{markdown.rstrip()}\n\n")
    except OSError as error:
        raise HarnessError(f"GITHUB_STEP_SUMMARY {path}: cannot be written: {error.strerror}") from error
    return True


def commands(view: View | None, comparison: Comparison | None, environ: Mapping[str, str]) -> Iterator[str]:
    """Workflow commands, one a line, where a job runs: wrong cases, then gated verdicts that are not SAME or FASTER. Of
    what is given; either may be None."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return
    for problem in view.problems[:MOST_ANNOTATIONS] if view else ():
        level = "notice" if problem.status == "UNSUPPORTED" else "error"
        yield command(level, f"{problem.status} {problem.case}", f"{problem.arm}: {problem.reason}")
    verdicts = comparison.verdicts if comparison else ()
    gated = [v for v in verdicts if (v.gated or v.failed) and v.verdict.gate is not ExitStatus.OK]
    for v in sorted(gated, key=lambda v: v.verdict.rank)[:MOST_ANNOTATIONS]:
        said = " ".join(part for part in (ratio_words(v), v.words) if part)
        yield command("error" if v.verdict.moved else "warning", f"{v.verdict} {clean(v.case)}", said)


def command(level: str, title: str, message: str) -> str:
    """`::error title=...::...`; no name can end the command or start another one."""
    name = clean(title, 200)
    for character, escape in (("%", "%25"), (":", "%3A"), (",", "%2C")):
        name = name.replace(character, escape)
    return f"::{level} title={name}::{clean(message, 600).replace('%', '%25')}"
