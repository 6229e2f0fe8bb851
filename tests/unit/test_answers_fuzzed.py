"""Whatever stands in `answers:`, what comes out are sentences, sound pages and readable tables."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stanchion.config import Project, load
from stanchion.errors import DeclarationError, Fault
from stanchion.expressions.catalogue import FUNCTIONS
from stanchion.report.page import build
from stanchion.report.render import render
from stanchion.runs.answer_lines import answer_lines
from stanchion.runs.check_answers import FitVariables, Sizes, answer_faults
from stanchion.stan.program import Variable
from stanchion.steps import answer_questions
from tests.report_inputs import Declared, FitCase, nuts_checks, report_job
from tests.unit.config_cases import SMALLEST
from tests.unit.draws_cases import write_json
from tests.unit.steps_cases import DECLARED, META, Y, answer, chain, collect
from tests.unit.test_answers import FINE

BLOCKS = {**DECLARED, "data": (Variable("y", "real", 1, ("N",)),)}
FIT = FitVariables("m.stan", BLOCKS, Sizes.of({"N": len(Y), "M": 2}, META))
HOSTILE = [
    "<script>alert(1)</script>",
    "</h3></article></main>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; & \"quotes\" 'too'",
    "\u202eright to left\u202c \u05d0\u05d1 \u0627\u0644\u0639",
    "x" * 5_000,
    "two\nlines\r\nand\ttabs",
    "=HYPERLINK(1), \"a\",'b';c",
    "\U0001f438 frog e\u0301",
    "null",
    "1",
]
NAMES = st.sampled_from(HOSTILE) | st.text(max_size=30)
WORDS = (
    *("mu", "twice", "y_new", "y_rep", "y", "lp__", "['p']", "['q']", "[1]", "[2]", "['\u05d0']"),
    *("1", "0", "2.5", "1e308", "'p'", "+", "-", "*", "/", "^", "<", ">=", "and", "or", "not"),
    *("(", ")", ",", *(f"{name}(" for name in FUNCTIONS)),
)
SOUND = ("mu", "2 * mu > 1", "y_new", "y_new['q'] - y_new['p']", "log(mu)", "mean(y_rep)", "y", "0")
EXPRESSIONS = (
    st.sampled_from(SOUND)
    | st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
    | st.text(max_size=20)
    | st.floats()
    | st.integers()
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)
SECTIONS = (
    st.fixed_dictionaries(
        {"quantity": EXPRESSIONS},
        optional={"unit": NAMES, "rope": st.lists(st.floats(), max_size=3), "stacked": ANYTHING},
    )
    | st.fixed_dictionaries({"probability": EXPRESSIONS})
    | st.fixed_dictionaries({"argmax": EXPRESSIONS})
    | st.fixed_dictionaries(
        {"decide": st.dictionaries(NAMES, EXPRESSIONS, max_size=3)}, optional={"unit": NAMES}
    )
    | st.fixed_dictionaries(
        {"score": EXPRESSIONS, "observed": EXPRESSIONS},
        optional={"temperature": st.fixed_dictionaries({"score": NAMES, "observed": NAMES})},
    )
    | st.dictionaries(st.sampled_from(["quantity", "decide", "rope", "unit", "x"]), ANYTHING)
    | ANYTHING
)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a fit's draws and its verdict."""
    folder = tmp_path_factory.mktemp("drawn")
    collect(folder / "m", [chain(seed, draws=30) for seed in range(4)])
    write_json(folder / "m" / "diagnostics.json", FINE)
    return folder


def loaded(answers: Any) -> Project:
    """Load a declaration with these answers."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        content = yaml.safe_load(SMALLEST)
        content["analyses"]["a"]["answers"] = answers
        text = yaml.safe_dump(content, allow_unicode=True)
        path.write_text(text, encoding="utf-8")
        return load(path)


def sentences(faults: Iterator[Fault] | tuple[Fault, ...]) -> bool:
    """Hold faults to be sentences with a key; return whether there are any."""
    every = list(faults)
    for fault in every:
        assert fault.what.strip() and fault.key
        assert "Traceback" not in str(fault) and "pydantic" not in str(fault).lower()
    return bool(every)


def answered(folder: Path, answers: Any) -> dict[str, Any] | None:
    """Return the content of answers.json, None where the declaration was refused."""
    try:
        project = loaded(answers)
    except DeclarationError as error:
        assert sentences(tuple(error.faults))
        return None
    analysis = project.analyses["a"]
    if sentences(answer_faults(project, "a", analysis, [FIT])):
        return None
    step = answer(folder, "m", answers=list(analysis.declared_answers()))
    with step.outputs["answers"].open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = pd.read_csv(step.outputs["answers"], dtype=str, keep_default_na=False)
    assert tuple(table.columns) == answer_questions.COLUMNS
    assert table.to_dict("records") == rows
    content: dict[str, Any] = json.loads(step.outputs["details"].read_text())
    _held(rows, content)
    return content


def _held(rows: list[dict[str, str]], content: dict[str, Any]) -> None:
    """Hold the table to the details: the same answers and labels, whatever stands in them."""
    for one in content["answers"]:
        (fit,) = one["fits"]
        assert bool(fit["rows"]) != bool(fit["because"])
        assert fit["rows"] or "value" in fit["because"], "names and shapes are held by `check`"
        own = [row for row in rows if row["answer"] == one["answer"]]
        labels = [row["label"] for row in own if row["value"]]
        assert {row["label"] for row in fit["rows"]} <= set(labels)
        assert all(row["unit"] in ("", one["unit"]) for row in own)


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(answers=st.dictionaries(NAMES, SECTIONS, max_size=3) | ANYTHING)
@example(answers={name: {"quantity": "y_new", "unit": name, "rope": [0, 1]} for name in HOSTILE})
@example(answers={"a": {"decide": dict.fromkeys(HOSTILE, "mu")}})
@example(answers={"a": {"quantity": "mu", "rope": [float("-inf"), float("nan")]}})
@example(answers={"a": {"decide": {"b": "1e26", "c": "mu"}}})
@example(answers={"a": {"quantity": "mu ^ 1e308"}, "b": {"probability": "mu / 0 > 1"}})
def test_nothing_but_sentences_comes_out(drawn: Path, answers: Any) -> None:
    """Any section is refused in our words, or each answer has values or a reason.

    answers.csv is read by csv and by pandas as what was written.
    """
    content = answered(drawn, answers)
    if content is not None and content["answers"]:
        lines = answer_lines(content)
        assert len(lines) >= len(content["answers"])


class Outline(HTMLParser):
    """The elements of a page, held to be closed in order, and the texts of its headings."""

    VOID = frozenset({"meta", "link", "img", "br", "hr", "rect", "line", "path", "circle", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        self.scripts += tag == "script"
        if tag == "h3":
            self.headings.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "h3" in self.open:
            self.headings[-1] += data


def outline(page: str) -> Outline:
    """Return the outline of a page."""
    parsed = Outline()
    parsed.feed(page)
    parsed.close()
    assert parsed.open == []
    return parsed


def report(folder: Path, content: dict[str, Any]) -> str:
    """Return the page of one fit with these answers."""
    fits = [FitCase("m", "nuts", checks=nuts_checks())]
    return render(build(report_job(folder, fits, Declared(answers=content))))


@pytest.mark.parametrize("name", HOSTILE)
def test_pages_stay_sound(drawn: Path, tmp_path: Path, name: str) -> None:
    """Names, units and choices are text on the page: no element comes of them, all are closed."""
    plain = {"mu is high": {"quantity": "mu", "unit": "points"}}
    choices = {"Go?": {"decide": {name[:200]: "mu", "stay": "0"}}}
    hostile = {name: {"quantity": "mu", "unit": name}, **choices}
    contents = [answered(drawn, answers) for answers in ({**plain, **choices}, hostile)]
    if contents[0] is None or contents[1] is None:
        assert "\n" in name or len(name) > 200, "what is refused is not text of one line"
        return
    usual, odd = (
        outline(report(tmp_path / str(number), content))
        for number, content in enumerate(contents)
        if content is not None
    )
    assert odd.scripts == usual.scripts
    assert any(heading.split(" ")[0] == name.split(" ")[0] for heading in odd.headings)
    assert len(odd.headings) == len(usual.headings)
