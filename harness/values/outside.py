"""Engines that run outside of this program's processes, as a suite declares them: a command, a server, a runner."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

ReadName = Literal[
    "wall", "cpu", "rss", "regex", "json", "pytest_benchmark", "google_benchmark", "nvbench", "hyperfine", "llama_bench"
]
"""Ways to find a figure. Each is a function of `harness.outside.figures`."""
UNITS_US = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6, "min": 6e7}
"""Units of time, in microseconds."""
SELF_EXPLAINING = {
    "wall": "us", "cpu": "us", "rss": "MiB", "pytest_benchmark": "us", "google_benchmark": "us", "nvbench": "us",
    "hyperfine": "us", "llama_bench": "us/token",
}  # fmt: skip
"""Ways that know the unit of the value that they read."""


def _key(description: str, noun: str | None = None, **schema: Any) -> Meta:
    return Meta(description=description, extra={"noun": noun} if noun else None, extra_json_schema=schema or None)


_Count = Annotated[int, Meta(ge=1, le=2**20)]
_Seconds = Annotated[float, Meta(gt=0)]
_Env = Annotated[dict[str, str], _key("variables of its environment, beside those that it inherits")]


class Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One number of a program, and its place."""

    read: Annotated[ReadName, _key("how the figure is found", noun="way to read a figure")]
    at: Annotated[str, _key("pattern with one group, path in the JSON, or name of the benchmark")] = ""
    unit: Annotated[str, _key("of the number: ns, us, ms, s, min; tok/s or any other rate; else less is better")] = ""
    file: Annotated[str, _key("that the program writes; left out: its output")] = ""

    @property
    def sample_unit(self) -> str:
        """The unit of a sample: us for times, the time of one for rates (`us/tok`), the figure's own unit for anything
        else."""
        if self.read in SELF_EXPLAINING:
            return SELF_EXPLAINING[self.read]
        if self.unit in UNITS_US:
            return "us"
        thing, _, per = self.unit.rpartition("/")
        return f"us/{thing}" if thing and per in UNITS_US else self.unit

    def sample(self, number: float) -> float:
        """A number of the program as a sample, in `sample_unit`: less is better."""
        if self.read in SELF_EXPLAINING:
            return number
        if self.unit in UNITS_US:
            return number * UNITS_US[self.unit]
        thing, _, per = self.unit.rpartition("/")
        return UNITS_US[per] / number if thing and per in UNITS_US else number


OF_PROCESS = ("wall", "cpu", "rss")
"""Ways that look at the process, not at its output."""
WALL = {"wall": Figure("wall")}


class CommandEngine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Any program: each sample is a fresh process of it."""

    run: Annotated[str, _key("the program and its arguments; no shell reads them", minLength=1)] = ""
    figures: Annotated[dict[str, Figure], _key("by name; left out: its wall time", minProperties=1)] = (
        msgspec.field(default_factory=lambda: dict(WALL))
    )  # fmt: skip
    warmup: Annotated[int, Meta(ge=0, le=1000), _key("runs of it before the one that counts")] = 0
    repeat_s: Annotated[
        float, Meta(ge=0, le=3600), _key("where its own time is a figure: run again until so much has passed; 0: once")
    ] = 1.0
    timeout_s: Annotated[_Seconds, _key("after which it is ended, and its case a TIMEOUT")] = 600.0
    env: _Env = {}

    @property
    def times(self) -> bool:
        """Whether its own time is a figure. A single run of the program may be too short to measure that time well."""
        return any(figure.read in ("wall", "cpu") for figure in self.figures.values())

    @property
    def missing(self) -> str:
        """The key without which nothing can be run. Empty if all are present."""
        return "" if self.run else "run"


class ExecutorchEngine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An LLM runner of ExecuTorch. Each sample is one process."""

    runner: Annotated[str, _key("the program", minLength=1)] = ""
    model: Annotated[str, _key("exported program (.pte)", minLength=1)] = ""
    data: Annotated[str, _key("its weights and kernels (.ptd), where they are a file of their own")] = ""
    tokenizer: Annotated[str, _key("file that the runner reads text by", minLength=1)] = ""
    prompt: Annotated[str, _key("text that is prefilled", minLength=1)] = "Once upon a time"
    new_tokens: Annotated[_Count, _key("tokens that are decoded")] = 128
    warmup: Annotated[int, Meta(ge=0, le=1000), _key("iterations that do not count")] = 1
    iterations: Annotated[_Count, _key("iterations of a process that count")] = 3
    cuda_graph: Annotated[bool, _key("decode by a captured CUDA graph")] = False
    args: Annotated[tuple[str, ...], _key("more arguments of the runner")] = ()
    timeout_s: Annotated[_Seconds, _key("after which it is ended, and its cases a TIMEOUT")] = 600.0
    env: _Env = {}

    @property
    def missing(self) -> str:
        return next((name for name in ("runner", "model", "tokenizer") if not getattr(self, name)), "")


class HttpEngine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A server with OpenAI's API for completions: a running one (`url`), or one that is started for the measurement
    (`start`)."""

    url: Annotated[str, _key("of the server: http://HOST:PORT", minLength=1)] = ""
    start: Annotated[str, _key("command that starts it; {port} is a free port", minLength=1)] = ""
    health: Annotated[str, _key("path that answers 200 when it is ready", minLength=1)] = "/health"
    start_limit_s: Annotated[_Seconds, _key("until it is ready")] = 600.0
    model: Annotated[str, _key("name of the model in requests", minLength=1)] = "default"
    prompt_tokens: Annotated[_Count, _key("tokens of each prompt")] = 512
    new_tokens: Annotated[Annotated[int, Meta(ge=2, le=2**20)], _key("tokens of each answer")] = 64
    concurrency: Annotated[
        tuple[_Count, ...], _key("requests at once, each a question of its own", uniqueItems=True, minItems=1)
    ] = (1,)
    requests: Annotated[_Count, _key("that each of the concurrent clients sends, one after the other")] = 4
    tokens: Annotated[str, _key("file of recorded token ids (JSON); left out: drawn below `vocabulary`")] = ""
    vocabulary: Annotated[_Count, _key("ids of drawn prompts are below it")] = 1000
    prefix_cache: Annotated[
        Literal["defeated", "kept"], _key("defeated: no two prompts begin alike; kept: all do", noun="prefix cache")
    ] = "defeated"
    prompts: Annotated[
        Literal["ids", "text"], _key("text: for servers that take no token ids", noun="form of prompts")
    ] = "ids"
    ignore_eos: Annotated[
        bool, _key("false: requests leave this field out, for servers that refuse it; then texts must not end early")
    ] = True
    timeout_s: Annotated[_Seconds, _key("without a token, after which a server has stopped answering")] = 120.0
    env: _Env = {}

    @property
    def missing(self) -> str:
        return "" if self.url or self.start else "url or start"


Settings = CommandEngine | ExecutorchEngine | HttpEngine


class OutsideEngine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The engine that answers the questions of a suite outside of this program: exactly one of these."""

    command: Annotated[CommandEngine | None, _key("any program that prints or writes a number", type="object")] = None
    http: Annotated[HttpEngine | None, _key("an OpenAI-compatible server", type="object")] = None
    executorch: Annotated[ExecutorchEngine | None, _key("a runner of ExecuTorch", type="object")] = None

    @property
    def name(self) -> str:
        """`command`, `http` or `executorch`."""
        return next(name for name in self.__struct_fields__ if getattr(self, name) is not None)

    @property
    def settings(self) -> Settings:
        found = self.command or self.http or self.executorch
        assert found is not None
        return found

    @property
    def figures(self) -> dict[str, str]:
        """The figures that it yields: the unit of a sample, by name."""
        if self.command is not None:
            return {name: figure.sample_unit for name, figure in self.command.figures.items()}
        return HTTP_FIGURES if self.http is not None else EXECUTORCH_FIGURES


HTTP_FIGURES = {"ttft": "us", "tpot": "us/token", "request": "us/token", "total": "us/token"}
"""ttft: Time to the first token. tpot: Time of each later token. request: A request's whole time divided by its tokens.
total: The time of all requests divided by the tokens of all. Its reciprocal is the server's tokens per second."""
EXECUTORCH_FIGURES = {"decode": "us/token", "prefill": "us/token"}
