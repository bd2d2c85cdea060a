"""Architectures outside of the library, of the library's ops and of ops and composite ops of one's own."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.plan import expand
from harness.suite.load import load_suite
from tests.conftest import REPOSITORY
from tests.own_ops.models import MODEL, SUITE, write_model
from tests.trials.commands import harness


def test_a_model_in_one_file_is_planned(tmp_path: Path) -> None:
    """Its sizes are in `MODELS`, its places call ops of `ops/` and of the library; the arm that chooses the composite
    op needs no answer for the two that it replaces."""
    suite = load_suite(write_model(tmp_path))
    assert suite.architecture == "sums" and suite.dims == {"vocab_size": 64, "hidden_size": 32, "layers": 2}
    plan = expand(suite)
    sites = {arm: {site.op for site in plan.answers[arm]} for arm in suite.arms}
    assert sites["parts"] == {"embedding", "scale_rows", "shift_rows", "linear", "greedy"}
    assert sites["fused"] == {"embedding", "scale_and_shift", "linear", "greedy"}
    assert {case.calls for case in plan.cases if case.op} == {2}


def test_a_models_yaml_names_an_own_architecture(tmp_path: Path) -> None:
    """Beside the suite, as for the library's: then the file needs `DIMS`."""
    text = MODEL.replace(
        'MODELS = {"small":', 'DIMS = {"vocab_size": int, "hidden_size": int, "layers": int}\nOLD = {"small":'
    )
    path = write_model(tmp_path, SUITE.replace("model: small", "model: wide"), text)
    block = "wide: {architecture: sums, vocab_size: 64, hidden_size: 128, layers: 1}\n"
    (tmp_path / "models.yaml").write_text(block)
    assert load_suite(path).dims["hidden_size"] == 128
    (tmp_path / "models.yaml").write_text(block.replace("128", "wide"))
    with pytest.raises(HarnessError, match=r"models.yaml:1:\d+: wide.hidden_size: "):
        load_suite(path)


@pytest.mark.parametrize("contract", [False, True])
def test_a_folder_of_kernels_adds_models_and_ops(contract: bool, tmp_path: Path) -> None:
    """`kernels/` beside the suite, with a copy of the contract or without: the library's ops and models stay."""
    folder = tmp_path / "kernels" / "models" / "sums"
    folder.mkdir(parents=True)
    path = write_model(tmp_path, SUITE.replace("models: ./sums.py\n", ""))
    layout, _, rest = MODEL.partition("def random_weights")
    weights, _, model = rest.partition("def build")
    decoder = "from harness_kernels.models.decoder import Bind, Decoder\n"
    (folder / "layout.py").write_text(layout.replace(decoder, "").replace("harness_kernels.contract", "...contract"))
    (folder / "weights.py").write_text(f"def random_weights{weights}")
    (folder / "model.py").write_text(f"from ..decoder import Bind, Decoder\ndef build{model}")
    if contract:
        shutil.copy(REPOSITORY / "kernels" / "contract.py", tmp_path / "kernels")
    suite = load_suite(path)
    assert suite.kernels_root == str(REPOSITORY / "kernels") and suite.models == {"sums": str(folder)}
    (tmp_path / "other.yaml").write_text(SUITE.replace("models: ./sums.py\nmodel: small", "model: llama_tiny")
                                         .replace("parts: {}\n  fused: {scale_and_shift: run}", "parts: {}")
                                         .replace("[scale_rows, scale_and_shift]", "[rms_norm]"))  # fmt: skip
    assert load_suite(tmp_path / "other.yaml").architecture == "llama"


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("def build(", "def built(", r"sums.py: a model needs a function build; see docs/own-model.md"),
        ('MODELS = {"small"', 'NO = {"small"', r"own.yaml:4:8: model: unknown model small; allowed: llama3_8b"),
        ('Use("scale_rows"', 'Use("scale_row"', r"uses: scale_row@main: unknown op scale_row; .*scale_rows"),
        ('"tokens": 1, "width": dims', '"tokens": 1, "wide": dims', r"scale_rows@main: scale_rows has no dim wide"),
        ("from harness_kernels.contract", "import gone_away  # ", r"sums.py: ModuleNotFoundError: .*gone_away"),
        ("def uses(", "def uses(:", r"sums.py: (SyntaxError|not Python)"),
        ('"layers": 2}', '"layers": layers}', r"sums.py:4:\d+: MODELS.small.layers: not a literal"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_model_is_one_line(right: str, wrong: str, said: str, tmp_path: Path) -> None:
    assert right in MODEL
    path = write_model(tmp_path, model=MODEL.replace(right, wrong, 1))
    with pytest.raises(HarnessError) as raised:
        load_suite(path)
    assert re.search(said, str(raised.value)) and "\n" not in str(raised.value), raised.value


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ("./gone.py", r"own.yaml:3:9: models: .*gone.py: no such file or folder; allowed: a file that defines"),
        ("[./sums.py, ./ops]", r"own.yaml:3:21: models\[1\]: .*ops: a folder without layout.py"),
        ("[./sums.py, ./more/sums.py]", r"architecture sums is defined twice: by .*more/sums.py and in .*sums.py"),
        ("./llama.py", r"architecture llama is defined twice: by .*llama.py and in .*kernels/models/llama"),
        ("{sums: ./sums.py}", r"own.yaml:3:9: models: a mapping is no path of"),
    ],
)
def test_a_model_that_lies_nowhere(models: str, said: str, tmp_path: Path) -> None:
    path = write_model(tmp_path, SUITE.replace("./sums.py", models))
    (tmp_path / "more").mkdir()
    for copy in ("more/sums.py", "llama.py"):
        (tmp_path / copy).write_text(MODEL)
    with pytest.raises(HarnessError, match=said):
        load_suite(path)


@pytest.mark.slow
def test_an_own_model_is_decoded_with_its_ops_and_its_composite(tmp_path: Path) -> None:
    """Both arms agree with the float32 definitions; a wrong composite op is INCORRECT alone and in the decode."""
    write_model(tmp_path)
    found = harness(tmp_path, "run", "own.yaml", "--only", "kernels,decode", "--rounds", "2", "--json")
    rows = {(row["kind"], row["arm"]): row["status"] for row in json.loads(found.text.splitlines()[0])["cases"]}
    assert set(rows.values()) == {"OK"} and ("decode", "fused") in rows, found.text
    composite = tmp_path / "ops" / "scale_and_shift.py"
    head, _, last = composite.read_text().rpartition("def run")
    composite.write_text(f"{head}def run{last.replace('+ shift', '- shift')}")
    found = harness(tmp_path, "check", "own.yaml")
    assert found.status != 0 and "scale_and_shift" in found.text and "INCORRECT" in found.text, found.text


@pytest.mark.slow
def test_a_hugging_face_model_as_it_is(tmp_path: Path) -> None:
    """`examples/own_model`: decoded, profiled by category and reported, from an empty folder with two files."""
    pytest.importorskip("transformers")
    shutil.copytree(REPOSITORY / "examples" / "own_model", tmp_path, dirs_exist_ok=True)
    found = harness(tmp_path, "run", "hf.yaml", "--rounds", "2")
    assert found.status == 0 and "2 of 2 cases correct" in found.text and "tok/s" in found.text, found.text
    assert "SDPA" in found.text and "Dense matmul" in found.text
    assert harness(tmp_path, "report", "last", "--out", "page").status == 0
