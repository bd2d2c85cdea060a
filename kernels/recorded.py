"""The tensors of a recorded program, as the op files that `harness record` writes read them.

`NAME.pt` beside `NAME.py` has, by case, the arguments of its calls: the exact tensors of a few calls, and for all of
them the statistics for drawing similar tensors.
"""

import io
import os
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


class OnlyRecorded(ValueError):
    """A request that needs a definition, for a kernel with nothing but its recorded results."""


class Recording:
    def __init__(self, op_file: str) -> None:
        self._file = Path(op_file).with_suffix(".pt")
        self._loaded: dict[str, Any] | None = None
        self._modules: dict[str, torch.nn.Module] = {}

    def _all(self) -> dict[str, Any]:
        if self._loaded is None:
            self._loaded = torch.load(self._file, map_location="cpu", weights_only=True)
        return self._loaded

    def inputs(
        self, case: int, names: Sequence[str], generator: torch.Generator, device: str, dtype: torch.dtype,
        exact: bool = False,
    ) -> list[Any]:  # fmt: skip
        """The arguments of one of the recorded calls, drawn among them.

        If no call was kept, tensors are drawn between the recorded bounds, whole numbers by their histogram. `dtype`:
        replaces the program's own floating dtype. `exact`: raises OnlyRecorded for another dtype and for drawn tensors.
        """
        cases = self._all()["cases"]
        if case not in cases:
            raise OnlyRecorded(f"case {case}: recorded were 1 to {len(cases)}")
        found, usual = cases[case], getattr(torch, self._all()["dtype"])
        if exact and dtype is not usual:
            raise OnlyRecorded(f"recorded in {usual}: --dtype {str(usual).removeprefix('torch.')}")
        samples = found["samples"]
        if exact and not samples:
            raise OnlyRecorded(f"case {case}: no tensors were kept; record with more `--megabytes`")
        at = int(torch.randint(max(1, len(samples)), (1,), generator=generator, device=generator.device))
        made = []
        for name in names:
            about = found["tensors"].get(name)
            if about is None:
                made.append(found["values"][name])
                continue
            value = samples[at][name].to(device) if samples else _drawn(about, generator, device)
            value = value.to(dtype) if value.dtype is usual and value.is_floating_point() else value
            made.append(_strided(value, about["stride"]))
        return made

    def answer(
        self, given: Mapping[str, Any], written: Sequence[str], run: Callable[..., Any] | None = None,
        every: Mapping[str, Any] | None = None,
    ) -> list[Tensor]:  # fmt: skip
        """The recorded kernel's results in `written`. `given`: its other tensors, floats in any dtype.

        `run`: the recorded launch; it answers for tensors of no recorded call where it can be launched, over copies in
        the program's dtypes. `every`: all of its arguments. Raises OnlyRecorded where it cannot.
        """
        for case in self._all()["cases"].values():
            for sample in case["samples"]:
                if all(_same(value, sample.get(name, case["values"].get(name))) for name, value in given.items()):
                    # a buffer that held the same before, from an earlier call, was not seen to change
                    return [sample.get(f"{name}.after", sample[name]) for name in written]
        if run is None or every is None or not _can_launch(every.values()):
            raise OnlyRecorded("these are no recorded inputs, and it has no definition; write one in `reference`")
        copies = {name: self._as_recorded(name, value) for name, value in every.items()}
        run(*copies.values())
        return [copies[name] for name in written]

    def _as_recorded(self, name: str, value: Any) -> Any:
        """A copy in the dtype and, for a recorded shape, with the strides of the program."""
        if not isinstance(value, Tensor):
            return value
        every = [case["tensors"][name] for case in self._all()["cases"].values()]
        about = next((one for one in every if tuple(one["shape"]) == tuple(value.shape)), None)
        copy = value.to(getattr(torch, (about or every[0])["dtype"]), copy=True)
        return _strided(copy, about["stride"]) if about else copy

    @staticmethod
    def kernel(found: Any) -> Any:
        """The kernel without the wrappers that choose its constants."""
        while hasattr(found, "configs") or hasattr(found, "values"):
            found = found.fn
        return found

    def module(self, classes: Mapping[str, Any], device: Any) -> torch.nn.Module:
        """The module without its parameters and buffers, which are inputs; made once for a device. `classes`: those of
        the program's own file.
        """
        if str(device) not in self._modules:
            self._modules[str(device)] = self._module(classes, device)
        return self._modules[str(device)]

    def _module(self, classes: Mapping[str, Any], device: Any) -> torch.nn.Module:
        found = self._all()
        place = "meta"

        class Unpickler(pickle.Unpickler):
            def find_class(self, module: str, name: str) -> Any:
                return classes[name] if module == "__main__" else super().find_class(module, name)

            def persistent_load(self, key: Any) -> Any:
                kind, name = key
                if kind == "extra":
                    return found["extra"][name].to(device)
                shape, dtype = found["state"][name]
                value = torch.empty(shape, dtype=getattr(torch, dtype), device=place)
                return torch.nn.Parameter(value, requires_grad=False) if kind == "parameter" else value

        made = Unpickler(io.BytesIO(bytes(found["module"].tolist()))).load()
        assert isinstance(made, torch.nn.Module)
        return made


def _can_launch(values: Iterable[Any]) -> bool:
    on_gpu = any(isinstance(value, Tensor) and value.is_cuda for value in values)
    return on_gpu or os.environ.get("TRITON_INTERPRET") == "1"


def _same(value: Any, recorded: Any) -> bool:
    if not isinstance(value, Tensor):
        return bool(value == recorded)
    if not isinstance(recorded, Tensor) or value.shape != recorded.shape:
        return False
    ours, theirs = (v.detach().cpu().double() for v in (value, recorded))
    return torch.equal(ours.nan_to_num(), theirs.nan_to_num())


def _drawn(about: Mapping[str, Any], generator: torch.Generator, device: str) -> Tensor:
    dtype, shape, low, high = getattr(torch, about["dtype"]), about["shape"], about["low"], about["high"]
    place = generator.device
    if about["histogram"]:
        counts = torch.tensor(about["histogram"], dtype=torch.float32, device=place)
        size = int(torch.tensor(shape).prod())
        value = torch.multinomial(counts, size, replacement=True, generator=generator).reshape(shape) + int(low)
    elif dtype.is_floating_point:
        value = low + (high - low) * torch.rand(shape, generator=generator, dtype=torch.float32, device=place)
    else:
        value = torch.randint(int(low), int(high) + 1, shape, generator=generator, device=place)
    return value.to(device=device, dtype=dtype)


def _strided(value: Tensor, stride: Sequence[int]) -> Tensor:
    if tuple(value.stride()) == tuple(stride) or any(part == 0 for part in stride):
        return value
    made = torch.empty_strided(value.shape, tuple(stride), dtype=value.dtype, device=value.device)
    return made.copy_(value)
