"""Coefficients of standardised predictors on the scale of the columns as they stand in the file."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from formulaic import model_matrix
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.datasets_cases import built

ROWS = 60
STANDARD: dict[str, Any] = {
    "year": {"type": "real", "transform": "standardize"},
    "dose": {"type": "real", "transform": "center"},
    "age": {"type": "int", "transform": "standardize"},
    "income": {"type": "real", "transform": "log"},
}


def table(seed: int = 0) -> pd.DataFrame:
    """Return columns on very different scales, a category and an outcome."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "year": 2000 + rng.normal(0, 5, ROWS),
            "dose": rng.gamma(2, 0.01, ROWS),
            "age": rng.integers(17, 90, ROWS),
            "income": np.exp(rng.normal(10, 1, ROWS)),
            "x": rng.normal(-3, 2, ROWS),
            "my col": rng.normal(7, 0.1, ROWS),
            "sex": rng.choice(["f", "m", "o"], ROWS),
            "y": rng.normal(0, 1, ROWS),
        }
    )


def fitted(folder: Path, stan: object, columns: dict[str, Any], data: pd.DataFrame) -> Any:
    """Return the matrix that a model is given, and what is known of its original scale."""
    path = folder / "a.csv"
    data.to_csv(path, index=False)
    mapping = {"X": stan, "P": "ncol(X)", "y": "y"}
    made = built(path, mapping, ["int P", f"real[{ROWS}, P] X", f"real[{ROWS}] y"], columns=columns)
    return np.array(made.values["X"]), made.meta.get("original_scale", {}).get("X")


def rescaled(original: Any, coefficients: np.ndarray) -> dict[str, float]:
    """Return coefficients on the original scale by label."""
    values = np.zeros(len(original["labels"]))
    for beta, weights in zip(coefficients, original["columns"], strict=True):
        for row, weight in weights:
            values[row] += weight * beta
    return dict(zip(original["labels"], values.tolist(), strict=True))


def least_squares(matrix: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """Return the coefficients of least squares, by columns brought to one length."""
    lengths = np.linalg.norm(matrix, axis=0)
    q, r = np.linalg.qr(matrix / lengths)
    return np.linalg.solve(r, q.T @ outcome) / lengths


FORMULAS = [
    ("~ year", "~ year"),
    ("~ 1 + dose + x", "~ 1 + dose + x"),
    ("~ age * dose + x", "~ age * dose + x"),
    ("~ year * sex", "~ year * sex"),
    ("~ 0 + sex + scale(x)", "~ 0 + sex + x"),
    ("~ 0 + sex + sex:age", "~ 0 + sex + sex:age"),
    ("~ center(x) * standardize(age)", "~ x * age"),
    ("~ scale(income)", "~ log(income)"),
    ("~ scale(`my col`) + scale(x, scale=False)", "~ `my col` + x"),
    ("~ scale(log(`my col`)) * sex + I(x ** 2)", "~ log(`my col`) * sex + I(x ** 2)"),
    ("~ scale(center(x)) + I(scale(age))", "~ x + age"),
    ("~ C(sex, contr.sum) * age", "~ C(sex, contr.sum) * age"),
    ("~ age * dose * sex", "~ age * dose * sex"),
]


@pytest.mark.parametrize(("formula", "original"), FORMULAS)
def test_a_refit_on_the_original_columns_gives_the_same_coefficients(
    tmp_path: Path, formula: str, original: str
) -> None:
    """Least squares on the columns as they stand is the map of least squares on the transformed.

    The identity is algebra; 1e-10 of each coefficient is left to rounding.
    """
    data = table()
    outcome = data["y"].to_numpy()
    matrix, known = fitted(tmp_path, f'design("{formula}")', STANDARD, data)
    mapped = rescaled(known, least_squares(matrix, outcome))
    oracle = model_matrix(original, data)
    refit = least_squares(oracle.to_numpy(dtype=float), outcome)
    assert list(mapped) == list(oracle.columns)
    np.testing.assert_allclose(list(mapped.values()), refit, rtol=1e-10)


@pytest.mark.parametrize(("formula", "original"), FORMULAS)
def test_any_coefficients_give_the_same_sums(tmp_path: Path, formula: str, original: str) -> None:
    """Not only those that fit best: X β of the model is O (M β) of the columns in every row."""
    data = table(1)
    matrix, known = fitted(tmp_path, f'design("{formula}")', STANDARD, data)
    oracle = model_matrix(original, data).to_numpy(dtype=float)
    for seed in range(5):
        beta = np.random.default_rng(seed).normal(size=matrix.shape[1])
        mapped = np.array(list(rescaled(known, beta).values()))
        np.testing.assert_allclose(oracle @ mapped, matrix @ beta, rtol=0, atol=1e-10)


def test_without_an_intercept_slopes_alone_are_rescaled(tmp_path: Path) -> None:
    """What the centres shift is a constant for every row, which such a design has no place for.

    An interaction without its main effects has them on the scale of the columns.
    """
    data = table()
    for stan in ('design("~ 0 + age + dose + x + age:dose")', ["age", "dose", "x"]):
        matrix, known = fitted(tmp_path, stan, STANDARD, data)
        beta = np.arange(1.0, matrix.shape[1] + 1)
        labels = known["labels"]
        assert labels == ["age", "dose", "x", "age:dose"][: len(labels)]
        oracle = [data[label].to_numpy(dtype=float) for label in labels[:3]]
        oracle += [oracle[0] * oracle[1]] if len(labels) > 3 else []
        shift = matrix @ beta - np.column_stack(oracle) @ list(rescaled(known, beta).values())
        np.testing.assert_allclose(shift, shift[0], rtol=0, atol=1e-10)
    _, known = fitted(tmp_path, 'design("~ 0 + age:dose")', STANDARD, data)
    assert known["labels"] == ["age:dose", "age", "dose"] or known["labels"] == [
        "age:dose",
        "dose",
        "age",
    ]


def test_what_is_not_transformed_has_no_other_scale(tmp_path: Path) -> None:
    """Nor has a basis of such a column: its coefficients are those of the basis."""
    for formula in ("~ x * sex", "~ bs(x, df=4)", "~ log(x + 20)"):
        assert fitted(tmp_path, f'design("{formula}")', {}, table())[1] is None
    assert fitted(tmp_path, ["x", "age"], {}, table())[1] is None
    assert fitted(tmp_path, 'design("~ bs(x, df=4) + age")', STANDARD, table())[1]["labels"][
        -1
    ] == ("age")


@pytest.mark.parametrize(
    ("formula", "because"),
    [
        (
            "~ bs(age, df=4)",
            "`bs(age, df=4)` is not linear in column `age`, which has `transform: standardize`",
        ),
        (
            "~ I(dose ** 2)",
            "`dose ** 2` is not linear in column `dose`, which has `transform: center`",
        ),
        ("~ poly(scale(x), 2)", "is not linear in what `scale` centres or scales"),
        ("~ scale(x) + exp(center(x))", "is not linear in what `center` centres or scales"),
        ("~ C(age)", "is not linear in column `age`, which has `transform: standardize`"),
        ("~ log(income)", "is not linear in column `income`, which has `transform: log`"),
        ("~ scale(bs(x, df=3))", "the constants of `scale(bs(x, df=3))` are not known"),
    ],
)
def test_what_has_no_linear_map_is_refused(tmp_path: Path, formula: str, because: str) -> None:
    """One sentence says what of the formula it is; the data are made all the same."""
    data = table()
    data["income"] += 10
    matrix, known = fitted(tmp_path, f'design("{formula}")', STANDARD, data)
    assert matrix.shape[0] == ROWS
    assert set(known) == {"because"}
    assert because in known["because"]


_LEVELS = st.lists(
    st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), min_size=1, max_size=6),
    min_size=2,
    max_size=3,
    unique=True,
).filter(lambda names: "NA" not in names and not any("\\" in n or '"' in n for n in names))


@settings(deadline=None, max_examples=30)
@given(_LEVELS, st.integers(0, 100))
def test_odd_levels_are_mapped_or_refused_and_never_wrong(names: list[str], seed: int) -> None:
    """Brackets and colons in levels look like other columns: sums are right, or there are none."""
    data = table(seed)
    data["sex"] = [names[index % len(names)] for index in range(ROWS)]
    with TemporaryDirectory() as folder:
        matrix, known = fitted(Path(folder), 'design("~ age * sex")', STANDARD, data)
        plain, _ = fitted(Path(folder), 'design("~ age * sex")', {}, data)
    if "because" in known:
        assert any("]:" in name for name in names)
        return
    beta = np.random.default_rng(seed).normal(size=matrix.shape[1])
    mapped = np.array(list(rescaled(known, beta).values()))
    np.testing.assert_allclose(plain @ mapped, matrix @ beta, rtol=0, atol=1e-10)
