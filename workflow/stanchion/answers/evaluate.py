"""A declared answer and the draws of a fit → the values that its answer is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stanchion.answers.declared import DeclaredAnswer
from stanchion.answers.drawn import Drawn, NoValueError, open_variables
from stanchion.answers.kinds import held
from stanchion.answers.sample import Sample
from stanchion.draws.files import read_fit_attributes, read_proposal
from stanchion.draws.naming import Roles
from stanchion.draws.tree import POINT, SAMPLE_DIMS
from stanchion.draws.weighting import RESAMPLED, WEIGHTING
from stanchion.expressions.check import Typed
from stanchion.expressions.evaluate import UndefinedError, evaluate
from stanchion.expressions.faults import ExpressionError
from stanchion.stan.program import Variable
from stanchion.system.sentences import listed

Floats = NDArray[np.float64]


class Unanswerable(Exception):  # noqa: N818 - a reason, of which only some are failures
    """Why a fit gives no answer; a failure where it has all that was asked for and no value."""

    def __init__(self, because: str, *, is_failure: bool) -> None:
        super().__init__(because)
        self.is_failure = is_failure


def read_sample(
    answer: DeclaredAnswer,
    variables: Drawn,
    path: Path,
    declared: Mapping[str, Sequence[Variable]],
    roles: Roles,
    ess: float,
) -> tuple[Sample, tuple[str, ...]]:
    """Return the values of an answer's expressions over a fit's draws, and the elements' labels.

    `ess` is the least effective sample size of the fit.

    Raises:
        Unanswerable: the program has not these variables or labels, or some draw gives no value.
    """
    known = {variable.name for block in declared.values() for variable in block}
    missing = [name for name in answer.names() if name not in known]
    if missing:
        raise Unanswerable(f"its program has no `{missing[0]}`", is_failure=False)
    is_point = POINT in variables.tree.children
    if is_point and answer.kind not in ("quantity", "score"):
        what = f"a point has no {'choice' if answer.kind == 'decide' else 'probability'}"
        raise Unanswerable(f"the method gives a point, and {what}", is_failure=False)
    values, labels = _evaluated(answer, variables)
    weighting = read_fit_attributes(path).get(WEIGHTING[0])
    if is_point or (weighting is not None and weighting != RESAMPLED):
        return Sample(values, ess, has_errors=False, is_point=is_point), labels
    if weighting is None:
        return Sample(values, ess), labels
    return _resampled(answer, values, path, declared, roles), labels


def _resampled(
    answer: DeclaredAnswer,
    values: Floats,
    path: Path,
    declared: Mapping[str, Sequence[Variable]],
    roles: Roles,
) -> Sample:
    """Return resampled draws with those that they were taken of, which their errors are of.

    Where a draw that was hardly ever taken gives no value, nothing is known of the errors; nor
    where the file holds no such draws.
    """
    proposal = read_proposal(path)
    if proposal is None:
        return Sample(values, 1.0, has_errors=False)
    weights = proposal.weights
    with open_variables(path, declared, roles, answer.names(), proposal=True) as variables:
        try:
            raw, _ = _evaluated(answer, variables)
        except Unanswerable:
            return Sample(values, 1.0, has_errors=False)
    return Sample(values, float(1 / np.square(weights).sum()), raw=raw, weights=weights)


def _evaluated(answer: DeclaredAnswer, variables: Drawn) -> tuple[Floats, tuple[str, ...]]:
    """Return `chain × draw × element`, and the elements' labels: those of choices and parts."""
    try:
        expressions = held(answer, variables)
    except ExpressionError as error:
        raise Unanswerable(str(error), is_failure=answer.kind == "score") from None
    try:
        arrays = [_values(expression, variables) for expression in expressions.values()]
    except ExpressionError as error:
        raise Unanswerable(str(error), is_failure=True) from None
    except NoValueError as error:
        raise Unanswerable(str(error), is_failure=True) from None
    except UndefinedError as error:
        raise Unanswerable(_undefined(error), is_failure=True) from None
    labels = _labels(next(iter(expressions.values())), variables)
    if len(expressions) > 1:
        sizes = zip(expressions, arrays, strict=True)
        labels = tuple(name for name, array in sizes for _ in range(array.shape[2]))
    if not all(array.shape[2] for array in arrays):
        sources = listed([f"`{source}`" for _, source in answer.items()])
        raise Unanswerable(f"{sources} has no elements", is_failure=True)
    return np.concatenate(arrays, axis=2), labels


def _values(expression: Typed, variables: Drawn) -> Floats:
    """Return an expression's values, `chain × draw × element`; of data alone they are alike."""
    values = evaluate(expression, variables).astype(np.float64)
    draws = _draws(variables)
    shape = tuple(axis.size or 0 for axis in expression.kind.axes)
    if values.shape[: values.ndim - len(shape)] != draws:
        values = np.broadcast_to(values, (*draws, *shape))
    flat: Floats = values.reshape(*draws, -1)
    return flat


def _draws(variables: Drawn) -> tuple[int, ...]:
    sizes = next(
        group.sizes for group in variables.tree.children.values() if SAMPLE_DIMS[0] in group.sizes
    )
    return tuple(sizes[dim] for dim in SAMPLE_DIMS)


def _labels(expression: Typed, variables: Drawn) -> tuple[str, ...]:
    axes = [variables.texts(axis) for axis in expression.kind.axes]
    return tuple(", ".join(texts) for texts in product(*axes))


def _undefined(error: UndefinedError) -> str:
    """Say what has no value, in how many draws."""
    mask = error.mask
    index = tuple(int(axis[0]) for axis in np.nonzero(mask))
    what, _ = error.says(index)
    if mask.ndim < 2:
        return what
    by_draw = mask.reshape(*mask.shape[:2], -1).any(axis=2)
    return f"{what}, as in {int(by_draw.sum())} of {by_draw.size} draws"
