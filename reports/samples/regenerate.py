"""Makes every sample report, the notes on comparisons and the README's table anew from what is stored.

Usage: python3 reports/samples/regenerate.py

With `--check` it writes nothing and ends with status 1 where a file differs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from compare_notes import notes

from harness import reports_root
from harness.store import read_exported

SAMPLES = Path(__file__).resolve().parent
README = SAMPLES.parents[1] / "README.md"
SHOWN = "qwen3_5_moe-h100"
BEGIN, END = "<!-- sample:begin -->\n", "<!-- sample:end -->"


def files_of(sample: Path) -> dict[Path, bytes]:
    """The report of a sample's run, by path."""
    reports_root.bind()
    from harness_reports.pages import write

    run, _ = read_exported(sample / "run.json.gz")
    with TemporaryDirectory() as folder:
        paths = write.write(run, Path(folder), ("md", "html", "svg", "pr"))
        return {sample / path.name: path.read_bytes() for path in paths}


def readme() -> bytes:
    """The README with what the terminal shows of the sample between its marks."""
    from harness_reports.pages import terminal
    from harness_reports.views.view import build

    run, _ = read_exported(SAMPLES / SHOWN / "run.json.gz")
    lines = terminal.plain(build(run), columns=128).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("us per step"))
    stop = next(i for i, line in enumerate(lines) if line.startswith("outputs"))
    head = "\n".join([lines[0], *(line for line in lines if line.startswith(("Decode at", "tok/s")))])
    shown = f"```text\n{head}\n\n" + "\n".join(line.rstrip() for line in lines[start:stop]).rstrip() + "\n```\n"
    place = f"reports/samples/{SHOWN}"
    source = (
        f"From [a stored run]({place}/report.md) of `suites/qwen3_5_moe.yaml` on one H100 (the same as\n"
        f"[a page]({place}/report.html) and as [text for a pull request]({place}/pull_request.md)):\n\n"
    )
    text = README.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    return f"{before}{BEGIN}{source}{shown}{END}{after}".encode()


def main() -> int:
    """Writes, or compares; the number of files that differ."""
    wanted = {
        path: data for run in sorted(SAMPLES.glob("*/run.json.gz")) for path, data in files_of(run.parent).items()
    }
    wanted |= {file.with_name("NOTES.md"): notes(file.parent).encode() for file in SAMPLES.glob("*/processes.csv")}
    wanted[README] = readme()
    different = [path for path, data in wanted.items() if not path.is_file() or path.read_bytes() != data]
    for path in different:
        print(f"{'differs' if '--check' in sys.argv else 'written'}: {path.relative_to(SAMPLES.parents[1])}")
        if "--check" not in sys.argv:
            path.write_bytes(wanted[path])
    return len(different) if "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(min(1, main()))
