"""The answer `score`: how good class probabilities are, for rows whose class is known.

Probabilities are averaged over the draws first, and scored then, so that a score has no value in a
draw. Its Monte Carlo error is that of the mean of what each draw adds to it: how the score changes
where a thousandth of the average is taken from it and given to the draw (the infinitesimal
jackknife; Efron 1982, doi:10.1137/1.9781611970319, chapter 6). Accuracy and calibration error
change by jumps, of which that says nothing: they have no error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.answers.evaluate import Unanswerable
from stanchion.answers.results import Answer, Row
from stanchion.answers.sample import Values
from stanchion.stats import scores

Floats = NDArray[np.float64]
_SHARE = 1e-3
_ROUNDING = 1e-5
_BLOCK = 2_000_000
_TUNED = "temperature"
MUTUAL = "mutual information"


@dataclass(frozen=True)
class _Rows:
    """Rows of probabilities with their classes, counted from 0, and the draws' mean entropies.

    `p` is `… × row × class`, `entropy` `… × row`.
    """

    p: Floats
    entropy: Floats
    y: NDArray[np.intp]

    def towards(self, p: Floats) -> _Rows:
        """Return the rows with a share of the average given to draws, `draw × row × class`."""
        drawn = scores.entropy(p)
        return replace(
            self,
            p=(1 - _SHARE) * self.p + _SHARE * p,
            entropy=(1 - _SHARE) * self.entropy + _SHARE * drawn,
        )


def score(values: Values, labels: Sequence[str], intervals: Mapping[str, Any] | None) -> Answer:
    """Return the scores of a sample whose elements are labelled by the part they belong to.

    Raises:
        Unanswerable: classes or probabilities that are none.
    """
    parts = _parts(labels)
    shapes = {name: _shape(name, parts) for name in parts if name in ("score", _TUNED)}
    classes = {name: _classes(name, shape, parts, values) for name, shape in shapes.items()}

    def probabilities(draws: Floats, name: str) -> Floats:
        return _probabilities(draws[..., parts[name]], shapes[name], name)

    def averaged(name: str) -> _Rows:
        flat = values.map(lambda x: _flat(probabilities(x, name)))
        entropies = values.map(lambda x: scores.entropy(probabilities(x, name)))
        return _Rows(flat.means().reshape(shapes[name]), entropies.means(), classes[name])

    average = {name: averaged(name) for name in shapes}
    _require_finite(average)
    prob = 0.9 if intervals is None else intervals["prob"]
    rows = _rows(average, values.is_point, prob)
    at_average = _scores(average, values.is_point)

    def influences(draws: Floats) -> Floats:
        flat = draws.reshape(-1, draws.shape[-1])
        size = max(_BLOCK // flat.shape[1], 1)
        blocks = [
            _scores(
                {n: rows.towards(probabilities(block, n)) for n, rows in average.items()},
                values.is_point,
            )
            for block in np.split(flat, range(size, len(flat), size))
        ]
        with np.errstate(invalid="ignore"):
            changes = (np.concatenate(blocks) - at_average) / _SHARE
        return np.nan_to_num(changes).reshape(*draws.shape[:-1], -1)

    if values.is_point:
        return Answer(rows=rows)
    numbers = values.map(influences).numbers(None)
    jumps = np.array([row.label.startswith(_JUMPING) for row in rows])
    errors = np.where((numbers.mcse > 0) & ~jumps, numbers.mcse, np.nan)
    return Answer(
        rows=tuple(
            replace(row, mcse=float(error), rhat=np.nan if jump else float(rhat))
            for row, error, rhat, jump in zip(rows, errors, numbers.rhat, jumps, strict=True)
        )
    )


def _require_finite(average: Mapping[str, _Rows]) -> None:
    """Refuse probabilities that have ruled out what was observed: no score says how bad that is."""
    for name, rows in average.items():
        impossible = int(np.isneginf(scores.log_score(rows.p, rows.y)).sum())
        if impossible:
            what = f"`{name}` gives the class of {impossible} of {len(rows.y)} rows probability 0"
            raise Unanswerable(f"{what}: its log score is −∞", is_failure=True)


def _parts(labels: Sequence[str]) -> dict[str, slice]:
    """Return where each part's elements are: they stand together."""
    names = list(dict.fromkeys(labels))
    starts = [labels.index(name) for name in names]
    return {
        name: slice(start, end)
        for name, start, end in zip(names, starts, [*starts[1:], len(labels)], strict=True)
    }


def _observed(name: str) -> str:
    return "observed" if name == "score" else f"{name} observed"


def _shape(name: str, parts: Mapping[str, slice]) -> tuple[int, int]:
    """Return rows and classes; of one probability a row the classes are 0 and 1."""
    count, rows = (p.stop - p.start for p in (parts[name], parts[_observed(name)]))
    return rows, max(count // rows, 2)


def _probabilities(draws: Floats, shape: tuple[int, int], name: str) -> Floats:
    """Return `… × row × class`."""
    if draws.shape[-1] == shape[0]:
        p = np.stack([1 - draws, draws], axis=-1)
    else:
        p = draws.reshape(*draws.shape[:-1], *shape)
    is_within = p.min() >= -_ROUNDING and p.max() <= 1 + _ROUNDING
    if not (is_within and np.abs(p.sum(axis=-1) - 1).max() <= _ROUNDING):
        what = "do not sum to 1" if is_within else "are not all from 0 to 1"
        raise Unanswerable(f"the probabilities of `{name}` {what}", is_failure=True)
    return np.clip(p, 0, 1)


def _classes(
    name: str, shape: tuple[int, int], parts: Mapping[str, slice], values: Values
) -> NDArray[np.intp]:
    drawn = values.pooled()[:, parts[_observed(name)]]
    part = parts[name]
    first = 0 if part.stop - part.start == shape[0] else 1
    if (drawn != drawn[0]).any():
        what = f"`{_observed(name)}` is not the same in all draws, and no data"
        raise Unanswerable(what, is_failure=True)
    y = drawn[0].astype(np.intp) - first
    if y.min() < 0 or y.max() >= shape[1]:
        what = f"`{_observed(name)}` has values that are not from {first} to {shape[1] - 1 + first}"
        raise Unanswerable(what, is_failure=True)
    return y


def _flat(p: Floats) -> Floats:
    return p.reshape(*p.shape[:-2], -1)


_OF_ROWS: Mapping[str, Callable[[_Rows], Floats]] = {
    "accuracy": lambda rows: scores.accuracy(rows.p, rows.y),
    "log score": lambda rows: scores.log_score(rows.p, rows.y),
    "Brier score": lambda rows: scores.brier_score(rows.p, rows.y),
    "predictive entropy": lambda rows: scores.entropy(rows.p),
    MUTUAL: lambda rows: scores.entropy(rows.p) - rows.entropy,
}
"""Scores that are means over rows, `… × row`."""
_OF_ALL: Mapping[str, Callable[[_Rows], Floats]] = {
    "calibration error": lambda rows: scores.calibration_error(rows.p, rows.y)
}
_JUMPING = ("accuracy", "calibration error")
_TEMPERED = ("log score", "Brier score", "calibration error")


def _scores(rows: Mapping[str, _Rows], is_point: bool) -> Floats:
    """Return all scores, `… × score`."""
    columns = [of(rows["score"]).mean(axis=-1) for of in _of_rows(is_point).values()]
    columns += [of(rows["score"]) for of in _OF_ALL.values()]
    if _TUNED in rows:
        temperature, scaled = _scaled(rows)
        columns.append(temperature)
        columns += [
            _OF_ALL[name](scaled) if name in _OF_ALL else _OF_ROWS[name](scaled).mean(axis=-1)
            for name in _TEMPERED
        ]
    return np.stack(columns, axis=-1)


def _of_rows(is_point: bool) -> Mapping[str, Callable[[_Rows], Floats]]:
    """Return the scores of rows; the draws of a point cannot differ."""
    return {name: of for name, of in _OF_ROWS.items() if not (is_point and name == MUTUAL)}


def _scaled(rows: Mapping[str, _Rows]) -> tuple[Floats, _Rows]:
    temperature = scores.best_temperature(rows[_TUNED].p, rows[_TUNED].y)
    return temperature, replace(rows["score"], p=scores.tempered(rows["score"].p, temperature))


def _rows(average: Mapping[str, _Rows], is_point: bool, prob: float) -> tuple[Row, ...]:
    """Return the scores with their intervals over rows, as far as they are means of rows."""
    rows = [_row(name, of(average["score"]), prob) for name, of in _of_rows(is_point).items()]
    rows += [_row_of_all(name, average["score"], name) for name in _OF_ALL]
    if _TUNED in average:
        temperature, scaled = _scaled(average)
        rows.append(Row(label=_TUNED, value=float(temperature)))
        rows += [
            _row_of_all(f"{name}, tempered", scaled, name)
            if name in _OF_ALL
            else _row(f"{name}, tempered", _OF_ROWS[name](scaled), prob)
            for name in _TEMPERED
        ]
    return tuple(rows)


def _row_of_all(label: str, rows: _Rows, name: str) -> Row:
    """Return a score of all rows together; the accuracy's spread says how many digits it has."""
    deviation = scores.accuracy(rows.p, rows.y).std() / np.sqrt(len(rows.y))
    return Row(label=label, value=float(_OF_ALL[name](rows)), sd=float(deviation) or np.nan)


def _row(name: str, of_rows: Floats, prob: float) -> Row:
    interval = scores.share_interval if name == "accuracy" else scores.mean_interval
    with np.errstate(invalid="ignore"):
        lower, upper = interval(of_rows, prob)
        deviation = of_rows.std(ddof=1) / np.sqrt(len(of_rows)) if len(of_rows) > 1 else np.nan
    if name == "accuracy" and deviation == 0:
        deviation = (upper - lower) / 2
    return Row(
        label=name, value=float(of_rows.mean()), lower=lower, upper=upper, sd=float(deviation)
    )
