"""What is gathered of the world: files as declared."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from stanchion.config import load
from stanchion.errors import DataError
from stanchion.plan import facts
from stanchion.plan.data import source_of

TEXT = "y\n1\n"
SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()
CONFIG = f"""\
project: facts
datasets:
  points:
    url: "https://example.org/a.csv"
    sha256: {SHA256}
    columns: {{y: {{type: real}}}}
    stan: {{y: y}}
models: {{m: {{program: m.stan}}}}
analyses: {{a: {{datasets: [points], models: [m], methods: {{nuts: {{}}}}}}}}
"""


@pytest.mark.parametrize("present", ["nothing", "what is declared", "something else"])
def test_a_download_is_what_its_sha256_declares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, present: str
) -> None:
    """It is fetched where it is missing, and again where it was edited; else it is left alone."""
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(CONFIG)
    project = load(Path("config.yaml"))
    source = Path(source_of(project.datasets["points"]))
    source.parent.mkdir(parents=True)
    if present != "nothing":
        source.write_text(TEXT if present == "what is declared" else "y\n2\n")
    fetched: list[str] = []

    def fetch(url: str, sha256: str, target: Path) -> None:
        fetched.append(url)
        target.write_text(TEXT)

    monkeypatch.setattr(facts, "fetch", fetch)
    assert facts._hashes(project) == {str(source): SHA256}
    assert source.read_text() == TEXT
    assert fetched == ([] if present == "what is declared" else ["https://example.org/a.csv"])


def test_a_program_that_is_not_there_is_named_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of a model, and that of a method with its own; each is one fault."""
    monkeypatch.chdir(tmp_path)
    Path("forecast.txt").write_text("")
    again = "{nuts: {}, gq: {of: nuts, program: forecast.stan}}"
    Path("config.yaml").write_text(CONFIG.replace("{nuts: {}}", again))
    with pytest.raises(DataError) as caught:
        facts._require_programs(load(Path("config.yaml")))
    assert [(fault.where, fault.key) for fault in caught.value.faults] == [
        ("config.yaml:8", "models.m.program"),
        ("config.yaml:9", "analyses.a.methods.gq.program"),
    ]
    assert all("forecast.txt" in (fault.todo or "") for fault in caught.value.faults)
