"""The states of chains as they lie in the cache."""

from __future__ import annotations

import os
import signal
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from stanchion.stan import states
from stanchion.stan.states import (
    ChainState,
    Finished,
    Position,
    cut_csv,
    open_state,
    with_draws,
    without_draws,
)

FAMILY = "ab" * 32
HEAD = "# method = sample (Default)\n#     num_samples = 6\n#     num_warmup = 3\nlp__,mu\n"
ADAPTED = "# Adaptation terminated\n# Step size = 0.9\n"
ROWS = [f"-{number}.5,{number}\n" for number in range(1, 7)]
FOOT = "# \n#  Elapsed Time: 0.1 seconds (Warm-up)\n#                0.3 seconds (Total)\n# \n"
CSV = HEAD + ADAPTED + "".join(ROWS) + FOOT


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STANCHION_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def write_state(folder: Path, rows: str, iteration: int = 9) -> None:
    """Write a state as the driver does: a mark, a checksum, whose it is, where it stands."""
    identity = b"model=m\n"
    numbers = (iteration, rows.count("\n"), len(rows), zlib.crc32(rows.encode()))
    position = struct.pack("<qqqI4xqI4x?7x", *numbers, 0, 0, True)
    body = struct.pack("<Q", len(identity)) + identity + position + struct.pack("<Q", 3) + b"abc"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "state").write_bytes(b"stanchion chain 3\n" + bytes(8) + body)


def test_a_state_says_where_it_stands(tmp_path: Path) -> None:
    """Transitions, rows, bytes and their CRC-32 are read from where the driver writes them."""
    write_state(tmp_path, "123456789")
    assert ChainState(tmp_path).position() == Position(9, 0, 9, 0xCBF43926, 0, 0, sampling=True)


def test_a_state_of_another_version_stands_nowhere(tmp_path: Path) -> None:
    """A state whose rows have no checksum is not read."""
    write_state(tmp_path, "".join(ROWS))
    content = (tmp_path / "state").read_bytes()
    (tmp_path / "state").write_bytes(content.replace(b"chain 3", b"chain 1", 1))
    assert ChainState(tmp_path).position() is None


@pytest.mark.parametrize("size", [0, 10, 30, 50, 90])
def test_a_state_that_is_cut_off_stands_nowhere(tmp_path: Path, size: int) -> None:
    """Of a state that is not whole nothing is said, however much of it is there."""
    write_state(tmp_path, "".join(ROWS))
    content = (tmp_path / "state").read_bytes()
    (tmp_path / "state").write_bytes(content[:size])
    assert ChainState(tmp_path).position() is None


def test_one_run_holds_a_state(cache: Path) -> None:
    """A second run with the same chain has no state, and the first one's stays."""
    with open_state(FAMILY) as first:
        assert first is not None
        write_state(first.folder, "")
        with open_state(FAMILY) as second:
            assert second is None
    with open_state(FAMILY) as again:
        assert again is not None and again.position() is not None


def test_a_chain_without_a_state_leaves_no_folder(cache: Path) -> None:
    """Where nothing was saved, nothing is left in the cache."""
    with open_state(FAMILY) as state:
        assert state is not None
    assert not state.folder.exists()


def test_a_cache_that_cannot_be_written_gives_no_state(cache: Path) -> None:
    """Without a folder for it the chain runs without a state."""
    cache.write_text("a file is in the way")
    with open_state(FAMILY) as state:
        assert state is None


def test_the_rows_of_a_finished_chain_come_back(cache: Path, tmp_path: Path) -> None:
    """The rows below the names, as many bytes as the state says, lie where the driver looks."""
    csv = tmp_path / "chain.csv"
    csv.write_text(CSV)
    with open_state(FAMILY) as state:
        assert state is not None
        write_state(state.folder, ADAPTED + "".join(ROWS))
        state.finish(Finished("k" * 64, 6, 6), 9, keep=True)
        assert state.finished() == Finished("k" * 64, 6, 6)
        assert state.take_rows(csv)
        assert (state.folder / "rows").read_text() == ADAPTED + "".join(ROWS)
        assert state.finished() is None


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("# Step size = 0.9", "# Step size = 0.8", False),
        ("-1.5,1\n", "-1.5,2\n", False),
        ("-6.5,6\n", "-6.5,7\n", False),
        ("-6.5,6\n", "", False),
        (ROWS[0] + ROWS[1], ROWS[1] + ROWS[0], False),
        ("lp__,mu", "lp__,nu", True),
        ("0.3 seconds", "0.4 seconds", True),
        (FOOT, ROWS[0] + FOOT, True),
    ],
)
def test_the_rows_of_a_state_are_known_byte_by_byte(
    cache: Path, tmp_path: Path, before: str, after: str, same: bool
) -> None:
    """A CSV that differs below its names, as far as the state goes, is not that of the state."""
    csv = tmp_path / "chain.csv"
    csv.write_text(CSV.replace(before, after))
    assert csv.read_text() != CSV
    with open_state(FAMILY) as state:
        assert state is not None
        assert not state.has_rows_of(csv)
        write_state(state.folder, ADAPTED + "".join(ROWS))
        assert state.has_rows_of(csv) == same


def test_rows_that_do_not_fit_are_not_taken(cache: Path, tmp_path: Path) -> None:
    """Where the rows of a finished chain cannot be written, the caller hears of it."""
    csv = tmp_path / "chain.csv"
    csv.write_text(CSV)
    with open_state(FAMILY) as state:
        assert state is not None
        write_state(state.folder, ADAPTED + "".join(ROWS))
        (state.folder / "rows").symlink_to("/dev/full")
        assert not state.take_rows(csv)


def test_a_state_that_is_not_to_be_kept_goes(cache: Path) -> None:
    """With `keep_state: false` nothing is left of a finished chain's state."""
    with open_state(FAMILY) as state:
        assert state is not None
        write_state(state.folder, "")
        state.finish(Finished("k" * 64, 6, 6), 9, keep=False)
    assert not state.folder.exists()


@pytest.mark.parametrize("allowed", [False, True])
def test_a_state_of_another_processor_needs_leave(
    cache: Path, monkeypatch: pytest.MonkeyPatch, allowed: bool
) -> None:
    """A state saved with other instructions goes, unless it is allowed, which the record says."""
    with open_state(FAMILY) as state:
        assert state is not None
        assert not state.is_elsewhere(allowed=False)
        write_state(state.folder, "")
    monkeypatch.setattr(states, "processor", lambda: "another")
    with open_state(FAMILY) as state:
        assert state is not None
        assert state.is_elsewhere(allowed=allowed)
        assert (state.position() is not None) == allowed


def test_a_state_that_two_processors_made_stays_one_of_two(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chain that went on elsewhere and was killed again is not of that processor alone."""
    for name in ("first", "second"):
        monkeypatch.setattr(states, "processor", lambda name=name: name)
        with open_state(FAMILY) as state:
            assert state is not None
            assert state.is_elsewhere(allowed=True) == (name == "second")
            write_state(state.folder, "")
    for allowed in (True, False):
        with open_state(FAMILY) as state:
            assert state is not None
            assert state.is_elsewhere(allowed=allowed)
    with open_state(FAMILY) as state:
        assert state is not None and state.position() is None
        assert not state.is_elsewhere(allowed=False)


@pytest.mark.parametrize(
    "name", ["lock", "state", "state.part", "rows", "messages", "finished.json", "machine"]
)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_in_nobodys_way(
    cache: Path, name: str, make: Callable[[Path], None]
) -> None:
    """A pipe or a folder where a file of a state should lie is not read, which might never end."""
    folder = states.state_folder(FAMILY)
    folder.mkdir(parents=True)
    make(folder / name)
    signal.setitimer(signal.ITIMER_REAL, 10)
    try:
        with open_state(FAMILY) as state:
            if state is not None:
                assert state.position() is None and state.finished() is None
                assert not state.is_elsewhere(allowed=False)
                assert not (folder / name).exists() or name in ("lock", "machine")
            else:
                assert (name, make) == ("lock", os.mkdir)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def test_a_state_that_names_more_than_memory_holds_has_no_rows(cache: Path, tmp_path: Path) -> None:
    """A damaged state that says to have 2⁶² bytes of rows is of no CSV; no memory is asked for."""
    csv = tmp_path / "chain.csv"
    csv.write_text(CSV)
    with open_state(FAMILY) as state:
        assert state is not None
        write_state(state.folder, "")
        content = (state.folder / "state").read_bytes()
        huge = content.replace(struct.pack("<qqq", 9, 0, 0), struct.pack("<qqq", 9, 0, 2**62))
        assert huge != content
        (state.folder / "state").write_bytes(huge)
        position = state.position()
        assert position is not None and position.size == 2**62
        assert not state.has_rows_of(csv)


@pytest.mark.parametrize(
    "content",
    [
        '{"key": "k", "draws": 1e999, "rows": 5}',
        '{"key": "k", "draws": 5, "rows": NaN}',
        '{"key": "k", "draws": 1' + "0" * 30 + ', "rows": 5}',
        '{"key": "k", "draws": -5, "rows": 5}',
        '{"key": "k", "draws": "5", "rows": 5}',
        '{"key": "k", "draws": 5}',
        "[" * 100_000,
        "[]",
        "\x00",
    ],
)
def test_nonsense_about_a_finished_chain_is_no_finished_chain(cache: Path, content: str) -> None:
    """What cannot be a number of draws, or is no JSON, is read as nothing, and is no error."""
    with open_state(FAMILY) as state:
        assert state is not None
        (state.folder / "finished.json").write_text(content)
        assert state.finished() is None


def test_a_state_of_its_middle_is_not_that_of_a_finished_chain(cache: Path) -> None:
    """Where another run was killed in the middle, its state and rows stay for who goes on."""
    with open_state(FAMILY) as state:
        assert state is not None
        write_state(state.folder, "", iteration=7)
        state.finish(Finished("k" * 64, 6, 6), 9, keep=True)
        assert state.finished() is None
        assert state.position() is not None


@pytest.mark.parametrize("rows", [1, 4, 6])
def test_fewer_draws_are_the_first_of_more(tmp_path: Path, rows: int) -> None:
    """A cut chain has the header of so many draws, the adaptation, its first rows, the footer."""
    csv, target = tmp_path / "long.csv", tmp_path / "short.csv"
    csv.write_text(CSV)
    assert cut_csv(csv, target, rows, rows)
    head = HEAD.replace("num_samples = 6", f"num_samples = {rows}")
    assert target.read_text() == head + ADAPTED + "".join(ROWS[:rows]) + FOOT


def test_the_default_number_of_draws_is_marked(tmp_path: Path) -> None:
    """A header with CmdStan's own number of draws says so, as CmdStan's does."""
    csv, target = tmp_path / "long.csv", tmp_path / "short.csv"
    csv.write_text(CSV)
    assert cut_csv(csv, target, 1000, 6)
    assert "num_samples = 1000 (Default)\n" in target.read_text()


def test_more_rows_than_there_are_cannot_be_cut(tmp_path: Path) -> None:
    """A chain with too few rows is not cut, and nothing is written."""
    csv, target = tmp_path / "long.csv", tmp_path / "short.csv"
    csv.write_text(CSV)
    assert not cut_csv(csv, target, 7, 7)
    assert not target.exists()


def test_a_family_is_all_but_the_number_of_draws() -> None:
    """Chains that differ in their draws alone have the same arguments without them."""
    command = ["method=sample", "num_samples=5", "thin=1"]
    few = {"command": command, "rows": {"draws": 5, "before": 2}, "seed": 1}
    many = with_draws(few, 9, 8)
    assert many["command"] == ["method=sample", "num_samples=9", "thin=1"]
    assert many["rows"] == {"draws": 8, "before": 2}
    other = {**many, "seed": 2}
    assert without_draws(few) == without_draws(many) != without_draws(other)
