"""The question that an attempt answers: its op, shape, tunables and opponent. Does not import torch."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import HarnessError, allowed
from harness.kernels_root import in_use
from harness.plan.calls import dims_at
from harness.suite.catalogue import OpSpec, bind_ops, bound_kernels, load_spec, ops, variant_file, variants
from harness.suite.dotted import dotted_file
from harness.suite.format import ROUTINGS
from harness.suite.models import all_models
from harness.suite.op_sources import DEFINITION, SPEC, source_of
from harness.suite.own_op import RUN, is_op_file
from harness.suite.shapes import FREE, full_dims
from harness.suite.signature import Signature, TunableValue, read_signature
from harness.values.case import SHAPE_SITE, AxisValue, Case, Implementation, Tunables

ARM = "try"
GROUP = 128
"""Columns that share a scale where no option sets it, as in the published checkpoints."""
DENSE = ("router", "shared_gate")


class TryOptions(msgspec.Struct, frozen=True):
    """The options of `harness try`; empty: left out. shape: dims by name. `model`: of models.yaml; left out: the first
    one that has the op and site."""

    file: str
    """A path, or the name of a variant of the op."""
    op: str = ""
    site: str = ""
    model: str = ""
    shape: dict[str, int] = {}
    tunables: dict[str, str] = {}
    dtype: str = "bfloat16"
    group: int = GROUP
    tokens: int = 1
    context: int = 1024
    routing: str = "uniform"
    against: str = ""
    target: str = "sm_90"
    small: bool = False
    """Take the smallest such model, since a CPU needs minutes for the shapes of a large one."""


class TryRequest(msgspec.Struct, frozen=True):
    """A resolved question: the attempt's case, and the file that was named, which is watched."""

    case: Case
    file: str
    model: str = ""
    """Source of the shape; empty where the shape was given alone."""
    explicit: bool = False
    """The shape was given, so exactly this one is checked, however slow."""


def ask(asked: TryOptions) -> TryRequest:
    """Return the question. Raises HarnessError, one line, for a misspelt option."""
    op, file, variant = _op_and_variant(asked)
    spec = load_spec(op)
    if asked.routing not in ROUTINGS:
        raise HarnessError(f"--routing {asked.routing}: unknown; {allowed(asked.routing, ROUTINGS)}")
    if asked.dtype not in spec.op.tolerance:
        raise HarnessError(
            f"--dtype: {op} has no tolerance for {asked.dtype}; {allowed(asked.dtype, spec.op.tolerance)}"
        )
    signature = bound_kernels(Path.cwd()).signature(op, variant)
    model, site, dims, calls = _shape(spec, asked)
    axes: dict[str, AxisValue] = {"tokens": asked.tokens}
    if spec.asks_context:
        axes["context"] = asked.context
    if spec.asks_routing:
        axes["routing"] = asked.routing
    if asked.shape:
        axes |= {name: value for name, value in asked.shape.items() if name in dims}
    if spec.own is not None:
        axes = dict(dims)
    dtype = f"int4-g{dims.get('group', asked.group)}/{asked.dtype}" if spec.own is None else asked.dtype
    answer = Implementation(variant, read_tunables(signature, asked.tunables, dims))
    case = Case(kind="kernel", arm=ARM, dtype=dtype, axes=axes, op=op, site=site, dims=dims, calls=calls, answer=answer)
    explicit = bool(asked.shape) or (spec.own is not None and not spec.own.shapes)
    return TryRequest(case, str(file), model, explicit)


def variant_name(op: str, file: Path) -> str:
    """The name by which an arm finds the file: its stem for a variant in the op's own folder, else its path."""
    own = file.parent == bound_kernels().folder(op) and file.stem in variants(op)
    return file.stem if own else str(file)


def read_tunables(signature: Signature, given: Mapping[str, str], dims: Collection[str] = ()) -> Tunables:
    """Return every tunable of a signature, the given values in the type of their defaults. dims: names of sizes, to
    recognise one given as a tunable. Raises HarnessError for an unknown tunable."""
    found: Tunables = dict(signature.tunables)
    for name, text in given.items():
        if name not in found:
            hint = f"--shape {name}={text} gives a size" if name in dims else allowed(name, found)
            raise HarnessError(f"{name}={text}: no such tunable; {hint}")
        found[name] = _value(name, text, found[name])
    return found


def _value(name: str, text: str, default: TunableValue) -> TunableValue:
    """Parse a value in its default's type. Every tunable takes None; a default of None takes a number, bool or word."""
    if text == "None":
        return None
    if default is None:
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return text
        return found if isinstance(found, int | float | str | bool) else text
    kind = type(default)
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise HarnessError(f"{name}={text}: allowed: true, false")
        return text.lower() == "true"
    try:
        return kind(text)
    except ValueError:
        words = {int: "a whole number", float: "a number"}
        raise HarnessError(f"{name}={text}: not {words[kind]} (the default is {default})") from None


def read_pairs(words: Sequence[str], what: str) -> dict[str, str]:
    """`["a=1", "b=2"]` or `["a=1,b=2"]` -> {"a": "1", "b": "2"}. Raises HarnessError for a word without `=`."""
    found = {}
    for word in (part.strip() for text in words for part in text.split(",")):
        name, equals, value = word.partition("=")
        if not equals or not name or not value:
            raise HarnessError(f"{what} {word}: wanted name=value")
        found[name] = value
    return found


def read_shape(words: Sequence[str]) -> dict[str, int]:
    """`n=7168,k=2048` -> whole numbers above 0. Raises HarnessError for any other value."""
    found = {}
    for name, text in read_pairs(words, "--shape").items():
        if not text.isdigit() or int(text) < 1:
            raise HarnessError(f"--shape {name}={text}: wanted a whole number above 0")
        found[name] = int(text)
    return found


def _op_and_variant(asked: TryOptions) -> tuple[str, Path, str]:
    """The op, the file and the variant's name. The op is the one that the file defines, the one of the folder that the
    file is in, or the only one whose inputs match those of the file's `run`."""
    name, _, function = asked.file.partition(".py:")
    path = Path(f"{name}.py") if function else Path(asked.file)
    op = _op_named(asked.op)
    dotted = None if path.is_file() or "." not in asked.file else dotted_file(asked.file, Path.cwd())
    if dotted is not None:
        return op or _op_of(dotted), dotted, asked.file
    if op and not path.suffix:
        load_spec(op)
        found = variant_file(op, asked.file, Path.cwd())
        if found is None:
            raise HarnessError(f"{op}: no variant or file {asked.file}; {allowed(asked.file, variants(op))}")
        return op, found, asked.file
    if not path.is_file():
        raise HarnessError(f"{path}: no such file")
    path = path.resolve()
    if not op and is_op_file(path):
        bind_ops({path.stem: source_of(path, str(path))})
        return path.stem, path, function or _first_variant(path.stem, path)
    op = op or _op_of(path)
    if path == bound_kernels().folder(op):
        return op, path, function or _first_variant(op, path)
    return op, path, variant_name(op, path)


def _first_variant(op: str, path: Path) -> str:
    there = variants(op)
    if not there:
        raise HarnessError(f"{path}: defines {op} without a kernel; add a function `run` or `run_NAME`")
    return RUN if RUN in there else there[0]


def _op_named(given: str) -> str:
    """An op's name. For a path, the op defined there, which this process then knows."""
    if "/" not in given and not given.endswith(".py"):
        return given
    path = Path(given).resolve()
    bind_ops({path.stem: source_of(path, given)})
    return path.stem


def _op_of(path: Path) -> str:
    root, folder = in_use(), path.parent
    if folder.parent == root and folder.name in ops():
        return folder.name
    if folder.parent != root and ((folder / SPEC).is_file() or (folder / DEFINITION).is_file()):
        bind_ops({folder.name: source_of(folder, str(folder))})
        return folder.name
    inputs = read_signature(path).inputs
    fitting = [op for op in ops() if tuple(i.name for i in load_spec(op).op.inputs) == inputs]
    if len(fitting) != 1:
        why = f"fit {', '.join(fitting)}" if fitting else "are no op's"
        raise HarnessError(f"{path}: its inputs ({', '.join(inputs)}) {why}; say --op; {allowed(path.stem, ops())}")
    return fitting[0]


def _shape(spec: OpSpec, asked: TryOptions) -> tuple[str, str, dict[str, int], int]:
    """Model, site, dims and calls per token."""
    if spec.own is not None:
        return "", SHAPE_SITE, _own_dims(spec, asked), 0
    if asked.shape and not asked.model and not asked.site:
        return "", SHAPE_SITE, _free_dims(spec, asked), 0
    blocks = all_models(bound_kernels(Path.cwd()))
    if asked.model and asked.model not in blocks:
        raise HarnessError(f"--model {asked.model}: unknown; {allowed(asked.model, blocks)}")
    order = sorted(blocks, key=lambda name: int(blocks[name][1].get("hidden_size", 0))) if asked.small else list(blocks)
    names = [asked.model] if asked.model else order
    places = {name: _places(spec, *blocks[name], asked) for name in names}
    model = next((name for name in names if asked.site in ("", *places[name]) and places[name]), names[0])
    sites = places[model]
    if not sites:
        shape = ",".join(f"{name}=..." for name in sorted(_needed(spec)))
        raise HarnessError(f"{spec.name}: {model} has no such op; give --shape {shape}, or another --model")
    if asked.site and asked.site not in sites:
        known = allowed(asked.site, sites)
        raise HarnessError(f"--site {asked.site}: {spec.name} has none of that name in {model}; {known}")
    use = sites[asked.site] if asked.site else max(sites.values(), key=lambda u: _bytes_a_token(spec, u, asked))
    dims = _question_dims({**use.dims, **_known(spec, asked.shape, use.dims)}, asked)
    return model, use.site, dims, use.calls


def _places(spec: OpSpec, architecture: str, sizes: Mapping[str, Any], asked: TryOptions) -> dict[str, Any]:
    """The op's uses in a model by site; for a fused op that the model lacks, those of the ops that it replaces."""
    used = bound_kernels().uses(architecture, sizes, asked.group, DENSE)
    here = [use for use in used if use.op == spec.name] or (_composite(spec, used) if spec.op.replaces else [])
    return {use.site: use for use in here}


def _bytes_a_token(spec: OpSpec, use: Any, asked: TryOptions) -> int:
    assert spec.cost is not None  # of an op of the library
    return int(use.calls * spec.cost(_question_dims(use.dims, asked)).bytes)


def _composite(spec: OpSpec, used: Sequence[Any]) -> list[Any]:
    """The uses of a fused op in place of the ops that it replaces: all their dims, as many calls as the first."""
    found = [next((use for use in used if use.op == name), None) for name in spec.op.replaces]
    parts = [part for part in found if part is not None]
    if len(parts) < len(found):
        return []
    dims = {name: value for part in parts for name, value in part.dims.items()}
    needed = _needed(spec)
    return [type(parts[0])(spec.name, parts[0].site, parts[0].calls, dims)] if needed <= set(dims) else []


def _needed(spec: OpSpec) -> set[str]:
    return set(spec.test_shapes[0])


def _known(spec: OpSpec, given: Mapping[str, int], names: Mapping[str, int]) -> Mapping[str, int]:
    known = set(names) | _needed(spec)
    for name, value in given.items():
        if name not in known:
            raise HarnessError(f"--shape {name}={value}: {spec.name} has no such dim; {allowed(name, known)}")
    return given


def _own_dims(spec: OpSpec, asked: TryOptions) -> dict[str, int]:
    if asked.model or asked.site:
        option = "--model" if asked.model else "--site"
        raise HarnessError(f"{option}: {spec.name} is in no model; --shape has its sizes")
    given = asked.shape or (dict(spec.test_shapes[0]) if spec.test_shapes else {})
    try:
        return full_dims(spec, given)
    except HarnessError as error:
        raise HarnessError(f"--shape: {error}") from error


def _free_dims(spec: OpSpec, asked: TryOptions) -> dict[str, int]:
    """The dims of a shape that belongs to no model."""
    needed = _needed(spec)
    _known(spec, asked.shape, {})
    free = {**FREE, "group": asked.group, "context": asked.context, "capacity": 0}
    missing = needed - set(asked.shape) - set(free)
    if missing:
        raise HarnessError(f"--shape: {spec.name} needs {', '.join(f'{name}=...' for name in sorted(missing))} too")
    dims = _question_dims({name: free.get(name, 0) for name in needed}, asked)
    return {name: asked.shape.get(name, value) for name, value in dims.items()}


def _question_dims(dims: Mapping[str, int], asked: TryOptions) -> dict[str, int]:
    tokens = asked.shape.get("tokens", asked.tokens)
    batch = asked.shape.get("batch", tokens)
    length, context = asked.shape.get("length", 1), asked.shape.get("context", asked.context)
    return dims_at(dims, tokens=tokens, batch=batch, length=length, context=context)
