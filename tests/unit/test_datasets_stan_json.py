"""Stan's JSON: the same bytes for the same values, and back."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stanchion.datasets.stan_json import dumps, loads

NUMBERS = st.integers(-(2**31) + 1, 2**31 - 1) | st.floats()
VALUES = NUMBERS | st.lists(NUMBERS) | st.lists(st.lists(NUMBERS, min_size=2, max_size=2))


def same(remaining: Any, right: Any) -> bool:
    """Whether two values are equal to the bit: type, sign of zero and NaN included."""
    if isinstance(remaining, list) and isinstance(right, list):
        pairs = zip(remaining, right, strict=False)
        return len(remaining) == len(right) and all(same(*pair) for pair in pairs)
    if isinstance(remaining, float) and math.isnan(remaining):
        return isinstance(right, float) and math.isnan(right)
    return type(remaining) is type(right) and repr(remaining) == repr(right)


def test_the_text_is_fixed() -> None:
    """Names are sorted, matrices written by rows, and specials as Stan's reader wants them."""
    values = {"y": [0.1, 1e-300, math.nan], "N": 3, "M": [[1, 2], [3, 4]], "inf": -math.inf}
    assert dumps(values) == (
        '{\n"M": [[1, 2], [3, 4]],\n"N": 3,\n"inf": "-Infinity",\n"y": [0.1, 1e-300, "NaN"]\n}\n'
    )


@given(st.dictionaries(st.from_regex(r"[A-Za-z]\w*", fullmatch=True), VALUES, max_size=4))
def test_reading_gives_back_what_was_written(values: dict[str, Any]) -> None:
    """Every number comes back as it was, ints as ints, and the order of names changes nothing."""
    text = dumps(values)
    back = loads(text)
    assert back.keys() == values.keys()
    assert all(same(values[name], back[name]) for name in values)
    assert dumps(dict(reversed(values.items()))) == text
