"""YAML as it is read: version 1.2's scalars, lines, duplicate keys, anchors, bad syntax."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanchion.errors import DeclarationError, Fault
from stanchion.schema.tree import read_tree
from tests.unit.config_cases import EXAMPLE, changed, declared, fault, faults, line_of


def _read(folder: Path, text: str) -> object:
    path = folder / "x.yaml"
    path.write_text(text, encoding="utf-8")
    tree = read_tree(path)
    assert not tree.faults
    return tree.value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("1", 1),
        ("-7", -7),
        ("0x1F", 31),
        ("0o17", 15),
        ("007", "007"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("2026-11-21", "2026-11-21"),
        ("~", None),
        ("", None),
        ("null", None),
        ("'5'", "5"),
        ('"true"', "true"),
        ("!!str 5", "5"),
    ],
)
def test_scalars_follow_yaml_1_2(tmp_path: Path, written: str, value: object) -> None:
    """Only `true` and `false` are booleans, and numbers are what one takes for numbers."""
    read = _read(tmp_path, f"key: {written}")
    assert read == {"key": value}
    assert isinstance(read, dict) and type(read["key"]) is type(value)


def test_levels_may_be_called_no_and_yes(tmp_path: Path) -> None:
    """YAML 1.1 would have made booleans of them; whole numbers count as their digits."""
    text = changed("{type: real, lower: 0}", "{type: category, levels: [no, yes, 3, 007]}")
    assert declared(tmp_path, text).datasets["schools"].columns["se"].levels == [
        "no",
        "yes",
        "3",
        "007",
    ]


def test_keys_are_text_whatever_they_look_like(tmp_path: Path) -> None:
    """A column may be called 2019, no or null."""
    assert _read(tmp_path, "{2019: 1, no: 2, null: 3}") == {"2019": 1, "no": 2, "null": 3}


def test_anchors_and_merge_keys_work(tmp_path: Path) -> None:
    """An explicit key goes before a merged one, the first merged mapping before the next."""
    text = """\
a: &a {x: 1, y: 2}
b: &b {y: 3, z: 4}
c: {<<: [*a, *b], x: 5}
d: *a
"""
    read = _read(tmp_path, text)
    assert isinstance(read, dict)
    assert (read["c"], read["d"]) == ({"x": 5, "y": 2, "z": 4}, {"x": 1, "y": 2})


def test_a_fault_in_a_merged_mapping_is_placed_where_it_was_written(tmp_path: Path) -> None:
    """The line is the anchor's for what came from it, and its own for what did not."""
    text = changed("nuts: {chains: 4,", "nuts: &base {chains: 0,")
    text = changed(
        "      advi:",
        "      nuts2:\n        <<: *base\n        method: nuts\n        thin: 0\n      advi:",
        text,
    )
    lines = {f.key: f.where for f in faults(tmp_path, text)}
    methods = "analyses.coaching.methods"
    assert lines == {
        f"{methods}.nuts.chains": f"config.yaml:{line_of('&base', text)}",
        f"{methods}.nuts2.chains": f"config.yaml:{line_of('&base', text)}",
        f"{methods}.nuts2.thin": f"config.yaml:{line_of('thin: 0', text)}",
    }


def test_a_duplicate_key_names_both_lines(tmp_path: Path) -> None:
    """A key that stands twice would silently lose one of its values."""
    text = f"{EXAMPLE}seed: 3\n"
    refusal = fault(tmp_path, text)
    assert (refusal.what, refusal.key) == ("a key stands twice", "seed")
    assert refusal.where == f"config.yaml:{line_of('seed: 3', text)}"
    assert refusal.todo == f"remove this one or the one in line {line_of('seed: 2026')}"


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("a: [1, 2\nb: 3\n", "x.yaml:2", "not YAML"),
        ("a:\n\t- 1\n", "x.yaml:2", "not YAML"),
        ("a: 1\n b: 2\n", "x.yaml:2", "not YAML"),
        ("a: 1\n---\nb: 2\n", "x.yaml:2", "not YAML"),
        ("a: *nowhere\n", "x.yaml:1", "not YAML"),
        ("# nothing\n", "x.yaml", "empty"),
    ],
)
def test_bad_syntax_is_one_fault_with_its_line(
    tmp_path: Path, text: str, where: str, what: str
) -> None:
    """What YAML itself refuses is told with the line."""
    refusal = _syntax_fault(tmp_path, text.encode())
    assert what in refusal.what
    assert refusal.where == f"{tmp_path}/{where}"


def test_tabs_are_told_to_become_spaces(tmp_path: Path) -> None:
    """The commonest error of syntax gets its remedy."""
    assert _syntax_fault(tmp_path, b"a:\n\t- 1\n").todo == "indent with spaces, not tabs"


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    """Another encoding is not guessed."""
    assert "UTF-8" in _syntax_fault(tmp_path, b"a: \xff\xe9\n").what


def test_a_mapping_is_wanted_at_the_top(tmp_path: Path) -> None:
    """A list, or a bare word, is no declaration."""
    refusal = fault(tmp_path, "- seed: 1\n")
    assert (refusal.what, refusal.allowed) == ("wrong type: a list", "a mapping")
    assert refusal.where == "config.yaml:1"


@pytest.mark.parametrize(
    ("value", "what"),
    [("!env HOME", "tag"), ("&a [*a]", "alias"), ("{[1, 2]: 3}", "key must be text")],
)
def test_what_json_could_not_say_is_refused(tmp_path: Path, value: str, what: str) -> None:
    """Tags of other programs, circles and keys that are no text have no meaning here."""
    refusals = faults(tmp_path, changed("question: Does", f"question: {value} # "))
    assert what in refusals[0].what
    assert refusals[0].where == f"config.yaml:{line_of('question:')}"


def _syntax_fault(folder: Path, content: bytes) -> Fault:
    path = folder / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(DeclarationError) as caught:
        read_tree(path)
    (refusal,) = caught.value.faults
    return refusal
