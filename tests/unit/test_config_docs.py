"""The schema and the reference page are those of the models, and say the truth."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from stanchion import config
from stanchion.config.docs import reference, schema
from stanchion.schema.tree import read_tree
from tests.unit.config_cases import EXAMPLE, SMALLEST, changed, declared

ROOT = Path(__file__).parents[2]
SECTIONS = [
    kind
    for name in config.__all__
    if isinstance(kind := getattr(config, name), type) and issubclass(kind, BaseModel)
]
REMAKE = "run `make docs`"


def test_the_schema_is_fresh() -> None:
    """`config/schema.json` is what the models give."""
    assert json.loads((ROOT / "config/schema.json").read_text(encoding="utf-8")) == schema(), REMAKE


def test_the_reference_is_fresh() -> None:
    """`config/README.md` is what the models give."""
    assert (ROOT / "config/README.md").read_text(encoding="utf-8") == reference(), REMAKE


def test_make_docs_makes_what_is_here_anew() -> None:
    """`make docs` writes into `config` of the repository, as the sentence on a stale file says."""
    rule = re.search(r"^docs:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert rule is not None
    assert rule[1].split("/python ")[1].split() == ["-m", "stanchion.config.docs", "config"]


def test_the_command_writes_both(tmp_path: Path) -> None:
    """`python -m stanchion.config.docs DIR` writes schema and page into the folder."""
    command = [sys.executable, "-m", "stanchion.config.docs", str(tmp_path)]
    subprocess.run(command, check=True)
    assert json.loads((tmp_path / "schema.json").read_text(encoding="utf-8")) == schema()
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == reference()


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_key_is_described(section: type[BaseModel]) -> None:
    """Each key has a sentence in the models, and stands in the page with it."""
    assert section.__doc__
    page = reference()
    for key, field in section.model_fields.items():
        assert field.description and field.description.endswith((".", "…")), key
        assert re.search(rf"^\| `{key}` \|.*\| {re.escape(field.description)} \|$", page, re.M), key


def test_links_of_the_page_lead_somewhere() -> None:
    """Every link within the page has its heading."""
    page = reference()
    headings = re.findall(r"^## (.*)$", page, re.M)
    anchors = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
    links = set(re.findall(r"\]\(#([^)]*)\)", page))
    assert links and links <= anchors


def test_the_examples_of_the_page_are_read(tmp_path: Path) -> None:
    """What the page shows can be declared, and its waiver is of one of its fits."""
    *declarations, waivers = re.findall(r"```yaml\n(.*?)```", reference(), re.S)
    projects = [declared(tmp_path, text) for text in declarations]
    assert len(projects) == 2
    path = tmp_path / "waivers.yaml"
    path.write_text(waivers)
    assert len(config.load_waivers(path, projects[1])) == 1


@pytest.mark.parametrize("file", ["config.yaml", "gate.yaml"])
def test_the_declarations_that_are_shipped_are_read_and_fit_the_schema(file: str) -> None:
    """The examples of the repository are valid, for us and for editors."""
    path = ROOT / "config" / file
    if not path.is_file():
        pytest.skip(f"there is no config/{file}")
    assert config.load(path).analyses
    assert _schema_errors(read_tree(path).value) == []


@pytest.mark.parametrize("text", [EXAMPLE, SMALLEST, SMALLEST.replace("{nuts: {}}", "{advi: }")])
def test_editors_accept_what_we_accept(text: str) -> None:
    """The schema takes the design's example."""
    assert _schema_errors(yaml.safe_load(text)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("chains: 4", "chians: 4"),
        ("chains: 4", "chains: 0"),
        ("nuts: {chains", "nuts2: {chains"),
        ("  pooled: {", "  my pool: {"),
        ("{by: loo}", "{by: waic}"),
        ("project:", "proyect:"),
        ("path: data/eight_schools.csv", "path: [a]"),
    ],
)
def test_editors_underline_what_we_refuse(old: str, new: str) -> None:
    """The schema is closed where the models are."""
    assert _schema_errors(yaml.safe_load(changed(old, new)))


def _schema_errors(value: Any) -> list[str]:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft7Validator.check_schema(schema())
    return [error.message for error in jsonschema.Draft7Validator(schema()).iter_errors(value)]
