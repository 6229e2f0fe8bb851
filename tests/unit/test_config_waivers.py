"""Waivers: of fits that there are, for checks that there are, until a date."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from stanchion.config import Waiver, in_force, load_waivers
from stanchion.errors import DeclarationError
from tests.unit.config_cases import EXAMPLE, changed, declared

FIT = "coaching/schools/partial/nuts"
TEXT = f"""\
- fit: {FIT}
  check: rhat
  reason: the chains agree by eye
  who: the analyst
  until: 2026-12-31
"""


def _load(folder: Path, text: str) -> list[Waiver]:
    path = folder / "waivers.yaml"
    path.write_text(text)
    return load_waivers(path, declared(folder, EXAMPLE))


def test_a_waiver_is_read(tmp_path: Path) -> None:
    """Each entry of the list says which check of which fit is waived, why, by whom, how long."""
    (waiver,) = _load(tmp_path, TEXT)
    assert (waiver.fit, waiver.check, waiver.until) == (FIT, "rhat", dt.date(2026, 12, 31))
    assert waiver.model_dump(mode="json")["until"] == "2026-12-31"


def test_a_waiver_is_of_a_fit_that_the_methods_limits_leave(tmp_path: Path) -> None:
    """A method that is limited to other models has no fit to waive a check of."""
    limited = changed("nuts: {", "nuts: {models: [pooled], ")
    path = tmp_path / "waivers.yaml"
    path.write_text(TEXT.replace("/partial/", "/pooled/"))
    (waiver,) = load_waivers(path, declared(tmp_path, limited))
    assert waiver.fit == "coaching/schools/pooled/nuts"
    path.write_text(TEXT)
    with pytest.raises(DeclarationError, match="there is no such fit"):
        load_waivers(path, declared(tmp_path, limited))


@pytest.mark.parametrize(
    ("today", "fit", "count"),
    [
        (dt.date(2026, 12, 31), FIT, 1),
        (dt.date(2027, 1, 1), FIT, 0),
        (dt.date(2026, 1, 1), "coaching/schools/pooled/nuts", 0),
    ],
)
def test_a_waiver_holds_for_its_fit_to_its_last_day(
    tmp_path: Path, today: dt.date, fit: str, count: int
) -> None:
    """The day after `until` it is spent; other fits never profit."""
    assert len(in_force(_load(tmp_path, TEXT), today, fit)) == count


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        (FIT, "coaching/schools/partial/nutz", "[0].fit", f"write {FIT}"),
        (FIT, "coaching", "[0].fit", "analysis/dataset/model/method"),
        ("check: rhat", "check: rhatt", "[0].check", "write rhat"),
        ("until: 2026-12-31", "until: 2026-02-30", "[0].until", "a date such as"),
        ("until: 2026-12-31", "until: soon", "[0].until", "a date such as"),
        ("  who: the analyst\n", "", "[0].who", "add who"),
        ("who:", "whom: x\n  who:", "[0].whom", "write who"),
    ],
)
def test_a_bad_waiver_is_refused(tmp_path: Path, old: str, new: str, key: str, words: str) -> None:
    """A waiver that waives nothing must not lull anybody."""
    with pytest.raises(DeclarationError) as caught:
        _load(tmp_path, changed(old, new, TEXT))
    (refusal,) = caught.value.faults
    assert refusal.key == key
    assert (refusal.where or "").startswith(f"{tmp_path}/waivers.yaml:")
    assert words in f"{refusal.allowed} {refusal.todo}"


def test_waivers_are_a_list(tmp_path: Path) -> None:
    """A mapping is no list of waivers."""
    with pytest.raises(DeclarationError, match="wrong type: a mapping"):
        _load(tmp_path, "fit: x\n")
