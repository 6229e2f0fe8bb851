"""What stands right of a Stan variable in `stan:`, as a small tree.

age                          a column
[age, height]                a matrix of columns
3 · [1, 2] · [[1, 0], …]     a constant
nrow() · nlevels(c)          how many rows, how many levels
ncol(X)                      how many columns the Stan variable X has
index(c)                     which level, from 1
design("~ x + z")            a design matrix
counties.uranium(county)     one value a level of county, from dataset counties
new.X · new.nrow()           this mapping's X, or an expression, for the rows of dataset new
log(x) / 2 · x == 'yes'      anything else of the language of `stanchion.expressions`
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from stanchion.datasets.formulas import formula_columns
from stanchion.datasets.values import parse_number
from stanchion.expressions.catalogue import FUNCTIONS
from stanchion.expressions.faults import ExpressionError, at_character, suggestion
from stanchion.expressions.parser import Vocabulary
from stanchion.expressions.parser import parse as parse_tree
from stanchion.expressions.tree import Call, Name, Node, Number, Text, parts, walk
from stanchion.schema import references

SIGNATURES = {name: FUNCTIONS[name].signature for name in references.FUNCTIONS}
"""The functions that also stand behind another dataset's name, as in `new.index(c)`."""


@dataclass(frozen=True)
class Constant:
    """A number, or a nested list of numbers."""

    value: object


@dataclass(frozen=True)
class Column:
    """A column of numbers."""

    name: str


@dataclass(frozen=True)
class Columns:
    """Several columns of numbers, side by side."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class RowCount:
    """How many rows there are."""


@dataclass(frozen=True)
class ColumnCount:
    """How many columns a Stan variable of this mapping has."""

    variable: str


@dataclass(frozen=True)
class LevelCount:
    """How many levels a column has."""

    column: str


@dataclass(frozen=True)
class Index:
    """Each row's level, counted from 1."""

    column: str


@dataclass(frozen=True)
class DesignMatrix:
    """The design matrix of a formula."""

    formula: str


@dataclass(frozen=True)
class Lookup:
    """One value of another dataset's column for each level of `by`."""

    dataset: str
    column: str
    by: str


@dataclass(frozen=True)
class Applied:
    """An expression, or a Stan variable of this mapping, for the rows of another dataset."""

    dataset: str
    of: Expression | str


@dataclass(frozen=True)
class Derived:
    """Anything else that the language can say of the columns."""

    source: str
    tree: Node = field(compare=False)


Expression = (
    Constant
    | Column
    | Columns
    | RowCount
    | ColumnCount
    | LevelCount
    | Index
    | DesignMatrix
    | Lookup
    | Applied
    | Derived
)


@dataclass(frozen=True)
class Names:
    """The names that an expression may use: the table's columns and the other datasets."""

    columns: Collection[str]
    datasets: Collection[str]


class AnyColumns(Collection[str]):
    """The columns of a table that nobody has seen: those that are declared, and any plain word."""

    def __init__(self, declared: Collection[str]) -> None:
        self._declared = declared

    def __contains__(self, name: object) -> bool:
        """Tell whether the table may have a column of this name."""
        return name in self._declared or (isinstance(name, str) and name.isidentifier())

    def __iter__(self) -> Iterator[str]:
        """Yield those that are declared."""
        return iter(self._declared)

    def __len__(self) -> int:
        """Return the number of those that are declared."""
        return len(self._declared)


def parse(declared: object, names: Names) -> Expression:
    """Return the expression that a value of `stan:` stands for.

    Raises:
        ExpressionError: it is no expression; the message says at which character.
    """
    if isinstance(declared, str):
        return _parse_text(declared, names)
    if isinstance(declared, list):
        return _parse_list(declared, names)
    return Constant(declared)


def _parse_text(declared: str, names: Names) -> Expression:
    bare = declared.strip()
    if declared in names.columns:
        return Column(declared)
    if bare in names.columns and not _dotted(bare, names)[0]:
        return Column(bare)
    if _is_number(bare, names):
        return Constant(parse_number(bare))
    vocabulary = Vocabulary(FUNCTIONS, names.columns, names.datasets)
    tree = parse_tree(declared, vocabulary)
    match tree:
        case Name(name, ()):
            dataset, variable = _dotted(name, names)
            return Applied(dataset, variable) if dataset else Column(name)
        case Number(value):
            return Constant(value)
        case Call(function, arguments):
            known = _called(function, arguments, names)
            if known is not None:
                return known
    _hold(declared, tree, names)
    return Derived(declared, tree)


def _called(function: str, arguments: tuple[Node, ...], names: Names) -> Expression | None:
    """Return a call that is an expression of its own, None where it is one of the language's."""
    names_or_texts = [node for node in arguments if isinstance(node, Name | Text)]
    texts = [node.name if isinstance(node, Name) else node.value for node in names_or_texts]
    dataset, name = _dotted(function, names)
    if dataset and name not in SIGNATURES:
        return Lookup(dataset, name, texts[0])
    if name not in SIGNATURES:
        return None
    making: dict[str, Callable[..., Expression]] = {
        "nrow": RowCount,
        "ncol": ColumnCount,
        "nlevels": LevelCount,
        "index": Index,
        "design": _design,
    }
    made = making[name](*texts)
    return Applied(dataset, made) if dataset else made


def _hold(source: str, tree: Node, names: Names) -> None:
    """Refuse names that are no columns, and what stands only alone."""
    if isinstance(tree, Text):
        raise at_character(source, tree.span[0], "a text is no number", "a column, without quotes")
    for node in walk(tree):
        match node:
            case Call(function) if _dotted(function, names)[0] or function == "design":
                what, todo = f"`{function}(…)` stands alone", "give it a Stan variable of its own"
                raise at_character(source, node.span[0], what, "nothing beside it", todo)
            case Name(name) if _dotted(name, names)[0] and name not in names.columns:
                what = f"`{name}` stands alone"
                todo = "give the whole expression a Stan variable of its own, and apply that"
                raise at_character(source, node.span[0], what, "nothing beside it", todo)
    for column in columns_of(tree):
        if column.name not in names.columns:
            allowed = f"its columns: {', '.join(sorted(names.columns))}"
            what = f"there is no column `{column.name}`"
            near = suggestion(column.name, names.columns)
            raise at_character(source, column.span[0], what, allowed, near)
        if column.labels:
            what = f"column `{column.name}` takes no brackets"
            raise at_character(source, column.span[0], what, "the column as a whole")


def columns_of(tree: Node) -> list[Name]:
    """Return the names of columns in a tree, from left to right; `ncol` takes none."""
    nodes = list(walk(tree))
    counted = [n for n in nodes if isinstance(n, Call) and n.function == "ncol"]
    variables = {id(argument) for call in counted for argument in parts(call)}
    return [node for node in nodes if isinstance(node, Name) and id(node) not in variables]


def _dotted(text: str, names: Names) -> tuple[str, str]:
    dataset, dot, name = text.partition(".")
    return (dataset, name) if dot and name and dataset in names.datasets else ("", text)


def _design(formula: str) -> DesignMatrix:
    formula_columns(formula)
    return DesignMatrix(formula)


def _parse_list(declared: list[object], names: Names) -> Expression:
    texts = [str(item) for item in declared if isinstance(item, str)]
    if texts and len(texts) == len(declared) and not all(_is_number(text, names) for text in texts):
        return Columns(tuple(texts))
    return Constant(_constant(declared, names))


def _constant(declared: object, names: Names) -> object:
    if isinstance(declared, list):
        return [_constant(item, names) for item in declared]
    if not isinstance(declared, str):
        return declared
    if not _is_number(declared, names):
        raise ExpressionError(
            f"a list of numbers holds {declared!r}", "a list of numbers, or a list of columns"
        )
    return parse_number(declared)


def _is_number(text: str, names: Names) -> bool:
    """Whether a text is a number: YAML reads `1e-3` as one, and leaves it a text."""
    try:
        parse_number(text)
    except ValueError:
        return False
    return text not in names.columns
