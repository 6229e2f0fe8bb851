"""What a program is read to declare, and when stanc is asked at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanchion.errors import ProgramError
from stanchion.stan.program import Program, Variable, describe, read_sources
from stanchion.stan.sizes import declarations

CANONICAL = """functions {
  real twice(real a) {
    return 2 * a;
  }
}
data {
  int<lower=0> N;
  array[N, 2] real<lower=(N > 1 ? 0 : -1)> grid;
  int a, b;
}
transformed data {
  vector[N] hidden = rep_vector(0, N);
}
parameters {
  vector<lower=0, upper=1>[N + max({1, 2})] p;
  cov_matrix[K] S;
  array[J] cholesky_factor_cov[M, N] L;
  tuple(real, array[2] vector[3]) t;
  array[J] tuple(real, int) ts;
}
transformed parameters {
  real m = p[1], n = twice(m);
  for (i in 1 : N) {
    real inner;
    m += i;
  }
  if (m == n) {
    print("odd; } {", m);
  }
}
model {
  vector[N] local;
}
generated quantities {
  array[N] vector[J] y_rep;
  complex_matrix[2, 3] z;
  {
    matrix[2, 2] scratch;
  }
}
"""
INFO = """{
 "inputs": {"K": {"type": "int", "dimensions": 0}, "y": {"type": "real", "dimensions": 1}},
 "parameters": {"S": {"type": "real", "dimensions": 2}, "u": {"type": "real", "dimensions": 1},
   "t": {"type": [{"type": "real", "dimensions": 0}], "dimensions": 0}},
 "transformed parameters": {},
 "generated quantities": {"k": {"type": "int", "dimensions": 0}}
}"""
SOURCE = "data {\n  int K;\n  vector[K] y;\n}\nparameters {\n  cov_matrix[K] S;\n}\n"


def stanc(folder: Path, script: str) -> Path:
    """Make a stand-in for stanc that counts its calls."""
    file = folder / "stanc"
    file.write_text(f"#!/bin/sh\necho call >> '{folder}/calls'\n{script}\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def answering(tmp_path: Path) -> Path:
    """A stanc that describes one program."""
    (tmp_path / "info.json").write_text(INFO)
    (tmp_path / "canonical.stan").write_text(SOURCE)
    return stanc(
        tmp_path,
        f"case \"$*\" in *--info*) cat '{tmp_path}/info.json';;"
        f" *) cat '{tmp_path}/canonical.stan';; esac",
    )


def calls(tmp_path: Path) -> int:
    """How often the stand-in was run."""
    return len((tmp_path / "calls").read_text().splitlines())


def test_sizes_are_read_as_declared() -> None:
    """Arrays' sizes come first, bounds and tuples are passed over, local variables are not seen."""
    declared = declarations(CANONICAL)
    assert [declared[name].kind for name in ("S", "L", "t", "p")] == [
        "cov_matrix", "cholesky_factor_cov", "tuple", "vector",
    ]  # fmt: skip
    assert {name: result.sizes for name, result in declared.items()} == {
        "N": (),
        "grid": ("N", "2"),
        "a": (),
        "b": (),
        "p": ("N + max({1, 2})",),
        "S": ("K",),
        "L": ("J", "M", "N"),
        "t": (),
        "ts": ("J",),
        "m": (),
        "n": (),
        "y_rep": ("N", "J"),
        "z": ("2", "3"),
    }


def test_program_is_described(answering: Path, tmp_path: Path) -> None:
    """Blocks, types and sizes; a square type has its size twice, an unknown size is empty."""
    file = tmp_path / "one.stan"
    file.write_text(SOURCE)
    program = describe(file, answering)
    assert program.path == str(file)
    assert program.canonical == SOURCE
    assert program.data == (
        Variable("K", "int", 0, (), "int"),
        Variable("y", "real", 1, ("K",), "vector"),
    )
    assert program.parameters == (
        Variable("S", "real", 2, ("K", "K"), "cov_matrix"),
        Variable("u", "real", 1, ("",)),
        Variable("t", "tuple", 0, ()),
    )
    assert program.has("k") and program.has("y") and not program.has("nothing")


def test_description_survives_json(answering: Path, tmp_path: Path) -> None:
    """`from_json` gives back what `as_json` took."""
    file = tmp_path / "one.stan"
    file.write_text(SOURCE)
    program = describe(file, answering)
    assert Program.from_json(program.as_json()) == program


def test_same_content_asks_stanc_once(answering: Path, tmp_path: Path) -> None:
    """A description is kept by content: a copy elsewhere is described without stanc."""
    for name in ("one.stan", "two.stan"):
        (tmp_path / name).write_text(SOURCE)
    entry = describe(tmp_path / "one.stan", answering, cache=tmp_path / "cache")
    count = calls(tmp_path)
    two = describe(tmp_path / "two.stan", answering, cache=tmp_path / "cache")
    assert calls(tmp_path) == count
    assert (two.path, two.canonical) == (str(tmp_path / "two.stan"), entry.canonical)


def test_changed_include_asks_stanc_again(answering: Path, tmp_path: Path) -> None:
    """Texts of includes, and of what they include, are part of the content."""
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "a.stanfunctions").write_text("#include b.stanfunctions\n")
    (tmp_path / "functions" / "b.stanfunctions").write_text("real f(real x) { return x; }\n")
    file = tmp_path / "one.stan"
    file.write_text(f"functions {{\n#include <a.stanfunctions>\n// #include c.stan\n}}\n{SOURCE}")
    cache, dirs = tmp_path / "cache", [tmp_path / "functions"]
    program = describe(file, answering, dirs, cache)
    assert [Path(name).name for name in program.includes] == ["a.stanfunctions", "b.stanfunctions"]
    count = calls(tmp_path)
    (tmp_path / "functions" / "b.stanfunctions").write_text("real f(real x) { return -x; }\n")
    describe(file, answering, dirs, cache)
    assert calls(tmp_path) > count


def test_own_folder_comes_before_the_others(answering: Path, tmp_path: Path) -> None:
    """An include beside the program hides one of the same name elsewhere."""
    (tmp_path / "other").mkdir()
    for folder in (tmp_path, tmp_path / "other"):
        (folder / "f.stan").write_text("")
    (tmp_path / "one.stan").write_text(f"#include f.stan\n{SOURCE}")
    program = describe(tmp_path / "one.stan", answering, [tmp_path / "other"])
    assert program.includes == (str(tmp_path / "f.stan"),)


@pytest.mark.parametrize("damage", [b"{", b"[1, 2]", b'{"canonical": 3}', b"[" * 100_000, b"\xff"])
def test_damaged_cache_is_no_fault(answering: Path, tmp_path: Path, damage: bytes) -> None:
    """An entry that is not what was kept is made again."""
    file, cache = tmp_path / "one.stan", tmp_path / "cache"
    file.write_text(SOURCE)
    program = describe(file, answering, cache=cache)
    for entry in cache.iterdir():
        entry.write_bytes(damage)
    assert describe(file, answering, cache=cache) == program


def test_an_edited_entry_gives_no_program_another_s_canonical_form(
    answering: Path, tmp_path: Path
) -> None:
    """The canonical form enters keys: an entry edited to the same size is not believed."""
    file, cache = tmp_path / "one.stan", tmp_path / "cache"
    file.write_text(SOURCE)
    program = describe(file, answering, cache=cache)
    (entry,) = cache.iterdir()
    edited = entry.read_bytes().replace(b'"name": "S"', b'"name": "R"')
    assert edited != entry.read_bytes()
    entry.write_bytes(edited)
    assert describe(file, answering, cache=cache) == program


def test_refused_program_names_file_and_line(tmp_path: Path) -> None:
    """stanc's whole message is shown, under the file and line that it names."""
    output = (
        "Syntax error in 'lib/f.stanfunctions', line 7, column 3, parsing error:\n  here\nSorry."
    )
    refusing = stanc(tmp_path, f'cat >&2 <<"END"\n{output}\nEND\nexit 1')
    file = tmp_path / "one.stan"
    file.write_text(SOURCE)
    with pytest.raises(ProgramError) as caught:
        describe(file, refusing)
    assert caught.value.faults[0].where == "lib/f.stanfunctions:7"
    assert output in str(caught.value)


def test_missing_program_is_one_message(answering: Path, tmp_path: Path) -> None:
    """A program that is not there is a fault of the declaration."""
    with pytest.raises(ProgramError, match="cannot be read: no such file"):
        describe(tmp_path / "none.stan", answering)


@pytest.mark.parametrize(
    "line",
    [
        "#include f.stan",
        '#include "f.stan"',
        "#include <f.stan>",
        "#include f.stan // what it is",
        "  /* it */ #include f.stan",
        "#include \tf.stan",
        "#include\nf.stan",
        'real f() { print("// no comment"); return 1; } #include f.stan',
        "#include ./f.stan",
        "#include ../include/f.stan",
    ],
)
def test_an_include_is_found_wherever_stanc_finds_one(
    answering: Path, tmp_path: Path, line: str
) -> None:
    """Names in quotes or brackets, behind comments and code, over a line break."""
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "f.stan").write_text("")
    (tmp_path / "one.stan").write_text(f"functions {{\n{line}\n}}\n{SOURCE}")
    program = describe(tmp_path / "one.stan", answering, [tmp_path / "include"])
    assert [Path(name).resolve() for name in program.includes] == [tmp_path / "include" / "f.stan"]


@pytest.mark.parametrize(
    "line", ["// #include f.stan", "/* #include f.stan */", '"#include f.stan"']
)
def test_an_include_in_a_comment_or_a_string_is_none(
    answering: Path, tmp_path: Path, line: str
) -> None:
    """What stanc does not include is not read."""
    for name in ("f", "f.stan"):
        (tmp_path / name).write_text("")
    (tmp_path / "one.stan").write_text(f"{line}\n{SOURCE}")
    assert describe(tmp_path / "one.stan", answering).includes == ()


def test_a_name_with_a_space_is_one_include(answering: Path, tmp_path: Path) -> None:
    """In quotes a file's name may hold a space."""
    (tmp_path / "my f.stan").write_text("")
    (tmp_path / "one.stan").write_text(f'#include "my f.stan"\n{SOURCE}')
    program = describe(tmp_path / "one.stan", answering)
    assert program.includes == (str(tmp_path / "my f.stan"),)


def test_stanc_is_asked_of_what_was_read(tmp_path: Path) -> None:
    """An edit between reading and stanc's own look is not kept under the hash of what was read."""
    file, include = tmp_path / "one.stan", tmp_path / "f.stan"
    include.write_text("// planned\n")
    file.write_text("#include f.stan\n")
    reading = stanc(
        tmp_path,
        f"for last; do :; done\necho edited > '{file}'\necho edited > '{include}'\n"
        f"case \"$*\" in *--info*) cat '{tmp_path}/info.json';;\n"
        ' *) cat "$last" "$(dirname "$last")/f.stan";; esac',
    )
    (tmp_path / "info.json").write_text(INFO)
    assert describe(file, reading, cache=tmp_path / "cache").canonical == (
        "#include f.stan\n// planned\n"
    )


def test_copies_of_a_program_stay_in_their_folder(tmp_path: Path) -> None:
    """Includes lie beside the program's copy under the names they go by, also those that climb."""
    for folder in ("stan/models", "stan/functions/deep"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "stan/functions/deep/g.stan").write_text("g")
    (tmp_path / "stan/functions/f.stan").write_text("#include deep/g.stan\n")
    file = tmp_path / "stan/models/one.stan"
    file.write_text("#include ../functions/f.stan\n")
    sources = read_sources(file, [tmp_path / "stan/functions"])
    copies = sources.copy(tmp_path / "copies/below")
    home = Path(next(iter(copies))).parent
    assert (home / "../functions/f.stan").read_text() == "#include deep/g.stan\n"
    assert (home / "deep/g.stan").read_text() == "g"
    assert all(Path(c).resolve().is_relative_to(tmp_path / "copies/below") for c in copies)
    assert {Path(original).name for original in copies.values()} == {"one.stan", "f.stan", "g.stan"}
