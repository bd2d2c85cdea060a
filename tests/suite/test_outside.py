"""Suites of what runs outside: every mistake is placed, and the schema takes what the check takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from harness.suite.format import json_schema
from harness.suite.load import load_suite
from harness.suite.nodes import SuiteError

HEAD = "suite: 1\ntitle: t\n"
COMMAND = "engine: {command: {run: ./a.sh, figures: {x: {read: regex, at: 'x=(.)', unit: ms}}}}\narms: {a: {}}\n"
HTTP = (
    "engine: {http: {concurrency: [1, 4]}}\n"
    "arms: {a: {url: 'http://h:1'}, b: {start: 'serve {port}', concurrency: [1]}}\n"
)
RUNNER = (
    "engine: {executorch: {runner: ./r, model: m.pte, tokenizer: t, args: ['--x', '1', '--y', '1']}}\n"
    "arms: {a: null, b: {model: n.pte, cuda_graph: true}}\n"
)


def load(text: str, folder: Path) -> object:
    path = folder / "s.yaml"
    path.write_text(HEAD + text)
    return load_suite(path)


@pytest.mark.parametrize("text", [COMMAND, HTTP, RUNNER])
def test_an_arm_changes_the_engine(text: str, tmp_path: Path) -> None:
    """Its keys lie over those of the section, and the editor's schema knows both."""
    suite = load(text, tmp_path)
    assert not list(Draft202012Validator(json_schema()).iter_errors(yaml.safe_load(HEAD + text)))
    arms = suite.outside  # type: ignore[attr-defined]
    if text == HTTP:
        assert arms["a"].settings.concurrency == (1, 4) and arms["b"].settings.concurrency == (1,)
    if text == RUNNER:
        assert arms["b"].settings.model == "n.pte" and arms["a"].settings.args == ("--x", "1", "--y", "1")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("engine: {}\narms: {a: {}}", "s.yaml:3:9: engine: wanted exactly one engine; allowed: command,"),
        ("engine: {command: {run: a}, http: {url: u}}\narms: {a: {}}", "engine: wanted exactly one engine"),
        ("engine: {comand: {run: a}}\narms: {a: {}}", "engine.comand: unknown key; allowed: command, executorch, http"),
        ("engine: {command: {run: a}}\narms: {}", "arms: no arm: an empty one ({}) runs the engine as it is"),
        ("engine: {command: {}}\narms: {a: {}}", "arms.a: key run is missing, here and in `engine`"),
        ("engine: {http: {}}\narms: {a: {}}", "arms.a: key url or start is missing"),
        ("engine: {executorch: {runner: r}}\narms: {a: {model: m}}", "arms.a: key tokenizer is missing"),
        ("engine: {command: {run: a}}\narms: {a: {rnu: b}}", "s.yaml:4:12: arms.a.rnu: unknown key"),
        ("engine: {command: {run: 'a \"b'}}\narms: {a: {}}", "cannot be split into words: No closing quotation"),
        ("model: m\nengine: {command: {run: a}}\narms: {a: {}}", "s.yaml:3:1: model: is about kernels and models"),
        (COMMAND.replace("regex", "regx"), "unknown way to read a figure regx; allowed:"),
        (COMMAND.replace("x=(.)", "x=."), "has 0 groups; wanted one, around the number"),
        (COMMAND.replace("{x:", "{'x y':"), "figure x y: allowed: letters, digits"),
        (COMMAND.replace("regex, at: 'x=(.)'", "wall"), "unit: wall knows its own, us"),
        (COMMAND + "compare: {gate: [y]}\n", "compare.gate[0]: y is no gate; allowed: x"),
        ("engine: {http: {url: u, concurrency: [1, 1]}}\narms: {a: {}}", "1 is here twice"),
        ("engine: {http: {url: u, prefix_cache: no}}\narms: {a: {}}", "unknown prefix cache no; allowed: defeated"),
        ("engine: {http: {url: u, new_tokens: 1}}\narms: {a: {}}", "1 is out of range; allowed: 2 to 1048576"),
        ("engine: {command: {run: a, env: {A: 1}}}\narms: {a: {}}", "engine.command.env.A: 1 is not a text"),
    ],
)
def test_a_mistake_is_placed(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SuiteError) as raised:
        load(text, tmp_path)
    assert words in str(raised.value)


def test_every_figure_gates_unless_the_suite_says_otherwise(tmp_path: Path) -> None:
    more = COMMAND.replace("unit: ms}", "unit: ms}, wall: {read: wall}")
    assert load(more, tmp_path).compare.gate == ("x", "wall")  # type: ignore[attr-defined]
    named = load(more + "compare: {gate: [x], budget_s: 5}\n", tmp_path)
    assert named.compare.gate == ("x",) and named.compare.budget_s == 5  # type: ignore[attr-defined]
