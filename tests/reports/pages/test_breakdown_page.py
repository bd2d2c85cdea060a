"""The page of a breakdown: every table, every name escaped, and what is left out said with its sum."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.trace import breakdown, difference, load_rules
from harness.values.profile import Profile
from harness_reports.pages.breakdown_page import MOST_ROWS, render
from tests.reports.pages.test_html import Page
from tests.trace.made import KERNELS, gpu, host, write

RULES = load_rules()
HOSTILE = "</code><script>alert(1)</script>\x1b[31m\u202e"


@pytest.fixture
def profiles(tmp_path: Path) -> list[Profile]:
    many = [gpu(600 + 10 * at, 1, f"k_{chr(97 + at % 26)}{'x' * at}", 100 + at) for at in range(MOST_ROWS + 5)]
    calls = [host("cuda_runtime", "cudaLaunchKernel", 0, 1, correlation=100)]
    first = write(tmp_path / "a.json", [*KERNELS, gpu(590, 4, HOSTILE, 99), *many, *calls])
    return [breakdown(first, RULES, steps=5), breakdown(write(tmp_path / "b.json", KERNELS), RULES)]


def test_every_table_is_there_and_adds_up(profiles: list[Profile]) -> None:
    """The times of each, with what is left out, are the sum of all rows."""
    text = render(["a.json", HOSTILE], profiles)
    page = Page(text)
    regions = [attributes["aria-label"] for tag, attributes in page.elements if attributes.get("role") == "region"]
    wanted = [
        "Categories",
        "Kernels",
        "By op",
        "By launch",
        "By stream",
        "By device",
        "By process",
        "Uncategorised, by namespace",
        "Idle, of the span",
    ]
    assert regions[: len(wanted) - 1] == [region for region in wanted if region != "By op"]
    assert "<script>alert" not in text and "\x1b" not in text and "\u202e" not in text
    kernels = text[text.index('id="trace-0-kernels"') : text.index('id="trace-0-launches"')]
    shown = sum(int(ns) for ns in re.findall(r'<td class="n" data-value="(\d+)">[\d,]+\.\d{3}<', kernels))
    left = re.search(r"And ([\d,]+) more rows, together ([\d.]+) ms", kernels)
    assert left is not None and int(left[1]) == len(profiles[0].kernels) - MOST_ROWS
    assert shown + round(float(left[2]) * 1e6) == profiles[0].gpu_sum_ns


def test_of_two_what_changed_comes_first(profiles: list[Profile]) -> None:
    """In the direction from the first to the second; of one and itself nothing is listed as changed."""
    text = render(["a", "b"], profiles, difference(*profiles))
    assert text.index('id="difference"') < text.index('id="trace-0"') and "vanished" in text
    same = render(["a", "a"], [profiles[0]] * 2, difference(profiles[0], profiles[0]))
    assert ": 0 ms" in same and "vanished" not in same


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    """And prints where; JSON stays JSON; a folder that is not there is one line."""
    trace, page = write(tmp_path / "t.json", KERNELS), tmp_path / "t.html"
    done = CliRunner().invoke(app, ["breakdown", str(trace), "--html", str(page)])
    assert done.stdout.strip() == str(page) and "trace-0-kernels" in page.read_text()
    done = CliRunner().invoke(app, ["breakdown", str(trace), "--json", "--html", str(tmp_path / "no" / "t.html")])
    assert "No such file" in str(done.exception) and "\n" not in str(done.exception)


def test_a_page_needs_no_charts() -> None:
    """matplotlib would cost half of the time and of the memory."""
    import subprocess

    from tests.conftest import REPOSITORY

    code = (
        "import sys; from harness import reports_root; reports_root.bind(); import harness_reports.pages.breakdown_page"
    )
    code += "; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert not {"matplotlib", "numpy", "torch", "scipy"} & set(found.stdout.split())
