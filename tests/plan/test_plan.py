"""The plan: every question of a suite for every arm, each with its answer, before a device is touched."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness import kernels_root
from harness.errors import HarnessError
from harness.plan import expand, sweep_plan
from harness.plan.calls import dims_at
from harness.suite.catalogue import PHASES, load_layout, load_spec
from harness.suite.load import load_suite
from harness.values.case import Case
from harness.values.suite import CallSite
from tests.conftest import REPOSITORY
from tests.suite.suite_files import VARIANT, write_suite

TINY = REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml"
FULL = REPOSITORY / "suites" / "qwen3_5_moe.yaml"

TINY_QUESTIONS = """\
moe_gate_up@experts/int4-g64/float32
moe_down@experts/int4-g64/float32
int4_mm@gdn_in/int4-g64/float32
int4_mm@gdn_out/int4-g64/float32
int4_mm@attn_qkv/int4-g64/float32
int4_mm@attn_out/int4-g64/float32
int4_mm@shared_gate_up/int4-g64/float32
int4_mm@shared_down/int4-g64/float32
int4_mm@lm_head/int4-g64/float32
sdpa@main/int4-g64/float32/context=64
gated_delta_rule@main/int4-g64/float32
router@main/int4-g64/float32
prefill@eager/int4-g64/float32/context=64
decode@eager/int4-g64/float32/context=64,new_tokens=32
"""


def by_id(path: Path, **options: Any) -> dict[str, Case]:
    return {case.id: case for case in expand(load_suite(path), **options).cases}


def test_the_questions_of_the_tiny_suite() -> None:
    """Golden: the ids join runs of different days, so a change here orphans stored runs."""
    cases = expand(load_suite(TINY)).cases
    assert list(dict.fromkeys(case.question for case in cases)) == TINY_QUESTIONS.splitlines()
    assert {case.arm for case in cases} == {"baseline", "autotuned"} and len(cases) == 28


def test_every_case_has_the_sizes_its_operands_and_cost_need() -> None:
    """All shapes of an op's inputs can be evaluated from the case's dims alone, and so can its cost."""
    for case in expand(load_suite(FULL)).cases:
        if case.kind != "kernel":
            continue
        spec = load_spec(str(case.op))
        names = {"__builtins__": {}, **case.dims}
        for operand in spec.op.inputs:
            assert all(eval(expression, dict(names)) > 0 for expression in operand.shape)
            assert not isinstance(operand.value, str) or operand.value in case.dims
        assert spec.cost(case.dims).read_bytes > 0


def test_the_expert_products_move_the_published_bytes() -> None:
    """At one token GEMM1 reads 8.67 MB and GEMM2 4.37 MB: eight experts, 4.125 bits a weight and the activations."""
    cases = by_id(FULL, arms=["baseline"])
    gate_up = cases["moe_gate_up@experts/int4-g128/bfloat16/baseline"]
    assert load_spec("moe_gate_up").cost(gate_up.dims).bytes / 1e6 == pytest.approx(8.67, rel=0.005)
    down = cases["moe_down@experts/int4-g128/bfloat16/baseline"]
    assert load_spec("moe_down").cost(down.dims).bytes / 1e6 == pytest.approx(4.37, rel=0.01)
    assert (gate_up.calls, down.calls) == (40, 40)


def test_tokens_and_context_are_axes() -> None:
    """Four tokens are four sequences of one; the cache holds the context and the new token in whole blocks."""
    cases = by_id(FULL)
    sdpa = cases["sdpa@main/int4-g128/bfloat16/context=1024,tokens=4/baseline"]
    assert {"batch": 4, "length": 1, "context": 1024, "capacity": 1088}.items() <= sdpa.dims.items()
    assert "int4_mm@lm_head/int4-g128/bfloat16/tokens=4/baseline" in cases


def test_dims_at_sets_only_the_sizes_an_op_has() -> None:
    """A size that an op does not know stays away; the capacity is a multiple of 64 and never too small."""
    assert dims_at({"tokens": 1, "n": 5}, tokens=3, batch=3, length=1, context=9) == {"tokens": 3, "n": 5}
    for context, capacity in ((0, 64), (63, 64), (64, 128), (1024, 1088)):
        assert dims_at({"capacity": 64}, tokens=1, batch=1, length=1, context=context) == {"capacity": capacity}


def test_the_whole_model_is_answered_for_every_arm() -> None:
    """Each op, site and phase of the model has an answer, with every tunable known; what no arm chose says so."""
    suite = load_suite(FULL)
    plan = expand(suite, arms=["baseline", "published"])
    uses = load_layout(suite.architecture).uses(suite.dims, suite.weights.group, suite.weights.dense)
    wanted = {CallSite(phase, use.op, use.site) for use in uses for phase in PHASES}
    assert set(plan.answers) == {"baseline", "published"}
    assert all(set(answers) == wanted for answers in plan.answers.values())
    assert plan.answers["published"][CallSite("decode", "moe_down", "experts")].tunables["block_k"] == 128
    assert plan.answers["baseline"][CallSite("decode", "rms_norm", "ln")].origin == "default"
    assert plan.answers["baseline"][CallSite("decode", "sdpa", "main")].origin == "suite"


def test_tunables_left_out_are_those_of_the_variant(tmp_path: Path) -> None:
    """The answer holds the defaults too: a stored run says what it ran."""
    suite = load_suite(write_suite(tmp_path, "{torch_blocked: {block_n: 32}}", "torch_blocked"))
    answer = expand(suite, match="lm_head").cases[0].answer
    assert answer is not None and answer.tunables == {"block_n": 64}


def test_an_answer_that_an_earlier_arm_gave_is_measured_once(tmp_path: Path) -> None:
    """A case names the case that stands for it, spelt differently or not; the default's own value is the default."""
    arms = "  third:\n    int4_mm: torch_blocked\n  fourth:\n    int4_mm: {torch_blocked: {block_n: 64}}\nkernels:\n"
    cases = by_id(write_suite(tmp_path, "kernels:\n", arms))
    head = "int4_mm@lm_head/int4-g64/float32"
    assert [cases[f"{head}/{arm}"].same_as for arm in ("baseline", "other", "third", "fourth")] == [
        None, f"{head}/baseline", None, f"{head}/third",
    ]  # fmt: skip
    decode = "decode@eager/int4-g64/float32/context=16,new_tokens=4"
    assert cases[f"{decode}/other"].same_as == f"{decode}/baseline"
    assert cases[f"{decode}/third"].same_as is None and cases[f"{decode}/fourth"].same_as == f"{decode}/third"


def test_a_filter_never_leaves_a_case_whose_stand_in_is_gone(tmp_path: Path) -> None:
    """Filtered to the second arm alone, its cases are measured themselves."""
    cases = by_id(write_suite(tmp_path), match="sdpa*other")
    assert [case.same_as for case in cases.values()] == [None]


def test_arms_are_chosen_in_the_order_asked(tmp_path: Path) -> None:
    """The first is what the others are compared with; an unknown one names its neighbour, an empty filter its ids."""
    suite = load_suite(write_suite(tmp_path))
    assert expand(suite, arms=["other", "baseline"]).arms == ("other", "baseline")
    with pytest.raises(HarnessError, match=r"unknown arm othr; allowed: baseline, other; did you mean other\?"):
        expand(suite, arms=["othr"])
    with pytest.raises(HarnessError, match=r"-k lm_haed: no id contains this; near: int4_mm@lm_head"):
        expand(suite, match="lm_haed")


def test_an_engine_that_the_device_lacks_is_a_row_that_says_so(tmp_path: Path) -> None:
    """CUDA graphs on a CPU: a problem of that case alone; unknown as long as the device is."""
    suite = load_suite(write_suite(tmp_path, "[eager]", "[eager, cuda_graph]"))
    for device, problem in (("cpu-x", "CUDA graphs need a GPU"), ("some-gpu", None), (None, None)):
        decode = [c for c in expand(suite, device_slug=device).cases if c.kind == "decode"]
        assert {c.engine: c.problem for c in decode} == {"cuda_graph": problem, "eager": None}


@pytest.fixture
def tuned_suite(tmp_path: Path) -> Path:
    """A suite whose arm `other` is tuned, with a variant beside it, so that its tuned file lies there too."""
    (tmp_path / "mine.py").write_text(VARIANT)
    file = write_suite(tmp_path, "    like: baseline\n    sdpa: torch_sdpa\n", "    int4_mm: {./mine.py: tuned}\n")
    return file


def _tune(suite: Path, **changes: Any) -> Path:
    """Writes an entry for lm_head's shape, and for every other one."""
    tuned = kernels_root.module("tuned")
    source = hashlib.sha256((suite.parent / "mine.py").read_bytes()).hexdigest()
    for case in expand(load_suite(suite), arms=["other"], match="int4_mm").cases:
        entry = {
            "op": "int4_mm", "variant": "./mine.py", "device": "cpu-x", "dims": case.dims, "source_hash": source,
            "triton": "3.7", "tunables": {"block_n": 16}, "us": 1.0, "suite_folder": suite.parent,
        }  # fmt: skip
        path: Path = tuned.write(**{**entry, **changes})
    return path


def test_tuned_is_what_the_tuned_file_of_this_device_says(tuned_suite: Path) -> None:
    """The answer has the found tunables and names the file; the arm's decode can then run. A prefill calls lm_head with
    the last token of each sequence alone, every other product with the whole prompt."""
    path = _tune(tuned_suite)
    plan = expand(load_suite(tuned_suite), device_slug="cpu-x", triton="3.7")
    [case] = [c for c in plan.cases if c.arm == "other" and c.site == "lm_head"]
    assert case.problem is None and case.answer is not None and case.answer.origin == str(path)
    assert case.answer.tunables == {"block_n": 16, "fast": False, "factor": 1.0, "layout": "rows"}
    assert plan.answers["other"][CallSite("prefill", "int4_mm", "lm_head")].origin == str(path)
    assert plan.answers["other"][CallSite("prefill", "int4_mm", "gdn_in")].origin == f"{path} (tuned with 1 token)"


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ({"device_slug": "cpu-y", "triton": "3.7"}, "no tuned file for this device"),
        ({"device_slug": "cpu-x", "triton": "3.8"}, r"tuned with Triton 3\.7, this is 3\.8"),
        ({"device_slug": "cpu-x", "triton": None}, r"tuned with Triton 3\.7, this is none"),
    ],
)
def test_a_tuned_file_of_somewhere_else_is_never_used(tuned_suite: Path, where: dict[str, Any], reason: str) -> None:
    """Another device or Triton: each case of the arm, its decode too, is a row with the reason; other arms are
    whole."""
    _tune(tuned_suite)
    plan = expand(load_suite(tuned_suite), **where)
    problems = {c.id: c.problem for c in plan.cases if c.arm == "other" and (c.op == "int4_mm" or c.kind != "kernel")}
    assert len(problems) == 9
    for problem in problems.values():
        assert problem is not None
        assert re.search(reason, problem)
    assert set(plan.answers) == {"baseline"}


def test_a_changed_source_is_not_tuned_any_more(tuned_suite: Path) -> None:
    """One character of the variant's text makes its entries worthless."""
    _tune(tuned_suite)
    with (tuned_suite.parent / "mine.py").open("a") as file:
        file.write("#")
    [case] = expand(load_suite(tuned_suite), arms=["other"], match="lm_head", device_slug="cpu-x", triton="3.7").cases
    assert case.problem is not None and "its source has changed since it was tuned" in case.problem


def test_without_a_device_what_is_tuned_stays_open(tuned_suite: Path) -> None:
    """`harness list` on a laptop: no problem, no guess."""
    [case] = expand(load_suite(tuned_suite), arms=["other"], match="lm_head").cases
    assert case.problem is None and case.answer is not None
    assert (case.answer.origin, case.answer.tunables) == ("tuned", {})


def test_a_sweep_is_every_configuration_of_every_shape(tmp_path: Path) -> None:
    """The product of the lists where the conditions hold, once per shape; tunables are part of the id."""
    cases = sweep_plan(load_suite(TINY)).cases
    assert len({case.id for case in cases}) == len(cases) == 19 + 3 + 3
    assert cases[0].id == "int4_mm@gdn_in/int4-g64/float32/sweep/torch_blocked(block_n=16)"
    by_shape = Counter((c.dims["n"], c.dims["k"]) for c in cases if c.op == "int4_mm")
    assert by_shape == {(776, 256): 4, (256, 256): 3, (768, 256): 4, (256, 128): 3, (2048, 256): 5}
    narrowed = load_suite(write_suite(tmp_path, "[16, 32], where: [block_n <= n]", "[16, 1024], where: [block_n <= n]"))
    kept = {(c.site, c.answer.tunables["block_n"]) for c in sweep_plan(narrowed).cases if c.answer}
    assert ("lm_head", 1024) in kept and ("gdn_in", 1024) not in kept and ("gdn_in", 16) in kept


def test_a_sweep_of_nothing_is_an_error(tmp_path: Path) -> None:
    """No sweep, no configuration, no match, no value: each one line."""
    text = write_suite(tmp_path).read_text()
    for old, new, wanted in (
        (text[text.index("sweep:") :], "", "this suite has none"),
        ("block_n <= n", "block_n > 100", "`where` holds for no configuration"),
        (
            "block_n <= n",
            "n % (block_n - 16) == 0",
            r"sweep\.int4_mm\.torch_blocked\.where: .* has no value for block_n=16",
        ),
    ):
        with pytest.raises(HarnessError, match=wanted):
            sweep_plan(load_suite(write_suite(tmp_path, old, new)))
    with pytest.raises(HarnessError, match="-k sdpa: no id contains this"):
        sweep_plan(load_suite(TINY), match="sdpa")


def test_the_full_sweep_has_the_published_shapes() -> None:
    """GEMM1 1024 x 2048 and GEMM2 2048 x 512 at one token, and the same configurations for both."""
    cases = sweep_plan(load_suite(FULL)).cases
    assert {(c.op, c.dims["inter"], c.dims["hidden"], c.dims["tokens"]) for c in cases} == {
        ("moe_gate_up", 512, 2048, 1), ("moe_down", 512, 2048, 1),
    }  # fmt: skip
    configurations = {op: [c.answer for c in cases if c.op == op] for op in ("moe_gate_up", "moe_down")}
    assert configurations["moe_gate_up"] == configurations["moe_down"]
