"""Which file is the declaration, read from a Snakefile without running it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stanchion.config.configfile import DEFAULT, declaration_file, workflow_declaration
from stanchion.errors import DeclarationError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project's folder, as the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        'configfile: "config/gate.yaml"\n',
        "configfile: 'config/gate.yaml' # what is run\n",
        'configfile:\n    # what is run\n    "config/gate.yaml"\n',
        'configfile: "config/" "gate.yaml",\nrule all:\n    input: "x"\n',
        '# configfile: "other.yaml"\nX = "configfile: 1"\nconfigfile: "config/gate.yaml"\n',
        'if 1:\n    X = 2\n\nconfigfile: "config/gate.yaml"\n\nrule a:\n    shell: "configfile"\n',
        'configfile: "config/gate.yaml"\nconfigfile: "./config/gate.yaml"\n',
    ],
)
def test_configfile_of_the_snakefile_is_read(text: str) -> None:
    """The commands take the file that the Snakefile's `configfile:` names."""
    Path("Snakefile").write_text(text)
    assert declaration_file().resolve() == Path("config/gate.yaml").resolve()


def test_configfile_is_found_in_what_is_included(folder: Path) -> None:
    """An included file may name the declaration, and may include the one that includes it."""
    (folder / "rules").mkdir()
    (folder / "Snakefile").write_text('include: "rules/common.smk"\n')
    text = 'include: "../Snakefile"\nconfigfile: "config/gate.yaml"\n'
    (folder / "rules/common.smk").write_text(text)
    assert declaration_file() == Path("config/gate.yaml")


def test_command_line_goes_before_the_snakefile() -> None:
    """A given file is the declaration, whatever the Snakefile says, and however it says it."""
    Path("Snakefile").write_text("configfile: wherever()\n")
    assert declaration_file(Path("other.yaml")) == Path("other.yaml")


def test_another_folder_has_its_own_snakefile(folder: Path) -> None:
    """What a revision laid out elsewhere declares is read from its Snakefile, not from this one."""
    (folder / "Snakefile").write_text('configfile: "here.yaml"\n')
    (folder / "old").mkdir()
    (folder / "old/Snakefile").write_text('configfile: "config/old.yaml"\n')
    assert declaration_file(None, folder / "old") == Path("config/old.yaml")


@pytest.mark.parametrize("text", [None, "rule all:\n    input: 'x'\n"])
def test_default_where_nothing_is_named(text: str | None) -> None:
    """Without a Snakefile, or one that names no file, it is config/config.yaml."""
    if text:
        Path("Snakefile").write_text(text)
    assert declaration_file() == DEFAULT


@pytest.mark.parametrize(
    "text",
    [
        "configfile: NAME\n",
        'configfile: f"{NAME}.yaml"\n',
        'configfile: "a" + ".yaml"\n',
        'configfile: b"a.yaml"\n',
        'if NAME:\n    configfile: "a.yaml"\n',
        'workflow.configfile("a.yaml")\n',
        'configfile: "a.yaml"\nconfigfile: "b.yaml"\n',
        'configfile: "a.yaml\n',
    ],
)
def test_what_only_running_could_tell_is_refused(text: str, folder: Path) -> None:
    """What no reader of the text can know, or two files, stops the command with a way out."""
    (folder / "Snakefile").write_text(f"open('ran', 'w')\n{text}")
    with pytest.raises(DeclarationError) as stopped:
        declaration_file()
    assert stopped.value.faults[0].todo
    assert not (folder / "ran").exists()


@pytest.mark.parametrize(
    ("text", "is_refused"),
    [
        ('module stanchion:\n    snakefile: workflow_file()\n    config: {"seed": 4}\n', True),
        (
            'configfile: "a.yaml"\nmodule stanchion:\n    config:\n        {  # mine\n'
            '        "seed": 4,\n    "datasets": {"x": {"path": "x.csv"}}}\nX = 1\n',
            True,
        ),
        ('include: "rules.smk"\n', True),
        ('configfile: "a.yaml"\nmodule stanchion:\n    config:\n        config\n', False),
        ("module stanchion:\n    config: {}\n", False),
        ('module other:\n    config: {"seed": 4}\n', False),
        ('module stanchion:\n    snakefile: f()\nrule a:\n    params: config={"seed": 4}\n', False),
        (
            'configfile: "a.yaml"\nmodule stanchion:\n'
            '    config: {"seed": 1, "datasets": {"x": {"path": "x.csv"}}}\n',
            False,
        ),
    ],
)
@pytest.mark.usefixtures("files")
def test_config_that_a_module_is_given_inline_is_refused(text: str, is_refused: bool) -> None:
    """No command checks a file that no run would take: it refuses with the run's own sentence.

    As Snakemake does, it accepts what is in the file, and nothing.
    """
    Path("rules.smk").write_text('module stanchion:\n    config: {"seed": 4}\n')
    Path("Snakefile").write_text(text)
    if not is_refused:
        assert declaration_file() in (DEFAULT, Path("a.yaml"))
        return
    with pytest.raises(DeclarationError) as stopped:
        declaration_file()
    with pytest.raises(DeclarationError) as run_stopped:
        workflow_declaration(workflow(["a.yaml"]), {"seed": 4})
    assert str(stopped.value) == str(run_stopped.value)


def workflow(named: list[str], *given: str, **overrides: Any) -> Any:
    """What Snakemake holds when the module is read: files of its command line and its Snakefile."""
    import yaml

    laid_over: dict[str, Any] = {}
    for file in given:
        laid_over |= yaml.safe_load(Path(file).read_text())
    files = [Path(file).absolute() for file in given]
    settings = SimpleNamespace(
        configfiles=files,
        overwrite_config=laid_over | overrides,
        replace_workflow_config=False,
    )
    return SimpleNamespace(
        configfiles=[*files, *named], config_settings=settings, is_main_process=True
    )


@pytest.fixture
def files(folder: Path) -> None:
    """Two declarations."""
    Path("a.yaml").write_text("seed: 1\ndatasets: {x: {path: x.csv}}\n")
    Path("b.yaml").write_text("seed: 2\nmodels: {m: {program: m.stan}}\n")


@pytest.mark.usefixtures("files")
def test_rules_take_the_same_file() -> None:
    """In Snakemake: the command line's file, else the Snakefile's, else the default."""
    a = {"seed": 1, "datasets": {"x": {"path": "x.csv"}}}
    both = {**a, "seed": 2, "models": {"m": {"program": "m.stan"}}}
    assert workflow_declaration(workflow(["a.yaml"]), a) == Path("a.yaml")
    assert workflow_declaration(workflow(["a.yaml"], seed=5), {**a, "seed": 5}) == Path("a.yaml")
    assert workflow_declaration(workflow(["a.yaml"], "b.yaml"), both) == Path("b.yaml")
    assert workflow_declaration(workflow([]), {}) == DEFAULT


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    "config",
    [
        {"seed": 9, "datasets": {"x": {"path": "x.csv"}}},
        {"datasets": {"x": {"path": "x.csv"}}},
        {"seed": True, "datasets": {"x": {"path": "x.csv"}}},
        {"seed": 1, "datasets": {"x": {"path": "x.csv"}}, "more": 1},
    ],
)
def test_config_that_stands_in_no_file_is_refused(config: dict[str, Any]) -> None:
    """A `config` that the Snakefile made or changed stops the run: no command could see it."""
    with pytest.raises(DeclarationError, match="a `config` of its own"):
        workflow_declaration(workflow(["a.yaml"]), config)


@pytest.mark.usefixtures("files")
def test_two_files_are_refused_in_the_rules() -> None:
    """Several files are not read in part: the declaration is one."""
    with pytest.raises(DeclarationError, match="2 are named"):
        workflow_declaration(workflow([], "a.yaml", "b.yaml"), {})
