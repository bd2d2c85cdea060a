"""One HTML file around a page's own part: styles and script inside it, readable without script, nothing fetched.

Jinja escapes every value; the page's content security policy allows its own script by hash and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from .. import figures
from ..formats import html_table

TEMPLATES = Path(__file__).parent.parent / "templates"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=figures.number, percent=figures.percent, table=html_table.render)
    return environment


def page(template: str, filters: Mapping[str, Callable[..., Any]], own: str = "", /, **values: Any) -> str:
    """Render a template that extends `page.html.j2`, with these filters beside the ones that all pages have. own: the
    name of a script and a style that only this page has."""
    names = ("report", own) if own else ("report",)
    script, style = (
        "".join((TEMPLATES / f"{name}.{kind}").read_text("utf-8") for name in names) for kind in ("js", "css")
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = _environment().overlay()
    environment.filters = {**_environment().filters, **filters}
    return environment.get_template(template).render(
        style=Markup(style), script=Markup(script), script_hash=f"sha256-{digest}", **values
    )
