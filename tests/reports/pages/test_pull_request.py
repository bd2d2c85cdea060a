"""What is pasted into a pull request has the layout that such tables are published in."""

from __future__ import annotations

import re

import msgspec
import pytest
from markdown_it import MarkdownIt

from harness.values.difference import Difference
from harness.values.reason import Undetermined
from harness.values.verdict import CaseVerdict, Comparison, Verdict
from harness_reports.charts import charts
from harness_reports.formats import mermaid
from harness_reports.pages import comparison_markdown, pull_request
from harness_reports.views.outcome import importance
from harness_reports.views.view import build
from tests.reports import golden_files
from tests.reports.comparison_factory import comparison
from tests.reports.hostile import EVIL, hostile_run
from tests.reports.run_factory import broken_run, synthetic_run

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


@pytest.fixture(scope="module")
def page() -> str:
    view = build(synthetic_run(3))
    return pull_request.render(view, charts.draw_all(view, want_png=False))


def test_the_page_is_as_in_the_golden_file(page: str) -> None:
    golden_files.check("pull_request.md", page)


def test_the_verdict_is_the_first_line(page: str) -> None:
    """With a base the verdict against it; what went wrong before what got faster."""
    assert page.splitlines()[0].startswith("**Decode at batch 1") and "1.545x faster [" in page.splitlines()[0]
    view = build(synthetic_run(3))
    assert pull_request.render(view, (), comparison()).startswith(
        "**INVALID** of 52 gated verdicts: 1 INVALID, 2 SLOWER"
    )
    assert pull_request.render(build(broken_run())).startswith("**2 of 9 cases are wrong or failed.**")


def test_the_published_tables_are_there(page: str) -> None:
    """Category | Total (ms) | % GPU; Kernel | Best config | Baseline | Best | Improvement; Token/s; intervals."""
    assert re.search(r"^\| Category \| Total \(ms\), `baseline` \| % GPU, `baseline` \|", page, re.MULTILINE)
    assert "| Kernel | Best config | Baseline, `baseline` | Best | Improvement | Of read |" in page
    assert "| Decode | Arm | Token/s | us per step | Change | Of bound |" in page
    row = next(line for line in page.splitlines() if line.startswith("| `moe_gate_up`"))
    assert re.search(
        r"8,256 w2 s2` \| 46\.\d+ \[[\d.]+, [\d.]+\] us \| 17\.\d+ \[[\d.]+, [\d.]+\] us \| 2\.\d+x faster \[", row
    )
    single = pull_request.render(build(synthetic_run(1, arms=["baseline"])))
    assert "| Category | Total (ms) | % GPU |" in single and "one answer in every arm" in single


def test_the_totals_are_those_of_the_profile(page: str) -> None:
    """8 profiled steps of 2,560 us in MoE are 20.480 ms."""
    assert re.search(r"^\| MoE \| 20\.480 \| 65 % \|", page, re.MULTILINE)


def test_it_can_be_reproduced_and_explains_itself(page: str) -> None:
    folded = page[page.index("<details>") :]
    assert "harness run suites/qwen3_5_moe.yaml" in folded and "570.00" in folded and "0123456789ab+" in folded
    assert "Do the kernels explain it?" in page and "us per step predicted" in page


def test_charts_are_links_and_one_is_drawn_by_the_reader(page: str) -> None:
    assert "![Decode rate](decode.svg)" in page
    chart = re.search(r"```mermaid\n(.*?)\n```", page, re.DOTALL)
    assert chart and 'x-axis ["baseline", "autotuned"]' in chart[1] and " 0 --> " in chart[1]


def test_mermaid_labels_cannot_end_their_quotes() -> None:
    text = mermaid.bars(EVIL, EVIL, [EVIL, EVIL, 'a"]'], [1.0, 2.0, 3.0])
    assert text.count("```") == 2
    for line in text.splitlines()[2:-1]:
        outside = re.sub(r'"[^"]*"', '""', line)
        assert re.fullmatch(r"[\w\s\-\[\]\",.>]*", outside), line
        assert not set("<>`;#{}|\\") & set("".join(re.findall(r'"([^"]*)"', line)))
    names = re.findall(r'"([^"]*)"', next(line for line in text.splitlines() if "x-axis" in line))
    assert len(names) == len(set(names)) == 3
    assert mermaid.bars("t", "u", ["one"], [1.0]) == ""


def test_hostile_names_leave_the_structure_alone() -> None:
    """Whatever runs, arms, kernels and branches are called: no tag, link, image or mention of theirs."""
    hostile = msgspec.structs.replace(
        comparison(20, name=EVIL), notes=(EVIL,), differences=(Difference(EVIL, "a", EVIL),)
    )
    view = build(hostile_run())
    for page in (pull_request.render(view, (), hostile), comparison_markdown.render(hostile)):
        found = [t for token in READER.parse(page) for t in (token, *(token.children or ()))]
        assert {t.content for t in found if t.type == "html_inline"} == set()
        tags = {t.content.strip().split(">")[0] for t in found if t.type == "html_block"}
        assert tags <= {"<details", "</details"}
        assert not [t for t in found if t.type in ("link_open", "image")]
        assert not [t for t in found if t.type == "text" and "@everyone" in t.content]


def test_a_refused_comparison_says_so_first() -> None:
    c = comparison(1)
    page = comparison_markdown.render(Comparison(c.base, c.head, False, (Difference("driver", "1", "2"),)))
    assert (page.startswith("**NOT COMPARABLE**") and "driver: 1 -\\> 2" in page) or "driver: 1 -> 2" in page
    assert "Exit status 4." in page


def test_verdicts_are_in_order_of_importance() -> None:
    """A gated failure before a gated regression, and whatever does not gate after all that does."""
    order = [
        importance(CaseVerdict("c", "kernel_us", verdict, Undetermined(), gated=gated))
        for gated in (True, False)
        for verdict in (Verdict.INVALID, Verdict.SLOWER, Verdict.UNDECIDED, Verdict.FASTER, Verdict.SAME)
    ]
    assert order == sorted(order) and len(set(order)) == 10


def test_what_moved_beside_the_gates_is_said() -> None:
    """A suite that gates memory alone does not hide a kernel that got slower."""
    c = comparison(4, slower=0)
    loose = tuple(msgspec.structs.replace(v, gated=False, verdict=Verdict.SLOWER) for v in c.verdicts[1:])
    first = msgspec.structs.replace(c.verdicts[0], gated=True)
    page = comparison_markdown.render(msgspec.structs.replace(c, verdicts=(first, *loose)))
    assert page.splitlines()[0] == "**SAME** of 1 gated verdict: 1 SAME. Not gated: 3 SLOWER."
