"""The language of expressions: what it reads, what it refuses, and what comes out of it."""

from __future__ import annotations

import random
import re
import sys
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stanchion.expressions.arrays import Arrays
from stanchion.expressions.catalogue import FUNCTIONS, OF_NUMBERS
from stanchion.expressions.check import Axis, Kind, check
from stanchion.expressions.evaluate import UndefinedError, evaluate
from stanchion.expressions.faults import ExpressionError
from stanchion.expressions.parser import MOST_NESTED, MOST_OPERATIONS, Vocabulary, parse
from stanchion.expressions.tokens import MOST_CHARACTERS
from stanchion.expressions.tree import Binary, Call, Name, Number, Text, Unary

DRAWS = np.random.default_rng(20261121)
SCHOOL = Axis("school", 3, ("A", "B", "C"))


POSTERIOR = Arrays(
    {
        "mu": Kind("real"),
        "n": Kind("int"),
        "theta": Kind("real", (SCHOOL,)),
        "other": Kind("real", (Axis("state", 2),)),
        "Omega": Kind("real", (SCHOOL, Axis("time", 2))),
    },
    {
        "mu": DRAWS.normal(size=(4, 50)),
        "n": DRAWS.integers(-9, 9, size=(4, 50)),
        "theta": DRAWS.normal(size=(4, 50, 3)),
        "other": DRAWS.normal(size=(4, 50, 2)),
        "Omega": DRAWS.normal(size=(4, 50, 3, 2)),
    },
)
NUMBERS = Vocabulary(OF_NUMBERS)


def value(source: str, draws: Arrays = POSTERIOR) -> NDArray[Any]:
    return evaluate(check(source, parse(source, NUMBERS), draws), draws)


def refused(source: str, draws: Arrays = POSTERIOR) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        value(source, draws)
    assert " at character " in str(caught.value)
    return caught.value


A, B, C = Name("a"), Name("b"), Name("c")


@pytest.mark.parametrize(
    ("source", "tree"),
    [
        ("a - b - c", Binary("-", Binary("-", A, B), C)),
        ("a + b * c", Binary("+", A, Binary("*", B, C))),
        ("a ^ b ^ c", Binary("^", A, Binary("^", B, C))),
        ("-a ^ b", Unary("-", Binary("^", A, B))),
        ("a ^ -b * c", Binary("*", Binary("^", A, Unary("-", B)), C)),
        ("not a < b and c", Binary("and", Unary("not", Binary("<", A, B)), C)),
        ("a or b and c", Binary("or", A, Binary("and", B, C))),
        ("a + b < c", Binary("<", Binary("+", A, B), C)),
        ("(a + b) * c", Binary("*", Binary("+", A, B), C)),
        ("theta['x:y', 2]", Name("theta", ("x:y", 2))),
        ('`odd name` == "it\'s"', Binary("==", Name("odd name"), Text("it's"))),
        ("log(1e-3)", Call("log", (Number(0.001),))),
        ("index(`body mass`)", Call("index", (Name("body mass"),))),
        ("quantile(a, .5)", Call("quantile", (A, Number(0.5)))),
    ],
)
def test_how_an_expression_is_read(source: str, tree: object) -> None:
    """Precedence and associativity are the usual ones; names and texts are as written."""
    assert parse(source) == tree


@pytest.mark.parametrize(
    ("source", "says", "help_"),
    [
        ("0 < mu < 1", "`<` at character 8", "write `a < b and b < c` for `a < b < c`"),
        ("mu = 1", "`=` at character 4", "write `==` to compare"),
        ("mu ** 2", "`*` at character 5", "write `^` for a power"),
        ("mu & n", "`&` at character 4", "write `and`"),
        ("mu + 'a", "`'` at character 6", "close the quotes"),
        ("2mu", "`mu` at character 2", None),
        ("1e999", "`1e999` at character 1", None),
        ("9007199254740993", "`9007199254740993` at character 1", None),
        ("theta[1:3]", "`:` at character 8", "name elements one by one: there are no ranges"),
        ("1 + not mu", "`not` at character 5", "put `not …` in brackets"),
        ("meen(theta)", "there is no function `meen` at character 1", "did you mean `mean`?"),
        ("nrow()", "there is no function `nrow` at character 1", None),
        ("mu + thta", "there is no `thta` at character 6", "did you mean `theta`?"),
        ("theta['a']", "`theta` has no label 'a' at character 1", "did you mean `A`?"),
        ("theta[4]", "`theta` has no position 4 at character 1", None),
        ("theta[0]", "`theta` has no position 0 at character 1", None),
        ("theta[1, 2]", "`theta` has 2 in its brackets at character 1", None),
        ("other['NY']", "`other` has no labels along state at character 1", None),
        ("mu[1]", "`mu` is one number, and takes no brackets at character 1", None),
        ("theta[mu]", "`mu` at character 7", None),
        ("theta + other", "do not have the same shape at character 9", None),
        ("mean(mu)", "`mu` is one number, and mean() is of several at character 1", None),
        ("quantile(theta, 5)", "`5` in quantile(x, p) at character 17", None),
        ("mu and n", "`mu` holds real numbers, and is no condition at character 1", None),
        ("mu == 'a'", "`mu` (real numbers) cannot be compared with `'a'` (texts)", None),
        ("'a' + mu", "`'a'` holds texts, not numbers at character 1", None),
        ("log(mu, n)", "2 arguments at character 1", None),
        ("mu.__class__", "there is no `mu.__class__` at character 1", None),
        ("().x", "`)` at character 2", None),
        ("", "the end at character 1", None),
    ],
)
def test_what_is_refused(source: str, says: str, help_: str | None) -> None:
    """One sentence: which character, what is wrong there, and the nearest that is right."""
    error = refused(source)
    assert says in str(error)
    if help_:
        assert error.todo == help_


@pytest.mark.parametrize(
    ("source", "allowed"),
    [("log(mu", "`)`"), ("quantile(theta 0.5)", "`,`"), ("quantile(theta, 0.5", "`)`")],
)
def test_an_open_call_says_what_is_missing(source: str, allowed: str) -> None:
    """The bracket where the function has all its arguments, else the comma."""
    assert refused(source).allowed == allowed


def test_values_over_draws() -> None:
    """Chain × draw × shape: one number a draw goes beside several; reductions are of the shape."""
    d = POSTERIOR.arrays
    same = np.testing.assert_array_equal
    same(value("theta['A'] - theta['C']"), d["theta"][..., 0] - d["theta"][..., 2])
    same(value("theta[2]"), d["theta"][..., 1])
    same(value("Omega['C', 1]"), d["Omega"][..., 2, 0])
    same(value("theta - mu"), d["theta"] - d["mu"][..., None])
    same(value("mu > 0 and not n >= 3"), (d["mu"] > 0) & ~(d["n"] >= 3))
    same(value("max(theta)"), d["theta"].max(axis=2))
    same(value("min(Omega)"), d["Omega"].min(axis=(2, 3)))
    close = np.testing.assert_allclose
    close(value("mean(theta)"), d["theta"].mean(axis=2), rtol=1e-12, atol=1e-15)
    close(value("sd(Omega)"), d["Omega"].std(axis=(2, 3), ddof=1), rtol=1e-12)
    close(value("median(theta)"), np.median(d["theta"], axis=2))
    close(value("quantile(Omega, 0.3)"), np.quantile(d["Omega"], 0.3, axis=(2, 3)))
    close(value("sum(theta > mu)"), (d["theta"] > d["mu"][..., None]).sum(axis=2))
    close(value("inv_logit(theta)"), 1 / (1 + np.exp(-d["theta"])))
    close(value("logit(inv_logit(mu))"), d["mu"], atol=1e-12)
    assert value("n * 2 - n").dtype == np.int64 and value("n / 1").dtype == np.float64


@pytest.mark.parametrize("source", ["mu > 0", "mu + 1", "max(theta)", "sum(theta > 0)"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_draw_that_is_no_number_is_never_compared(source: str, bad: float) -> None:
    """NaN is neither more nor less than 0: it stops instead of counting as no."""
    arrays = {**POSTERIOR.arrays, "mu": np.array([[1.0, bad]]), "theta": np.array([[[1.0, bad]]])}
    with pytest.raises(UndefinedError):
        value(source, Arrays(POSTERIOR.kinds, arrays))


def test_integers_are_exact_or_refused() -> None:
    """Up to 2^53 they are those of Python, beyond they are said to be too large."""
    draws = Arrays({"i": Kind("int", (Axis("rows"),))}, {"i": np.array([2**52 - 1, -(2**52)])})
    with pytest.raises(UndefinedError) as caught:
        value("i * 4", draws)
    assert caught.value.says((0,))[0] == f"`i * 4` is too large where `i` is {2**52 - 1}"
    small = Arrays({"i": Kind("int", (Axis("rows"),))}, {"i": np.array([2**51 - 1, -(2**51)])})
    assert value("3 * i - i", small).tolist() == [2**52 - 2, -(2**52)]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("log(x)", "`log(x)` has no finite value where `x` is 0.0"),
        ("1 / x", "`1 / x` has no finite value where `x` is 0.0"),
        ("exp(x + 1000)", "`exp(x + 1000)` has no finite value where `x + 1000` is 1000.0"),
        ("(x - 8) ^ 0.5", "`(x - 8) ^ 0.5` has no finite value where `(x - 8)` is -8.0"),
    ],
)
def test_what_has_no_value_says_of_what(source: str, says: str) -> None:
    """The innermost operation that gives no finite number, with what it was given."""
    draws = Arrays({"x": Kind("real", (Axis("rows"),))}, {"x": np.array([0.0])})
    with pytest.raises(UndefinedError) as caught:
        value(source, draws)
    assert caught.value.says((0,))[0] == says


CHARACTERS = "ab1.e+-*/^<>=!()[],'\"` \n_%é٣\x00nottheta"


@given(st.text(CHARACTERS, max_size=60) | st.text(max_size=60))
@example("(" * 10_000)
@example("-" * 10_000)
@example("not " * 4_000)
@example("[" * 10_000)
@example("1+" * 9_000 + "1")
@example("2^" * 9_000 + "1")
@example("log(" * 4_000)
@example("9" * 19_000)
@example("a." * 9_000)
@example("'" * 9_999)
@example("theta[" + "1," * 9_000 + "1]")
@example("x" * (MOST_CHARACTERS + 1))
@example("9^9^9^9^9^9")
@example("`1`\n`")
@example("\x1b[2J")
def test_nothing_but_sentences_comes_out(source: str) -> None:
    """Any text is an expression, or a sentence, or a value that is not finite."""
    try:
        value(source)
    except ExpressionError as error:
        assert str(error) and str(error).isprintable()
    except UndefinedError as error:
        assert error.mask.any() and error.says(tuple(np.argwhere(error.mask)[0].tolist()))


WORDS = (
    *("mu", "n", "theta", "other", "Omega", "['A']", "[1]", "[1, 2]", "1", "2.5", "0", "'A'"),
    *("+", "-", "*", "/", "^", "<", "==", "and", "or", "not", "(", ")", ","),
    *(f"{name}(" for name in FUNCTIONS),
)


@given(st.lists(st.sampled_from(WORDS), max_size=25))
@settings(max_examples=300)
def test_words_in_any_order_give_sentences(words: list[str]) -> None:
    """Texts that are nearly expressions come further than any others, and no further."""
    try:
        result = value(" ".join(words))
        assert result.dtype == object or np.isfinite(result.astype(float)).all()
    except (ExpressionError, UndefinedError):
        pass


def test_the_limits_are_reached_without_harm() -> None:
    """The deepest and the longest expression that are allowed have a value; one more is refused."""
    deep = "(" * (MOST_NESTED - 1) + "mu" + ")" * (MOST_NESTED - 1)
    np.testing.assert_array_equal(value(deep), POSTERIOR.arrays["mu"])
    assert f"more than {MOST_NESTED} brackets" in str(refused(f"({deep})"))
    long = "mu" + " + 1" * MOST_OPERATIONS
    np.testing.assert_allclose(value(long), POSTERIOR.arrays["mu"] + MOST_OPERATIONS)
    assert f"more than {MOST_OPERATIONS} operations" in str(refused(f"{long} + 1"))


def test_reading_takes_steps_in_proportion() -> None:
    """Sixteen times the length takes sixteen times the calls at most: no path is tried twice."""

    def calls(length: int) -> int:
        source, count = "(mu+'" * length, 0

        def profile(frame: FrameType, event: str, _argument: object) -> None:
            nonlocal count
            is_call = event in ("call", "c_call")
            count += is_call and frame.f_globals["__name__"].startswith("stanchion.expressions")

        before = sys.getprofile()
        sys.setprofile(profile)
        try:
            with pytest.raises(ExpressionError):
                parse(source, NUMBERS)
        finally:
            sys.setprofile(before)
        return count

    assert calls(200) > 200
    assert calls(3_200) <= 16 * calls(200)


ORACLE: dict[str, Any] = {
    "log": np.log,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "log1p": np.log1p,
    "f": np.float64,
}


def written(pick: random.Random, depth: int, of_conditions: bool = False) -> str:
    """Return a random expression of x and y, with brackets only where chance puts them."""
    if of_conditions:
        if depth > 0 and pick.random() < 0.5:
            sides = [written(pick, depth - 1, of_conditions=True) for _ in range(2)]
            joined = f" {pick.choice(('and', 'or'))} ".join(sides)
            return f"not ({joined})" if pick.random() < 0.3 else joined
        operator = pick.choice(("<", "<=", ">", ">=", "==", "!="))
        return f"{written(pick, depth - 1)} {operator} {written(pick, depth - 1)}"
    if depth <= 0 or pick.random() < 0.2:
        return pick.choice(("x", "y", f"{pick.randrange(4)}.{pick.randrange(100)}"))
    form = pick.randrange(8)
    if form == 0:
        return f"-{written(pick, depth - 1)}"
    if form == 1:
        return f"{pick.choice(list(ORACLE)[:-1])}({written(pick, depth - 1)})"
    text = pick.choice(("+", "-", "*", "/", "^")).join(
        [written(pick, depth - 1), written(pick, depth - 1)]
    )
    return f"({text})" if pick.random() < 0.4 else text


def by_numpy(source: str, x: np.float64, y: np.float64) -> Any:
    """Return what NumPy's scalars give by Python's reading of it, None where one is not finite."""
    numbers = re.sub(r"[0-9]+\.[0-9]+", r"f(\g<0>)", source).replace("^", "**")
    with np.errstate(divide="raise", over="raise", invalid="raise", under="ignore"):
        try:
            return eval(numbers, {"__builtins__": {}, **ORACLE, "x": x, "y": y})
        except ArithmeticError:
            return None


@pytest.mark.parametrize("of_conditions", [False, True])
def test_random_trees_have_the_values_of_numpy(of_conditions: bool) -> None:
    """1,500 expressions by chance: the same numbers as NumPy's, or no value where it has none.

    The tolerance is for NumPy's own functions, a few units in the last place, magnified by
    differences: 1e-9 relative; what is compared by < and so on must agree but for such rounding.
    """
    pick, finite, unfinite = random.Random(11), 0, 0
    for _ in range(1500):
        source = written(pick, 4, of_conditions)
        x, y = np.float64(pick.uniform(-3, 3)), np.float64(pick.uniform(0, 3))
        expected = by_numpy(source, x, y)
        kinds = {"x": Kind("real"), "y": Kind("real")}
        try:
            got = value(source, Arrays(kinds, {"x": np.asarray(x), "y": np.asarray(y)}))
        except ExpressionError as error:
            assert "compares" in str(error) or "operations" in str(error), source
            continue
        except UndefinedError:
            # Python stops at the first side of and/or that decides; here both sides have a value.
            assert expected is None or of_conditions, source
            unfinite += 1
            continue
        finite += 1
        assert expected is not None, source
        np.testing.assert_allclose(float(got), float(expected), rtol=1e-9, atol=1e-12)
    assert finite > 500 and unfinite > 50


def test_every_function_is_described_and_computed() -> None:
    """A row of the catalogue has words; one of numbers has a value at a half, or of three."""
    half = Arrays(
        {"x": Kind("real"), "v": Kind("real", (Axis("rows"),))},
        {"x": np.asarray(0.5), "v": np.array([1.0, 2.0, 4.0])},
    )
    for name, row in FUNCTIONS.items():
        assert row.words and row.signature.startswith(f"{name}(")
        if row.how == "data":
            continue
        argument = "x" if row.how == "elementwise" else "v"
        constants = ", 0.5" * (len(row.parameters) - 1)
        assert np.isfinite(value(f"{name}({argument}{constants})", half))
