"""Stan's JSON: the same bytes for the same values.

Names are sorted; a matrix is a list of its rows; a number is written as the shortest text that
reads back the same; not-a-number and the infinities stand as "NaN", "Infinity", "-Infinity", as
Stan's reader wants them where strict JSON has no such numbers (stan/io/json/json_data_handler.hpp).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.errors import DataError, Fault
from stanchion.system.files import require_file

MOST_LEVELS = 100
_ROWS = 10_000
_DEEP = f"more than {MOST_LEVELS} levels within one another"
_SPECIAL = {
    "NaN": math.nan,
    "Inf": math.inf,
    "Infinity": math.inf,
    "-Inf": -math.inf,
    "-Infinity": -math.inf,
}


def dumps(values: Mapping[str, Any]) -> str:
    """Return values as Stan's JSON, a variable a line."""
    return "".join(pieces(values))


def pieces(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the text of `dumps` in pieces: it is several times as large as an array's numbers."""
    before = "{\n"
    for name in sorted(values):
        yield f"{before}{json.dumps(name)}: "
        value = values[name]
        yield from _pieces(value) if isinstance(value, np.ndarray) else [_text(value)]
        before = ",\n"
    yield "\n}\n" if values else "{\n\n}\n"


def _pieces(array: NDArray[Any]) -> Iterator[str]:
    before = "["
    for start in range(0, len(array), _ROWS):
        yield before + json.dumps(array[start : start + _ROWS].tolist(), allow_nan=False)[1:-1]
        before = ", "
    yield "]" if len(array) else "[]"


def loads(text: str, name: str = "the text") -> dict[str, Any]:
    """Return the values of Stan's JSON, with floats for "NaN" and the infinities.

    Raises:
        DataError: it is no JSON object, or names a variable twice.
    """
    try:
        values = _numbers(json.loads(text, object_pairs_hook=_once, parse_float=_finite))
    except RecursionError:
        raise DataError(f"{name}: {_DEEP}") from None
    except json.JSONDecodeError as error:
        raise DataError(f"{error.msg}", where=f"{name}:{error.lineno}") from None
    except ValueError as error:
        raise DataError(f"{name}: {error}") from None
    if not isinstance(values, dict):
        raise DataError(f"{name} holds no JSON object", allowed='{"N": 3, "y": [1, 2, 3]}')
    return values


def read(path: Path) -> dict[str, Any]:
    """Return the values of a file in Stan's JSON.

    Raises:
        DataError: the file is not there, is not UTF-8, or is not Stan's JSON.
    """
    try:
        require_file(path)
        return loads(path.read_text(encoding="utf-8-sig"), str(path))
    except OSError as error:
        raise DataError(Fault(f"{path}: {error.strerror}", todo="correct `path:`")) from None
    except UnicodeDecodeError:
        raise DataError(Fault(f"{path} is not UTF-8", todo="save it as UTF-8")) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        count = Counter(name for name, _ in pairs)
        twice = next(name for name, _ in pairs if count[name] > 1)
        raise ValueError(f"`{twice}` stands there twice")
    return values


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is beyond what a number can hold")
    return value


def _numbers(value: Any, level: int = 0) -> Any:
    if level > MOST_LEVELS:
        raise ValueError(_DEEP)
    if isinstance(value, list):
        return [_numbers(item, level + 1) for item in value]
    if isinstance(value, dict):
        return {slot: _numbers(item, level + 1) for slot, item in value.items()}
    return _SPECIAL.get(value, value) if isinstance(value, str) else value


def _text(value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False, sort_keys=True)
    except ValueError:
        return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {slot: _plain(item) for slot, item in value.items()}
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
