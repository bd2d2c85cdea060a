"""Every rule is hit by its own examples, and by nothing that it must not be."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.suite.catalogue import ops
from harness.trace.categories import UNCATEGORISED, Rule, Rules, load_rules, without_arguments

RULES = load_rules()
EXAMPLES = [(rule, name) for rule in RULES.rules for name in rule.examples]
COUNTERS = [(rule, name) for rule in RULES.rules for name in rule.counter_examples]


@pytest.mark.parametrize(
    ("rule", "name"), EXAMPLES, ids=lambda value: value.category if isinstance(value, Rule) else value[:60]
)
def test_an_example_hits_its_own_rule(rule: Rule, name: str) -> None:
    hit = RULES.rule_for(name)
    assert hit is rule, f"{name} hit {hit.category if hit else None}"


@pytest.mark.parametrize(
    ("rule", "name"), COUNTERS, ids=lambda value: value.category if isinstance(value, Rule) else value[:60]
)
def test_a_counter_example_does_not_hit_the_rule(rule: Rule, name: str) -> None:
    assert RULES.rule_for(name) is not rule


def test_every_rule_with_kernel_patterns_has_an_example() -> None:
    assert [rule.category for rule in RULES.rules if rule.kernels and not rule.examples] == []


def test_every_op_of_ours_has_a_category_by_its_scope() -> None:
    for op in ops():
        assert RULES.category("anything", "", f"harness:{op}@main#0") != UNCATEGORISED, op


def test_the_routers_matrix_belongs_to_the_router() -> None:
    assert RULES.category("nvjet_x", "aten::mm", "harness:linear@router#3") == "Router"
    assert RULES.category("nvjet_x", "aten::mm", "harness:linear@shared_gate#3") == "Dense matmul"


def test_arguments_are_no_hint() -> None:
    assert without_arguments("void f<int4>(int4*, float (*)(int))") == "f<int4>"
    assert without_arguments("Memcpy DtoD (Device -> Device)") == "Memcpy DtoD "
    assert without_arguments("_fused_moe_kernel") == "_fused_moe_kernel"


def test_own_rules_come_first_and_bad_ones_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("- {category: Mine, kernels: ['^_fused_moe']}\n")
    assert load_rules(path).category("_fused_moe_kernel", "", "") == "Mine"
    for text in ("category: x", "- {category: x, kernel: [a]}", "- {category: [x]}", "a: [b"):
        path.write_text(text)
        with pytest.raises(HarnessError, match=r"mine\.yaml: not a list of category rules") as error:
            load_rules(path)
        assert "\n" not in str(error.value)
    with pytest.raises(HarnessError, match="rule x"):
        Rules([Rule("x", kernels=("(",))])
