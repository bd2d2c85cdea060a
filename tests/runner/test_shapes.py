"""Single pairs of batch and context beside the crossed ones: planned, checked, timed and shown with their rates."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import reports_root
from harness.errors import HarnessError
from harness.plan import expand
from harness.runner.execute import Execution
from harness.runner.stage import Options
from harness.store import Store
from harness.suite.load import load_suite
from harness.values.measurement import Status
from harness.values.suite import DecodeQuestions
from tests.conftest import REPOSITORY
from tests.suite.suite_files import write_suite

ASKED = "context: [16], new_tokens: 4"


def test_pairs_stand_beside_the_crossed_shapes_each_once() -> None:
    asked = DecodeQuestions(batch=(1, 2), context=(8, 16), also=((8, 8), (2, 16), (1, 64)))
    assert asked.shapes == ((1, 8), (1, 16), (2, 8), (2, 16), (8, 8), (1, 64))


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("[[8]]", "decode.also[0]"),
        ("[8, 16]", "decode.also[0]"),
        ("[[8, 16, 4]]", "is not two values: batch and context"),
        ("[[8, 0]]", "0 is out of range; allowed: 1 to"),
        ("[[2, 8], [2, 8]]", "is here twice"),
    ],
)
def test_what_is_no_pair_is_said_with_its_place(written: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError) as refused:
        load_suite(write_suite(tmp_path, ASKED, f"{ASKED}, also: {written}"))
    assert words in str(refused.value) and "small.yaml:15:" in str(refused.value)


@pytest.mark.slow
def test_every_shape_is_measured_and_shown(tmp_path: Path) -> None:
    """A second process finds the first one's reference; the profile is of the first shape."""
    path = write_suite(tmp_path, ASKED, f"{ASKED}, also: [[3, 8], [1, 40]]")
    store = Store(str(tmp_path / "runs.sqlite"))
    options = Options(stages=("decode", "profile"), rounds=1, processes=2, steps=1)
    execution = Execution(
        load_suite(path),
        lambda where: expand(load_suite(path), arms=["baseline"], device_slug=where.slug),
        store,
        options,
        lambda *_: None,
    )
    run = store.load(execution.run())
    assert execution.record.failed == {} and all(m.status is Status.OK for m in run.measurements)
    assert {(m.case.kind, m.case.axes["batch"], m.case.axes["context"]) for m in run.measurements} == {
        (kind, *shape) for kind in ("decode", "prefill") for shape in ((1, 16), (3, 8), (1, 40))
    }
    assert {len(m.samples) for m in run.measurements} == {2}
    (profile,) = run.profiles
    assert profile.axes == {"batch": 1, "context": 16}
    reports_root.bind()
    from harness_reports.views.view import build

    view = build(run)
    for groups, tokens in ((view.decodes, {(1, 16): 1, (3, 8): 3, (1, 40): 1}), (view.prefills, None)):
        for group in groups:
            (row,) = group.rows
            count = tokens[group.batch, group.context] if tokens else group.batch * group.context
            assert row.tok_s.value == pytest.approx(count * 1e6 / row.time.value)
            assert row.bound_share is not None


def test_the_long_suite_asks_of_the_same_arms() -> None:
    """Every choice for every place is that of the suite whose shapes it extends, and so are model, weights and
    routing; its arm `apart` differs from `fused` in the router alone."""
    usual, long = (load_suite(REPOSITORY / "suites" / f"qwen3_5_moe{name}.yaml") for name in ("", "_long"))
    assert (usual.model, usual.weights, usual.routing, usual.dtype) == (
        long.model,
        long.weights,
        long.routing,
        long.dtype,
    )
    arms = ["fused", "overlapped"]
    plans = [expand(suite, arms=arms, device_slug="nvidia-h100", triton="3.6.0") for suite in (usual, long)]
    assert plans[0].answers == plans[1].answers and list(long.arms) == [*arms, "apart"]
    apart, fused = (expand(long, arms=[arm], device_slug="nvidia-h100").answers[arm] for arm in ("apart", "fused"))
    assert {call.label for call in {*apart} ^ {*fused}} == {
        "route@main:decode",
        "router@main:decode",
        "linear@router:decode",
    }
    assert all(apart[place] == fused[place] for place in set(apart) & set(fused))
    assert long.decode is not None and long.decode.shapes == ((1, 2048), (1, 1024), (8, 1024), (1, 32768))
    assert all(case.problem is None for case in plans[1].cases)
