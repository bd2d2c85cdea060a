"""An op of somebody's own is read from its syntax tree, wherever it lies; what is wrong is one line with its place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.plan import expand, sweep_plan
from harness.suite.load import load_suite
from harness.suite.own_op import Function, read_own_op
from harness.suite.own_spec import default_tolerance
from tests.own_ops.ops import SOFTMAX, SUITE, write_softmax


def read(folder: Path, text: str):
    file = folder / "op.py"
    file.write_text(text, encoding="utf-8")
    return read_own_op("op", *(Function(file, name, f"{file}:{name}") for name in ("reference", "inputs")))


def test_what_an_op_says_of_itself(tmp_path: Path) -> None:
    """Inputs are the reference's parameters, dims those of `inputs`, constants the literal defaults, outputs what the
    reference returns by name."""
    op = read(
        tmp_path,
        '"""Rows to float8."""\nROLES = {"scale": "weight"}\nOUTPUT_DTYPES = {"q": "float8_e4m3fn"}\n\n'
        "def reference(x, scale, top=448.0):\n    q = x / scale\n    return q, scale\n\n"
        "def inputs(rows, n=4, *, generator):\n    return x, scale\n",
    )
    assert op.parameters == ("x", "scale", "top") and op.values == {"top": 448.0}
    assert op.dims == {"rows": None, "n": 4}, "generator is filled by the harness"
    assert op.outputs == ("q", "scale") and op.roles == {"scale": "weight"} and op.summary == "Rows to float8."
    assert op.output_dtypes == {"q": "float8_e4m3fn"}


@pytest.mark.parametrize(
    ("returned", "outputs"),
    [("return x", ("y",)), ("return x, x + 1", ("x", "y1")), ("x.add_(1)", ()), ("return None", ())],
)
def test_outputs_by_the_last_return(tmp_path: Path, returned: str, outputs: tuple[str, ...]) -> None:
    """One value is `y`, several have their names or their numbers, none is an op that writes its states."""
    assert read(tmp_path, f"def reference(x):\n    {returned}\n\ndef inputs(n):\n    return 1\n").outputs == outputs


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("def inputs(n): ...\n", r"op\.py:1: has no function reference; allowed: inputs"),
        ("def reference(*x): ...\ndef inputs(n): ...\n", r"op\.py:1: reference: names its inputs"),
        ("def reference(x): ...\ndef inputs(**d): ...\n", r"op\.py:2: inputs: names its dims, or takes `dims`"),
        ("def reference(x): ...\ndef inputs(n='a'): ...\n", r"op\.py:2: inputs: n: a dim is a whole number"),
        ("ROLES = {'y': 'weight'}\ndef reference(x): ...\ndef inputs(n): ...\n", r"ROLES: op has no input y"),
        ("ROLES = {'x': 'wieght'}\ndef reference(x): ...\ndef inputs(n): ...\n", r"unknown role wieght; .*weight\?"),
        ("ROLES = roles()\ndef reference(x): ...\ndef inputs(n): ...\n", r"op\.py:1: ROLES: not a literal"),
        ("def reference(x:\n", r"op\.py:1:\d+: not Python"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, text: str, what: str) -> None:
    """File, line and what is allowed."""
    with pytest.raises(HarnessError, match=what):
        read(tmp_path, text)


def test_a_suite_without_a_model(tmp_path: Path) -> None:
    """Each shape is a question; every dim is in its name; torch is not imported."""
    plan = expand(load_suite(write_softmax(tmp_path)))
    assert [case.id for case in plan.cases] == [
        "scaled@shape/bfloat16/n=100,rows=1/mine", "scaled@shape/bfloat16/n=100,rows=8/mine",
    ]  # fmt: skip
    code = f"import sys; from harness.suite.load import load_suite; load_suite({tmp_path / 'own.yaml'!r})".replace(
        "PosixPath", "__import__('pathlib').Path"
    )
    loaded = subprocess.run([sys.executable, "-c", f"{code}; sys.exit('torch' in sys.modules)"], check=False)
    assert loaded.returncode == 0


def test_grids_lists_and_files_of_shapes(tmp_path: Path) -> None:
    """A grid is every combination, a list holds grids, a file holds one shape a row; a shape counts once."""
    (tmp_path / "seen.csv").write_text("rows,n\n3,7\n3,7\n5,9\n")
    (tmp_path / "seen.jsonl").write_text('{"rows": 2, "n": 6}\n')
    (tmp_path / "seen.json").write_text('[{"n": 11}]')
    wanted = {
        "{rows: [1, 2], n: [3, 4]}": [(1, 3), (1, 4), (2, 3), (2, 4)],
        "[{rows: 1, n: 3}, {n: [5]}]": [(1, 3), (8, 5)],
        "seen.csv": [(3, 7), (5, 9)],
        "./seen.jsonl": [(2, 6)],
        "seen.json": [(8, 11)],
        "{}": [(8, 100)],
    }
    for given, shapes in wanted.items():
        suite = load_suite(write_softmax(tmp_path, SUITE.replace("{rows: [1, 8], n: 100}", given)))
        assert [(dims["rows"], dims["n"]) for dims in suite.shapes["scaled"]] == shapes, given


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("n: 100", "m: 100", r"own\.yaml:5:18: shapes\.scaled: scaled has no dim m; allowed: n, rows"),
        ("n: 100", "n: -1", r"own\.yaml:5:36: shapes\.scaled\.n: -1 is not a whole number"),
        ("n: 100", "n: []", r"own\.yaml:5:36: shapes\.scaled\.n: an empty list"),
        ("{rows: [1, 8], n: 100}", "missing.csv", r"missing\.csv: not a file of shapes .*no such file"),
        ("shapes: {scaled", "shapes: {scald", r"shapes\.scald: there is no such op; .*did you mean scaled\?"),
        ("./scaled.py", "./scald.py", r"own\.yaml:3:15: ops\.scaled: .*scald\.py: no such file or folder"),
        ("./scaled.py", "scald", r"ops\.scaled: there is no module scald"),
        ("{scaled: ./scaled.py}", "{rms_norm: ./scaled.py}", r"ops\.rms_norm: op rms_norm is defined twice: by .*own"),
        ("mine: {}", "mine: {scaled: rnu}", r"arms\.mine\.scaled: scaled has no variant rnu; .*did you mean run\?"),
        ("arms:", "kernels: {ops: []}\narms:", r"own\.yaml:4:1: kernels: needs a model, and this suite"),
        ("shapes: {scaled: {rows: [1, 8], n: 100}}", "sweep: {}", r"key model is missing .*, or shapes"),
    ],
)  # fmt: skip
def test_mistakes_in_the_suite(tmp_path: Path, old: str, new: str, what: str) -> None:
    """At their line and column, with what is allowed."""
    with pytest.raises(HarnessError, match=what):
        load_suite(write_softmax(tmp_path, SUITE.replace(old, new)))


def test_all_places_of_ops_are_visible_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file named by the suite, a file and a folder in ./ops/, an installed package's and the library's."""
    path = write_softmax(tmp_path, SUITE.replace("{mine: {}}", "{mine: {}}\n"))
    (tmp_path / "ops" / "doubled").mkdir(parents=True)
    (tmp_path / "ops" / "halved.py").write_text(SOFTMAX)
    (tmp_path / "ops" / "a_kernel.py").write_text("def run(x): ...\n")
    (tmp_path / "ops" / "doubled" / "reference.py").write_text(SOFTMAX.replace("def run", "def other"))
    (tmp_path / "ops" / "doubled" / "fast.py").write_text("def run(x, temperature): ...\n")
    package = tmp_path / "site"
    (package / "theirs").mkdir(parents=True)
    (package / "theirs" / "__init__.py").touch()
    (package / "theirs" / "tripled.py").write_text(SOFTMAX)
    (package / "theirs-1.0.dist-info").mkdir()
    (package / "theirs-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (package / "theirs-1.0.dist-info" / "entry_points.txt").write_text(
        "[kernel_harness.ops]\ntripled = theirs.tripled\n"
    )
    code = (
        "import sys; from harness.suite.load import load_suite; from harness.suite.catalogue import kernels_of;"
        "k = kernels_of(load_suite(__import__('pathlib').Path(sys.argv[1])));"
        "print(*k.ops()); print(*k.variants('doubled'), *k.variants('tripled')); k.spec('tripled')"
    )
    monkeypatch.setenv("PYTHONPATH", str(package))
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    ops, variants = done.stdout.splitlines()
    assert {"scaled", "doubled", "halved", "tripled", "rms_norm"} <= set(ops.split()) and "a_kernel" not in ops
    assert variants == "fast run"


def test_a_clash_between_two_places_is_named(tmp_path: Path) -> None:
    """An op of ./ops/ that bears a library op's name, or that of another file, is refused with both places."""
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops" / "rms_norm.py").write_text(SOFTMAX)
    with pytest.raises(
        HarnessError, match=r"op rms_norm is defined twice: by .*ops/rms_norm\.py and in .*/kernels/rms"
    ):
        load_suite(write_softmax(tmp_path))
    (tmp_path / "ops" / "rms_norm.py").rename(tmp_path / "ops" / "scaled.py")
    with pytest.raises(HarnessError, match=r"op scaled is defined twice: by .*own\.yaml:3 and in .*/ops/scaled\.py"):
        load_suite(write_softmax(tmp_path))


def test_a_reference_and_inputs_of_modules(tmp_path: Path) -> None:
    """`{reference: module:function, inputs: file:function}`: two functions anywhere are an op; kernels are files."""
    (tmp_path / "theory.py").write_text("def softmax(x, temperature=0.5):\n    return x\n")
    (tmp_path / "data.py").write_text("def rows(rows, n):\n    return None\n")
    (tmp_path / "k.py").write_text("def run(x, temperature, *, block=8): ...\n")
    path = write_softmax(
        tmp_path,
        SUITE.replace("./scaled.py", "{reference: 'theory:softmax', inputs: './data.py:rows'}").replace(
            "mine: {}", "mine: {scaled: {./k.py: {block: 16}}}"
        ) + "sweep: {scaled: {./k.py: {block: [8, 16], where: [block <= n]}}}\n",
    )  # fmt: skip
    suite = load_suite(path)
    [case, _] = expand(suite).cases
    assert case.variant == "./k.py" and case.tunables == {"block": 16}
    assert len(sweep_plan(suite).cases) == 4


def test_tolerances_follow_dtype_and_length() -> None:
    """An output of zeros fails everywhere; a longer float32 sum is allowed its rounding, a short one no more than the
    library's ops."""
    for dtype in ("float32", "float16", "bfloat16"):
        short, long = default_tolerance(dtype, 64), default_tolerance(dtype, 2**20)
        assert all(0 < value < 0.1 for value in (*short, *long)) and long[1] > short[1]
    assert default_tolerance("float32", 1024) == (1e-5, 5e-6)


def test_a_folder_of_kernels_without_a_contract_adds_its_ops(tmp_path: Path) -> None:
    """An op with a `spec.py` and a layout like the library's, in `kernels/` above the suite: it imports the library's
    contract, and the library's ops are still there."""
    own = tmp_path / "kernels" / "doubled"
    own.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "suites").mkdir()
    (own / "spec.py").write_text(
        "from ..contract import Cost, Input, Op, Tolerance\n\n"
        'OP = Op("y = 2 x", (Input("x", ("tokens", "n")),), (("y", ("tokens", "n")),), '
        '{"bfloat16": Tolerance(0.01, 0.004)})\n'
        'DEFAULT = {"decode": "plain"}\nTEST_SHAPES = ({"tokens": 1, "n": 8},)\n\n\n'
        'def cost(d):\n    return Cost(2 * d["n"], 2 * d["n"], d["n"])\n'
    )
    (own / "reference.py").write_text("def run(x):\n    return 2 * x\n")
    (own / "plain.py").write_text("def run(x):\n    return x + x\n")
    suite = tmp_path / "suites" / "own.yaml"
    suite.write_text(
        "suite: 1\ntitle: t\narms: {mine: {}}\nshapes: {doubled: {n: 64}, rms_norm: {heads: 1, width: 64}}\n"
    )
    cases = expand(load_suite(suite)).cases
    assert [(case.op, case.variant) for case in cases] == [("doubled", "plain"), ("rms_norm", "torch_ops")]
