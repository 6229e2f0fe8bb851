"""A declared dataset and a program's `data` block → the values of Stan's JSON, and what is known.

Rows are complete in every column that the dataset declares or its mapping uses, whichever of them
a program takes: so the programs that share a dataset and its mapping see the same observations.
For the same reason a mapping may hold more than a program declares; the rest is noted as unused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stanchion.datasets import stan_json
from stanchion.datasets.agree import (
    FAMILY,
    PRIOR_SWITCH,
    STAN,
    Cells,
    disagreements,
    unsupplied,
)
from stanchion.datasets.columns import described
from stanchion.datasets.design import Design
from stanchion.datasets.evaluate import Evaluator
from stanchion.datasets.expressions import (
    AnyColumns,
    Applied,
    Column,
    Columns,
    Constant,
    Derived,
    DesignMatrix,
    Expression,
    Names,
    parse,
)
from stanchion.datasets.faults import stop
from stanchion.datasets.frame import Frame
from stanchion.datasets.needs import optional_columns
from stanchion.datasets.original import NotLinearError, original_scale
from stanchion.datasets.read import read_header
from stanchion.datasets.request import NewRows, Request, Where
from stanchion.datasets.rows import Rows
from stanchion.datasets.sources import read_sources
from stanchion.errors import DataError, Fault
from stanchion.expressions.faults import ExpressionError
from stanchion.expressions.tree import Call, Text, walk

if TYPE_CHECKING:
    from stanchion.config import Dataset
    from stanchion.stan.program import Variable

SCHEMA = "stanchion/data/1"
_QUOTED = re.compile("`([^`]+)`")
_STAND_IN = (
    "new rows go through the generated quantities after the fit, for which its first row stands in "
    "for them: let the program take any number of rows, and such a row among them"
)


@dataclass(frozen=True)
class StanData:
    """The values of a program's `data` block by name, and what is known of them.

    `meta` is plain JSON: rows (null for a .json), dropped, unused, prior_only, sizes, transforms;
    of a table, columns; where there are any, the batches of updates, the new rows, the origins that
    days are counted from, and the original scale of matrices.
    """

    values: dict[str, Any]
    meta: dict[str, Any]


def build(
    name: str,
    dataset: Dataset,
    mapping: Mapping[str, object],
    variables: Sequence[Variable],
    tables: Mapping[str, Path],
    others: Mapping[str, Dataset],
    new_rows: NewRows | None = None,
    where: Where | None = None,
    model: str | None = None,
    updates: Sequence[str] = (),
    is_conjugate: bool = False,
) -> StanData:
    """Return the data of a program: read, checked, mapped, in agreement with its `data` block.

    `mapping` is the dataset's, overridden by the model's; `tables` gives the file of this dataset
    and of each of `others`; `where` gives `file:line` of a dotted key. The rows of `updates` follow
    those of the dataset, with its levels and constants.

    Raises:
        DataError: with every fault that could be found at once.
    """
    find = where or (lambda key: None)
    return built(
        Request(
            name,
            dataset,
            mapping,
            variables,
            tables,
            others,
            new_rows,
            find,
            model,
            updates,
            is_conjugate,
        )
    )


def built(request: Request) -> StanData:
    """Return the data of a program; raises what `build` does."""
    try:
        return _from_table(request) if request.dataset.is_table else _from_json(request)
    except DataError as error:
        raise DataError([_located(fault, request.where) for fault in error.faults]) from None


def faults_of_any_rows(request: Request) -> list[Fault]:
    """Return what is wrong with a table's mapping whatever its rows and undeclared columns are.

    So that is known of a table that is not made yet.
    """
    if not request.dataset.is_table:
        return []
    texts = [text for text in request.mapping.values() if isinstance(text, str)]
    quoted = {name for text in texts for name in _QUOTED.findall(text)}
    mapping, faults = _parsed(request, AnyColumns({*request.dataset.columns, *quoted}))
    faults += [*_not_predicted(request, mapping), *_not_updated(request, mapping)]
    faults += unsupplied(request.variables, list(request.mapping), request.key)
    return [_located(fault, request.where) for fault in faults]


def missing_switch(
    program: str, key: str, variables: Sequence[Variable], where: Where | None = None
) -> Fault | None:
    """Return a fault where a prior is to be drawn from and the program has no `prior_only`."""
    if any(variable.name == PRIOR_SWITCH for variable in variables):
        return None
    return Fault(
        f"{program} has no switch `{PRIOR_SWITCH}`, so its prior cannot be drawn from",
        where=where(key) if where else None,
        key=key,
        todo=f"add `int<lower=0, upper=1> {PRIOR_SWITCH};` to its data, and `if (!{PRIOR_SWITCH}) "
        "{ … }` around the likelihood in its model; or remove `prior_predictive`",
    )


def _located(fault: Fault, where: Where) -> Fault:
    return fault if fault.where or not fault.key else replace(fault, where=where(fault.key))


def _from_table(request: Request) -> StanData:
    mapping, faults = _parsed(request, frozenset(read_header(request.path)))
    faults += [*_not_predicted(request, mapping), *_not_updated(request, mapping)]
    stop([*faults, *unsupplied(request.variables, list(request.mapping), request.key)])
    rows = Rows(mapping, request.updates)
    sources = read_sources(request, rows.expressions)
    evaluator = Evaluator(
        rows.expressions,
        sources.fitted,
        sources.applied,
        sources.looked_up,
        request.key,
        rows.starts(sources),
    )
    values = rows.joined(_each(rows.expressions, evaluator.value))
    batches = [sources.fitted, *(sources.applied[name] for name in request.updates)]
    more: dict[str, Any] = _origins(mapping)
    if request.updates:
        more["batches"] = [_batch(frame) for frame in batches]
    if maps := dict(_original_scales(request, mapping, evaluator)):
        more["original_scale"] = maps
    new = request.new_rows
    if new is not None and new.dataset in sources.applied and new.dataset != request.left_out:
        more["new_rows"] = _new_rows(sources.applied[new.dataset])
    if sources.grid is not None and request.grid is not None:
        outcome = request.grid.outcome
        more["grid"] = sources.grid.as_json(outcome, values.get(outcome or ""))
    left_out = {
        name
        for name, expression in mapping.items()
        if isinstance(expression, Applied) and expression.dataset == request.left_out
    }
    return _agreed(
        request,
        values,
        left_out,
        rows.cells(sources),
        rows=sum(map(len, batches)),
        dropped=[asdict(drop) for drop in sources.dropped()],
        sizes=_declared_sizes(request, evaluator),
        transforms=sources.transforms(),
        columns=described(sources.fitted, evaluator.designs.values()),
        **more,
    )


def _new_rows(frame: Frame) -> dict[str, Any]:
    """Return how many new rows there are, and the columns of the first of them."""
    return {**_batch(frame), "columns": frame.first_rows}


def _batch(frame: Frame) -> dict[str, Any]:
    return {"dataset": frame.dataset, "rows": len(frame)}


def _origins(mapping: Mapping[str, Expression]) -> dict[str, Any]:
    """Return the dates in quotes between which days are counted, by variable."""
    since = {
        variable: [
            argument.value
            for call in walk(expression.tree)
            if isinstance(call, Call) and call.function == "days"
            for argument in call.arguments
            if isinstance(argument, Text)
        ]
        for variable, expression in mapping.items()
        if isinstance(expression, Derived)
    }
    origins = {variable: dates for variable, dates in since.items() if dates}
    return {"origins": origins} if origins else {}


def _declared_sizes(request: Request, evaluator: Evaluator) -> dict[str, Any]:
    declared = {variable.name for variable in request.variables}
    return {name: s.as_json() for name, s in evaluator.sizes.items() if name in declared}


def _original_scales(
    request: Request, mapping: Mapping[str, Expression], evaluator: Evaluator
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the matrices of transformed columns, with the map of their coefficients or why not."""
    declared = {variable.name for variable in request.variables}
    for name, expression in mapping.items():
        if name not in declared:
            continue
        match expression:
            case DesignMatrix(formula):
                matrix: Design | Sequence[str] = evaluator.designs[formula]
            case Columns(names):
                matrix = names
            case _:
                continue
        try:
            original = original_scale(evaluator.fitted, matrix)
        except NotLinearError as error:
            yield name, {"because": str(error)}
        else:
            if original is not None:
                yield name, original.as_json()


def _from_json(request: Request) -> StanData:
    """Pass a Stan JSON file through; a mapping may add constants and rename its variables."""
    variables = stan_json.read(request.path)
    mapping, faults = _parsed(request, variables)
    supplied = {**variables, **mapping}
    stop([*faults, *unsupplied(request.variables, list(supplied), request.key)])

    def value(variable: str) -> Any:
        match mapping[variable]:
            case Constant(constant):
                return constant
            case Column(name) if name in variables:
                return variables[name]
            case _:
                raise DataError(
                    f"{request.path} is no table, and cannot give `{variable}` this way",
                    key=request.key(variable),
                    value=request.mapping[variable],
                    allowed="a constant, or one of its variables: " + ", ".join(variables),
                )

    values = {**variables, **_each(mapping, value)}
    return _agreed(request, values, set(), None, rows=None, dropped=[], sizes={}, transforms={})


def _parsed(
    request: Request, columns: Collection[str]
) -> tuple[dict[str, Expression], list[Fault]]:
    """Return the mapping as expressions, and a fault for each that cannot be read."""
    new = {request.new_rows.dataset} if request.new_rows is not None else set()
    names = Names(columns, frozenset(request.others) | new)
    mapping: dict[str, Expression] = {}
    faults: list[Fault] = []
    for variable in sorted(request.mapping):
        if variable == PRIOR_SWITCH:
            continue
        declared = request.mapping[variable]
        try:
            mapping[variable] = parse(declared, names)
        except ExpressionError as e:
            key = request.key(variable)
            faults.append(Fault(str(e), key=key, value=declared, allowed=e.allowed, todo=e.todo))
    return mapping, faults


def _not_predicted(request: Request, mapping: Mapping[str, Expression]) -> list[Fault]:
    """Return a fault where new rows are declared and nothing of the mapping takes them."""
    new = request.new_rows
    applied = {e.dataset for e in mapping.values() if isinstance(e, Applied)}
    if new is None or new.dataset in applied:
        return []
    return [
        Fault(
            f"nothing in the mapping takes the new rows of dataset {new.dataset}",
            key=f"datasets.{request.name}.stan",
            todo=f"add what the program needs of them, such as `N_new: {new.dataset}.N`",
        )
    ]


def _not_updated(request: Request, mapping: Mapping[str, Expression]) -> list[Fault]:
    """Return a fault for each expression of missing values where datasets follow one another."""
    return [
        Fault(
            "positions of missing values do not go with `update`",
            key=request.key(variable),
            value=expression.source,
            todo="put the rows into one table",
        )
        for variable, expression in mapping.items()
        if request.updates and isinstance(expression, Derived) and optional_columns(expression.tree)
    ]


def _each(mapping: Mapping[str, Expression], value: Callable[[str], Any]) -> dict[str, Any]:
    """Return every variable's value, or raise the faults of all."""
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for variable in mapping:
        try:
            values[variable] = value(variable)
        except DataError as error:
            faults += error.faults
    stop(list(dict.fromkeys(faults)))
    return values


def _agreed(
    request: Request,
    values: Mapping[str, Any],
    left_out: Collection[str],
    cell: Cells | None,
    **facts: Any,
) -> StanData:
    """Keep what the program declares, add its switch, and compare the two.

    `left_out` are the variables of new rows that a fitted row stands in for.
    """
    declared = {variable.name for variable in request.variables}
    switch = PRIOR_SWITCH in declared
    complete = {**values, PRIOR_SWITCH: 0} if switch else dict(values)
    reader = FAMILY if request.is_conjugate else STAN
    faults = disagreements(request.variables, complete, request.key, cell, reader)
    refusing = {request.key(variable) for variable in left_out}
    stop([replace(f, todo=_STAND_IN) if f.key in refusing else f for f in faults])
    unused = sorted(complete.keys() - declared)
    meta = {"schema": SCHEMA, "unused": unused, "prior_only": switch, **facts}
    return StanData({name: complete[name] for name in sorted(declared)}, meta)
