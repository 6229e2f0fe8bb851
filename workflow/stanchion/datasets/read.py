"""Tables: the cells of the columns that are used, with the line that each row stands on.

Cells are stripped of blanks; blank lines are skipped. A .tsv is separated by tabs. A .csv is
separated by commas, or by semicolons where its header has more semicolons than commas outside
quotes. Text is UTF-8, with or without a byte order mark.

Arrow reads the cells as text: pandas reads typed, and forgets how a value was written. What Arrow
does not say (where rows start that follow a quoted line break or a blank line, a quote that is not
closed, a row too long or too short) Python's csv reader finds in the files that need it.
"""

from __future__ import annotations

import codecs
import csv
import re
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from stanchion.datasets.faults import at_rows, stop
from stanchion.datasets.values import NUMBER
from stanchion.errors import DataError, Fault
from stanchion.system.files import require_file

TABLES = (".csv", ".tsv", ".parquet")
_QUOTED = re.compile(r'"[^"]*"')
_BLANKS = (b" ", b"\t", b"\v", b"\f", b"\x1c", b"\x1d", b"\x1e", b"\x1f")
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Raw:
    """Some columns of a table: text, or int64 and float64; null is a missing value.

    `lines` gives the line of each row in a text file, else its number from 1. `as_numbers` is
    whether the text of some column was read as numbers.
    """

    path: Path
    lines: pd.Index[int]
    cells: dict[str, pa.ChunkedArray]
    as_numbers: bool = False

    def location(self, row: int) -> str:
        """Return where a row stands."""
        return location(self.path, self.lines[row])

    def take(self, rows: NDArray[np.bool_]) -> Raw:
        """Return the chosen rows."""
        chosen = pa.array(rows)
        cells = {name: column.filter(chosen) for name, column in self.cells.items()}
        return replace(self, lines=self.lines[rows], cells=cells)

    def text(self, column: str, row: int) -> str:
        """Return a cell as a text file would hold it."""
        return str(_as_text(self.cells[column][row].as_py()))


def location(path: Path, line: int) -> str:
    """Return a place in a file as messages show it."""
    return f"{path}, row {line}" if _is_parquet(path) else f"{path}:{line}"


def _as_text(value: object) -> str | None:
    """Return a typed cell as the text that a .csv would hold."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    return str(value).strip()


def read_header(path: Path) -> tuple[str, ...]:
    """Return a table's column names.

    Raises:
        DataError: the file is not there, is no table, is not UTF-8 or has no header.
    """
    if path.suffix.lower() not in TABLES:
        raise DataError(
            f"{path} is not a table", allowed=", ".join(TABLES), todo="save the table as .csv"
        )
    try:
        require_file(path)
        if _is_parquet(path):
            return tuple(_parquet(path, lambda file: file.schema_arrow.names))
        return tuple(_header(path)[0])
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}", todo="correct `path:`") from None


def read_columns(
    path: Path, names: Sequence[str], missing: Sequence[str], reals: Collection[str] = ()
) -> Raw:
    """Return the named columns; a cell whose text is one of `missing` becomes null.

    Columns of `reals` come as float64 where the file allows it: that is faster, and smaller.

    Raises:
        DataError: a name stands in the header twice, or a row has too many or too few cells.
    """
    header = read_header(path)
    twice = [name for name in names if header.count(name) > 1]
    stop([Fault(f"{path} has more than one column `{name}`") for name in twice])
    if _is_parquet(path):
        rows, table = _parquet(
            path, lambda f: (f.metadata.num_rows, f.read(list(names), use_threads=False))
        )
        lines: pd.Index[int] = pd.RangeIndex(1, 1 + rows)
        cells, as_numbers = {name: _plain(table.column(name)) for name in names}, False
    else:
        lines, cells = _text_columns(path, names, missing, reals)
        as_numbers = any(column.type != pa.string() for column in cells.values())
    cells = {name: _without(cells[name], missing) for name in names}
    return Raw(path, lines, cells, as_numbers)


def distinct(cells: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int32]]:
    """Return the distinct texts of a column, and each row's index among them, −1 if missing."""
    encoded = cells.combine_chunks().dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy()
    return [str(_as_text(value)) for value in encoded.dictionary.to_pylist()], codes


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


@dataclass(frozen=True)
class _Bytes:
    """A text file's number of lines, and whether it holds any quote, lone return or blank."""

    lines: int
    quotes: bool
    returns: bool
    blanks: bool


def _scan(path: Path) -> _Bytes:
    """Look through a file, block by block.

    Raises:
        DataError: it is not UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    lines, end, quotes, returns, blanks = 0, b"\n", False, False, False
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                block += file.read(1) if block.endswith(b"\r") else b""
                decoder.decode(block)
                lines, end = lines + block.count(b"\n"), block[-1:]
                quotes = quotes or b'"' in block
                returns = returns or block.count(b"\r") > block.count(b"\r\n")
                blanks = blanks or not block.isascii() or any(sign in block for sign in _BLANKS)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error) from None
    return _Bytes(lines + (end != b"\n"), quotes, returns, blanks)


def _text_columns(
    path: Path, names: Sequence[str], missing: Sequence[str], reals: Collection[str]
) -> tuple[pd.Index[int], dict[str, pa.ChunkedArray]]:
    """Return the lines of rows and the cells of columns, stripped.

    Arrow reads numbers with blanks around them, so that ` -99` would not be seen to be missing.
    """
    header, end = _header(path)
    content = _scan(path)
    indices = [header.index(name) for name in names] or [0]
    texts = dict.fromkeys(indices, pa.string())
    numbers = {header.index(name): pa.float64() for name in names if name in reals}
    columns = None
    if numbers and not (content.blanks and any(re.fullmatch(NUMBER, text) for text in missing)):
        columns = _arrow_columns(path, end, len(header), texts | numbers, missing)
    if columns is None:
        columns = _arrow_columns(path, end, len(header), texts, ())
    lines: pd.Index[int] = pd.RangeIndex(end + 1, content.lines + 1)
    if columns is None or content.quotes or content.returns or len(columns[0]) != len(lines):
        lines = pd.Index(_lines(path, len(header)), dtype="int64")
    if columns is None or len(columns[0]) != len(lines):
        columns = _python_columns(path, indices)
    if content.blanks or content.quotes:
        columns = [_trimmed(column) for column in columns]
    return lines, dict(zip(names, columns, strict=False))


def _arrow_columns(
    path: Path, end: int, width: int, types: Mapping[int, pa.DataType], missing: Sequence[str]
) -> list[pa.ChunkedArray] | None:
    """Return columns by index; None where a row is too long or short, or a cell is of no type.

    The header ends on a line, and has a width.
    """
    ids = [str(index) for index in range(width)]
    try:
        table = pyarrow.csv.read_csv(
            path,
            pyarrow.csv.ReadOptions(column_names=ids, skip_rows=end, use_threads=False),
            pyarrow.csv.ParseOptions(delimiter=_separator(path), newlines_in_values=True),
            pyarrow.csv.ConvertOptions(
                column_types={ids[index]: kind for index, kind in types.items()},
                include_columns=[ids[index] for index in types],
                null_values=list(missing),
            ),
        )
    except pa.ArrowInvalid:
        return None
    return [table.column(ids[index]) for index in types]


def _python_columns(path: Path, indices: Sequence[int]) -> list[pa.ChunkedArray]:
    rows = [row for _, _, row in _records(path)][1:]
    return [pa.chunked_array([[row[index] for row in rows]], pa.string()) for index in indices]


def _lines(path: Path, cells: int) -> array[int]:
    """Return the line on which each row starts, where all rows have as many cells."""
    lines, lengths = array("q"), array("q")
    for line, _, row in _records(path):
        lines.append(line)
        lengths.append(len(row))
    short = [row for row, length in enumerate(lengths) if length != cells]
    stop(
        at_rows(
            short,
            lambda row: Fault(
                f"the row has {lengths[row]} cells",
                where=location(path, lines[row]),
                allowed=f"{cells} cells, as in the header",
            ),
            alike=lengths.__getitem__,
        )
    )
    return lines[1:]


def _header(path: Path) -> tuple[list[str], int]:
    """Return the names in the first record, and the line on which it ends."""
    for _, end, record in _records(path):
        return [cell.strip() for cell in record], end
    raise DataError(f"{path} is empty", todo="give it a header and rows")


def _records(path: Path) -> Iterator[tuple[int, int, list[str]]]:
    """Yield each record with the lines on which it starts and ends."""
    separator, line = _separator(path), 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=separator, strict=True)
            for record in reader:
                if record:
                    yield line, reader.line_num, record
                line = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error) from None
    except csv.Error as error:
        raise DataError(f"{path}:{line} cannot be read: {error}") from None


def _not_utf8(path: Path, error: UnicodeDecodeError) -> DataError:
    byte = error.object[error.start]
    return DataError(f"{path} is not UTF-8: byte {byte:#x}", todo="save it as UTF-8")


def _separator(path: Path) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        bare = _QUOTED.sub("", file.readline())
    return ";" if bare.count(";") > bare.count(",") else ","


def _parquet[T](path: Path, read: Callable[[pq.ParquetFile], T]) -> T:
    try:
        with pq.ParquetFile(path) as file:
            return read(file)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read as Parquet: {error}") from None


def _trimmed(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.utf8_trim_whitespace(cells) if cells.type == pa.string() else cells


def _plain(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return cells as int64, as float64 where NaN is missing, as pandas has it, or else as text."""
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type):
        return pc.utf8_trim_whitespace(cells.cast(pa.string()))
    if pa.types.is_integer(cells.type) and cells.type != pa.uint64():
        return cells.cast(pa.int64())
    if pa.types.is_floating(cells.type):
        cells = cells.cast(pa.float64())
        return pc.if_else(pc.is_nan(cells), pa.scalar(None, pa.float64()), cells)
    return pa.chunked_array([[_as_text(value) for value in cells.to_pylist()]], pa.string())


def _without(cells: pa.ChunkedArray, missing: Iterable[str]) -> pa.ChunkedArray:
    """Return cells that are null where their text is one of `missing`."""
    values = [value for text in missing for value in _read_as(text, cells.type)]
    absent = pc.is_in(cells, pa.array(values, cells.type))
    return (
        pc.if_else(absent, pa.scalar(None, cells.type), cells) if pc.any(absent).as_py() else cells
    )


def _read_as(text: str, kind: pa.DataType) -> list[object]:
    """Return the value of a type that reads as a text, if there is one."""
    if kind == pa.string():
        return [text]
    try:
        value = int(text) if kind == pa.int64() else float(text)
        return pa.array([value], kind).to_pylist() if str(value) == text else []
    except (ValueError, OverflowError):
        return []
