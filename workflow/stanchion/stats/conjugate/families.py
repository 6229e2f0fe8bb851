"""The families: what each is told in the declaration, and the program that it stands for.

A row a family; the numbers are in the file that a row names, which is imported where they are
needed: the plan reads this at the top of the Snakefile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from stanchion.stan.program import Program, Variable

if TYPE_CHECKING:
    from stanchion.stats.conjugate.posterior import Data, Likelihood, Posterior

NEW = "_new"
"""What follows the names of a row's data where they are of new rows."""
REPLICATED, PREDICTED, LOG_LIK, LOG_PRIOR = "y_rep", "y_new", "log_lik", "lprior"
_PER_ROW = ("N",)
_SIZES = ("N", "K")


@dataclass(frozen=True)
class Family:
    """A row of the catalogue.

    `inputs` are what a row comes with beside its outcome, in new rows too: those of `scalars` may
    be one number for all rows, those of `optional` left out, those of `positive` are above zero.
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
    positive: frozenset[str] = frozenset()
    transformed: tuple[Variable, ...] = ()
    matrix: str | None = None
    """The variable whose columns are counted."""
    whole: Mapping[str, tuple[Variable, ...]] | None = None
    """Parameters where that variable is declared, if they are others."""
    predicts: bool = True
    """Whether new rows need nothing but the inputs."""

    def posterior(self, data: Data, prior: Mapping[str, Any]) -> Posterior:
        """Return the posterior of all rows."""
        posterior: Posterior = self._class(0).of(data, prior)
        return posterior

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


_THETA = _real("theta", lower="0", upper="1")
_SIGMAS = _real("sigma2", lower="0"), _real("sigma", lower="0")

_ROWS = (
    Family(
        name="beta_bernoulli",
        file="multinomial",
        classes=("Bernoulli", "BernoulliRows"),
        outcome=_int("outcome", "N", upper="1"),
        parameters=(_THETA,),
    ),
    Family(
        name="beta_binomial",
        file="multinomial",
        classes=("Binomial", "BinomialRows"),
        outcome=_int("successes", "N", upper="trials"),
        inputs=(_int("trials", "N"),),
        scalars=frozenset({"trials"}),
        parameters=(_THETA,),
    ),
    Family(
        name="gamma_poisson",
        file="poisson",
        classes=("Poisson", "PoissonRows"),
        outcome=_int("counts", "N"),
        inputs=(_real("exposure", "N", lower="0"),),
        scalars=frozenset({"exposure"}),
        optional=frozenset({"exposure"}),
        positive=frozenset({"exposure"}),
        parameters=(_real("lambda", lower="0"),),
    ),
    Family(
        name="normal",
        file="normal",
        classes=("KnownVariance", "KnownVarianceRows"),
        outcome=_real("y", "N"),
        inputs=(_real("sd", "N", lower="0"),),
        scalars=frozenset({"sd"}),
        positive=frozenset({"sd"}),
        parameters=(_real("mu"),),
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
        whole={"X": (_real("beta", "K"), _SIGMAS[0])},
    ),
    Family(
        name="dirichlet_multinomial",
        file="multinomial",
        classes=("Multinomial", "MultinomialRows"),
        outcome=_int("counts", "N", "K"),
        matrix="counts",
        parameters=(_real("theta", "K", kind="simplex"),),
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


def mapping_of(family: Family, given: Mapping[str, Any], new: str | None = None) -> dict[str, Any]:
    """Return data variable ← expression, for the rows and, where there are some, for new ones."""
    mapping = {"N": "nrow()", **given}
    if family.matrix in given:
        mapping["K"] = f"ncol({family.matrix})"
    if new is not None and family.predicts:
        mapping[f"N{NEW}"] = f"{new}.nrow()"
        for variable in declared_inputs(family, given):
            if variable.dimensions:
                mapping[f"{variable.name}{NEW}"] = f"{new}.{variable.name}"
    return mapping


def program_of(family: Family, given: Mapping[str, Any], *, predicts: bool) -> Program:
    """Return the program that a declared family stands for.

    `given` are its data's expressions by name. Its generated quantities are what can be made; what
    is declared of them is made.
    """
    inputs = declared_inputs(family, given)
    counted = [_int("K", lower="1")] if family.matrix in given else []
    data = [_int("N"), *counted, family.outcome, *inputs]
    outcome = replace(family.outcome, name=REPLICATED, lower="", upper="")
    generated = [_real(LOG_PRIOR), _real(LOG_LIK, "N"), outcome]
    if predicts and family.predicts:
        data += [_int(f"N{NEW}"), *(_new(variable) for variable in inputs if variable.dimensions)]
        generated.append(replace(_new(outcome), name=PREDICTED))
    parameters = next(
        (named for name, named in (family.whole or {}).items() if name in given), family.parameters
    )
    return Program(
        path="",
        canonical="",
        data=tuple(data),
        parameters=parameters,
        transformed_parameters=family.transformed,
        generated_quantities=tuple(generated),
        includes=(),
        family=family.name,
    )


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


def prior_faults(prior: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield key and complaint of each prior that does not fit the data's number of columns."""
    for name, value in prior.items():
        if isinstance(value, list) and len(value) != data["K"]:
            yield name, f"it has {len(value)} entries for {data['K']} columns"
