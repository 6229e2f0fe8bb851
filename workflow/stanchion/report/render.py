"""A page → HTML: one file with its style and pictures in it, and no script."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from stanchion.checks.verdicts import MARKS
from stanchion.report.forest import MOST_TOGETHER, SHAPES
from stanchion.report.sections import Page

TEMPLATES = Path(__file__).parent / "templates"
_CODE = re.compile(r"`([^`]+)`")


def render(page: Page) -> str:
    """Return the report's text, the same bytes for the same page."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = prose
    environment.globals.update(marks=MARKS, shapes=SHAPES, together=MOST_TOGETHER)
    style = Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))
    return environment.get_template("report.html.j2").render(page=page, style=style)


def prose(text: str) -> Markup:
    """Return text whose `code` is set as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))
