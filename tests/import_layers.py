"""Who may import whom: the rules of the house as one table."""

from __future__ import annotations

from dataclasses import dataclass

HEAVY = ("torch", "triton", "transformers")


@dataclass(frozen=True)
class Layer:
    """Files (globs from the repository's root) and what they must not import. deferred: an import inside a function
    counts too; imports for type checkers alone never do. except_for: names that are allowed below a forbidden one."""

    files: tuple[str, ...]
    forbidden: tuple[str, ...]
    deferred: bool = True
    except_for: tuple[str, ...] = ()


KERNELS = ("kernels", "harness_kernels")
SHOWING = ("reports", "harness_reports", "matplotlib", "jinja2")
SHOWN_IN = ("views", "tables", "formats", "charts", "pages", "documents")
"""The folders of `reports/` that are code."""
LAYERS = {
    "values and errors": Layer(
        (
            "harness/values/*.py",
            "harness/errors.py",
            "harness/secrets.py",
            "harness/plain_text.py",
            "harness/scratch.py",
            "harness/id_filter.py",
        ),
        (*HEAVY, *KERNELS, *SHOWING, "harness"),
        except_for=("harness.values", "harness.errors"),
    ),
    "the worker's wire, boot and handle": Layer(
        ("harness/worker/*.py",),
        (*HEAVY, *KERNELS, *SHOWING, "harness"),
        except_for=("harness.values", "harness.errors", "harness.secrets", "harness.worker", "harness.kernels_root"),
    ),
    "what a worker with a device does": Layer(
        ("harness/serving/*.py",), (*KERNELS, *SHOWING, "harness.cli", "harness.store", "harness.runner")
    ),
    "suite and plan": Layer(
        (
            "harness/suite/*.py",
            "harness/observe/*.py",
            "harness/plan/*.py",
            *(
                f"harness/device/{name}.py"
                for name in ("__init__", "host", "nvml", "ptxas", "probe", "timers/__init__")
            ),
            "harness/kernels_root.py",
            "harness/reports_root.py",
        ),
        (*HEAVY, *KERNELS, *SHOWING, "scipy", "sqlalchemy", "harness.load_kernels", "harness.measure", "harness.cli"),
    ),
    "store, statistics, compare, traces": Layer(
        (
            *(f"harness/{name}/*.py" for name in ("store", "stats", "compare", "ranks", "machines")),
            "harness/trace/**/*.py",
        ),
        (*HEAVY, *KERNELS, *SHOWING, "harness.load_kernels", "harness.measure", "harness.decode", "harness.cli"),
    ),
    "revisions": Layer(
        ("harness/revisions/*.py",),
        (*HEAVY, *KERNELS, *SHOWING, "harness"),
        except_for=("harness.values", "harness.errors", "harness.secrets", "harness.revisions"),
    ),
    "the parent of a run": Layer(
        tuple(f"harness/{name}/*.py" for name in ("runner", "sweep", "bisect", "programs", "history", "compilers")),
        (*HEAVY, *KERNELS, *SHOWING, "harness.load_kernels", "harness.measure", "harness.serving", "harness.cli"),
        deferred=False,
    ),
    "what runs inside of a stranger's program": Layer(
        ("harness/recording/**/*.py",), (*KERNELS, *SHOWING, "harness.cli", "harness.store", "harness.runner")
    ),
    "what is there before a stranger's program imports torch": Layer(
        tuple(
            f"harness/recording/{name}.py"
            for name in ("program", "child", "session", "record_session", "when_imported")
        ),
        (*HEAVY, *KERNELS, *SHOWING),
        deferred=False,
    ),
    "what runs outside of this program": Layer(
        ("harness/outside/**/*.py",),
        (*HEAVY, *KERNELS, *SHOWING, "harness"),
        except_for=(
            "harness.__version__",
            "harness.values",
            "harness.errors",
            "harness.secrets",
            "harness.worker.messages",
            "harness.device.host",
            "harness.device.nvml",
            "harness.device.energy_ticks",
            "harness.device.commit",
            "harness.outside",
        ),
    ),
    "the parent of an attempt, and its tools": Layer(
        ("harness/attempt/*.py",),
        (*HEAVY, *KERNELS, *SHOWING, "harness.load_kernels", "harness.measure", "harness.cli"),
        deferred=False,
    ),
    "what a user reads first": Layer(
        ("harness/skeleton/*.py", "harness/explain/*.py"),
        (*HEAVY, *KERNELS, "reports", "harness_reports", "matplotlib", "harness"),
        except_for=("harness.errors", "harness.explain"),
    ),
    "what nox sessions do": Layer(("sessions/*.py",), (*HEAVY, *KERNELS, *SHOWING, "harness")),
    "the parent of an import": Layer(
        ("harness/importers/*.py",),
        (*HEAVY, *KERNELS, *SHOWING, "harness"),
        except_for=(
            "harness.values",
            "harness.errors",
            "harness.suite.own_spec",
            "harness.worker",
            "harness.importers",
        ),
    ),
    "devices": Layer(
        ("harness/device/**/*.py",),
        (*KERNELS, *SHOWING, "harness"),
        except_for=("harness.__version__", "harness.values", "harness.errors", "harness.device"),
    ),
    "engines": Layer(
        ("harness/engines/*.py",),
        (*HEAVY, *KERNELS, *SHOWING, "harness"),
        deferred=False,
        except_for=("harness.values", "harness.errors"),
    ),
    "measuring reaches kernels by name": Layer(
        (
            "harness/measure/*.py",
            "harness/decode/*.py",
            "harness/export/*.py",
            "harness/module_models/*.py",
            "harness/load_kernels.py",
            "harness/import_variant.py",
        ),
        (*KERNELS, *SHOWING, "harness.cli"),
    ),
    "the parent of compiling, and what reads binaries": Layer(
        tuple(
            f"harness/static/{name}.py"
            for name in (
                "pool",
                "results",
                "target",
                "messages",
                "claims",
                "carried",
                "sweep",
                "cubin",
                "encoded",
                "sass",
                "ptx",
                "elf",
                "hsaco",
                "amdgcn",
                "amd_limits",
            )
        ),
        (*HEAVY, *KERNELS, *SHOWING, "harness.load_kernels", "harness.cli", "harness.store"),
    ),
    "the static stage": Layer(
        ("harness/static/*.py",), (*KERNELS, *SHOWING, "harness.cli", "harness.runner", "harness.store")
    ),
    "scripts that make the samples": Layer(("reports/samples/*.py",), ("harness.cli", "transformers")),
    "kernels": Layer(("kernels/**/*.py",), ("harness", *SHOWING, *KERNELS, "transformers")),
    "specs, contract, layouts and tuned files": Layer(
        (
            "kernels/*/spec.py",
            "kernels/contract.py",
            "kernels/tuned.py",
            "kernels/models/*/layout.py",
            "kernels/models/standard/parts.py",
        ),
        HEAVY,
    ),
    "reports": Layer(
        ("reports/*.py", *(f"reports/{folder}/*.py" for folder in SHOWN_IN)),
        (*HEAVY, *KERNELS, "harness"),
        except_for=tuple(
            f"harness.{name}" for name in ("values", "stats", "compare", "errors", "plain_text", "trace", "engines")
        ),
    ),
    "the doctor": Layer(("harness/doctor/*.py",), (*HEAVY, *KERNELS, *SHOWING, "harness.cli"), deferred=False),
    "the plugin that every pytest run loads": Layer(
        ("harness/pytest_plugin.py",),
        (*HEAVY, *KERNELS, *SHOWING, "scipy", "sqlalchemy", "yaml", "msgspec", "pytest_benchmark", "harness"),
        deferred=False,
    ),
    "commands and the public functions start at once": Layer(
        ("harness/cli/*.py", "harness/api/*.py"), (*HEAVY, *KERNELS, *SHOWING, "scipy", "sqlalchemy"), deferred=False
    ),
}
