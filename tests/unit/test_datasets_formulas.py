"""A formula runs no code: what it may hold, and what nobody's formula holds."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stanchion.config import Dataset
from stanchion.datasets import build, stan_json
from stanchion.datasets.formulas import CONTRASTS, FUNCTIONS, formula_columns
from stanchion.errors import DataError
from stanchion.expressions.faults import ExpressionError
from stanchion.stan.program import Variable

TABLE = "a,b,body mass,sex\n1,2,3,f\n2,1,4,m\n4,3,2,f\n3,5,7,m\n"
PAYLOAD = "__import__('os').system('touch ran')"
WITHIN = 3.0
"""Seconds of CPU for one formula; each took less than 0.1 s, and some would take for ever."""

RUNS = ("os.system", "subprocess.", "os.exec", "os.posix_spawn", "os.fork", "os.spawn", "socket.")
RUNS += ("ctypes.", "os.remove", "os.rename", "os.mkdir", "os.putenv", "shutil.", "webbrowser.")

_seen: list[str] | None = None
_OURS = {"a", "b", "sex", "_formulaic_body_mass", "body_mass", "contr", "get", "sum"}
_OURS |= {*FUNCTIONS, *CONTRASTS, "treatment", "SAS", "helmert", "diff", "custom"}
_OURS |= {"get_required_variables"}  # which formulaic asks of its own functions


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None:
        return
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE
    if writes or event.startswith(RUNS):
        _seen.append(f"{event} {arguments}")
    elif event == "exec" and isinstance(arguments[0], CodeType) and not arguments[0].co_filename:
        names = {n for n in arguments[0].co_names if not n.startswith("__FORMULAIC_")}
        _seen.extend(f"evaluated {name}" for name in sorted(names - _OURS))


sys.addaudithook(_audit)


@contextmanager
def nothing_runs() -> Iterator[None]:
    """Fail where a process is started, a file written, or a name evaluated that is not ours."""
    global _seen
    _seen, begun = [], time.process_time()
    try:
        yield
        assert _seen == []
        assert time.process_time() - begun < WITHIN
    finally:
        _seen = None


@pytest.fixture(scope="module", autouse=True)
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small table, read by all tests here."""
    path = tmp_path_factory.mktemp("formulas") / "a.csv"
    path.write_text(TABLE)
    matrix(path, 'design("~ bs(a, df=4) + C(sex)")')  # whatever is imported, is imported now
    return path


def matrix(table: Path, expression: object) -> Any:
    """Build what an expression stands for; the program's `X` takes any matrix."""
    dataset = Dataset.model_validate({"path": str(table)})
    block = [Variable("X", "real", 2, ("", ""))]
    values = build("d", dataset, {"X": expression}, block, {"d": table}, {}).values
    return stan_json.loads(stan_json.dumps(values))["X"]


def refused(formula: str) -> str:
    """The message by which a formula is refused, with what is allowed."""
    with nothing_runs(), pytest.raises(ExpressionError) as stopped:
        formula_columns(formula)
    return f"{stopped.value} {stopped.value.allowed} {stopped.value.todo}"


@pytest.mark.parametrize(
    "formula",
    [
        f"~ 0 + I(a + 0*{PAYLOAD})",
        f"~ {{{PAYLOAD}}}",
        f"~ C(sex, levels=[{PAYLOAD}])",
        f"~ C(sex, levels=['f\") or {PAYLOAD} or (\"'])",
        f"~ bs(a, df={PAYLOAD})",
        "~ np.log(a)",
        "~ I(np.linalg.norm(a))",
        "~ a.values.tofile('ran')",
        "~ I(a.values.tofile('ran'))",
        "~ I((lambda: a)())",
        "~ I([x for x in a])",
        "~ I(a if 1 else b)",
        "~ I(a := b)",
        "~ I(f'{a}')",
        "~ I(*[a])",
        "~ scale(a, **{'_state': {}})",
        "~ scale(a, _state={})",
        "~ a[0]",
        "~ scale(a)[0]",
        "~ scale(a).values",
        "~ eval('1')",
        "~ getattr(a, 'values')",
        "~ `eval`('1')",
        "~ I(`eval`('1'))",
        "~ I(`a` `if` `b` `else` `a`)",
        "~ I(`__import__`)",
        "~ __builtins__",
        "~ I(__builtins__)",
        "~ I(__q0 + `body mass`)",
        "~ I(a) # comment",
        "~ I(a); b",
        "~ I(a\\\n)",
        "~ Q('a')",
        "~ hashed(sex, levels=10)",
        "~ contr.treatment(base='f')",
        "~ C(sex, contr.mro())",
        "~ C(sex, contr.__class__)",
        "~ C(sex, contr)",
        "~ C(sex, Treatment)",
        "~ $a",
        "~ a @ b",
        "~ .",
        "~ [a ~ b]",
        "~ 'a'",
        "~ I(1e999*a)",
        "~ I(a**9**9**9**9)",
        "~ I(9**99999999)",
        "~ I('a'*999999999)",
        "~ I([1]*999999999)",
        "~ bs(a, df=1000000000)",
        "~ poly(a, 1000000000)",
        "~ poly(a, degree=9999)",
        "~ (a + b)**99999999",
        "~ a**99999999",
        "~ ((a + b + sex)**9)**9",
        "~ " + "*".join(f"x{n}" for n in range(40)),
        "~ " + "(" * 20_000 + "a" + ")" * 20_000,
        "~ " + "(" * 4_000 + "a" + ")" * 4_000,
        "~ " + "I(" * 4_000 + "a" + ")" * 4_000,
        "~ I(" + "-" * 9_000 + "a)",
        "~ I(" + "+".join(["a"] * 4_000) + ")",
        "~ I(a < b < a)",
        "~ ``",
        "~ I(``)",
        "~ I(`a)",
        "~ I(a",
    ],
)
def test_what_is_no_formula_is_refused_unevaluated(formula: str) -> None:
    """Code, other names, and what would never end are refused with a sentence, and do not run."""
    message = refused(formula)
    assert 10 < len(message) < 500
    assert "\n" not in message


@pytest.mark.parametrize("name", ["np", "eval", "lag", "exp2", "log1p", "print"])
def test_other_functions_are_refused_by_name(name: str) -> None:
    """A function that is not in the list is refused, and the list is shown."""
    message = refused(f"~ {name}(a)")
    assert f"`{name}(a)` may not stand in a formula" in message
    assert "sqrt" in message


@pytest.mark.parametrize(
    "formula",
    [
        *(f"~ {name}(a)" for name in FUNCTIONS if name not in ("bs", "cr", "cs", "cc", "poly")),
        "~ bs(a, df=4) + cr(b, df=3) + cs(a, df=3) + cc(b, df=3, constraints='center')",
        "~ poly(a, 2, raw=True) + bs(a, knots=[2, 2.5], degree=1, extrapolation='clip')",
        *(f"~ C(sex, {name}())" for name in CONTRASTS if name != "contr.custom"),
        "~ C(sex, contr.treatment(base='m')) + C(b, Treatment(reference=2))",
        "~ C(sex, contr.custom([[1], [-1]])) + C(b, contr.poly(scores=[1, 2, 3, 7]))",
        "~ C(sex, levels=['m', 'f'])",
        "~ log(`body mass`) * scale(exp(-a / 2)) + I(a % 2 == 0) + I(sex == 'f')",
        "~ (a + b + sex)**2 - a:b + b %in% sex + `body mass`",
        "~ 0\n  + a\n  + b",
    ],
)
def test_documented_names_are_evaluated(formula: str, table: Path) -> None:
    """Every documented function and contrast gives numbers, and evaluates nothing else."""
    with nothing_runs():
        rows = matrix(table, f'design("{formula}")')
    assert len(rows) == 4
    assert all(type(cell) is float for row in rows for cell in row)


def test_sqrt_is_the_square_root(table: Path) -> None:
    """`sqrt` is ours to supply: formulaic has none."""
    assert matrix(table, 'design("~ 0 + sqrt(a)")') == [[1.0], [2**0.5], [2.0], [3**0.5]]


def test_a_column_may_be_named_as_a_function(tmp_path: Path) -> None:
    """A column `np` or `log` is a column; formulaic's own `np` is out of reach."""
    path = tmp_path / "a.csv"
    path.write_text("np,scale\n1,5\n2,6\n")
    assert matrix(path, 'design("~ 0 + np + scale")') == [[1.0, 5.0], [2.0, 6.0]]
    assert matrix(path, 'design("~ 0 + center(np)")') == [[-0.5], [0.5]]


PARTS = st.sampled_from(
    [
        *("a", "b", "sex", "`body mass`", "1", "0", "2.5", "-1", "~", "+", "-", "*", ":", "/"),
        *("**", "^", "|", "(", ")", "[", "]", "{", "}", ",", "=", "==", "<", ".", "'", '"', "`"),
        *("\\", "$", "@", ";", "#", "%", "%in%", "\n", "\t", " ", "é", "𝒂", "²", "\x00", "\u202e"),
        *("__class__", "_x", "np.", "I(", "df=3", "levels=['f', 'm']", "lambda:", " for x in "),
        *(" if ", " not ", "f'{a}'", PAYLOAD, "__import__", "eval(", ":=", *CONTRASTS),
        *(f"{name}(" for name in FUNCTIONS),
    ]
)
CODE = st.lists(PARTS, max_size=14).map("".join)
CHECKS = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@CHECKS
@given(formula=st.one_of(CODE, CODE.map("~ 0 + {}".format), st.text(max_size=40)))
def test_no_formula_does_more_than_give_numbers(
    formula: str, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any text: numbers, or a sentence; nothing runs, nothing is written, no other name is seen."""
    monkeypatch.chdir(table.parent)
    with nothing_runs(), suppress(DataError):
        quote = "'" if '"' in formula else '"'
        matrix(table, f"design({quote}{formula}{quote})")
    assert [path.name for path in table.parent.iterdir()] == ["a.csv"]


@CHECKS
@given(
    expression=st.one_of(
        st.lists(st.one_of(PARTS, st.sampled_from(["nrow()", "index(", "design(", "d."]))).map(
            "".join
        ),
        st.text(max_size=40),
        st.recursive(
            st.one_of(st.integers(), st.floats(), st.text(max_size=4), st.booleans()),
            lambda inner: st.lists(inner, max_size=4),
        ),
    )
)
def test_no_expression_does_more_than_give_numbers(expression: object, table: Path) -> None:
    """Any value of `stan:` is numbers or a sentence."""
    with nothing_runs(), suppress(DataError):
        matrix(table, expression)
