"""Output for a GitHub Actions job beside the files: its summary, and annotations on wrong or slower cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.errors import ExitStatus, HarnessError
from harness.values.verdict import Comparison

from ..figures import clean
from ..tables.comparison import ratio_words
from ..views.view import View

MOST_ANNOTATIONS = 10
"""GitHub shows ten annotations of a kind for each step."""


def append_summary(markdown: str, environ: Mapping[str, str]) -> bool:
    """Append a page to the job's summary. Return False outside of a job."""
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
    """Yield workflow commands, one a line, if a job is running: wrong cases first, then gated or failed verdicts whose
    exit status is not OK. Either argument may be None."""
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
