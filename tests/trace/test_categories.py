"""Every rule is hit by its own examples and by nothing that it must not be; the traps of real traces."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.suite.catalogue import ops
from harness.trace.categories import PUBLISHED, UNCATEGORISED, Rule, load_rules
from harness.trace.kernel_name import without_arguments
from tests.conftest import REPOSITORY

RULES = load_rules()
EXAMPLES = [(rule, name) for rule in RULES.rules for name in rule.examples]
COUNTERS = [(rule, name) for rule in RULES.rules for name in rule.counter_examples]


def label(value: object) -> str:
    return value.category if isinstance(value, Rule) else str(value)[:60]


@pytest.mark.parametrize(("rule", "name"), EXAMPLES, ids=label)
def test_an_example_hits_its_own_rule(rule: Rule, name: str) -> None:
    """The very rule, not only one of the same category: no rule is swallowed by an earlier one."""
    hit = RULES.rule_for(name)
    assert hit is rule, f"{name} hit {hit.category if hit else None}"


@pytest.mark.parametrize(("rule", "name"), COUNTERS, ids=label)
def test_a_counter_example_does_not_hit_the_rule(rule: Rule, name: str) -> None:
    """Each is a name that a careless pattern of the rule would take."""
    assert RULES.rule_for(name) is not rule


def test_every_pattern_is_one_by_itself() -> None:
    """Patterns of the shipped rules are compiled together, without a look at each as at those of a user's file."""
    for rule in RULES.rules:
        for pattern in rule.patterns:
            re.compile(pattern)


def test_every_rule_with_kernel_patterns_has_an_example() -> None:
    """A pattern that nothing shows to be alive is not kept."""
    assert [rule.category for rule in RULES.rules if rule.kernels and not rule.examples] == []


def test_the_published_six_are_categories() -> None:
    """The table of the published breakdown can be reproduced by name."""
    assert set(PUBLISHED) <= {rule.category for rule in RULES.rules}


def test_every_op_of_ours_has_a_category_by_its_scope() -> None:
    """Whatever kernel a variant launches: the scope of the op decides."""
    for op in ops():
        assert RULES.category("anything", "", f"harness:{op}@main#0") != UNCATEGORISED, op
    assert RULES.category("nvjet_x", "aten::mm", "harness:moe_down@experts#3") == "MoE"
    assert RULES.category("Memset (Device)", "aten::zero_", "harness:sdpa@main#-", "memset") == "SDPA"


def test_our_triton_kernels_have_the_category_of_their_op_by_name_too() -> None:
    """In a trace of another program, and where Inductor numbered them."""
    found = [
        (file.parent.name, name)
        for file in (REPOSITORY / "kernels").glob("*/triton_*.py")
        for name in re.findall(r"@triton\.jit\s+def (\w+_kernel)\(", file.read_text())
    ]
    assert len(found) >= 3
    for op, name in found:
        wanted = RULES.category("", "", f"harness:{op}@main#0")
        assert RULES.category(name) == RULES.category(f"{name}_0") == wanted, (op, name)


def test_the_matrix_of_the_router_belongs_to_the_router() -> None:
    """A site goes before its op."""
    assert RULES.category("nvjet_x", "aten::mm", "harness:linear@router#3") == "Router"
    assert RULES.category("nvjet_x", "aten::mm", "harness:linear@shared_gate#3") == "Dense matmul"


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("void deep_ep::internode_ll::dispatch<true, 7168>(int4*, float*, int*)", "Communication"),
        ("triton_poi_fused__scaled_dot_product_flash_attention_cat_transpose_view_10", "Triton fused ops"),
        ("triton_poi_fused_constant_pad_nd_moe_forward_0", "Triton fused ops"),
        ("void vllm::fused_add_rms_norm_kernel<vllm::_typeConvert<c10::BFloat16>, 8>(int)", "Norms, rope, elementwise"),
        (
            "void at::native::elementwise_kernel<128, 2, at::native::gpu_kernel_impl_nocast<at::native::CUDAFunctor_add"
            "<float>>(at::TensorIteratorBase&)::{lambda(int)#1}>(int, at::native::{lambda(int)#1})",
            "Elementwise and copies",
        ),
        ("void at::native::vectorized_elementwise_kernel<4, Foo<operand_t>>(int)", "Elementwise and copies"),
        ("cudnn_infer_ampere_scudnn_128x64_relu_interior_nn_v1", "Convolution"),
        ("ampere_fp16_s16816gemm_fp16_128x128_ldg8_relu_f2f_stages_64x3_tn", "Dense matmul"),
        ("bmm_Bfloat16_E2m1E2m1_Fp32_t128x16x256_s5_et128x16_m128x16x32_cga1x1x1_dynBatch_sm100f", "MoE"),
        ("_ZN5aiter24add_rmsnorm_quant_kernelItDF16_Li256EEEvPT_", "Norms, rope, elementwise"),
        ("_ZN7sgl_hip10activation18act_and_mul_kernelI14__hip_bfloat16", "Norms, rope, elementwise"),
        ("multimem_all_reduce_kernel<16>", "Communication"),
        ("something_new", UNCATEGORISED),
    ],
)
def test_a_trap_of_a_real_trace(name: str, category: str) -> None:
    """Vector types in arguments, op names in Inductor's, parts of words, mangled names: each misled another tool."""
    assert RULES.category(name) == category


def test_copies_are_memory_by_their_row_whatever_their_name() -> None:
    """A copy kernel is a kernel, a copy row is a copy."""
    assert RULES.category("CopyHostToDevice", kind="copy") == "Memory"
    assert RULES.category("", kind="memset") == "Memory"
    assert RULES.category("CopyHostToDevice") != "Memory"


def test_a_name_that_says_nothing_is_judged_by_its_op() -> None:
    """And a name that says something is not."""
    assert RULES.category("kernel0", "aten::_weight_int4pack_mm") == "int4mm"
    assert RULES.category("kernel0", "aten::whatever") == "Other ATen ops"
    assert RULES.category("_fused_moe_kernel", "aten::mm") == "MoE"


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("void f<int4>(int4*, float (*)(int))", "f<int4>"),
        ("void f(int4*) [clone .kd]", "f"),
        ("f.kd", "f"),
        ("Memcpy DtoD (Device -> Device)", "Memcpy DtoD"),
        ("_fused_moe_kernel", "_fused_moe_kernel"),
        ("(anonymous)", "(anonymous)"),
        ("f(int", "f(int"),
        ("", ""),
    ],
)
def test_arguments_are_no_hint(name: str, bare: str) -> None:
    """`int4` in an argument list is CUDA's vector type."""
    assert without_arguments(name) == bare


def test_a_linear_inside_of_a_module_is_a_matmul() -> None:
    """The module's own kernels are the module's."""
    assert RULES.category("nvjet_x", "aten::mm", "Qwen3NextGatedDeltaNet.Linear[1]") == "Dense matmul"
    assert RULES.category("elementwise_kernel", "aten::mul", "Qwen3NextGatedDeltaNet") == "chunk_gated_delta_rule"


def test_own_rules_come_first_or_replace_the_shipped_ones(tmp_path: Path) -> None:
    """A user's file decides for the names that it knows, and alone where it says so."""
    path = tmp_path / "mine.yaml"
    path.write_text("- {category: Mine, kernels: ['^_fused_moe'], annotations: ['^my block$']}\n")
    rules = load_rules(path)
    assert rules.category("_fused_moe_kernel") == "Mine"
    assert rules.category("nvjet_x", "aten::mm", "my block") == "Mine"
    assert rules.category("nvjet_x", "aten::mm", "another") == "Dense matmul"
    path.write_text("replace: true\nrules: [{category: Mine, kernels: [x]}]\n")
    rules = load_rules(path)
    assert rules.category("x") == "Mine" and rules.category("_fused_moe_kernel") == UNCATEGORISED


@pytest.mark.parametrize(
    "text",
    [
        "category: x",
        "- {category: x, kernel: [a]}",
        "- {category: [x]}",
        "a: [b",
        "- {category: x, kernels: ['(']}",
        "- {category: x, kernels: ['a)|(?:b']}",
        "- {category: x, words: ['(?i)a']}",
        "- {category: x, ops: ['(?P<a>b)', '(?P<a>c)']}",
        "3",
    ],
)
def test_a_bad_file_of_rules_is_one_line(tmp_path: Path, text: str) -> None:
    """Unknown keys, wrong types, broken YAML and broken patterns name the file."""
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(HarnessError, match=r"mine\.yaml: not a list of category rules") as error:
        load_rules(path)
    assert "\n" not in str(error.value)
    with pytest.raises(HarnessError, match="absent"):
        load_rules(tmp_path / "absent.yaml")


def test_the_rules_on_the_page_are_rules(tmp_path: Path) -> None:
    """What docs/breakdown.md shows can be copied."""
    page = (REPOSITORY / "docs" / "breakdown.md").read_text()
    path = tmp_path / "mine.yaml"
    path.write_text("- category" + page.partition("```text\n- category")[2].partition("```")[0])
    assert load_rules(path).category("my_moe_7") == load_rules(path).category("x", "", "my block") == "My fused MoE"
