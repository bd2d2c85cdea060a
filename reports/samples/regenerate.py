"""Regenerates every sample report, the notes on comparisons and the README's table from stored data.

Usage: python3 reports/samples/regenerate.py

With `--check` it writes nothing and ends with status 1 if a file differs.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from compare_notes import notes

from harness import reports_root
from harness.store import read_exported

SAMPLES = Path(__file__).resolve().parent
README = SAMPLES.parents[1] / "README.md"
PICTURES = SAMPLES.parents[1] / "docs" / "pictures"
SHOWN = "qwen3_5_moe-h100"
COMMANDS = "own-op-h200"
SHOWN_LINES = (
    ("harness try fp8_block_mm.py --shape tokens=64,n=4096,k=2048", "try.txt", r"fp8|correct|\d|sm_"),
    ("harness sweep fp8.yaml", "sweep.txt", r"\d+ declared ->|the same work|#  |winner|2  |-  |what matters"),
    ("harness compare HEAD . --suite fp8.yaml --arms mine", "compare.txt", r"\d+ gated|case  |gate  |      ?\d|  \d"),
)
"""Command, the file of its output, and the lines that are shown."""
BEGIN, END = "<!-- sample:begin -->\n", "<!-- sample:end -->"


def files_of(sample: Path) -> dict[Path, bytes]:
    """The report of a sample's run, by path."""
    reports_root.bind()
    from harness_reports.pages import write

    run, _ = read_exported(sample / "run.json.gz")
    with TemporaryDirectory() as folder:
        paths = write.write(run, Path(folder), ("md", "html", "svg", "pr"))
        return {sample / path.name: path.read_bytes() for path in paths}


def pictures() -> dict[Path, bytes]:
    """The README's chart in the colours of both themes."""
    reports_root.bind()
    from harness_reports.pages.html_frame import TEMPLATES

    css = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    dark: dict[str, str] = dict(re.findall(r"light-dark\((#\w+), (#\w+)\)", css))
    light_svg = (SAMPLES / SHOWN / "decode.svg").read_text(encoding="utf-8")
    dark_svg = re.sub(r"#[0-9a-f]{6}\b", lambda colour: dark.get(colour[0], colour[0]), light_svg)
    return {PICTURES / f"decode-{name}.svg": svg.encode() for name, svg in (("light", light_svg), ("dark", dark_svg))}


def readme() -> bytes:
    """The README with three commands of a sample and the relevant lines of their output between its marks."""
    sample = SAMPLES / COMMANDS
    parts = []
    for command, file, wanted in SHOWN_LINES:
        lines = (sample / file).read_text(encoding="utf-8").splitlines()
        parts += [f"$ {command}", *(line.rstrip() for line in lines if re.match(wanted, line)), ""]
    shown = "```text\n" + "\n".join(parts).rstrip() + "\n```\n"
    place = f"reports/samples/{COMMANDS}"
    source = (
        f"A float8 product in one file, 45 lines, no model, on one H200 ([all of the output]({place}/NOTES.md)):\n\n"
    )
    text = README.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    return f"{before}{BEGIN}{source}{shown}{END}{after}".encode()


def main() -> int:
    """Write or compare. Return the number of files that differ."""
    wanted = {
        path: data for run in sorted(SAMPLES.glob("*/run.json.gz")) for path, data in files_of(run.parent).items()
    }
    wanted |= {file.with_name("NOTES.md"): notes(file.parent).encode() for file in SAMPLES.glob("*/processes.csv")}
    wanted |= pictures()
    wanted[README] = readme()
    different = [path for path, data in wanted.items() if not path.is_file() or path.read_bytes() != data]
    for path in different:
        print(f"{'differs' if '--check' in sys.argv else 'written'}: {path.relative_to(SAMPLES.parents[1])}")
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(wanted[path])
    return len(different) if "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(min(1, main()))
