"""What a module of somebody else's does, found by running it: which of its tensors matter, in what sizes it works."""

from __future__ import annotations

import ast
import copy
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from harness.importers.messages import ModuleFacts, ProbeModule
from harness.importers.outcome import Degenerate, NotImported
from harness.measure.failure import first_line
from harness.serving.small_sizes import larger_sizes, small_sizes

NOISE = 1e-3
"""A result whose rms error in float32 is more than this, relative to float64, is made of rounding errors."""
SAME = 1e-5
ATTEMPTS = 4
"""At sizes that are doubled each time."""
SLOW_S = 1.0
"""A call in float32 that takes longer takes minutes in bfloat16, which most CPUs emulate."""
FLOAT16 = 2.0**-3
"""Its roundings relative to bfloat16's."""


class Problem:
    """A module's text, run under a name of its own. Raises NotImported for what it raises."""

    def __init__(self, asked: ProbeModule) -> None:
        self._evaluate = asked.evaluate
        module = ModuleType("imported_problem")
        sys.modules[module.__name__] = module
        with saying("cannot be loaded"):
            exec(compile(asked.text, asked.file, "exec"), module.__dict__)
        self._scope = module.__dict__

    def arguments(self, dims: Mapping[str, int]) -> list[Any]:
        made = self._scope["problem"](**dims)[0]
        if not isinstance(made, list | tuple):
            raise NotImported(f"get_init_inputs returns {type(made).__name__}, not a list")
        return list(made)

    def inputs(self, dims: Mapping[str, int]) -> list[Any]:
        made = self._scope["problem"](**dims)[1]()
        if not isinstance(made, list | tuple):
            raise NotImported(f"get_inputs returns {type(made).__name__}, not a list")
        return list(made)

    def module(self, dims: Mapping[str, int], device: str = "cpu") -> nn.Module:
        with torch.device(device):
            made = self._scope["Model"](*self.arguments(dims))
        if not isinstance(made, nn.Module):
            raise NotImported("Model is no torch.nn.Module")
        return made.eval() if self._evaluate else made

    def outputs_without_memory(self, dims: Mapping[str, int]) -> list[Tensor] | None:
        """What it returns at these sizes, without values; None where it does not run so."""
        try:
            module = self.module(dims, "meta")
            with torch.no_grad(), torch.device("meta"):
                return tensors_of(module(*self.inputs(dims)))
        except NotImported:
            raise
        except Exception:  # whatever somebody's module raises at sizes that it does not take, or on that device
            return None

    def works_without_memory(self, dims: Mapping[str, int]) -> bool:
        return self.outputs_without_memory(dims) is not None

    def works(self, dims: Mapping[str, int]) -> bool:
        try:
            with torch.no_grad():
                self.module(dims)(*self.inputs(dims))
        except Exception:  # as above
            return False
        return True


@contextmanager
def saying(what: str) -> Iterator[None]:
    try:
        yield
    except NotImported:
        raise
    except (Exception, SystemExit) as error:
        raise NotImported(f"{what}: {type(error).__name__}: {first_line(error)}") from error


def facts_of(asked: ProbeModule) -> ModuleFacts:
    """Everything that the op file needs; `refused` where the module makes no op."""
    try:
        return _facts(asked)
    except NotImported as reason:
        return ModuleFacts(refused=str(reason))


def _facts(asked: ProbeModule) -> ModuleFacts:
    """At the smallest sizes at which the result means something: the norm of two values is a sign."""
    problem = Problem(asked)
    large = problem.outputs_without_memory(asked.dims)
    works = problem.works if large is None else problem.works_without_memory
    shown = None if large is None else (_kinds_at(problem, asked.dims), tuple(kind_of(value) for value in large))
    small = small_sizes(asked.dims, works, large is not None)
    for attempt in range(ATTEMPTS):
        try:
            found = _facts_at(problem, small)
            break
        except Degenerate:
            small = larger_sizes(small[0], asked.dims, works)
            if attempt + 1 == ATTEMPTS or not small:
                raise
    arguments = tuple(_literal(value) for value in problem.arguments(asked.dims))
    found = msgspec.structs.replace(found, arguments=arguments, small=tuple(small))
    return found if shown is None else msgspec.structs.replace(found, inputs=shown[0], outputs=shown[1])


def _facts_at(problem: Problem, small: Sequence[Mapping[str, int]]) -> ModuleFacts:
    torch.manual_seed(0)
    with saying("does not run on a CPU"):
        inputs = problem.inputs(small[0])
        module = problem.module(small[0])
        started = time.perf_counter()
        first = called(module, inputs)
        seconds = time.perf_counter() - started
    kinds = tuple(kind_of(value) for value in inputs)
    _refuse_random(module, inputs, first)
    refuse_constant(first, called(module, problem.inputs(small[0])))
    dropped = _dropped(module, inputs, first)
    tensors = _tensors(module, inputs, dropped)
    mirrored, flat = other_numbers(module, inputs, tensors)
    used = {*tensors, *dropped, *(name for name, _ in module.named_buffers())}
    return ModuleFacts(
        inputs=kinds, outputs=tuple(kind_of(value) for value in first), tensors=tensors, dropped=dropped,
        unused=tuple(name for name, _ in module.named_parameters() if name not in used),
        on_meta=_built_without_memory(problem, small[0], module, tensors, dropped, inputs, first),
        written=_written(module, inputs), mirrored=mirrored, flat=flat,
        errors=_errors(module, inputs, first, seconds > SLOW_S), slow=seconds > SLOW_S,
    )  # fmt: skip


def called(module: nn.Module, inputs: Sequence[Any], grad: bool = False) -> list[Tensor]:
    """Its outputs for copies of the inputs; the module stays as it is."""
    before = {name: value.clone() for name, value in module.named_buffers()}
    try:
        with torch.set_grad_enabled(grad):
            made = module(*[value.clone() if isinstance(value, Tensor) else value for value in inputs])
    finally:
        with torch.no_grad():
            for name, value in module.named_buffers():
                if name in before and value is not None:
                    value.copy_(before[name])
    return tensors_of(made)


def tensors_of(made: Any) -> list[Tensor]:
    found = list(made) if isinstance(made, list | tuple) else [made]
    for value in found:
        if not isinstance(value, Tensor):
            raise NotImported(f"returns {type(value).__name__} where an op returns tensors")
        if value.is_complex():
            raise NotImported("returns complex numbers")
    if not found:
        raise NotImported("returns nothing")
    return found


def _refuse_random(module: nn.Module, inputs: Sequence[Any], first: Sequence[Tensor]) -> None:
    """Other random numbers, the same inputs."""
    torch.manual_seed(1)
    again = called(module, inputs)
    if [value.shape for value in again] == [value.shape for value in first]:
        if all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(first, again, strict=True)):
            return
    drops = [name for name, one in module.named_modules() if isinstance(one, nn.modules.dropout._DropoutNd) and one.p]
    if drops and module.training:
        raise NotImported(f"random: dropout in training ({', '.join(drops[:3])}); --evaluate turns it off")
    raise NotImported("random: two calls on the same inputs differ")


def refuse_constant(first: Sequence[Tensor], other: Sequence[Tensor]) -> None:
    """Other inputs of the same sizes."""
    if [value.shape for value in first] != [value.shape for value in other]:
        raise NotImported("data-dependent shapes: other values of the inputs make outputs of other shapes")
    if not any(value.is_floating_point() and value.isfinite().any() for value in first if value.numel()):
        if any(value.is_floating_point() for value in first):
            raise NotImported("no output is finite")
    if all(_same(a, b) for a, b in zip(first, other, strict=True)):
        raise Degenerate("its output is the same whatever goes in: no kernel could be found wrong")


def _same(one: Tensor, other: Tensor) -> bool:
    if not one.is_floating_point():
        return torch.equal(one, other)
    one, other = one.nan_to_num().double(), other.nan_to_num().double()
    return bool((one - other).abs().max() <= SAME * one.abs().max()) if one.numel() else True


def _dropped(module: nn.Module, inputs: Sequence[Any], first: Sequence[Tensor]) -> tuple[str, ...]:
    """Buffers that it writes, and counters, where its result is the same without them."""
    before = {name: value.clone() for name, value in module.named_buffers()}
    with torch.no_grad():
        copied = copy.deepcopy(module)
        copied(*[value.clone() if isinstance(value, Tensor) else value for value in inputs])
    after = dict(copied.named_buffers())
    changed = [name for name, value in before.items() if not torch.equal(value, after[name])]
    names = changed + [n for n, v in before.items() if n not in changed and not v.dim() and not v.is_floating_point()]
    if not names:
        return ()
    without = copy.deepcopy(module)
    remove(without, names)
    try:
        same = all(torch.equal(a, b) for a, b in zip(first, called(without, inputs), strict=True))
    except Exception:  # it needs them
        same = False
    if not same and changed:
        raise NotImported(f"keeps a state: each call changes {', '.join(changed[:3])}, which the next one reads")
    return tuple(names) if same else ()


def remove(module: nn.Module, names: Sequence[str]) -> None:
    for name in names:
        owner, _, last = name.rpartition(".")
        setattr(module.get_submodule(owner), last, None)


def _tensors(module: nn.Module, inputs: Sequence[Any], dropped: Sequence[str]) -> tuple[str, ...]:
    """Parameters that the result depends on, and the buffers that are left."""
    named = dict(module.named_parameters())
    buffers = tuple(name for name, _ in module.named_buffers() if name not in dropped)
    floats = [value for value in named.values() if value.is_floating_point()]
    before = [value.requires_grad for value in floats]
    for value in floats:
        value.requires_grad_(True)
    try:
        outputs = [value for value in called(module, inputs, grad=True) if value.requires_grad]
        grads = torch.autograd.grad([o.sum() for o in outputs], floats, allow_unused=True) if outputs else None
    except (RuntimeError, NotImplementedError):  # no gradient of something in it: all of them are inputs then
        grads = None
    for value, was in zip(floats, before, strict=True):
        value.requires_grad_(was)
    if grads is None:
        return (*named, *buffers)
    unused = {id(value) for value, grad in zip(floats, grads, strict=True) if grad is None}
    return (*(name for name, value in named.items() if id(value) not in unused), *buffers)


def _built_without_memory(
    problem: Problem, dims: Mapping[str, int], module: nn.Module, tensors: Sequence[str], dropped: Sequence[str],
    inputs: Sequence[Any], first: Sequence[Tensor],
) -> bool:  # fmt: skip
    """Whether the reference may build the module on the meta device; NotImported where its result does not follow from
    inputs and tensors in another way either."""
    state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    given = {name: state[name].detach().clone() for name in tensors}
    for device in ("meta", "cpu"):
        torch.manual_seed(2)
        try:
            empty = problem.module(dims, device)
            remove(empty, dropped)
            copies = tuple(value.clone() if isinstance(value, Tensor) else value for value in inputs)
            with torch.no_grad():
                again = tensors_of(torch.func.functional_call(empty, given, copies))
            if all(torch.equal(a, b) for a, b in zip(first, again, strict=True)):
                return device == "meta"
        except Exception:  # it cannot be built so
            continue
    raise NotImported("its result does not follow from its inputs, parameters and buffers alone")


def _errors(
    module: nn.Module, inputs: Sequence[Any], first: Sequence[Tensor], slow: bool
) -> dict[str, tuple[float, float]]:
    """Largest and rms error by dtype, relative to the same in float64; NotImported where float32 makes noise."""
    found: dict[str, tuple[float, float]] = {}
    exact = _in_dtype(module, inputs, torch.float64)
    if exact is None:
        return found
    found["float32"] = worst(first, exact)
    if not found["float32"][1] <= NOISE:
        raise Degenerate(
            f"its output is rounding noise: in float32 it is off by {found['float32'][1]:.1g} of its size from float64"
        )
    if slow:
        return found
    rounded = copy.deepcopy(module).to(torch.bfloat16)
    values = [v.to(torch.bfloat16) if isinstance(v, Tensor) and v.is_floating_point() else v for v in inputs]
    exact, got = _in_dtype(rounded, values, torch.float64), _in_dtype(rounded, values, torch.bfloat16)
    if exact is not None and got is not None:
        found["bfloat16"] = worst(got, exact)
        found["float16"] = (FLOAT16 * found["bfloat16"][0], FLOAT16 * found["bfloat16"][1])
    return found


def _in_dtype(module: nn.Module, inputs: Sequence[Any], dtype: torch.dtype) -> list[Tensor] | None:
    """Its outputs with everything in a dtype; None where it cannot be run so."""
    values = [v.to(dtype) if isinstance(v, Tensor) and v.is_floating_point() else v for v in inputs]
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        return called(copy.deepcopy(module).to(dtype), values)
    except Exception:  # a dtype that it does not take
        return None
    finally:
        torch.set_default_dtype(usual)


def worst(got: Sequence[Tensor], exact: Sequence[Tensor]) -> tuple[float, float]:
    """Largest error relative to the largest value, and rms error relative to the rms, of the worst output."""
    found = [(0.0, 0.0)]
    for a, b in zip(got, exact, strict=True):
        if not b.is_floating_point() or not b.numel():
            continue
        a, b = a.double().nan_to_num(), b.double().nan_to_num()
        size, rms = b.abs().max().clamp_min(1e-300), b.square().mean().sqrt().clamp_min(1e-300)
        found.append((float((a - b).abs().max() / size), float((a - b).square().mean().sqrt() / rms)))
    return max(pair[0] for pair in found), max(pair[1] for pair in found)


def _written(module: nn.Module, inputs: Sequence[Any]) -> tuple[int, ...]:
    copies = [value.clone() if isinstance(value, Tensor) else value for value in inputs]
    with torch.no_grad():
        copy.deepcopy(module)(*copies)
    pairs = enumerate(zip(inputs, copies, strict=True))
    return tuple(n for n, (old, new) in pairs if isinstance(old, Tensor) and not torch.equal(old, new))


def other_numbers(
    module: nn.Module, inputs: Sequence[Any], tensors: Sequence[str]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Inputs without negative values, which no ReLU changes, and parameters of one value, whose product or sum nobody
    misses; none where the result is not finite with other numbers in them."""
    mirrored = tuple(
        n for n, v in enumerate(inputs) if isinstance(v, Tensor) and v.is_floating_point() and v.numel() and v.min() >= 0
    )
    state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    drawn = [n for n in tensors if state[n].is_floating_point() and (n in dict(module.named_parameters()) or "running" in n)]
    flat = tuple(name for name in drawn if bool((state[name] == state[name].flatten()[0]).all()))
    for some, others in ((mirrored, flat), ((), flat), (mirrored, ())):
        changed = copy.deepcopy(module)
        values = {**dict(changed.named_parameters()), **dict(changed.named_buffers())}
        with torch.no_grad():
            for name in others:
                values[name].add_(0.1 * torch.randn_like(values[name]))
        given = [2 * v - 1 if n in some else v for n, v in enumerate(inputs)]
        if all(value.float().isfinite().all() for value in called(changed, given)):
            return some, others
    return (), ()


def _kinds_at(problem: Problem, dims: Mapping[str, int]) -> tuple[str, ...]:
    with torch.device("meta"):
        return tuple(kind_of(value) for value in problem.inputs(dims))


def kind_of(value: Any) -> str:
    """`float32 [8, 16]` of a tensor, else the text of a literal; NotImported where it has none."""
    if isinstance(value, Tensor):
        if value.is_nested or type(value) not in (Tensor, nn.Parameter):
            raise NotImported(f"takes a {type(value).__name__}, which is no plain tensor")
        return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
    return _literal(value)


def _literal(value: Any) -> str:
    """Text that means the value; NotImported where it has none."""
    text = repr(value)
    try:
        same = ast.literal_eval(text) == value
    except (ValueError, SyntaxError):
        same = False
    if not same:
        raise NotImported(f"takes {type(value).__name__}, which is neither a tensor nor a literal")
    return text

