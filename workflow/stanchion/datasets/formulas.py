"""What a formula may hold, and the columns that it names.

formulaic evaluates the factors of a formula as Python, with all of Python's builtins. So before it
sees a formula, each factor is parsed, and the formula refused unless it is made of columns,
numbers, arithmetic, comparisons and the functions below. What would take for ever is refused too.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from stanchion.expressions.faults import ExpressionError

if TYPE_CHECKING:
    from formulaic.parser.types import ASTNode, Token

_SPLINE = ("x", "df", "knots", "lower_bound", "upper_bound", "constraints", "extrapolation")
FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("log", "log10", "log2", "exp", "sqrt", "I"), ("x",)),
    "center": ("data",),
    "scale": ("data", "center", "scale", "ddof"),
    "standardize": ("x", "center", "rescale", "ddof"),
    "poly": ("x", "degree", "raw"),
    "bs": (*_SPLINE[:3], "degree", "include_intercept", *_SPLINE[3:5], "extrapolation"),
    **dict.fromkeys(("cr", "cs", "cc"), _SPLINE),
    "C": ("data", "contrasts", "levels", "spans_intercept"),
}
"""Function → its parameters: the first is made of columns, the others are constants."""
CONTRASTS: Mapping[str, tuple[str, ...]] = {
    "Treatment": ("reference",),
    "Sum": (),
    "Helmert": ("reverse", "scale"),
    "Diff": ("backward",),
    "Poly": ("scores",),
    "contr.treatment": ("base",),
    "contr.SAS": ("base",),
    "contr.sum": (),
    "contr.helmert": ("reverse", "scale"),
    "contr.diff": ("backward",),
    "contr.poly": ("scores",),
    "contr.custom": ("contrasts", "names"),
}
ALLOWED = (
    "columns, numbers, arithmetic and comparisons, and the functions "
    f"{', '.join([*FUNCTIONS, *CONTRASTS])}"
)
MOST_CHARACTERS, MOST_BRACKETS, MOST_TERMS = 10_000, 50, 10_000
LIMITS = {"df": 1000, "degree": 20}
_MOST_POWER = 20
_OPERATORS = frozenset("~+-*/:^|")
_PLAIN = frozenset("_. \t\n~+-*/^:|()[],'\"`%=<>!")
_NOT_QUOTED = frozenset("\\{}`'\"")
_QUOTED = re.compile(r"`([^`]*)`")
_HIDDEN = re.compile(r"(?<!\w)__\w*")
_MARKUP = re.compile(r"\x1b\[[0-9;]*m|⧛|⧚")
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)


@cache
def formula_columns(formula: str) -> tuple[str, ...]:
    """Return the columns that a formula names, in order of appearance.

    Raises:
        ExpressionError: it holds more than a formula may, or is larger than any that is meant.
    """
    _scan(formula)
    from formulaic.errors import FormulaicError
    from formulaic.parser.algos.tokenize import tokenize

    columns: dict[str, None] = {}
    try:
        for token in tokenize(formula):
            columns |= dict.fromkeys(_columns(token))
        _bound_terms(formula)
    except (FormulaicError, SyntaxError, ValueError, ArithmeticError, MemoryError) as error:
        raise ExpressionError(f"the formula cannot be read: {plain(error)}", ALLOWED) from None
    except RecursionError:
        raise ExpressionError("the formula is nested too deeply", ALLOWED) from None
    return tuple(columns)


def plain(error: BaseException) -> str:
    """Return the first line of a message of formulaic's, without its markup."""
    return (_MARKUP.sub("", str(error)).strip() or type(error).__name__).splitlines()[0]


def _scan(formula: str) -> None:
    """Refuse characters that begin what is not a formula, and too much of the others."""
    if len(formula) > MOST_CHARACTERS:
        what = f"the formula has {len(formula)} characters"
        raise ExpressionError(what, f"at most {MOST_CHARACTERS}")
    if "``" in formula:
        _refuse("``")
    quote, depth = "", 0
    for character in formula:
        if quote:
            quote = "" if character == quote else quote
            good = not quote or (character.isprintable() and character not in _NOT_QUOTED)
        else:
            good = character.isalnum() or character in _PLAIN
            quote = character if character in "'\"`" else ""
            depth += (character in "([") - (character in ")]")
        if not good:
            _refuse(character)
        if depth > MOST_BRACKETS:
            what = f"the formula has more than {MOST_BRACKETS} brackets within one another"
            raise ExpressionError(what)


def _columns(token: Token) -> Iterable[str]:
    """Return the columns that a token of a formula names; refuse what no formula needs."""
    text, kind = token.token, token.kind
    if text == ".":
        raise ExpressionError("`.` names no column", todo="write the columns out")
    if kind is token.Kind.OPERATOR:
        if not (_OPERATORS.issuperset(text) or text == "in"):
            _refuse(text)
    elif kind is token.Kind.PYTHON:
        return _Factor(text).columns
    elif kind is token.Kind.NAME:
        return [_column(text)]
    elif text[:1] in "[]'\"":
        _refuse(text)
    return []


def _column(name: str) -> str:
    if not name.strip() or name.startswith("__"):
        _refuse(name)
    return name


def _refuse(part: str) -> NoReturn:
    shown = part if len(part) <= 60 else f"{part[:60]}…"
    raise ExpressionError(f"`{shown}` may not stand in a formula", ALLOWED)


class _Factor:
    """The columns of one factor, such as `scale(log(age))`, whose every node is looked at."""

    def __init__(self, text: str) -> None:
        quoted = _QUOTED.findall(text)
        self.quoted = {f"__q{index}": _column(name) for index, name in enumerate(quoted)}
        names = iter(self.quoted)
        self.columns: list[str] = []
        if hidden := _HIDDEN.search(_QUOTED.sub("", text)):
            _refuse(hidden[0])
        self._numbers(ast.parse(_QUOTED.sub(lambda _: f" {next(names)} ", text), mode="eval").body)

    def _numbers(self, node: ast.expr) -> None:
        """Accept what has a number a row."""
        match node:
            case ast.Name(id=name):
                self.columns.append(self.quoted.get(name) or _column(name))
            case ast.Constant(value=value) if _is_number(value):
                pass
            case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=operand):
                self._numbers(operand)
            case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _ARITHMETIC):
                self._arithmetic(node, left, op, right)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                self._comparison(node, left, op, right)
            case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS:
                self._call(node, FUNCTIONS[name])
            case _:
                self._refuse(node)

    def _arithmetic(
        self, node: ast.expr, left: ast.expr, op: ast.operator, right: ast.expr
    ) -> None:
        before = len(self.columns)
        self._numbers(left)
        self._numbers(right)
        if isinstance(op, ast.Pow) and len(self.columns) == before:
            self._refuse(node)

    def _comparison(self, node: ast.expr, left: ast.expr, op: ast.cmpop, right: ast.expr) -> None:
        if not isinstance(op, _COMPARISONS):
            self._refuse(node)
        for side in (left, right):
            if not (isinstance(side, ast.Constant) and isinstance(side.value, str)):
                self._numbers(side)

    def _call(self, node: ast.Call, parameters: tuple[str, ...]) -> None:
        """Accept a call: numbers first, then constants, or contrasts where it takes them."""
        for index, (name, value) in enumerate(self._arguments(node, parameters)):
            if index == 0:
                self._numbers(value)
            elif name == "contrasts":
                self._contrasts(value)
            else:
                self._setting(name, value)

    def _arguments(
        self, node: ast.Call, parameters: tuple[str, ...]
    ) -> Iterable[tuple[str, ast.expr]]:
        named = [(str(keyword.arg), keyword.value) for keyword in node.keywords]
        if len(node.args) > len(parameters) or any(name not in parameters for name, _ in named):
            text = self._shown(node)
            allowed = f"{ast.unparse(node.func)}({', '.join(parameters)})"
            raise ExpressionError(f"`{text}` has an argument that it cannot have", allowed)
        return [*zip(parameters, node.args, strict=False), *named]

    def _setting(self, name: str, value: ast.expr) -> None:
        if not _is_constant(value):
            self._refuse(value)
        limit = LIMITS.get(name)
        constant = ast.literal_eval(value)
        if limit is not None and isinstance(constant, int | float) and not 0 <= constant <= limit:
            what = f"`{name}={self._shown(value)}` in a formula"
            raise ExpressionError(what, f"{name} from 0 to {limit}")

    def _contrasts(self, node: ast.expr) -> None:
        called = node.func if isinstance(node, ast.Call) else node
        name = ast.unparse(called) if isinstance(called, ast.Name | ast.Attribute) else ""
        if name not in CONTRASTS or (name == "Treatment" and called is node):
            if not _is_constant(node):
                self._refuse(node)
        elif isinstance(node, ast.Call):
            for parameter, value in self._arguments(node, CONTRASTS[name]):
                self._setting(parameter, value)

    def _refuse(self, node: ast.expr) -> NoReturn:
        _refuse(self._shown(node))

    def _shown(self, node: ast.AST) -> str:
        text = ast.unparse(node)
        for alias, name in self.quoted.items():
            text = text.replace(alias, f"`{name}`")
        return text


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def _is_constant(node: ast.expr) -> bool:
    """Whether a node is a constant, a negative number, or a list of such."""
    match node:
        case ast.Constant(value=value):
            return value is None or isinstance(value, str | bool) or _is_number(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=value)):
            return _is_number(value)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return all(_is_constant(item) for item in items)
        case _:
            return False


def _bound_terms(formula: str) -> None:
    """Refuse a formula whose products and powers expand to more terms than are ever meant."""
    from formulaic.parser import DefaultFormulaParser
    from formulaic.parser.types import ASTNode

    root = DefaultFormulaParser().get_ast(formula)
    nodes = [root] if isinstance(root, ASTNode) else []
    for node in nodes:
        nodes.extend(arg for arg in node.args if isinstance(arg, ASTNode))
    counts: dict[int, int] = {}
    for node in reversed(nodes):
        counts[id(node)] = _count(node, [counts.get(id(arg), 1) for arg in node.args])
        if counts[id(node)] > MOST_TERMS:
            raise ExpressionError(
                f"the formula expands to more than {MOST_TERMS} terms",
                todo="write those that are meant, such as a + b + a:b",
            )


def _count(node: ASTNode[Any], counts: list[int]) -> int:
    """Return how many terms a node has at most, by those of its arguments."""
    symbol = node.operator.symbol
    if len(counts) < 2:
        return sum(counts)
    left, right = counts
    if symbol in ("**", "^"):
        power = str(list(node.args)[1])
        if not power.isdecimal():
            return left
        return left ** int(power) if int(power) <= _MOST_POWER else MOST_TERMS + 1
    products = {"*": left + right + left * right, ":": left * right, "-": left}
    return products.get(symbol, left + right)
