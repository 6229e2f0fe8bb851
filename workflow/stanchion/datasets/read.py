"""Tables as text: every cell as it stands in the file, with the line it stands on.

Cells are stripped of blanks; blank lines are skipped. A .tsv is separated by tabs. A .csv is
separated by commas, or by semicolons where its header has more semicolons than commas outside
quotes. Text is UTF-8, with or without a byte order mark.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path

from stanchion.datasets.faults import stop
from stanchion.errors import DataError, Fault
from stanchion.system.files import require_file

TABLES = (".csv", ".tsv", ".parquet")
_QUOTED = re.compile(r'"[^"]*"')


@dataclass(frozen=True)
class Raw:
    """Some columns of a table; a cell is None where the value is missing."""

    path: Path
    lines: list[int]
    cells: dict[str, list[str | None]]

    def place(self, row: int) -> str:
        """Return where a row stands: its line in a text file, else its number from 1."""
        return place(self.path, self.lines[row])


def place(path: Path, line: int) -> str:
    """Return a place in a file as messages show it."""
    return f"{path}, row {line}" if _suffix(path) == ".parquet" else f"{path}:{line}"


def _suffix(path: Path) -> str:
    return path.suffix.lower()


def read_header(path: Path) -> tuple[str, ...]:
    """Return a table's column names.

    Raises:
        DataError: the file is not there, is no table, is not UTF-8 or has no header.
    """
    if _suffix(path) not in TABLES:
        raise DataError(
            f"{path} is not a table", allowed=", ".join(TABLES), todo="save the table as .csv"
        )
    try:
        require_file(path)
        if _suffix(path) == ".parquet":
            return _parquet_header(path)
        _, header = next(_records(path))
    except StopIteration:
        raise DataError(f"{path} is empty", todo="give it a header and rows") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}", todo="correct `path:`") from None
    return tuple(header)


def read_columns(path: Path, names: Sequence[str], missing: Sequence[str]) -> Raw:
    """Return the named columns; a cell whose text is one of `missing` becomes None.

    Raises:
        DataError: a name stands in the header twice, or a row has too many or too few cells.
    """
    header = read_header(path)
    twice = [name for name in names if header.count(name) > 1]
    stop([Fault(f"{path} has more than one column `{name}`") for name in twice])
    gone = set(missing)
    if _suffix(path) == ".parquet":
        lines, columns = _parquet_columns(path, names)
    else:
        lines, columns = _text_columns(path, header, names)
    cells = {n: [None if c is None or c in gone else c for c in columns[n]] for n in names}
    return Raw(path, lines, cells)


def _text_columns(
    path: Path, header: Sequence[str], names: Sequence[str]
) -> tuple[list[int], dict[str, list[str | None]]]:
    places = {name: header.index(name) for name in names}
    columns: dict[str, list[str | None]] = {name: [] for name in names}
    lines, faults = [], []
    records = _records(path)
    next(records)
    for line, row in records:
        if len(row) != len(header):
            where, allowed = place(path, line), f"{len(header)} cells, as in the header"
            faults.append(Fault(f"the row has {len(row)} cells", where=where, allowed=allowed))
            continue
        lines.append(line)
        for name, index in places.items():
            columns[name].append(row[index])
    stop(faults)
    return lines, columns


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the line on which it starts."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            separator = _separator(path, file.readline())
            file.seek(0)
            reader = csv.reader(file, delimiter=separator, strict=True)
            line = 1
            for record in reader:
                if record:
                    yield line, [cell.strip() for cell in record]
                line = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8: byte {error.object[error.start]:#x}", todo="save it as UTF-8"
        ) from None
    except csv.Error as error:
        raise DataError(f"{path}:{line} cannot be read: {error}") from None


def _separator(path: Path, header: str) -> str:
    if _suffix(path) == ".tsv":
        return "\t"
    bare = _QUOTED.sub("", header)
    return ";" if bare.count(";") > bare.count(",") else ","


def _parquet_header(path: Path) -> tuple[str, ...]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return tuple(pq.read_schema(path).names)
    except pa.ArrowInvalid as error:
        raise DataError(f"{path} cannot be read as Parquet: {error}") from None


def _parquet_columns(
    path: Path, names: Sequence[str]
) -> tuple[list[int], dict[str, list[str | None]]]:
    import pyarrow.parquet as pq

    rows = pq.read_metadata(path).num_rows
    table = pq.read_table(path, columns=list(names))
    columns = {name: [_as_text(v) for v in table.column(name).to_pylist()] for name in names}
    return list(range(1, 1 + rows)), columns


def _as_text(value: object) -> str | None:
    """Return a typed cell as the text that a .csv would hold; NaN is missing, as pandas has it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    return str(value).strip()
