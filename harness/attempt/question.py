"""What is asked of a file: its op, the shape, the tunables, and what it is tried against. Without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import HarnessError, allowed
from harness.kernels_root import in_use
from harness.plan.calls import dims_at
from harness.suite.catalogue import OpSpec, bound_kernels, load_spec, ops, variant_file, variants
from harness.suite.models import all_models
from harness.suite.signature import Signature, read_signature
from harness.values.case import AxisValue, Case, Implementation, Tunables

ARM = "try"
GROUP = 128
"""Columns a scale is shared by, where nothing else is said: the published checkpoints'."""
DENSE = ("router", "shared_gate")
SHAPE_SITE = "shape"
FREE = {"tokens": 1, "batch": 1, "length": 1, "group": GROUP}
"""Dims that a shape without a model need not give. `context` and `capacity` come from the question."""


class TryOptions(msgspec.Struct, frozen=True):
    """The options of `harness try`. file: a path, or a variant's name of the op. shape: dims by name; model: of
    models.yaml, the first one that has the op and
    site where left out; the smallest such with `small`, since a processor takes minutes for the shapes of a large one.
    Empty: left out."""

    file: str
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


class TryRequest(msgspec.Struct, frozen=True):
    """case: the attempt's. file: that was named, and is watched. model: whose shape it is, empty for a shape alone.
    explicit: the shape was given, so it is this one that is checked, however slow."""

    case: Case
    file: str
    model: str = ""
    explicit: bool = False


def ask(asked: TryOptions) -> TryRequest:
    """The question; HarnessError, one line, for whatever is misspelt."""
    op, file = _op_and_file(asked)
    spec = load_spec(op)
    if asked.dtype not in spec.op.tolerance:
        raise HarnessError(
            f"--dtype: {op} has no tolerance for {asked.dtype}; {allowed(asked.dtype, spec.op.tolerance)}"
        )
    signature = read_signature(file, spec.op)
    model, site, dims, calls = _shape(spec, asked)
    axes: dict[str, AxisValue] = {"tokens": asked.tokens}
    if spec.asks_context:
        axes["context"] = asked.context
    if spec.asks_routing:
        axes["routing"] = asked.routing
    if asked.shape:
        axes |= {name: value for name, value in asked.shape.items() if name in dims}
    answer = Implementation(variant_name(op, file), read_tunables(signature, asked.tunables))
    case = Case(
        kind="kernel", arm=ARM, dtype=f"int4-g{dims.get('group', asked.group)}/{asked.dtype}", axes=axes, op=op,
        site=site, dims=dims, calls=calls, answer=answer,
    )  # fmt: skip
    return TryRequest(case, str(file), model, bool(asked.shape))


def variant_name(op: str, file: Path) -> str:
    """How an arm names the file: a variant of the op's own folder by its stem, another one by its path."""
    root = in_use()
    return file.stem if file.parent == root / op and file.stem in variants(op) else str(file)


def read_tunables(signature: Signature, given: Mapping[str, str]) -> Tunables:
    """Every tunable of a signature: what was given, as its default's type, and the defaults."""
    found: Tunables = dict(signature.tunables)
    for name, text in given.items():
        if name not in found:
            raise HarnessError(f"{name}={text}: no such tunable; {allowed(name, found)}")
        found[name] = _value(name, text, found[name])
    return found


def _value(name: str, text: str, default: int | float | str | bool) -> int | float | str | bool:
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
    """`["a=1", "b=2"]` or `["a=1,b=2"]` -> {"a": "1", "b": "2"}."""
    found = {}
    for word in (part.strip() for text in words for part in text.split(",")):
        name, equals, value = word.partition("=")
        if not equals or not name or not value:
            raise HarnessError(f"{what} {word}: wanted name=value")
        found[name] = value
    return found


def read_shape(words: Sequence[str]) -> dict[str, int]:
    """`n=7168,k=2048` -> whole numbers above 0."""
    found = {}
    for name, text in read_pairs(words, "--shape").items():
        if not text.isdigit() or int(text) < 1:
            raise HarnessError(f"--shape {name}={text}: wanted a whole number above 0")
        found[name] = int(text)
    return found


def _op_and_file(asked: TryOptions) -> tuple[str, Path]:
    """The op is the folder that the file is in, or the only one whose inputs the file's `run` takes."""
    path = Path(asked.file)
    if asked.op and not path.suffix:
        load_spec(asked.op)
        found = variant_file(asked.op, asked.file, Path.cwd())
        if found is None:
            raise HarnessError(
                f"{asked.op}: no variant or file {asked.file}; {allowed(asked.file, variants(asked.op))}"
            )
        return asked.op, found
    if not path.is_file():
        raise HarnessError(f"{path}: no such file")
    path = path.resolve()
    if asked.op:
        return asked.op, path
    root = in_use()
    if path.parent.parent == root and path.parent.name in ops():
        return path.parent.name, path
    inputs = read_signature(path).inputs
    fitting = [op for op in ops() if tuple(i.name for i in load_spec(op).op.inputs) == inputs]
    if len(fitting) != 1:
        why = f"fit {', '.join(fitting)}" if fitting else "are no op's"
        raise HarnessError(f"{path}: its inputs ({', '.join(inputs)}) {why}; say --op; {allowed(path.stem, ops())}")
    return fitting[0], path


def _shape(spec: OpSpec, asked: TryOptions) -> tuple[str, str, dict[str, int], int]:
    """Model, site, dims and calls a token."""
    if asked.shape and not asked.model and not asked.site:
        return "", SHAPE_SITE, _free_dims(spec, asked), 0
    blocks = all_models(bound_kernels(Path.cwd()))
    if asked.model and asked.model not in blocks:
        raise HarnessError(f"--model {asked.model}: unknown; {allowed(asked.model, blocks)}")
    order = sorted(blocks, key=lambda name: blocks[name][1]["hidden_size"]) if asked.small else list(blocks)
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
    """The op's uses in a model by site; for a fused op that it does not list, those of the ops that it replaces."""
    used = bound_kernels().uses(architecture, sizes, asked.group, DENSE)
    here = [use for use in used if use.op == spec.name] or (_composite(spec, used) if spec.op.replaces else [])
    return {use.site: use for use in here}


def _bytes_a_token(spec: OpSpec, use: Any, asked: TryOptions) -> int:
    return int(use.calls * spec.cost(_question_dims(use.dims, asked)).bytes)


def _composite(spec: OpSpec, used: Sequence[Any]) -> list[Any]:
    """A fused op stands where the ops that it replaces do: their dims together, as often as the first is called."""
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


def _free_dims(spec: OpSpec, asked: TryOptions) -> dict[str, int]:
    """The dims of a shape that no model has."""
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
