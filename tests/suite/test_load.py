"""A right suite means what it says: arms, inheritance, sites, phases, variants from outside, models beside it."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from harness.errors import HarnessError
from harness.suite.format import json_schema
from harness.suite.load import load_suite
from harness.values.suite import Choice, Suite
from tests.conftest import REPOSITORY
from tests.suite.suite_files import SUITE, VARIANT, write_suite

SUITES = sorted(p for p in (REPOSITORY / "suites").glob("*.yaml") if p.read_text().startswith("# yaml-language-server"))


def chosen(suite: Suite, arm: str, op: str, site: str, phase: str) -> tuple[str, object] | None:
    choice = suite.arms[arm].choice(op, site, phase)
    return (choice.variant, choice.tunables) if choice else None


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_the_suites_of_this_repository_load(path: Path) -> None:
    """Those with a space to search have a baseline; those of them that ask for more have an autotuned arm too."""
    suite = load_suite(path)
    assert suite.name == path.stem and (suite.decode or suite.sweep or suite.compilers.targets)
    assert "baseline" in suite.arms or not suite.sweep
    assert suite.kernels is None or "autotuned" in suite.arms or not suite.sweep
    for_kernels_alone = ("vecmat_864", "moe_words", "every_variant")
    assert suite.decode is not None or path.stem in for_kernels_alone, "of a search for blocks, or for compilers"


def test_the_full_suite_asks_the_published_question() -> None:
    """35B, int4 in groups of 128; the baseline's blocks are 32 x 32 with 2 warps and 2 stages, on both expert
    products."""
    suite = load_suite(REPOSITORY / "suites" / "qwen3_5_moe.yaml")
    published = {"block_n": 32, "block_k": 32, "num_warps": 2, "num_stages": 2}
    assert (suite.dims["num_hidden_layers"], suite.weights.group, suite.dtype) == (40, 128, "bfloat16")
    for op in ("moe_gate_up", "moe_down"):
        assert chosen(suite, "baseline", op, "experts", "decode") == ("triton_vecmat", published)
        assert chosen(suite, "autotuned", op, "experts", "decode") == ("triton_vecmat", "tuned")
        assert chosen(suite, "autotuned", op, "experts", "prefill") == ("torch_grouped", {})


def test_left_out_keys_have_their_defaults(tmp_path: Path) -> None:
    """Sections and keys that are left out are those of the value types."""
    suite = load_suite(write_suite(tmp_path))
    assert (suite.routing, suite.analysis, suite.weights.source, suite.weights.dense) == (
        "uniform", "", "random", ("router", "shared_gate"),
    )  # fmt: skip
    assert suite.kernels is not None and suite.kernels.context == (1024,)
    assert suite.decode is not None and suite.decode.batch == (1,)


def test_nothing_may_fail_a_comparison_where_the_suite_says_so(tmp_path: Path) -> None:
    """A list of names may be empty, for the check and for editors; the section's other keys keep their defaults."""
    suite = load_suite(write_suite(tmp_path, "sweep:\n", "compare: {gate: []}\nsweep:\n"))
    assert (suite.compare.gate, suite.compare.budget_s) == ((), 600.0)
    jsonschema.Draft202012Validator(json_schema()).validate(yaml.safe_load(suite.text))


def test_a_suite_asks_for_energy_and_lets_it_gate(tmp_path: Path) -> None:
    """Left out, neither."""
    assert load_suite(write_suite(tmp_path)).energy is False
    text = SUITE + "energy: true\ncompare: {gate: [energy]}\n"
    suite = load_suite(write_suite(tmp_path, text=text))
    assert suite.energy is True and suite.compare.gate == ("energy",)


def test_an_arm_inherits_what_it_does_not_say(tmp_path: Path) -> None:
    """`like` keeps every choice of the other arm, except where this arm says something for that site and phase."""
    more = """\
  mixed:
    like: other
    int4_mm: {lm_head: torch_int4pack, default: {prefill: torch_int4pack}}
  plain:
    like: mixed
    int4_mm: torch_blocked
kernels:
"""
    suite = load_suite(write_suite(tmp_path, "kernels:\n", more))
    blocked = ("torch_blocked", {"block_n": 32})
    assert chosen(suite, "other", "int4_mm", "gdn_in", "decode") == blocked
    assert chosen(suite, "mixed", "sdpa", "main", "decode") == ("torch_sdpa", {})
    assert chosen(suite, "mixed", "int4_mm", "lm_head", "decode") == ("torch_int4pack", {})
    assert chosen(suite, "mixed", "int4_mm", "gdn_in", "prefill") == ("torch_int4pack", {})
    assert chosen(suite, "mixed", "int4_mm", "gdn_in", "decode") == blocked
    assert chosen(suite, "plain", "int4_mm", "lm_head", "decode") == ("torch_blocked", {})
    assert chosen(suite, "plain", "int4_mm", "gdn_in", "prefill") == ("torch_blocked", {})


def test_a_phase_of_a_child_wins_over_a_site_of_its_parent(tmp_path: Path) -> None:
    """What an arm itself says always wins, however special the inherited choice was."""
    arms = """\
arms:
  first:
    int4_mm: {lm_head: torch_int4pack}
  second:
    like: first
    int4_mm: {decode: torch_blocked}
"""
    text = write_suite(tmp_path).read_text()
    text = text[: text.index("arms:")] + arms + text[text.index("kernels:") :]
    suite = load_suite(write_suite(tmp_path, text=text))
    assert chosen(suite, "second", "int4_mm", "lm_head", "decode") == ("torch_blocked", {})
    assert chosen(suite, "second", "int4_mm", "lm_head", "prefill") == ("torch_int4pack", {})
    assert chosen(suite, "second", "int4_mm", "gdn_in", "prefill") is None


def test_every_way_to_write_a_choice(tmp_path: Path) -> None:
    """A name, a name with tunables, with none, tuned, per site and phase in either order."""
    arm = """\
  other:
    int4_mm:
      lm_head: {decode: {torch_blocked: tuned}, prefill: torch_int4pack}
      gdn_in: {torch_blocked: {}}
      default: torch_blocked
    gated_delta_rule: {decode: {main: torch_recurrent}, prefill: {main: {torch_chunked: {chunk: 16}}}}
"""
    suite = load_suite(write_suite(tmp_path, "  other:\n    like: baseline\n", arm))
    assert chosen(suite, "other", "int4_mm", "lm_head", "decode") == ("torch_blocked", "tuned")
    assert chosen(suite, "other", "int4_mm", "lm_head", "prefill") == ("torch_int4pack", {})
    assert chosen(suite, "other", "int4_mm", "gdn_in", "decode") == ("torch_blocked", {})
    assert chosen(suite, "other", "gated_delta_rule", "main", "prefill") == ("torch_chunked", {"chunk": 16})
    assert suite.arms["other"].choices["sdpa"][0] == Choice("torch_sdpa", {}, "main", "decode")


def test_an_arm_may_be_empty(tmp_path: Path) -> None:
    """An arm that says nothing is the library's defaults."""
    suite = load_suite(write_suite(tmp_path, "  other:\n    like: baseline\n    sdpa: torch_sdpa\n", "  other:\n"))
    assert suite.arms["other"].choices == {}


def test_a_variant_may_be_a_file_beside_the_suite_or_a_dotted_path(tmp_path: Path) -> None:
    """Both are checked without being imported; tunables have the types of their defaults."""
    (tmp_path / "mine.py").write_text(VARIANT)
    (tmp_path / "my_pkg" / "fast").mkdir(parents=True)
    (tmp_path / "my_pkg" / "fast" / "idea.py").write_text(VARIANT)
    tunables = "{block_n: 8, fast: true, factor: 2, layout: 'columns'}"
    choice = f"{{lm_head: {{./mine.py: {tunables}}}, default: my_pkg.fast.idea}}"
    suite = load_suite(write_suite(tmp_path, "{torch_blocked: {block_n: 32}}", choice))
    assert chosen(suite, "baseline", "int4_mm", "lm_head", "decode") == (
        "./mine.py", {"block_n": 8, "fast": True, "factor": 2.0, "layout": "columns"},
    )  # fmt: skip
    assert chosen(suite, "baseline", "int4_mm", "gdn_in", "decode") == ("my_pkg.fast.idea", {})


@pytest.mark.parametrize(
    "value", ["fast: 1", "factor: wide", "layout: 3", "block_n: 8.5", "block_n: true", "factor: true"]
)
def test_a_tunable_has_the_type_of_its_default(value: str, tmp_path: Path) -> None:
    """A truth value is no number, a number no word; a whole number is a number."""
    (tmp_path / "mine.py").write_text(VARIANT)
    file = write_suite(tmp_path, "{torch_blocked: {block_n: 32}}", f"{{./mine.py: {{{value}}}}}")
    with pytest.raises(HarnessError, match=r"8:\d+: arms\.baseline\.int4_mm\.\./mine\.py\.\w+: .* is not "):
        load_suite(file)


def test_a_model_may_be_defined_beside_the_suite(tmp_path: Path) -> None:
    """A models.yaml beside the suite adds to the library's; defining one of its names again is an error."""
    library = (REPOSITORY / "suites" / "models.yaml").read_text()
    block = library[library.index("qwen3_5_moe_tiny:") :]
    (tmp_path / "models.yaml").write_text(
        block.replace("qwen3_5_moe_tiny:", "mine:").replace("vocab_size: 2048", "vocab_size: 99")
    )
    assert load_suite(write_suite(tmp_path, "qwen3_5_moe_tiny", "mine")).dims["vocab_size"] == 99
    (tmp_path / "models.yaml").write_text(block)
    with pytest.raises(HarnessError, match=r"3:8: model: model qwen3_5_moe_tiny is defined twice"):
        load_suite(write_suite(tmp_path))


MODEL_MISTAKES = {
    "unknown key": (
        "head_dim: 64\n  partial",
        "head_dmi: 64\n  partial",
        "mine.head_dmi: unknown key; allowed: .*did you mean head_dim",
    ),
    "missing key": ("  vocab_size: 2048\n", "", "mine: key vocab_size is missing"),
    "wrong type": ("vocab_size: 2048", "vocab_size: 2048.5", "mine.vocab_size: 2048.5 is not a whole number"),
    "out of range": ("vocab_size: 2048", "vocab_size: 0", "mine.vocab_size: 0 is out of range"),
    "no architecture": (
        "  architecture: qwen3_5_moe\n",
        "",
        "mine: key architecture is missing; allowed: .*qwen3_5_moe",
    ),
    "unknown architecture": (
        "qwen3_5_moe\n",
        "qwen3_5_mo\n",
        "mine.architecture: unknown architecture .*did you mean qwen3_5_moe",
    ),
}


@pytest.mark.parametrize("name", MODEL_MISTAKES)
def test_mistakes_in_models_yaml_are_placed_there(name: str, tmp_path: Path) -> None:
    """The line names models.yaml, its line and the key."""
    library = (REPOSITORY / "suites" / "models.yaml").read_text()
    block = library[library.index("qwen3_5_moe_tiny:") :].replace("qwen3_5_moe_tiny:", "mine:")
    old, new, wanted = MODEL_MISTAKES[name]
    assert block.count(old) == 1
    (tmp_path / "models.yaml").write_text(block.replace(old, new))
    with pytest.raises(HarnessError, match=rf"models\.yaml:\d+:\d+: {wanted}"):
        load_suite(write_suite(tmp_path, "qwen3_5_moe_tiny", "mine"))


def test_an_alias_stands_for_its_value(tmp_path: Path) -> None:
    """A sweep space that two ops share is written once."""
    spaces = "  moe_gate_up: &space {torch_gather: {pairs_per_step: [1, 2]}}\n  moe_down: *space\n"
    text = write_suite(tmp_path).read_text()
    suite = load_suite(
        write_suite(tmp_path, text=text[: text.index("  int4_mm: {torch_blocked: {block_n: [16")] + spaces)
    )
    assert [(s.op, s.variant, s.values) for s in suite.sweep] == [
        ("moe_gate_up", "torch_gather", {"pairs_per_step": (1, 2)}),
        ("moe_down", "torch_gather", {"pairs_per_step": (1, 2)}),
    ]  # fmt: skip


def test_recorded_routing_is_a_file_beside_the_suite(tmp_path: Path) -> None:
    """Its name is the axis; that it exists is checked here, its content where it is read."""
    (tmp_path / "ids.json").write_text("[[0, 1, 2, 3]]")
    assert load_suite(write_suite(tmp_path, "weights:", "routing: ids.json\nweights:")).routing == "ids.json"
