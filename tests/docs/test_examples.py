"""Every example of the README and of docs/ runs: commands, suites and kernels, page by page, on the small suite."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
import yaml

from harness.cli.main import app
from tests import commands

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TUTORIAL = ROOT / "docs" / "tutorial.md"
"""Its commands belong together; tests/packaging/test_tutorial.py runs them."""
MEASURES = ("README", "api", "breakdown", "command", "compare", "profile", "run", "sweep")
"""Pages whose examples measure whole runs."""
STARTS_MANY = ("compilers", "engines", "own-op", "report", "suites", "try", "variants")
"""Pages whose examples start many processes; those of the others stay with the quick tests."""
BLOCK = re.compile(r"^```(?P<kind>console|yaml|python)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
TINY = "suites/qwen3_5_moe_tiny.yaml"
SET_UP_ELSEWHERE = ("nox ", "pip ")
"""Commands whose subject is an environment; tests/packaging has them."""

MARKED = [
    pytest.param(page, marks=[pytest.mark.slow] if page.stem in MEASURES + STARTS_MANY else [])
    for page in PAGES
    if page != TUTORIAL
]

pytestmark = pytest.mark.xdist_group("examples")


@dataclass(frozen=True)
class Sandbox:
    """A folder with its own suites, kernels and store, so that no example leaves a tuned file in the checkout."""

    folder: Path

    def program(self, text: str) -> subprocess.CompletedProcess[str]:
        """A Python program that finds the public package, whether or not it is installed."""
        packages = self.folder / "packages"
        packages.mkdir(exist_ok=True)
        (packages / "kernel_harness").unlink(missing_ok=True)
        (packages / "kernel_harness").symlink_to(ROOT / "harness" / "api")
        environment = os.environ | {"PYTHONPATH": f"{packages}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"}
        environment.pop("HARNESS_STORE", None)
        return subprocess.run(
            [sys.executable, "-c", text], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def harness(self, line: str, allowed: tuple[int, ...] = (0,)) -> str:
        """Standard output of `harness ...`, which must end with one of the statuses and never with a traceback."""
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        environment.pop("HARNESS_STORE", None)
        done = commands.harness(self.folder, *shlex.split(line)[1:], environment=environment)
        assert done.status in allowed, f"{line}: status {done.status}\n{done.out}\n{done.err}"
        assert "Traceback" not in done.err, f"{line}\n{done.err}"
        return done.out


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """With one small run in its store, so that `last` is something on every page."""
    folder = tmp_path_factory.mktemp("examples")
    for name in ("kernels", "suites", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "cpu-*.json"))
    (folder / "kernels" / "LIBRARY").touch()
    sandbox = Sandbox(folder)
    sandbox.harness(f"harness run {TINY} --arms baseline --only kernels -k int4_mm@gdn_in --rounds 2")
    return sandbox


@pytest.mark.parametrize("page", MARKED, ids=lambda page: page.stem)
def test_the_examples_of_a_page_run(page: Path, sandbox: Sandbox) -> None:
    """In their order: a command ends as the page says, a suite is valid, a Python file is a variant that is right."""
    for block in BLOCK.finditer(page.read_text()):
        {"console": _console, "yaml": _suite, "python": _python}[block["kind"]](block["text"], sandbox)


def test_a_wrong_example_fails(sandbox: Sandbox) -> None:
    """The planted faults: a command that does not exist, a status that was not announced, a tunable of no variant."""
    with pytest.raises(AssertionError, match="status 2"):
        _console("$ harness no-such-command\n", sandbox)
    with pytest.raises(AssertionError, match="status 0"):
        _console("$ harness --version\nexit status 4\n", sandbox)
    with pytest.raises(AssertionError, match="status 2"):
        _suite("arms: {baseline: {int4_mm: {torch_blocked: {block: 1}}}}\n", sandbox)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_needs_a_gpu_is_spelt_right(page: Path) -> None:
    """The commands of `sh` blocks are not run, but their files exist and their options parse."""
    program = typer.main.get_group(app)
    for block in re.findall(r"^```sh\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            _, name, *arguments = shlex.split(line, comments=True)
            program.commands[name].make_context(name, arguments).close()
            assert all((ROOT / word).exists() for word in arguments if word.startswith("suites/"))


def test_each_page_is_linked_and_each_link_leads_somewhere() -> None:
    """The README names every page, and no page names a file that is not there."""
    readme = (ROOT / "README.md").read_text()
    for page in PAGES[1:]:
        assert f"(docs/{page.name})" in readme
    for page in [*PAGES, *(ROOT / f"{name}.md" for name in ("METHODOLOGY", "LIMITS", "CHANGELOG"))]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


def _console(text: str, sandbox: Sandbox) -> None:
    """`$ harness ...` lines; where the block ends with `exit status A, B or C`, its last command may end with those."""
    commands = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    said = re.search(r"^exit status (.+)$", text, re.MULTILINE)
    allowed = tuple(map(int, re.findall(r"\d", said[1]))) if said else (0,)
    for line in commands:
        if not line.startswith(SET_UP_ELSEWHERE):
            assert line.startswith("harness "), line
            sandbox.harness(line, allowed if line is commands[-1] else (0,))


def _suite(text: str, sandbox: Sandbox) -> None:
    """A whole suite, or sections that replace those of the small one; every case that it asks for is right."""
    sections = yaml.safe_load(text)
    if "engine" in sections:  # what it names is not there
        (sandbox.folder / "examples" / "outside" / "page.yaml").write_text(text)
        assert " @ " in sandbox.harness("harness list examples/outside/page.yaml")
        return
    if "shapes" in sections:
        (sandbox.folder / "own.yaml").write_text(text)
        assert "my_softmax" in sandbox.harness("harness list own.yaml")
        sandbox.harness("harness check own.yaml")
        return
    if str(sections.get("model", "")).startswith("hf:"):
        (sandbox.folder / "hf.yaml").write_text(text)
        assert re.findall(r"^OK +(\w+)@", sandbox.harness("harness check hf.yaml"), re.MULTILINE) == [
            "prefill",
            "decode",
        ]
        return
    if "suite" not in sections:
        tiny = yaml.safe_load((sandbox.folder / TINY).read_text())
        sections = {key: value for key, value in tiny.items() if key not in ("sweep", "decode")} | sections
    (sandbox.folder / "suites" / "example.yaml").write_text(yaml.safe_dump(sections, sort_keys=False))
    listed = sandbox.harness("harness list suites/example.yaml")
    assert "int4_mm" in listed
    if "tuned" not in text:
        sandbox.harness("harness check suites/example.yaml -k int4_mm@")


def _python(text: str, sandbox: Sandbox) -> None:
    """A variant, or a program: the shipped one, whose last status is that of a comparison."""
    if "import kernel_harness" not in text and "from kernel_harness" not in text:
        return _variant(text, sandbox)
    assert text == (ROOT / "examples" / "two_arms.py").read_text()
    found = sandbox.program(text)
    assert found.returncode in (0, 1, 3), found.stderr
    assert "int4_mm@gdn_in/int4-g64/float32 kernel_us" in found.stdout
    return None


def _variant(text: str, sandbox: Sandbox) -> None:
    """Saved under the name in its first line; the suite that follows on the page uses it."""
    name = text.splitlines()[0].removeprefix("# ")
    (sandbox.folder / name).write_text(text)
