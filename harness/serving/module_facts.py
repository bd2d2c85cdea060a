"""Facts about an imported module, found by running it: the tensors that matter, and the sizes at which it works."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from harness.importers.messages import ModuleFacts, ProbeModule
from harness.importers.outcome import Degenerate, NotImported
from harness.serving.imported_module import Problem, agree, called, kind_of, literal_of, saying, tensors_of
from harness.serving.module_numbers import SLOW_S, errors_of, other_numbers
from harness.serving.small_sizes import larger_sizes, small_sizes

ATTEMPTS, ATTEMPTS_S = 4, 20.0
"""Attempts, and seconds for them, at sizes that are doubled each time."""
MOST_BYTES = 2**30
"""Limit of inputs, parameters and outputs together."""


def facts_of(asked: ProbeModule) -> ModuleFacts:
    """All facts for the op file; `refused` where the module makes no op."""
    try:
        return _facts(asked)
    except NotImported as reason:
        return ModuleFacts(refused=str(reason))


def _facts(asked: ProbeModule) -> ModuleFacts:
    """The facts at the smallest sizes at which the result means something: the norm of two values is a sign."""
    problem = Problem(asked)
    large = problem.outputs_without_memory(asked.dims)
    works = problem.works if large is None else problem.works_without_memory
    shown = None if large is None else (_kinds_at(problem, asked.dims), tuple(kind_of(value) for value in large))
    small, started = small_sizes(asked.dims, works, large is not None), time.perf_counter()
    if large is not None:
        _refuse_huge(problem, small[0])
    for attempt in range(ATTEMPTS):
        try:
            found = _facts_at(problem, small)
            break
        except Degenerate:
            small = larger_sizes(small[0], asked.dims, works)
            if attempt + 1 == ATTEMPTS or not small or time.perf_counter() - started > ATTEMPTS_S:
                raise
    arguments = tuple(literal_of(value) for value in problem.arguments(asked.dims))
    found = msgspec.structs.replace(found, arguments=arguments, small=tuple(small))
    return found if shown is None else msgspec.structs.replace(found, inputs=shown[0], outputs=shown[1])


def _refuse_huge(problem: Problem, small: Mapping[str, int]) -> None:
    """Raises NotImported where none of its sizes can be made small: a check would take all memory."""
    with torch.device("meta"):
        inputs = problem.inputs(small)
    values = [*inputs, *(problem.outputs_without_memory(small) or ()), *problem.module(small, "meta").parameters()]
    needed = sum(value.nbytes for value in values if isinstance(value, Tensor))
    if needed > MOST_BYTES:
        raise NotImported(
            f"too large for a check on a CPU: {needed / 2**30:.1f} GiB at the smallest sizes that it takes"
        )


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
        errors=errors_of(module, inputs, first, seconds > SLOW_S), slow=seconds > SLOW_S,
    )  # fmt: skip


def _refuse_random(module: nn.Module, inputs: Sequence[Any], first: Sequence[Tensor]) -> None:
    """Raises NotImported where other random numbers change the result for the same inputs."""
    if _repeats(module, inputs, first):
        return
    sober = copy.deepcopy(module)
    dropouts = {n: m for n, m in sober.named_modules() if isinstance(m, nn.modules.dropout._DropoutNd) and m.p}
    for one in dropouts.values():
        one.p = 0.0
    if dropouts and _repeats(sober, inputs, called(sober, inputs)):
        raise NotImported(f"random: dropout in training ({', '.join([*dropouts][:3])}); --evaluate turns it off")
    raise NotImported("random: two calls on the same inputs differ")


def _repeats(module: nn.Module, inputs: Sequence[Any], first: Sequence[Tensor]) -> bool:
    torch.manual_seed(1)
    again = called(module, inputs)
    return [value.shape for value in again] == [value.shape for value in first] and all(
        torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(first, again, strict=True)
    )


def refuse_constant(first: Sequence[Tensor], other: Sequence[Tensor]) -> None:
    """Raises Degenerate where other inputs of the same sizes give the same outputs. Raises NotImported where they
    change the outputs' shapes, or where no output is finite."""
    if [value.shape for value in first] != [value.shape for value in other]:
        raise NotImported("data-dependent shapes: other values of the inputs make outputs of other shapes")
    floats = [value for value in first if value.is_floating_point() and value.numel()]
    if floats and not any(value.isfinite().any() for value in floats):
        raise NotImported("no output is finite")
    if agree(first, other):
        raise Degenerate("its output is the same whatever goes in: no kernel could be found wrong")


def _dropped(module: nn.Module, inputs: Sequence[Any], first: Sequence[Tensor]) -> tuple[str, ...]:
    """Buffers that the module writes, and counters, where its result is the same without them."""
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
    """Parameters that the result depends on, and the remaining buffers."""
    module = copy.deepcopy(module)  # what it keeps of a call with gradients cannot be copied
    named = dict(module.named_parameters())
    buffers = tuple(name for name, _ in module.named_buffers() if name not in dropped)
    floats = [value for value in named.values() if value.is_floating_point()]
    for value in floats:
        value.requires_grad_(True)
    try:
        outputs = [value for value in called(module, inputs, grad=True) if value.requires_grad]
        grads = torch.autograd.grad([o.sum() for o in outputs], floats, allow_unused=True) if outputs else None
    except (RuntimeError, NotImplementedError):  # no gradient of something in it: all of them are inputs then
        grads = None
    if grads is None:
        return (*named, *buffers)
    unused = {id(value) for value, grad in zip(floats, grads, strict=True) if grad is None}
    return (*(name for name, value in named.items() if id(value) not in unused), *buffers)


def _built_without_memory(
    problem: Problem, dims: Mapping[str, int], module: nn.Module, tensors: Sequence[str], dropped: Sequence[str],
    inputs: Sequence[Any], first: Sequence[Tensor],
) -> bool:  # fmt: skip
    """Whether the reference may build the module on the meta device. Raises NotImported where its result does not
    follow from inputs and tensors in another way either."""
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
            if agree(first, again):
                return device == "meta"
        except (Exception, SystemExit):  # it cannot be built so
            continue
    raise NotImported("its result does not follow from its inputs, parameters and buffers alone")


def _written(module: nn.Module, inputs: Sequence[Any]) -> tuple[int, ...]:
    copies = [value.clone() if isinstance(value, Tensor) else value for value in inputs]
    with torch.no_grad():
        copy.deepcopy(module)(*copies)
    pairs = enumerate(zip(inputs, copies, strict=True))
    return tuple(n for n, (old, new) in pairs if isinstance(old, Tensor) and not torch.equal(old, new))


def _kinds_at(problem: Problem, dims: Mapping[str, int]) -> tuple[str, ...]:
    with torch.device("meta"):
        return tuple(kind_of(value) for value in problem.inputs(dims))
