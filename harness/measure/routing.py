"""Which experts a kernel case routes to: `uniform`, `skewed`, or ids recorded from a real checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from harness.errors import HarnessError
from harness.values.suite import Suite


def load_routing(suite: Suite) -> Any:
    """The suite's routing: its name, or the recorded ids as an int32 tensor [records, top_k]. Raises HarnessError for a
    file of another form.

    A recorded file is a JSON list of lists of expert ids, one per token, beside the suite.
    """
    if suite.routing in ("uniform", "skewed"):
        return suite.routing
    path = Path(suite.path).parent / suite.routing
    try:
        ids = torch.tensor(json.loads(path.read_text()), dtype=torch.int32)
    except (OSError, ValueError, TypeError) as error:
        raise HarnessError(f"{path}: routing: not a JSON list of lists of expert ids ({error})") from error
    top_k, experts = int(suite.dims.get("num_experts_per_tok", 0)), int(suite.dims.get("num_experts", 0))
    if ids.dim() != 2 or ids.shape[1] != top_k or len(ids) == 0 or int(ids.min()) < 0 or int(ids.max()) >= experts:
        raise HarnessError(f"{path}: routing: wanted lists of {top_k} ids in 0..{experts - 1}, one list a token")
    return ids
