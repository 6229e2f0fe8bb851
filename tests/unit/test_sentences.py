"""Numbers and names as a sentence has them."""

from __future__ import annotations

import pytest

from stanchion.system.sentences import counted, listed, percent


@pytest.mark.parametrize(
    ("share", "text"),
    [(1 / 4000, "0.025 %"), (0.46, "46 %"), (0.9999, "> 99 %"), (1.0, "100 %"), (1e-9, "< 0.01 %")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(share: float, text: str) -> None:
    """One draw in four thousand is not 0 %."""
    assert percent(share) == text


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_names_are_listed(names: list[str], text: str) -> None:
    """Commas, and the last with `and`."""
    assert listed(names) == text


def test_a_number_has_its_noun_in_singular_or_plural() -> None:
    """None and several are plural; a plural that is not regular is given."""
    assert [counted(n, "fit") for n in (0, 1, 2)] == ["0 fits", "1 fit", "2 fits"]
    assert counted(2, "analysis", "analyses") == "2 analyses"
