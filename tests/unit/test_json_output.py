"""`--json`: one document on standard output, whatever happens, and the exit code as without it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stanchion.cli import main

BAD = "project: p\nsed: 1\ndatasets: {}\nmodels: {}\nanalyses: {}\n"


def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[dict[str, Any], str, int]:
    """Return the document, what else was said, and the exit code."""
    monkeypatch.setattr(sys, "argv", ["stanchion", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    return json.loads(printed.out), printed.err, int(str(ended.value.code))


@pytest.mark.parametrize("command", ["run", "status", "check", "advise", "verify"])
def test_a_bad_declaration_is_a_document(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Schema, faults with their key, the words on standard error, and exit code 2 as without."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text(BAD)
    (tmp_path / "Snakefile").write_text('configfile: "config/config.yaml"\n')
    for words in (["init", "-q"], ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit"]):
        extra = ["--allow-empty", "-qm", "first"] if "commit" in words else []
        subprocess.run(["git", *words, *extra], check=True, cwd=tmp_path)
    monkeypatch.setattr("stanchion.runs.run._require_toolchain", lambda: None)
    monkeypatch.setattr("stanchion.runs.run._set_up_versions", lambda: None)
    content, said, code = call(monkeypatch, capsys, command, "--json")
    kind = "check" if command == "check" else "error"
    assert content["schema"] == f"stanchion/{kind}/1" and code == 2
    assert any(fault["key"] == "sed" for fault in content["faults"]), content
    assert "sed" in said and "Traceback" not in said


def test_an_unknown_option_is_a_document_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program that mistypes is answered in its own language."""
    content, said, code = call(monkeypatch, capsys, "status", "--json", "--nonsense")
    assert content["schema"] == "stanchion/error/1" and content["exit_code"] == code == 2
    assert "--nonsense" in said


def test_what_others_print_goes_to_standard_error(tmp_path: Path) -> None:
    """This process, its libraries and its children: standard output holds the document alone."""
    script = (
        "import os, subprocess\n"
        "from stanchion.runs.json_output import all_on_stderr\n"
        "with all_on_stderr() as out:\n"
        "    print('ours')\n"
        "    subprocess.run(['echo', 'a child'])\n"
        "    os.write(1, b'a library\\n')\n"
        "    print('{}', file=out)\n"
        "print('after')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "{}\nafter\n", done
    assert sorted(done.stderr.splitlines()) == ["a child", "a library", "ours"]
