"""Whatever transformers builds from a config decodes under our steps, is right, and can be put back to its prompt."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from harness.decode.check import empty_stream
from harness.decode.profile import profile_arm
from harness.decode.prompted_arm import PromptedArm
from harness.decode.step import Ahead, Step
from harness.export.program import StepModule, export
from harness.values.measurement import Status
from tests.conftest import REPOSITORY
from tests.module_models.suites import LLAMA, llama, measured, model_of

pytest.importorskip("transformers")
SMALL = "hidden_size: 32, num_attention_heads: 4, num_key_value_heads: 2, intermediate_size: 48, vocab_size: 128"
KINDS = {
    "sliding windows": f"hf:gemma2\nconfig: {{num_hidden_layers: 2, {SMALL}, head_dim: 8, sliding_window: 12}}",
    "recurrent states": f"hf:qwen3_next\nconfig: {{num_hidden_layers: 4, {SMALL}, head_dim: 8, num_experts: 4,"
    " num_experts_per_tok: 2, moe_intermediate_size: 16, shared_expert_intermediate_size: 16,"
    " linear_num_value_heads: 2, linear_num_key_heads: 1, linear_key_head_dim: 8, linear_value_head_dim: 8}",
    "no attention": "hf:mamba2\nconfig: {num_hidden_layers: 2, hidden_size: 32, vocab_size: 128, num_heads: 8,"
    " head_dim: 8, state_size: 8, n_groups: 2}",
    "an encoder left out": "hf:bart\nconfig: {d_model: 32, decoder_layers: 2, decoder_attention_heads: 4,"
    " decoder_ffn_dim: 48, encoder_layers: 2, vocab_size: 128, max_position_embeddings: 64}",
    "positions from 2 on": "hf:roberta\nconfig: {num_hidden_layers: 2, hidden_size: 32, num_attention_heads: 4,"
    " intermediate_size: 48, vocab_size: 128, is_decoder: true}",
    "other names of sizes": "hf:gpt2\nconfig: {n_embd: 32, n_layer: 2, n_head: 4, vocab_size: 128, n_positions: 64}",
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_architecture_that_is_not_named_in_our_code_is_right_and_rewinds(kind: str, tmp_path: Path) -> None:
    """Against one pass in float32 without a cache; the same steps twice from the end of the prompt are equal."""
    text = LLAMA.replace("ARMS", "{baseline: {}}")
    head, _, rest = text.partition("model: ")
    model = model_of(tmp_path, f"{head}model: {KINDS[kind]}\n{rest[rest.index('dtype:') :]}")
    found = measured(model)
    assert {m.status for m in found.values()} == {Status.OK}, [m.reason for m in found.values()]
    correct = found["decode:baseline"].correctness
    assert correct is not None and correct.max_error < 1e-5
    prompt = model.prompt(1, 20)
    with torch.no_grad():
        decoder, _ = model.arm("baseline", 1, 32)
        decoder.prefill(prompt)
        snapshot = decoder.snapshot()
        step = Step(decoder, empty_stream(1, 4, "cpu"), 20)
        passes = []
        for _ in range(2):
            step.rewind(snapshot)
            passes.append(torch.stack([step().clone() for _ in range(4)]))
    assert torch.equal(*passes)


def test_the_example_in_five_lines_is_timed(tmp_path: Path) -> None:
    """And says first token, memory that it needs and start beside its steps."""
    model = model_of(tmp_path, (REPOSITORY / "examples" / "hf" / "small.yaml").read_text())
    decode = measured(model, passes=2)["decode:baseline"]
    assert decode.status is Status.OK and len(decode.samples) == 2 and decode.quality is not None
    assert decode.first_token_us and decode.compile_s and decode.capture_s == 0.0 and decode.work is None


def test_a_local_folder_has_its_own_weights(tmp_path: Path) -> None:
    """The model that was saved, not a random one; said otherwise, random."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(5)
    config = LlamaConfig(
        num_hidden_layers=1, hidden_size=32, num_attention_heads=4, intermediate_size=48, vocab_size=64
    )
    saved = LlamaForCausalLM(config)
    saved.save_pretrained(tmp_path / "mine")
    head, _, rest = LLAMA.replace("ARMS", "{baseline: {}}").partition("model: ")
    text = f"{head}model: hf:./mine\n{rest[rest.index('dtype:') :]}"
    model = model_of(tmp_path, text)
    tokens, stream = model.prompt(1, 6), torch.arange(4).unsqueeze(0)
    with torch.no_grad():
        wanted = saved(torch.cat((tokens, stream), dim=1)).logits[:, -4:]
    torch.testing.assert_close(model.truth(tokens, stream, 4), wanted)
    other = model_of(tmp_path, text.replace("dtype:", "weights: {from: random, seed: 1}\ndtype:"))
    assert not torch.allclose(other.truth(tokens, stream, 4), wanted)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("hf:llama", "hf:lama", "has no such model type; did you mean llama"),
        ("hf:llama.*\n(?:.*\n){3}", "hf:vit\n", "no causal language model"),
        ("hf:llama.*\n(?:.*\n){3}", "hf:t5\nconfig: {num_layers: 2}\n", "no causal language model"),
        ("vocab_size", "vocab_sizes", "config has no vocab_sizes; did you mean vocab_size"),
    ],
)
def test_a_model_that_cannot_be_built_is_a_reason_of_each_case(old: str, new: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def apply(model): ...\n")
    found = measured(model_of(tmp_path, re.sub(old, new, LLAMA.replace("ARMS", "{one: {}, two: {apply: ./a.py}}"))))
    assert len(found) == 4
    assert all(m.status is Status.FAILED and reason in m.reason for m in found.values())


def test_a_profile_has_modules_and_layers(tmp_path: Path) -> None:
    """By the model's own names, the path below a layer; all time is some module's or the step's own."""
    found = profile_arm(llama(tmp_path, "{baseline: {}}"), "baseline", 1, 20)
    assert {row.name for row in found.scopes} >= {"self_attn.q_proj", "mlp.down_proj", "input_layernorm", "lm_head"}
    assert {row.name for row in found.layers} == {"0", "1", "-"}
    assert sum(row.total_ns for row in found.scopes) == found.attributed_ns == found.gpu_sum_ns
    calls = {row.name: row.calls for row in found.layers}
    assert calls["0"] == calls["1"]


def test_where_float32_does_not_fit_the_first_arm_is_the_measure_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.module_models.suite_model._memory_bytes", lambda device: 1000)
    broken = "def apply(m):\n    m.lm_head = __import__('torch').nn.Linear(32, 128, bias=False)\n"
    text = LLAMA.replace("ARMS", "{one: {}, two: {apply: ./broken.py}}").replace("float32", "bfloat16")
    (tmp_path / "broken.py").write_text(broken.replace("bias=False", "bias=False, dtype=m.dtype"))
    found = measured(model_of(tmp_path, text))
    right, wrong = found["decode:one"], found["decode:two"]
    assert right.correctness is not None and "against the arm one, since the float32 model" in right.correctness.detail
    assert wrong.status is Status.INCORRECT


@pytest.mark.slow
def test_a_step_exports_over_the_models_own_tensors(tmp_path: Path) -> None:
    """Nothing is held twice: `export` refuses a program with a tensor that is neither a state nor a weight."""
    text = LLAMA.replace("ARMS", "{baseline: {}}").replace("num_hidden_layers: 2", "num_hidden_layers: 1")
    model = model_of(tmp_path, text)
    with torch.no_grad():
        arm = PromptedArm(model, "baseline", model.prompt(1, 20), 4)
        step = Step(arm.decoder, empty_stream(1, 4, "cpu"), 20, Ahead(arm.ops.tensors()))
        step.rewind(arm.snapshot)
        module = StepModule(step, arm.ops.tensors())
        program = export(module)
    assert {"s_0_keys", "s_0_values"} <= set(program.graph_signature.buffers)
    own = {tensor.data_ptr() for _, tensor in arm.decoder.module._module.named_parameters()}
    assert own <= {tensor.data_ptr() for tensor in module.tensors().values()}
