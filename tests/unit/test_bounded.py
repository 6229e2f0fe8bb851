"""Inputs that have no end, or far too much in them: each is refused with a sentence, at once."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stanchion.config import load
from stanchion.datasets import stan_json
from stanchion.datasets.read import read_header
from stanchion.errors import DataError, Fault, StanchionError, UnreachableError
from stanchion.plan.facts import _hashes
from stanchion.schema.tree import read_tree
from stanchion.stan.program import describe
from stanchion.system import downloads
from stanchion.system.downloads import fetch
from tests.unit.config_cases import SMALLEST, changed, declared, fault

BILLION = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
MAPPINGS = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{b: *a{n - 1}, c: *a{n - 1}}}\n" for n in range(1, 40)
)


def stopped(make: Callable[[], object]) -> Fault:
    """The one fault of what must not take more than five seconds of CPU."""
    begun = time.process_time()
    with pytest.raises(StanchionError) as raised:
        make()
    assert time.process_time() - begun < 5
    assert len(str(raised.value)) < 1000
    (messages,) = raised.value.faults
    return messages


@pytest.mark.parametrize("text", [BILLION, MAPPINGS])
def test_aliases_that_explode(tmp_path: Path, text: str) -> None:
    """Ten lines of aliases that stand for a billion values are refused."""
    path = tmp_path / "config.yaml"
    path.write_text(text)
    messages = stopped(lambda: read_tree(path))
    assert "aliases repeat more than" in messages.what
    assert messages.where


def test_aliases_as_people_use_them(tmp_path: Path) -> None:
    """A thousand fits may share what they have in common."""
    path = tmp_path / "config.yaml"
    path.write_text("a: &a {x: 1, y: [1, 2]}\n" + "".join(f"b{n}: *a\n" for n in range(1000)))
    assert read_tree(path).value["b999"] == {"x": 1, "y": [1, 2]}


@pytest.mark.parametrize("number", [200, 20_000, 1_000_000])
@pytest.mark.parametrize("signs", ["[]", "{}", "- "])
def test_brackets_in_yaml(tmp_path: Path, signs: str, number: int) -> None:
    """Nesting of any depth is refused before it takes the memory."""
    path = tmp_path / "config.yaml"
    path.write_text(f"a:\n  {signs[0] * number if signs != '- ' else signs * number}x")
    messages = stopped(lambda: read_tree(path))
    assert "levels within one another" in messages.what
    assert messages.where == f"{path}:2"


@pytest.mark.parametrize("text", ["(" * 20_000, "f(" * 20_000, "index" + "(" * 20_000])
def test_brackets_in_an_expression(tmp_path: Path, text: str) -> None:
    """An expression of brackets is refused, and not printed in full."""
    from tests.unit.datasets_cases import faults, write

    (messages,) = faults(write(tmp_path, "a.csv", "a\n1\n"), {"x": text}, ["int x"])
    assert len(str(messages)) < 1000


@pytest.mark.parametrize("number", ["1" * 5000, "0x" + "f" * 5000, "1." + "0" * 5000])
def test_numbers_of_thousands_of_digits(tmp_path: Path, number: str) -> None:
    """A number that no message could print is refused."""
    message = fault(tmp_path, f"seed: {number}\n{SMALLEST}")
    assert "digits" in message.what
    assert len(str(message)) < 1000


def test_digits_on_the_command_line(tmp_path: Path) -> None:
    """A number of thousands of digits by `--config` is refused as one in the file is."""
    message = fault(tmp_path, SMALLEST, {"seed": "1" * 5000})
    assert message.key == "seed"
    assert len(str(message)) < 1000


@pytest.mark.parametrize("number", [101, 900, 20_000, 1_000_000])
@pytest.mark.parametrize("signs", ["[]", "{}"])
def test_brackets_in_stans_json(number: int, signs: str) -> None:
    """Deep nesting in a data file is refused."""
    inside = {"[]": ("[", "]"), "{}": ('{"a": ', "}")}[signs]
    text = '{"x": ' + inside[0] * number + "1" + inside[1] * number + "}"
    assert "levels within one another" in stopped(lambda: stan_json.loads(text)).what


def test_many_names_in_stans_json() -> None:
    """A hundred thousand names are read in no time, and one that stands twice is found."""
    text = json.dumps({f"x{n}": n for n in range(100_000)})
    begun = time.process_time()
    assert len(stan_json.loads(text)) == 100_000
    messages = stopped(lambda: stan_json.loads(text[:-1] + ', "x7": 1}'))
    assert time.process_time() - begun < 4
    assert "`x7` stands there twice" in messages.what


@pytest.fixture(params=["pipe", "device", "folder"])
def endless(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What can be opened and is no file."""
    path = tmp_path / "endless"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    return path


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet", ".yaml", ".stan"])
def test_what_is_no_file_is_not_read(endless: Path, suffix: str) -> None:
    """A pipe or a device in place of a table, a declaration or a program would never end."""
    path = endless.rename(endless.with_suffix(suffix))
    readers: dict[str, Callable[[Path], object]] = {
        ".json": stan_json.read,
        ".yaml": load,
        ".stan": lambda path: describe(path, Path("/bin/true")),
    }
    messages = stopped(lambda: readers.get(suffix, read_header)(path))
    assert "not a file" in messages.what


@pytest.mark.parametrize("key", ["dataset", "init"])
def test_what_is_no_file_is_not_hashed(
    endless: Path, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a dataset nor initial values are taken from a pipe; the fault names the key."""
    monkeypatch.chdir(tmp_path)
    Path("d.json").write_text("{}")
    path = endless.rename(endless.with_suffix(".json"))
    old, new = {
        "dataset": ("path: d.json", f"path: {path}"),
        "init": ("nuts: {}", f"nuts: {{init: {path}}}"),
    }[key]
    project = declared(tmp_path, changed(old, new, SMALLEST))
    messages = stopped(lambda: _hashes(project))
    assert "not a file" in messages.what
    assert messages.key
    assert messages.key.endswith({"dataset": "path", "init": "init"}[key])


class Endless(BaseHTTPRequestHandler):
    """Sends bytes as long as somebody listens: fast, a byte at a time, or a few and no more."""

    def do_GET(self) -> None:
        """Answer by the path that is asked for."""
        if self.path.startswith("/none"):
            self.send_error(int(self.path.rpartition("/")[2]))
            return
        self.send_response(200)
        if self.path == "/cut":
            self.send_header("Content-Length", "1000")
        self.end_headers()
        wait = {"/fast": 0.0, "/slow": 0.05, "/small": None, "/cut": None}[self.path]
        try:
            while wait is not None:
                self.wfile.write(b"x" * (65536 if wait == 0 else 1))
                time.sleep(wait)
            self.wfile.write(b"y\n1\n")
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server that does not end."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Endless) as running:
        running.daemon_threads = True
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


@pytest.mark.parametrize("path", ["fast", "slow"])
def test_an_endless_download_ends(
    server: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A url that sends for ever is given up by size, or by time where it drips; nothing stays."""
    monkeypatch.setattr(downloads, "MOST_BYTES", 3 << 20)
    monkeypatch.setattr(downloads, "MOST_SECONDS", 1)
    messages = stopped(lambda: fetch(f"{server}/{path}", "0" * 64, tmp_path / "data.csv"))
    assert "does not end" in messages.what
    assert messages.todo
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_ends(server: str, tmp_path: Path) -> None:
    """What ends within the limits and has the declared SHA-256 is kept."""
    target, content = tmp_path / "data.csv", b"y\n1\n"
    fetch(f"{server}/small", hashlib.sha256(content).hexdigest(), target)
    assert target.read_bytes() == content
    with pytest.raises(DataError, match="other bytes than declared"):
        fetch(f"{server}/small", "0" * 64, tmp_path / "other.csv")


def test_a_download_that_is_cut_off_is_no_other_content(server: str, tmp_path: Path) -> None:
    """Fewer bytes than the server has promised say nothing of the declared SHA-256."""
    with pytest.raises(UnreachableError, match="cannot be fetched"):
        fetch(f"{server}/cut", "0" * 64, tmp_path / "data.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("code", "is_there"), [(404, False), (410, False), (503, True)])
def test_a_wrong_url_is_no_missing_network(
    server: str, tmp_path: Path, code: int, is_there: bool
) -> None:
    """A server that has no such file is told from one that cannot serve it now."""
    with pytest.raises(DataError) as raised:
        fetch(f"{server}/none/{code}", "0" * 64, tmp_path / "data.csv")
    (fault,) = raised.value.faults
    assert isinstance(raised.value, UnreachableError) is is_there
    assert (f"is not there: the server answers {code} " in fault.what) is not is_there
    assert ("network" in str(fault.todo)) is is_there


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "http://[::1/x", "http:///x"])
def test_a_url_that_leads_nowhere(url: str, tmp_path: Path) -> None:
    """No answer, and an address that is none, are the same sentence."""
    messages = stopped(lambda: fetch(url, "0" * 64, tmp_path / "data.csv"))
    assert "cannot be fetched" in messages.what


def test_a_large_declaration_is_no_fault(tmp_path: Path) -> None:
    """A declaration of a thousand models is read."""
    more = "".join(f", m{n}: {{program: m{n}.stan}}" for n in range(1000))
    text = changed("{m: {program: m.stan}", "{m: {program: m.stan}" + more, SMALLEST)
    assert len(declared(tmp_path, text).models) == 1001
