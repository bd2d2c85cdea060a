"""A model that is a torch module, and the changes that an arm makes to it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class ModuleChanges(msgspec.Struct, frozen=True, omit_defaults=True):
    """The changes of an arm to a model that is a torch module, in the order in which they are applied.

    attn_implementation, experts_implementation: As transformers names them.
    replace: By the name of a module's class, `/path/file.py:name` of a function that takes the old module and returns
        the new one.
    kernels: By the name of a layer, the folder of the package whose `layers` has it.
    quantize: A configuration of torchao with its arguments.
    apply: Functions from module to module, `/path/file.py:name`.
    """

    attn_implementation: str = ""
    experts_implementation: str = ""
    replace: dict[str, str] = {}
    kernels: dict[str, str] = {}
    quantize: str = ""
    apply: tuple[str, ...] = ()


class ModuleModel(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model that is a torch module and calls no op by name.

    kind: `hf` (transformers builds it) or `file` (a function does).
    name: The model type of transformers' config, a folder with a config.json, or `/path/file.py:function`.
    config: The values that the suite sets in the config, or the function's keywords.
    weights: The folder that they are read from. Empty: random.
    apply: Functions that change the weights of all arms and of the float32 model.
    """

    kind: Literal["hf", "file"]
    name: str
    config: dict[str, Any] = {}
    weights: str = ""
    apply: tuple[str, ...] = ()
