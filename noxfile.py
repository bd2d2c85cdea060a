"""What can be done here: `nox --list`. The one entry point for developers and for CI.

All sessions share one environment, `.nox/harness`, installed on first use and again when what it was made from changes.
Where the interpreter that runs nox already has torch >= 2.9, that torch is the one used.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["tests", "slow", "executorch", "samples", "lint", "types", "docs"]

ROOT = Path(__file__).parent
ENVIRONMENT = ROOT / ".nox" / "harness"
PYTHON = ENVIRONMENT / "bin" / "python"
PEERS = ROOT / ".nox" / "peers"
PEER_REQUIREMENTS = ("HolisticTraceAnalysis==0.5.0", "pandas<3")
BROUGHT = ROOT / ".nox" / "brought"
BROUGHT_PACKAGES = ("liger-kernel", "flash-linear-attention", "fla-core", "einops", "helion", "filecheck")
BROUGHT_TESTS = ("tests/own_ops/test_brought.py", "tests/attempt/test_brought.py")
EXECUTORCH = ROOT / ".nox" / "executorch"
EXECUTORCH_PACKAGES = ("executorch==1.5.1",)
OLDEST_TORCH = (2, 9)
MADE_FROM = ("pyproject.toml", "setup.py", "constraints.txt")
TINY = "suites/qwen3_5_moe_tiny.yaml"
SUITE = "suites/qwen3_5_moe.yaml"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SHARED_TRACES = ROOT.parent / "shared" / "traces"
PACKAGES = {"harness": "harness", "harness_kernels": "kernels", "harness_reports": "reports"}


@nox.session
def demo(session: nox.Session) -> None:
    """The main job on a small model: tune, measure baseline against autotuned, write the report."""
    _install(session)
    _harness(session, "sweep", TINY, "--allow-failure")  # a shared machine may be too noisy to be trusted
    _harness(session, "run", TINY, "--processes", "3", "-m", "demo")
    _harness(session, "report", "last", "--format", "html")


@nox.session
def tests(session: nox.Session) -> None:
    """The quick half of the tests that need no GPU, in minutes; arguments go to pytest."""
    _install(session, "test")
    _pytest(session, "not gpu and not slow")


@nox.session
def slow(session: nox.Session) -> None:
    """The other half: what takes long in Triton's interpreter, Inductor or a simulation, measures whole runs, or
    installs packages."""
    _install(session, "test")
    _pytest(session, "slow and not gpu")


@nox.session
def browser(session: nox.Session) -> None:
    """A Chromium for the tests of the pages: nothing to do where the system has one, else Debian's or Playwright's."""
    _install(session, "test")
    if any(shutil.which(name) for name in CHROMIUM):
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        session.run("apt-get", "update", external=True)
        packages = ["chromium", "fonts-dejavu-core"]
        session.run("apt-get", "install", "--yes", "--no-install-recommends", *packages, external=True)
    else:
        _run(session, "playwright", "install", "chromium")


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
    _install(session)
    check = [] if "--write" in session.posargs else ["--check"]
    environment = {"PYTHONPATH": str(ROOT)}
    session.run(str(PYTHON), "reports/samples/regenerate.py", *check, env=environment)


@nox.session
def gpu(session: nox.Session) -> None:
    """The tests that need an NVIDIA GPU, spread over all that are here; arguments go to pytest."""
    _install(session, "test")
    _pytest(session, "gpu", workers=8, default="tests/gpu")


@nox.session
def coverage(session: nox.Session) -> None:
    """Lines that the tests reach, in child processes too; arguments go to pytest."""
    _install(session, "test", "coverage")
    _run(session, "coverage", "erase")
    tests = session.posargs or ["-m", "not gpu and not slow"]
    _run(session, "coverage", "run", "-m", "pytest", *tests, env=_test_environment())
    _run(session, "coverage", "combine", "--quiet")
    _run(session, "coverage", "report")


@nox.session
def benchmarks(session: nox.Session) -> None:
    """How fast and lean large traces are read, beside a peer where it can be installed; arguments go to pytest."""
    _install(session, "test")
    # An environment of its own: the peer brings a hundred packages.
    if not list(PEERS.glob("lib/python*/site-packages/hta")):
        session.run(sys.executable, "-m", "virtualenv", "--quiet", str(PEERS))
        install = [str(PEERS / "bin" / "python"), "-m", "pip", "install", "--quiet", *PEER_REQUIREMENTS]
        session.run(*install, success_codes=[0, 1])  # without it the test says that it was skipped
    environment = {"HARNESS_PEER_PYTHON": str(PEERS / "bin" / "python"), **_test_environment()}
    shown = ["--benchmark-columns=min,median,rounds", "--benchmark-sort=name", "-o", "timeout=1200"]
    _run(session, "pytest", "benchmarks", *shown, *session.posargs, env=environment)


@nox.session
def brought(session: nox.Session) -> None:
    """The kernels of packages on PyPI that `examples/brought/` has as variants; the packages lie in a folder apart."""
    _install(session, "test")
    if not all(list(BROUGHT.glob(f"{name.replace('-', '_')}-*.dist-info")) for name in BROUGHT_PACKAGES):
        install = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", str(BROUGHT)]
        session.run(*install, *BROUGHT_PACKAGES)
    environment = {**_test_environment(), "PYTHONPATH": str(BROUGHT)}
    _run(session, "pytest", *BROUGHT_TESTS, *session.posargs, env=environment)


@nox.session
def executorch(session: nox.Session) -> None:
    """The tests of all engines of a CPU, ExecuTorch among them, whose package brings fifty others: they lie in an
    environment of their own over the one that all sessions share."""
    _install(session, "test")
    python = EXECUTORCH / "bin" / "python"
    if not list(EXECUTORCH.glob("lib/python*/site-packages/executorch")):
        session.run(sys.executable, "-m", "virtualenv", "--quiet", "--python", sys.executable, str(EXECUTORCH))
        own, shared = (next(folder.glob("lib/python*/site-packages")) for folder in (EXECUTORCH, ENVIRONMENT))
        (own / "packages_of_all_sessions.pth").write_text(f"import site; site.addsitedir({str(shared)!r})\n")
        session.run(str(python), "-m", "pip", "install", "--quiet", *EXECUTORCH_PACKAGES)
    tests = session.posargs or ["tests/export/test_one_suite.py", "tests/export/test_executorch.py"]
    session.run(str(python), "-m", "pytest", *tests, env=_test_environment())


@nox.session
def lint(session: nox.Session) -> None:
    """ruff: its checks and its format; `-- --fix` mends what can be mended."""
    _install(session, "dev")
    fix = "--fix" in session.posargs
    _run(session, "ruff", "check", *(["--fix"] if fix else []), ".")
    _run(session, "ruff", "format", *([] if fix else ["--check"]), ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy over everything that is installed, by the names under which it is imported."""
    _install(session, "dev", "test")
    with tempfile.TemporaryDirectory() as folder:
        for name, source in PACKAGES.items():
            (Path(folder) / name).symlink_to(ROOT / source, target_is_directory=True)
        shutil.copy(ROOT / "noxfile.py", folder)
        settings = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache")]
        with session.chdir(folder):
            _run(session, "mypy", *settings, *PACKAGES, "noxfile.py")


@nox.session
def docs(session: nox.Session) -> None:
    """The documents as a site in `build/site/html`, the reference made from the code; links and anchors must hold."""
    _install(session, "docs")
    session.run(str(PYTHON), "docs/site/assemble.py", "build/site/pages", env={"OMP_NUM_THREADS": "1"})
    _run(session, "sphinx", "-q", "-W", "--keep-going", "-n", "build/site/pages", "build/site/html")


@nox.session
def report(session: nox.Session) -> None:
    """`harness report`, of the last run unless arguments say otherwise."""
    _install(session)
    _harness(session, "report", *(session.posargs or ["last"]))


@nox.session
def compare(session: nox.Session) -> None:
    """`harness compare BASE HEAD`; of the small suite where there is no GPU, unless HARNESS_SUITE says another."""
    _install(session)
    suite = os.environ.get("HARNESS_SUITE", SUITE if shutil.which("nvidia-smi") else TINY)
    session.run(str(PYTHON), "-m", "harness", "compare", *session.posargs, env={"HARNESS_SUITE": suite})


@nox.session
def compilers(session: nox.Session) -> None:
    """Every Triton variant in three releases of Triton for five targets, without a GPU; arguments go to the command."""
    _install(session)
    status = (0, 1, 5)  # a release that makes a kernel worse is an answer
    arguments = session.posargs or ["suites/every_variant.yaml", "--html", "compilers.html"]
    session.run(str(PYTHON), "-m", "harness", "compilers", *arguments, success_codes=status)


@nox.session
def build(session: nox.Session) -> None:
    """The wheel and the source archive, into `dist/`."""
    _install(session, "test")
    _run(session, "build", "--no-isolation", *session.posargs)


def _harness(session: nox.Session, *arguments: str) -> None:
    _run(session, "harness", *arguments)


def _run(session: nox.Session, module: str, *arguments: str, env: dict[str, str] | None = None) -> None:
    session.run(str(PYTHON), "-m", module, *arguments, env=env)


def _pytest(session: nox.Session, marked: str, workers: int = 4, default: str = "tests") -> None:
    """The tests so marked, in as many processes as there are processors for; arguments take the place of both."""
    processes = str(min(workers, len(os.sched_getaffinity(0))))
    spread = ["-n", processes, "--dist", "loadgroup", "--no-loadscope-reorder"]  # tests/conftest.py orders them
    given = session.posargs or [*spread, default]
    _run(session, "pytest", "-m", marked, *given, env=_test_environment())


def _test_environment() -> dict[str, str]:
    """One thread a worker; and the real traces, where they lie beside the checkout."""
    found = {"OMP_NUM_THREADS": "1"}
    if SHARED_TRACES.is_dir():
        found["HARNESS_SHARED_TRACES"] = os.environ.get("HARNESS_SHARED_TRACES", str(SHARED_TRACES))
    return found


def _install(session: nox.Session, *extras: str) -> None:
    """The project and these extras, editable, under `constraints.txt`; takes no time when that is done already."""
    given = _torch_of_this_interpreter()
    made_by = f"{sys.executable} {sys.version} {sorted(given.items())}"
    if not _is_stamped("made-by", made_by):
        session.log(f"making {ENVIRONMENT.relative_to(ROOT)} (once; minutes where torch has to be downloaded)")
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        session.run(sys.executable, "-m", "virtualenv", "--quiet", "--python", sys.executable, str(ENVIRONMENT))
        if given:
            _share_packages_of_this_interpreter()
        _pip(session, given, "setuptools>=77")
        _stamp("made-by", made_by)
    made_from = hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in MADE_FROM)).hexdigest()
    missing = [extra for extra in ("", *extras) if not _is_stamped(f"installed-{extra}", made_from)]
    if missing:
        named = f"[{','.join(extras)}]" if extras else ""
        _pip(session, given, "--no-build-isolation", "--editable", f".{named}")
    for extra in missing:
        _stamp(f"installed-{extra}", made_from)


def _is_stamped(name: str, text: str) -> bool:
    """Whether that step was finished, with that text: an interrupted one is done again."""
    stamp = ENVIRONMENT / name
    return stamp.is_file() and stamp.read_text() == text


def _stamp(name: str, text: str) -> None:
    (ENVIRONMENT / name).write_text(text)


def _torch_of_this_interpreter() -> dict[str, str]:
    """Versions of the torch and Triton beside the interpreter that runs nox; empty where that torch is too old."""
    found = {}
    for name in ("torch", "triton"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    numbers = tuple(int(part) for part in found.get("torch", "0.0").split(".")[:2])
    return found if numbers >= OLDEST_TORCH else {}


def _share_packages_of_this_interpreter() -> None:
    """Lets the environment see what is beside that torch, its own packages first; `--system-site-packages` would show
    those of the interpreter that a virtual environment was made from instead."""
    shared = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    own = next(ENVIRONMENT.glob("lib/python*/site-packages"))
    (own / "packages_of_the_interpreter_that_runs_nox.pth").write_text("".join(f"{path}\n" for path in shared))


def _pip(session: nox.Session, given: dict[str, str], *arguments: str) -> None:
    """pip in the environment, under the constraints, except that a torch that is already there stays."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    kept = [line for line in lines if line.split("==")[0] not in given]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.write("\n".join([*kept, *(f"{name}=={found}" for name, found in given.items())]) + "\n")
        constraints.flush()
        session.run(str(PYTHON), "-m", "pip", "install", "--constraint", constraints.name, *arguments)
