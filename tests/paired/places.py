"""Places where a change can lie that no import statement names: each a variant that reads how often to multiply."""

from __future__ import annotations

import importlib.machinery
import py_compile
import shutil
import sqlite3
import subprocess
import sysconfig
import zipfile
from pathlib import Path
from typing import NamedTuple

HEAD = """\
import os
import sys
from pathlib import Path

from .product import product

HERE = Path(__file__).parent


def run(x, weight, scale, group):
    return product(x, weight, scale, group, TIMES)


"""
PRODUCT = """\
import time

import torch


def product(x, weight, scale, group, times):
    nibbles = torch.stack((weight & 15, weight >> 4), dim=-1).flatten(1)
    values = (nibbles.to(x.dtype) - 8) * scale.to(x.dtype).repeat_interleave(group, dim=1)
    time.sleep(0.0005 * times)  # takes as long on a busy machine
    return x @ values.T
"""
NO_PRODUCT = "def product(x, weight, scale, group, times):\n    return times\n"
"""Without torch, where nothing is checked or timed."""
EXTENSION = """\
#include <Python.h>
static struct PyModuleDef definition = {{PyModuleDef_HEAD_INIT, "built", NULL, -1, NULL}};
PyMODINIT_FUNC PyInit_built(void)
{{
    PyObject *module = PyModule_Create(&definition);
    PyModule_AddIntConstant(module, "TIMES", {});
    return module;
}}
"""


class Place(NamedTuple):
    """reads: code of the variant that sets TIMES. file: where the number stands, from the repository's root. text: of
    the file, with {} for the number. alone: whether the variant says by its text what it may use."""

    reads: str
    file: str
    text: str = "TIMES = {}\n"
    alone: bool = True


PLACES = {
    "relative": Place("from .near import TIMES", "suites/lib/near.py"),
    "absolute": Place("from lib.near_too import TIMES", "suites/lib/near_too.py"),
    "beside": Place("from beside import TIMES", "suites/beside.py"),
    "at_root": Place("from tools.at_root import TIMES", "tools/at_root.py"),
    "in_init": Place("from .inner import TIMES", "suites/lib/inner/__init__.py"),
    "in_function": Place("def times():\n    from late import TIMES\n    return TIMES\nTIMES = times()",
                         "suites/late.py"),
    "text": Place("TIMES = int((HERE / 'times.txt').read_text())", "suites/lib/times.txt", "{}\n"),
    "loadtxt": Place("import numpy\nTIMES = int(numpy.loadtxt(HERE / 'n.json'))", "suites/lib/n.json", "{}\n"),
    "memmap": Place("import numpy\nTIMES = len(numpy.memmap(HERE / 'n.bin', mode='r'))", "suites/lib/n.bin", "bytes"),
    "search_path": Place("sys.path.insert(0, str(HERE / 'extra'))\nfrom found_there import TIMES",
                         "suites/lib/extra/found_there.py"),
    "dot_env": Place(
        "for line in (HERE / '../../.env').read_text().splitlines():\n"
        "    os.environ.update([line.split('=')])\nTIMES = int(os.environ['TIMES_OF_ENV'])",
        ".env", "TIMES_OF_ENV={}\n",
    ),
    "pth": Place("import site\nsite.addsitedir(str(HERE / 'sited'))\nfrom by_pth import TIMES",
                 "suites/lib/sited/path.pth", "pth"),
    "namespace": Place("from open_space.part import TIMES", "open_space/part.py"),
    "resources": Place("from importlib import resources\nTIMES = int((resources.files('lib') / 'r.cfg').read_text())",
                       "suites/lib/r.cfg", "{}\n"),
    "zipped": Place("sys.path.insert(0, str(HERE / 'code.zip'))\nfrom in_zip import TIMES",
                    "suites/lib/code.zip", "zip"),
    "database": Place(
        "import sqlite3\nTIMES = sqlite3.connect(HERE / 'n.sqlite').execute('select n from t').fetchone()[0]",
        "suites/lib/n.sqlite", "sqlite",
    ),
    "listing": Place("TIMES = len(os.listdir(HERE / 'listed'))", "suites/lib/listed", "folder"),
    "existence": Place("TIMES = 10 if os.path.exists(HERE / 'fast.no') else 1", "suites/lib/fast.no", "appears"),
    "length": Place("TIMES = os.path.getsize(HERE / 'long.txt')", "suites/lib/long.txt", "bytes"),
    "link": Place("from .linked import TIMES", "suites/lib/linked.py", "link"),
    "entry_point": Place(
        "sys.path.insert(0, str(HERE / 'dist'))\nfrom importlib.metadata import entry_points\n"
        "TIMES = next(iter(entry_points(group='times.of.this'))).load()",
        "suites/lib/dist/times-1.dist-info/entry_points.txt", "[times.of.this]\nn = number_module:TIMES_{}\n",
        alone=False,
    ),
    "sourceless": Place("from .compiled_away import TIMES", "suites/lib/compiled_away.pyc", "pyc"),
    "by_path": Place(
        "from importlib import util\n"
        "spec = util.spec_from_file_location('by_its_path', HERE / '../by_its_path.py')\n"
        "module = util.module_from_spec(spec)\nspec.loader.exec_module(module)\nTIMES = module.TIMES",
        "suites/by_its_path.py", alone=False,
    ),
    "plugin": Place("import runpy\nTIMES = runpy.run_path(str(HERE / '..' / 'conftest.py'))['TIMES']",
                    "suites/conftest.py", alone=False),
    "own_source": Place("TIMES = len([None for line in open(__file__) if line.startswith('# more')]) or 1",
                        "suites/lib/own_source.py", "itself"),
}  # fmt: skip
COMPILED = {
    "library": Place("import ctypes\nTIMES = ctypes.CDLL(str(HERE / 'times.so')).times()",
                     "suites/lib/times.so", "int times(void) {{ return {}; }}\n"),
    "extension": Place("from .built import TIMES",
                       f"suites/lib/built{importlib.machinery.EXTENSION_SUFFIXES[0]}", EXTENSION),
}  # fmt: skip
"""By a C compiler, into the tree."""
UNOBSERVABLE = {
    "another_process": Place(
        "import subprocess\nTIMES = int(subprocess.run(['cat', HERE / 'cat.txt'], capture_output=True).stdout)",
        "suites/lib/cat.txt", "{}\n",
    ),
    "native": Place(
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.fopen.restype = ctypes.c_void_p\n"
        "stream = ctypes.c_void_p(libc.fopen(str(HERE / 'native.txt').encode(), b'r'))\nvalue = ctypes.c_int()\n"
        "libc.fscanf(stream, b'%d', ctypes.byref(value))\nTIMES = value.value",
        "suites/lib/native.txt", "{}\n",
    ),
}  # fmt: skip


def write(root: Path, times: int, chosen: dict[str, Place], product: str = PRODUCT) -> None:
    """Variants in a repository's folder `suites/lib`, and the files that they read, with this number in them. product:
    the text of what all of them call."""
    lib = root / "suites" / "lib"
    for folder in (lib / "inner", lib / "extra", lib / "sited", lib / "listed", lib / "dist" / "times-1.dist-info"):
        folder.mkdir(parents=True, exist_ok=True)
    (lib / "__init__.py").write_text("")
    (lib / "product.py").write_text(product)
    (lib / "dist" / "number_module.py").write_text("TIMES_1 = 1\nTIMES_10 = 10\n")
    (lib / "dist" / "times-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: times\nVersion: 1\n")
    for name, place in chosen.items():
        (lib / f"{name}.py").write_text(HEAD + place.reads + "\n")
        file = root / place.file
        file.parent.mkdir(parents=True, exist_ok=True)
        _fill(file, place.text, times)
    comment = "# said otherwise\n" if times > 1 else ""
    (lib / "control.py").write_text(f'"""Text {times}."""\n{comment}{HEAD}TIMES = 1\n')


def _fill(file: Path, text: str, times: int) -> None:
    if file.suffix == ".so":
        compiler = shutil.which("cc")
        assert compiler is not None
        source = file.with_suffix(".c")
        source.write_text(text.format(times))
        include = f"-I{sysconfig.get_path('include')}"
        subprocess.run([compiler, "-shared", "-fPIC", include, "-o", file, source], check=True, capture_output=True)
        source.unlink()
    elif text == "pyc":
        source = file.with_suffix(".txt")
        source.write_text(f"TIMES = {times}\n")
        py_compile.compile(str(source), str(file), "compiled_away.py", doraise=True,
                           invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)  # fmt: skip
        source.unlink()
    elif text == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(zipfile.ZipInfo("in_zip.py"), f"TIMES = {times}\n")
    elif text == "sqlite":
        file.unlink(missing_ok=True)
        with sqlite3.connect(file) as database:
            database.execute("create table t (n)")
            database.execute("insert into t values (?)", (times,))
    elif text == "folder":
        for number in range(times):
            (file / f"{number}.txt").write_text("")
    elif text == "bytes":
        file.write_bytes(b"x" * times)
    elif text == "pth":
        file.write_text(f"of_{times}\n")
        for number in (1, times):
            (file.parent / f"of_{number}").mkdir(exist_ok=True)
            (file.parent / f"of_{number}" / "by_pth.py").write_text(f"TIMES = {number}\n")
    elif text == "appears":
        if times > 1:
            file.write_text("")
    elif text == "link":
        for number in (1, 10):
            (file.parent / f"link_{number}.py").write_text(f"TIMES = {number}\n")
        file.unlink(missing_ok=True)
        file.symlink_to(f"link_{times}.py")
    elif text == "itself":
        if times > 1:
            file.write_text(file.read_text() + "# more\n" * times)
    else:
        file.write_text(text.format(times))


def suite(chosen: dict[str, Place]) -> str:
    arms = "".join(f"  {name}: {{int4_mm: lib.{name}}}\n" for name in (*chosen, "control"))
    return (
        "suite: 1\ntitle: Places\nmodel: qwen3_5_moe_tiny\ndtype: float32\nweights: {group: 64}\n"
        f"arms:\n{arms}kernels: {{ops: [int4_mm], tokens: [1]}}\ncompare: {{gate: [int4_mm], budget_s: 900}}\n"
    )
