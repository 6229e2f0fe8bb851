"""Expressions: what each stands for, and what a bad one says."""

from __future__ import annotations

import pytest

from stanchion.datasets.expressions import (
    Applied,
    Column,
    ColumnCount,
    Columns,
    Constant,
    DesignMatrix,
    ExpressionError,
    Index,
    LevelCount,
    Lookup,
    Names,
    RowCount,
    parse,
)
from stanchion.datasets.formulas import formula_columns

NAMES = Names({"age", "body mass", "Sepal.Length", "2024"}, {"counties", "new"})


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("age", Column("age")),
        (" age ", Column("age")),
        ("body mass", Column("body mass")),
        ("Sepal.Length", Column("Sepal.Length")),
        ("2024", Column("2024")),
        (["age", "body mass"], Columns(("age", "body mass"))),
        (["age"], Columns(("age",))),
        (3, Constant(3)),
        (0.5, Constant(0.5)),
        ("1e-3", Constant(0.001)),
        ([1, 2.5], Constant([1, 2.5])),
        ([["1e-3", 2], [3, 4]], Constant([[0.001, 2], [3, 4]])),
        (["1e-3", "2e5"], Constant([0.001, 200000.0])),
        ([], Constant([])),
        ("nrow()", RowCount()),
        ("nrow( )", RowCount()),
        ("ncol(X)", ColumnCount("X")),
        ("nlevels(age)", LevelCount("age")),
        ("index( Sepal.Length )", Index("Sepal.Length")),
        ('index("body mass")', Index("body mass")),
        ('design("~ 0 + scale(age)")', DesignMatrix("~ 0 + scale(age)")),
        ("design(~age+I)", DesignMatrix("~age+I")),
        ("design('~ `body mass`')", DesignMatrix("~ `body mass`")),
        ("counties.uranium(age)", Lookup("counties", "uranium", "age")),
        ("new.X", Applied("new", "X")),
        ("new.nrow()", Applied("new", RowCount())),
        ("new.index(age)", Applied("new", Index("age"))),
    ],
)
def test_what_an_expression_stands_for(declared: object, expected: object) -> None:
    """Each kind of expression parses to its node; a column's exact name comes first."""
    assert parse(declared, NAMES) == expected


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ("index(age", "`index(age`: the end at character 10"),
        ("index(age))", "`)` at character 11"),
        ("index(age other)", "`other` at character 11"),
        ("index(age, other)", "2 arguments at character 1"),
        ("nrow(age)", "`age` at character 6"),
        ("ncol()", "0 arguments at character 1"),
        ('design("~ age)', '`"` at character 8'),
        ("age + ", "the end at character 7"),
        ("age + counties.u(age)", "`counties.u(…)` stands alone at character 7"),
        ("2 * new.X", "`new.X` stands alone at character 5"),
        ("log(agee)", "there is no column `agee` at character 5"),
        ("age[1] + 1", "column `age` takes no brackets at character 1"),
        ("'age'", "a text is no number at character 1"),
        ("[age]", "`[` at character 1"),
        ("average(age)", "there is no function `average` at character 1"),
        ("other.x(age)", "there is no function `other.x`"),
    ],
)
def test_a_bad_expression_says_where(declared: str, says: str) -> None:
    """The message holds the expression, the character and what is allowed there."""
    with pytest.raises(ExpressionError) as caught:
        parse(declared, NAMES)
    assert says in str(caught.value)
    assert declared in str(caught.value)
    assert caught.value.allowed


@pytest.mark.parametrize(
    ("declared", "meant"),
    [("nrows()", "nrow"), ("idnex(age)", "index"), ("county.u(a)", "counties")],
)
def test_an_unknown_function_names_the_nearest(declared: str, meant: str) -> None:
    """The nearest function or dataset is named."""
    with pytest.raises(ExpressionError) as caught:
        parse(declared, NAMES)
    assert caught.value.todo == f"did you mean `{meant}`?"


def test_numbers_and_columns_do_not_mix() -> None:
    """A list holds numbers or columns."""
    with pytest.raises(ExpressionError, match="a list of numbers holds 'age'"):
        parse([1, "age"], NAMES)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("~ 0 + scale(age)*sex + bs(t, df=5)", ["age", "sex", "t"]),
        ("~ log(x) + I(x**2 + z) - 1", ["x", "z"]),
        ("~ C(s, contr.treatment(base='m')) + log", ["s", "log"]),
        ("~ `body mass`:x + C(g, Sum)", ["body mass", "x", "g"]),
        ("~ x.str", ["x.str"]),
        ("~ bs(x, include_intercept=True, knots=[1e5, 2.e3])", ["x"]),
    ],
)
def test_columns_that_a_formula_names(formula: str, expected: list[str]) -> None:
    """Functions, modules, keywords, texts and numbers are no columns."""
    assert list(formula_columns(formula)) == expected
