"""A model that is a torch module, and what an arm changes in it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class ModuleChanges(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an arm changes in a model that is a torch module, in the order in which it is done.

    attn_implementation, experts_implementation: as transformers names them. replace: by the name of a module's class,
    `/path/file.py:name` of what takes the old module and returns the new one. kernels: by the name of a layer, the
    folder of the package whose `layers` has it. quantize: a configuration of torchao with its arguments. apply:
    functions from module to module, `/path/file.py:name`.
    """

    attn_implementation: str = ""
    experts_implementation: str = ""
    replace: dict[str, str] = {}
    kernels: dict[str, str] = {}
    quantize: str = ""
    apply: tuple[str, ...] = ()


class ModuleModel(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model that is a torch module and calls no op by name.

    kind: `hf` (transformers builds it) or `file` (a function does). name: the model type of transformers' config, a
    folder with a config.json, or `/path/file.py:function`. config: what the suite sets in the config, or the function's
    keywords. weights: the folder that they are read from; empty: random. apply: functions that change the weights of
    all arms and of the float32 model.
    """

    kind: Literal["hf", "file"]
    name: str
    config: dict[str, Any] = {}
    weights: str = ""
    apply: tuple[str, ...] = ()
