"""The maker's stated peaks of a device: bandwidth and FLOP/s, from `suites/devices.yaml`, each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDERS = ("suites", "harness_suites")
"""In a checkout, and in an installation."""


@dataclass(frozen=True)
class Peak:
    """memory_gb_s: 1e9 bytes per second. bf16_tflop_s: dense, 1e12 per second. source: of both."""

    memory_gb_s: float
    bf16_tflop_s: float
    source: str


def peak_of(device_name: str) -> Peak | None:
    """The entry whose words are all in the device's name; among several the one with most words."""
    name = device_name.lower()
    fits = [(len(words), peak) for words, peak in _peaks() if all(word in name for word in words)]
    return max(fits, key=lambda fit: fit[0])[1] if fits else None


@cache
def _peaks() -> tuple[tuple[tuple[str, ...], Peak], ...]:
    import yaml

    root = Path(__file__).resolve().parents[2]
    file = next((path for folder in FOLDERS if (path := root / folder / "devices.yaml").is_file()), None)
    if file is None:
        return ()
    entries = yaml.safe_load(file.read_text(encoding="utf-8")).values()
    return tuple(
        (
            tuple(word.lower() for word in entry["match"]),
            Peak(float(entry["memory_gb_s"]), float(entry["bf16_tflop_s"]), entry["source"]),
        )
        for entry in entries
    )
