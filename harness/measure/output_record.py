"""Outputs in a few bytes, for a later comparison of two sides, arms or runs: a digest that says whether all bits agree,
and signed sums that estimate the distance of two outputs.

The sums are a count sketch (Charikar, Chen, Farach-Colton, ICALP 2002): value j goes with a random sign into sum j mod
257. On average, the sum of squares of the difference of two sketches equals that of the difference of the tensors. Its
relative standard error is sqrt(2 / 257) = 9 %, wherever the difference lies.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from harness.measure.repeated import bits
from harness.values.numerics import OutputRecord, TensorRecord

SUMS = 257
"""A prime, so that columns of a power of two are spread over all sums."""
CHUNK = SUMS << 14
"""Values processed at once."""
MIX = (-7046029254386353131, -4658895280553007687, -7723592293110705685)
"""Odd 64-bit numbers (of splitmix64), as torch's signed integers."""


def record_of(operands: Mapping[str, Any], tensors: Iterable[tuple[str, Tensor]]) -> OutputRecord:
    """The record of one call. operands: before the call, by name. tensors: outputs and states by name."""
    return OutputRecord(_digest_of(operands), tuple(_tensor_record(name, tensor) for name, tensor in tensors))


def digest(tensor: Tensor) -> str:
    """Digest of the bits, dtype and shape, computed on the tensor's device. A checksum of 64 bits, not
    cryptographic."""
    words = _words(tensor)
    total = torch.zeros((), dtype=torch.int64, device=tensor.device)
    for start, part in _chunks(words):
        places = torch.arange(start, start + len(part), device=tensor.device)
        total += _mixed(part.long() ^ (places * MIX[0])).sum()
    shape = "x".join(map(str, tensor.shape))
    return f"{int(total) & (2**64 - 1):016x}:{str(tensor.dtype).removeprefix('torch.')}:{shape}"


def sums_of(tensor: Tensor) -> Tensor:
    """[257] float64: the signed sums of a tensor's values."""
    found = torch.zeros(SUMS, dtype=torch.float64, device=tensor.device)
    for start, part in _chunks(tensor.flatten()):
        places = torch.arange(start, start + len(part), device=tensor.device)
        signs = (_mixed(places * MIX[0] + MIX[1]) & 1).double() * 2 - 1
        signed = part.double() * signs
        padded = torch.nn.functional.pad(signed, (0, -len(signed) % SUMS))
        found += padded.view(-1, SUMS).sum(0)
    return found


def _tensor_record(name: str, tensor: Tensor) -> TensorRecord:
    norm = sum((part.double().square().sum() for _, part in _chunks(tensor.flatten())), torch.zeros(()))
    sums = array("f", sums_of(tensor).float().tolist())
    if sys.byteorder == "big":
        sums.byteswap()
    return TensorRecord(name, digest(tensor), float(norm) ** 0.5, sums.tobytes(), not tensor.is_floating_point())


def _digest_of(operands: Mapping[str, Any]) -> str:
    """Digest of all operands: tensors by their digests, numbers by their text."""
    parts = [f"{name}={digest(v) if isinstance(v, Tensor) else v!r}" for name, v in sorted(operands.items())]
    words = torch.tensor(list(";".join(parts).encode()), dtype=torch.uint8)
    return digest(words).partition(":")[0]


def _words(tensor: Tensor) -> Tensor:
    """The bits as 64-bit integers, eight bytes each where the size divides: a pool of experts has 10^9 bytes."""
    words = bits(tensor).flatten()
    if tensor.nbytes % 8 or not tensor.nbytes:
        return words
    return (words.clone() if words.storage_offset() * words.element_size() % 8 else words).view(torch.int64)


def _chunks(values: Tensor) -> Iterator[tuple[int, Tensor]]:
    for start in range(0, len(values), CHUNK):
        yield start, values[start : start + CHUNK]


def _mixed(words: Tensor) -> Tensor:
    """Each 64-bit word with its bits spread over all of it; integers wrap."""
    words = (words ^ (words >> 30)) * MIX[1]
    words = (words ^ (words >> 27)) * MIX[2]
    return words ^ (words >> 31)
