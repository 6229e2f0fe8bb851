"""The families: the data and the prior of each, and the program that it stands for.

A row a family; the numbers are in the file that a row names, which is imported where they are
needed: the plan reads this at the top of the Snakefile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from math import isfinite
from typing import TYPE_CHECKING, Any

from stanchion.errors import StepError
from stanchion.stan.program import Program, Variable

if TYPE_CHECKING:
    from stanchion.stats.conjugate.posterior import Data, Likelihood, Posterior

NEW = "_new"
"""What follows the names of a row's data where they are of new rows."""
REPLICATED, PREDICTED, LOG_LIK, LOG_PRIOR = "y_rep", "y_new", "log_lik", "lprior"
_PER_ROW = ("N",)
_SIZES = ("N", "K")


@contextmanager
def within_numbers(name: str) -> Iterator[None]:
    """Tell of a family's numbers that they overflow, or leave a matrix without an inverse.

    Raises:
        StepError: they do.
    """
    import numpy as np

    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            yield
    except (ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
        raise StepError(
            f"the posterior of {name} cannot be computed from these data: {error.args[-1]}",
            todo="look for values of extreme size, and give the columns other units",
        ) from error


@dataclass(frozen=True)
class Family:
    """A row of the catalogue.

    `inputs` are what a row comes with beside its outcome, in new rows too: those of `scalars` may
    be one number for all rows, those of `optional` left out.
    """

    name: str
    file: str
    classes: tuple[str, str]
    """Of the posterior, and of the likelihood of rows."""
    outcome: Variable
    parameters: tuple[Variable, ...]
    inputs: tuple[Variable, ...] = ()
    scalars: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    transformed: tuple[Variable, ...] = ()
    matrix: str | None = None
    """The variable whose columns are counted."""
    coefficients: tuple[Variable, ...] = ()
    """Parameters where that variable is an input that is declared."""
    stated: tuple[tuple[str, str], ...] = ()
    """What the prior and the likelihood state in Stan's notation; the first of a pair, or with an
    optional input the second."""
    fewest_columns: int = 1
    predicts: bool = True
    """Whether new rows need nothing but the inputs."""

    def posterior(self, data: Data, prior: Mapping[str, Any]) -> Posterior:
        """Return the posterior of all rows.

        Raises:
            StepError: these data leave it no digits, or overflow.
        """
        with within_numbers(self.name):
            posterior: Posterior = self._class(0).of(data, prior)
        return posterior

    def log_evidence(self, data: Data, prior: Mapping[str, Any]) -> float:
        """Return the log marginal likelihood of all rows.

        Raises:
            StepError: these data leave the posterior no digits, or overflow.
        """
        with within_numbers(self.name):
            evidence = self.posterior(data, prior).log_evidence
            if not isfinite(evidence):
                raise OverflowError("the log marginal likelihood is beyond any number")
        return evidence

    def likelihood(self, rows: Data) -> Likelihood:
        """Return the likelihood of rows."""
        likelihood: Likelihood = self._class(1)(rows)
        return likelihood

    def _class(self, which: int) -> Any:
        module = import_module(f"stanchion.stats.conjugate.{self.file}")
        return getattr(module, self.classes[which])


def _real(name: str, *sizes: str, lower: str = "", upper: str = "", kind: str = "") -> Variable:
    kinds = {0: "real", 1: "vector", 2: "matrix"}
    return Variable(
        name, kinds[len(sizes)], len(sizes), sizes, kind or kinds[len(sizes)], lower, upper
    )


def _int(name: str, *sizes: str, lower: str = "0", upper: str = "") -> Variable:
    return Variable(name, "int", len(sizes), sizes, "array" if sizes else "int", lower, upper)


def _always(statement: str) -> tuple[str, str]:
    return statement, statement


_BETA = _always("theta ~ beta({a}, {b});")
_THETA = _real("theta", lower="0", upper="1")
_SIGMAS = _real("sigma2", lower="0"), _real("sigma", lower="0")

_ROWS = (
    Family(
        name="beta_bernoulli",
        file="multinomial",
        classes=("Bernoulli", "BernoulliRows"),
        outcome=_int("outcome", "N", upper="1"),
        parameters=(_THETA,),
        stated=(_BETA, _always("outcome ~ bernoulli(theta);")),
    ),
    Family(
        name="beta_binomial",
        file="multinomial",
        classes=("Binomial", "BinomialRows"),
        outcome=_int("successes", "N", upper="trials"),
        inputs=(_int("trials", "N"),),
        scalars=frozenset({"trials"}),
        parameters=(_THETA,),
        stated=(_BETA, _always("successes ~ binomial(trials, theta);")),
    ),
    Family(
        name="gamma_poisson",
        file="poisson",
        classes=("Poisson", "PoissonRows"),
        outcome=_int("counts", "N"),
        inputs=(_real("exposure", "N", lower="> 0"),),
        scalars=frozenset({"exposure"}),
        optional=frozenset({"exposure"}),
        parameters=(_real("lambda", lower="0"),),
        stated=(
            _always("lambda ~ gamma({shape}, {rate});"),
            ("counts ~ poisson(lambda);", "counts ~ poisson(lambda * exposure);"),
        ),
    ),
    Family(
        name="normal",
        file="normal",
        classes=("KnownVariance", "KnownVarianceRows"),
        outcome=_real("y", "N"),
        inputs=(_real("sd", "N", lower="> 0"),),
        scalars=frozenset({"sd"}),
        parameters=(_real("mu"),),
        stated=(_always("mu ~ normal({mean}, {sd});"), _always("y ~ normal(mu, sd);")),
    ),
    Family(
        name="normal_inverse_gamma",
        file="regression",
        classes=("Regression", "RegressionRows"),
        outcome=_real("y", "N"),
        inputs=(_real("X", "N", "K"),),
        optional=frozenset({"X"}),
        matrix="X",
        parameters=(_real("mu"), _SIGMAS[0]),
        transformed=(_SIGMAS[1],),
        coefficients=(_real("beta", "K"), _SIGMAS[0]),
        stated=(
            _always("sigma2 ~ inv_gamma({shape}, {scale});"),
            (
                "mu ~ normal({mean}, sqrt(sigma2 / {precision}));",
                "beta ~ multi_normal_prec({mean}, {precision} / sigma2);",
            ),
            ("y ~ normal(mu, sqrt(sigma2));", "y ~ normal(X * beta, sqrt(sigma2));"),
        ),
    ),
    Family(
        name="dirichlet_multinomial",
        file="multinomial",
        classes=("Multinomial", "MultinomialRows"),
        outcome=_int("counts", "N", "K"),
        matrix="counts",
        parameters=(_real("theta", "K", kind="simplex"),),
        stated=(
            _always("theta ~ dirichlet({concentration});"),
            _always("counts ~ multinomial(theta);"),
        ),
        fewest_columns=2,
        predicts=False,
    ),
)

FAMILIES: Mapping[str, Family] = {row.name: row for row in _ROWS}
"""Every family by name."""


def declared_inputs(family: Family, given: Mapping[str, Any]) -> tuple[Variable, ...]:
    """Return what rows come with as declared: one number for all of them has no size."""
    return tuple(
        replace(variable, type=_scalar(variable), kind=_scalar(variable), dimensions=0, sizes=())
        if variable.name in family.scalars and isinstance(given[variable.name], int | float)
        else variable
        for variable in family.inputs
        if variable.name in given
    )


def _scalar(variable: Variable) -> str:
    return "int" if variable.type == "int" else "real"


def mapping_of(
    family: Family, given: Mapping[str, Any], *, predicts: bool, new: str | None
) -> dict[str, Any]:
    """Return data variable ← expression, for the rows and, where some are predicted, for new ones.

    Without a dataset of them there are none.
    """
    mapping = {"N": "nrow()", **given}
    if family.matrix in given:
        mapping["K"] = f"ncol({family.matrix})"
    if predicts and family.predicts:
        mapping[f"N{NEW}"] = f"{new}.nrow()" if new is not None else 0
        for variable in declared_inputs(family, given):
            if variable.dimensions:
                expression = f"{new}.{variable.name}" if new is not None else []
                mapping[f"{variable.name}{NEW}"] = expression
    return mapping


def program_of(family: Family, given: Mapping[str, Any], *, predicts: bool) -> Program:
    """Return the program that a declared family stands for.

    `given` are its data's expressions by name. Its generated quantities are what can be made; what
    is declared of them is made.
    """
    inputs = declared_inputs(family, given)
    counted = [_int("K", lower=str(family.fewest_columns))] if family.matrix in given else []
    data = [_int("N"), *counted, family.outcome, *inputs]
    outcome = replace(family.outcome, name=REPLICATED, lower="", upper="")
    generated = [_real(LOG_PRIOR), _real(LOG_LIK, "N"), outcome]
    if predicts and family.predicts:
        data += [_int(f"N{NEW}"), *(_new(variable) for variable in inputs if variable.dimensions)]
        generated.append(replace(_new(outcome), name=PREDICTED))
    is_regression = bool(counted) and bool(family.coefficients)
    return Program(
        path="",
        canonical="",
        data=tuple(data),
        parameters=family.coefficients if is_regression else family.parameters,
        transformed_parameters=family.transformed,
        generated_quantities=tuple(generated),
        includes=(),
        family=family.name,
    )


def statements(family: Family, given: Mapping[str, Any], prior: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a declared family states, prior first, in Stan's notation."""
    has_optional = any(name in given for name in family.optional)
    for pair in family.stated:
        yield pair[has_optional].format(**{name: _written(value) for name, value in prior.items()})


def _written(value: Any) -> str:
    """Return a number or a list of them as a person writes it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return repr(value).removesuffix(".0")


def _new(variable: Variable) -> Variable:
    sizes = tuple(f"{size}{NEW}" if size in _PER_ROW else size for size in variable.sizes)
    return replace(variable, name=f"{variable.name}{NEW}", sizes=sizes)


def rows_of(family: Family, data: Data, *, first: int | None = None) -> dict[str, Any]:
    """Return a family's data without new rows, or only the first rows of them."""
    names = (*_SIZES, family.outcome.name, *(variable.name for variable in family.inputs))
    rows = {name: data[name] for name in names if name in data}
    if first is None:
        return rows
    by_row = {family.outcome.name, *(variable.name for variable in family.inputs)}
    cut = {
        name: value[:first]
        for name, value in rows.items()
        if name in by_row and not isinstance(value, int | float)
    }
    return rows | cut | {"N": first}


def new_rows_of(family: Family, data: Data) -> dict[str, Any]:
    """Return the data of new rows under the names of rows."""
    rows: dict[str, Any] = {"N": data[f"N{NEW}"]}
    for name in (variable.name for variable in family.inputs):
        if name in data:
            rows[name] = data.get(f"{name}{NEW}", data[name])
    if "K" in data:
        rows["K"] = data["K"]
    return rows


def prior_faults(
    prior: Mapping[str, Any], data: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """Yield key, complaint and what is allowed of each prior that does not fit the data."""
    columns = int(data.get("K", 1))
    for name, value in prior.items():
        if not isinstance(value, list):
            continue
        if len(value) != columns:
            what = f"it is of {len(value)} columns, and the data have {columns}"
            yield name, what, f"one number for all, or {columns} of them"
        elif isinstance(value[0], list) and not _is_positive_definite(value):
            what = "this matrix is no precision: it is not positive definite"
            yield name, what, "a symmetric, positive definite matrix"


def _is_positive_definite(matrix: list[list[float]]) -> bool:
    import numpy as np

    try:
        np.linalg.cholesky(np.array(matrix, np.float64))
    except np.linalg.LinAlgError:
        return False
    return True
