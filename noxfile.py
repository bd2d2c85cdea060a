"""What can be done here: `nox --list`. The one entry point for developers and for CI.

All sessions share one environment, `.nox/harness`, installed on first use and again when what it was made from changes.
Where the interpreter that runs nox already has torch >= 2.10, that torch is the one used.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent))
from sessions.environment import ENVIRONMENT, PYTHON, ROOT, install, run

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["tests", "slow", "executorch", "samples", "lint", "types", "docs"]

PEERS = ROOT / ".nox" / "peers"
PEER_REQUIREMENTS = ("HolisticTraceAnalysis==0.5.0", "pandas<3")
BROUGHT = ROOT / ".nox" / "brought"
BROUGHT_PACKAGES = ("liger-kernel", "flash-linear-attention", "fla-core", "einops", "helion", "filecheck")
BROUGHT_TESTS = ("tests/own_ops/test_brought.py", "tests/attempt/test_brought.py")
EXECUTORCH = ROOT / ".nox" / "executorch"
EXECUTORCH_PACKAGES = ("executorch==1.5.1",)
RELEASE_TESTS = ("tests/packaging/test_distribution.py", "tests/packaging/test_tutorial.py")
LOWEST = ROOT / ".nox" / "lowest"
LOWEST_TESTS = (
    "tests/store", "tests/suite", "tests/stats", "tests/cli", "tests/reports/formats", "tests/attempt/test_binaries.py",
    "tests/kernels/test_references.py",
)  # fmt: skip
TINY = "suites/qwen3_5_moe_tiny.yaml"
SUITE = "suites/qwen3_5_moe.yaml"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SHARED_TRACES = ROOT.parent / "shared" / "traces"
PACKAGES = {
    "harness": "harness", "harness_kernels": "kernels", "harness_reports": "reports", "sessions": "sessions",
}  # fmt: skip


@nox.session
def demo(session: nox.Session) -> None:
    """The main job on a small model: tune, measure baseline against autotuned, write the report."""
    install(session)
    _harness(session, "sweep", TINY, "--allow-failure")  # a shared machine may be too noisy to be trusted
    _harness(session, "run", TINY, "--processes", "3", "-m", "demo")
    _harness(session, "report", "last", "--format", "html")


@nox.session
def tests(session: nox.Session) -> None:
    """The quick half of the tests that need no GPU, in minutes; arguments go to pytest."""
    install(session, "test")
    _pytest(session, "not gpu and not slow")


@nox.session
def slow(session: nox.Session) -> None:
    """The other half: what takes long in Triton's interpreter, Inductor or a simulation, measures whole runs, or
    installs packages."""
    install(session, "test")
    _pytest(session, "slow and not gpu")


@nox.session
def browser(session: nox.Session) -> None:
    """A Chromium for the tests of the pages: nothing to do where the system has one, else Debian's or Playwright's."""
    install(session, "test")
    if any(shutil.which(name) for name in CHROMIUM):
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        session.run("apt-get", "update", external=True)
        packages = ["chromium", "fonts-dejavu-core"]
        session.run("apt-get", "install", "--yes", "--no-install-recommends", *packages, external=True)
    else:
        run(session, "playwright", "install", "chromium")


@nox.session
def postgres(session: nox.Session) -> None:
    """A PostgreSQL server's programs for the tests of a shared store: nothing to do where they are, else Debian's."""
    if shutil.which("initdb") or any(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        return
    session.run("apt-get", "update", external=True)
    session.run("apt-get", "install", "--yes", "--no-install-recommends", "postgresql", external=True)


@nox.session
def samples(session: nox.Session) -> None:
    """Makes the sample reports anew from the stored runs and fails where one differs; `-- --write` keeps them."""
    install(session)
    check = [] if "--write" in session.posargs else ["--check"]
    environment = {"PYTHONPATH": str(ROOT)}
    session.run(str(PYTHON), "reports/samples/regenerate.py", *check, env=environment)


@nox.session
def gpu(session: nox.Session) -> None:
    """The tests that need an NVIDIA GPU, spread over all that are here; arguments go to pytest."""
    install(session, "test")
    _pytest(session, "gpu", workers=8, default="tests/gpu")


@nox.session
def coverage(session: nox.Session) -> None:
    """Lines that the tests reach, in child processes too; arguments go to pytest."""
    install(session, "test", "coverage")
    run(session, "coverage", "erase")
    tests = session.posargs or ["-m", "not gpu and not slow"]
    run(session, "coverage", "run", "-m", "pytest", *tests, env=_test_environment())
    run(session, "coverage", "combine", "--quiet")
    run(session, "coverage", "report")


@nox.session
def benchmarks(session: nox.Session) -> None:
    """How fast and lean large traces are read, beside a peer where it can be installed; arguments go to pytest."""
    install(session, "test")
    # An environment of its own: the peer brings a hundred packages.
    if not list(PEERS.glob("lib/python*/site-packages/hta")):
        session.run(sys.executable, "-m", "virtualenv", "--quiet", str(PEERS))
        command = [str(PEERS / "bin" / "python"), "-m", "pip", "install", "--quiet", *PEER_REQUIREMENTS]
        session.run(*command, success_codes=[0, 1])  # without it the test says that it was skipped
    environment = {"HARNESS_PEER_PYTHON": str(PEERS / "bin" / "python"), **_test_environment()}
    shown = ["--benchmark-columns=min,median,rounds", "--benchmark-sort=name", "-o", "timeout=1200"]
    run(session, "pytest", "benchmarks", *shown, *session.posargs, env=environment)


@nox.session
def brought(session: nox.Session) -> None:
    """The kernels of packages on PyPI that `examples/brought/` has as variants; the packages lie in a folder apart."""
    install(session, "test")
    if not all(list(BROUGHT.glob(f"{name.replace('-', '_')}-*.dist-info")) for name in BROUGHT_PACKAGES):
        command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", str(BROUGHT)]
        session.run(*command, *BROUGHT_PACKAGES)
    environment = {**_test_environment(), "PYTHONPATH": str(BROUGHT)}
    run(session, "pytest", *BROUGHT_TESTS, *session.posargs, env=environment)


@nox.session
def executorch(session: nox.Session) -> None:
    """The tests of all engines of a CPU, ExecuTorch among them, whose package brings fifty others: they lie in an
    environment of their own over the one that all sessions share."""
    install(session, "test")
    python = EXECUTORCH / "bin" / "python"
    if not list(EXECUTORCH.glob("lib/python*/site-packages/executorch")):
        session.run(sys.executable, "-m", "virtualenv", "--quiet", "--python", sys.executable, str(EXECUTORCH))
        own, shared = (next(folder.glob("lib/python*/site-packages")) for folder in (EXECUTORCH, ENVIRONMENT))
        (own / "packages_of_all_sessions.pth").write_text(f"import site; site.addsitedir({str(shared)!r})\n")
        session.run(str(python), "-m", "pip", "install", "--quiet", *EXECUTORCH_PACKAGES)
    files = ("test_one_suite", "test_executorch", "test_event_trace")
    tests = session.posargs or [f"tests/export/{name}.py" for name in files]
    session.run(str(python), "-m", "pytest", *tests, env=_test_environment())


@nox.session
def lint(session: nox.Session) -> None:
    """ruff: its checks and its format; `-- --fix` mends what can be mended."""
    install(session, "dev")
    fix = "--fix" in session.posargs
    run(session, "ruff", "check", *(["--fix"] if fix else []), ".")
    run(session, "ruff", "format", *([] if fix else ["--check"]), ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy over everything that is installed, by the names under which it is imported."""
    install(session, "dev", "test")
    with tempfile.TemporaryDirectory() as folder:
        for name, source in PACKAGES.items():
            (Path(folder) / name).symlink_to(ROOT / source, target_is_directory=True)
        shutil.copy(ROOT / "noxfile.py", folder)
        settings = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache")]
        with session.chdir(folder):
            run(session, "mypy", *settings, *PACKAGES, "noxfile.py")


@nox.session
def docs(session: nox.Session) -> None:
    """The documents as a site in `build/site/html`, the reference made from the code; links and anchors must hold."""
    install(session, "docs")
    session.run(str(PYTHON), "docs/site/assemble.py", "build/site/pages", env={"OMP_NUM_THREADS": "1"})
    run(session, "sphinx", "-q", "-W", "--keep-going", "-n", "build/site/pages", "build/site/html")


@nox.session
def report(session: nox.Session) -> None:
    """`harness report`, of the last run unless arguments say otherwise."""
    install(session)
    _harness(session, "report", *(session.posargs or ["last"]))


@nox.session
def compare(session: nox.Session) -> None:
    """`harness compare BASE HEAD`; of the small suite where there is no GPU, unless HARNESS_SUITE says another."""
    install(session)
    suite = os.environ.get("HARNESS_SUITE", SUITE if shutil.which("nvidia-smi") else TINY)
    session.run(str(PYTHON), "-m", "harness", "compare", *session.posargs, env={"HARNESS_SUITE": suite})


@nox.session
def recording(session: nox.Session) -> None:
    """The README's recording of a terminal, run anew on this machine; `-- draw` draws the one that is kept."""
    install(session, "test")
    cast = "docs/pictures/terminal.cast"
    if "draw" not in session.posargs:
        run(session, "sessions.recording", cast)
    run(session, "sessions.terminal_svg", cast, cast.replace(".cast", ".svg"))


@nox.session
def compilers(session: nox.Session) -> None:
    """Every Triton variant in three releases of Triton for five targets, without a GPU; arguments go to the command."""
    install(session)
    status = (0, 1, 5)  # a release that makes a kernel worse is an answer
    arguments = session.posargs or ["suites/every_variant.yaml", "--html", "compilers.html"]
    session.run(str(PYTHON), "-m", "harness", "compilers", *arguments, success_codes=status)


@nox.session
def release(session: nox.Session) -> None:
    """Wheel and source archive of HEAD in `dist/`, checked and tried in an empty environment; `-- tag` tags HEAD."""
    install(session, "test", "release")
    if "tag" in session.posargs:  # before minutes of work
        run(session, "sessions.tag", "--check")
    run(session, "sessions.distribution", "dist")
    built = sorted(str(file) for pattern in ("*.whl", "*.tar.gz") for file in (ROOT / "dist").glob(pattern))
    run(session, "twine", "check", "--strict", *built)
    run(session, "sessions.first_run", next(file for file in built if file.endswith(".whl")), ".nox/release")
    installed = {"HARNESS_DISTRIBUTION": "dist", "HARNESS_INSTALLED": ".nox/release/environment"}
    run(session, "pytest", *RELEASE_TESTS, env={**_test_environment(), **installed})
    if "tag" in session.posargs:
        run(session, "sessions.tag")


@nox.session
def lowest(session: nox.Session) -> None:
    """A part of the tests with every dependency at the lower end of its range; arguments go to pytest."""
    install(session, "release")
    python = str(LOWEST / "bin" / "python")
    run(session, "uv", "venv", "--quiet", "--clear", "--seed", "--python", sys.executable, str(LOWEST))
    ends = ["--resolution", "lowest-direct", "--python", python]
    run(session, "uv", "pip", "install", "--quiet", *ends, ".[test]")
    run(session, "uv", "pip", "list", "--python", python)
    tests = ["-m", "not gpu and not slow", *(session.posargs or LOWEST_TESTS)]
    session.run(python, "-m", "pytest", *tests, env=_test_environment())


def _harness(session: nox.Session, *arguments: str) -> None:
    run(session, "harness", *arguments)


def _pytest(session: nox.Session, marked: str, workers: int = 4, default: str = "tests") -> None:
    """The tests so marked, in as many processes as there are processors for; arguments take the place of both."""
    processes = str(min(workers, len(os.sched_getaffinity(0))))
    spread = ["-n", processes, "--dist", "loadgroup", "--no-loadscope-reorder"]  # tests/conftest.py orders them
    given = session.posargs or [*spread, default]
    run(session, "pytest", "-m", marked, *given, env=_test_environment())


def _test_environment() -> dict[str, str]:
    """One thread a worker; and the real traces, where they lie beside the checkout."""
    found = {"OMP_NUM_THREADS": "1"}
    if SHARED_TRACES.is_dir():
        found["HARNESS_SHARED_TRACES"] = os.environ.get("HARNESS_SHARED_TRACES", str(SHARED_TRACES))
    return found
