"""Conditional effects: what is expected over each predictor, with a band, and the data beside.

The numbers are computed already, for new rows that no group of a tree has: so lines and bands are
drawn by matplotlib, and not by a function of ArviZ that would compute its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from stanchion.pictures.style import (
    CHAINS,
    DASHES,
    FILL,
    INK,
    SMALL,
    SOFT,
    TOO_FAR,
    Floats,
    drawn,
    inner_range,
    is_drawable,
    placeholder,
    short,
)
from stanchion.system.sentences import counted, percent

_MOST_TICKS = 8
_DATE_TICKS = (0.12, 0.5, 0.88)
"""Shares of an axis at which dates are written."""
_LEGEND_ROW, _LEGEND_COLUMNS = 0.21, 2
"""Inches of a row of names, and how many stand in one."""
_FEWEST_LINES, _PRIOR_TAIL = 4, 0.02
"""Lines of the prior at each value of a second predictor; the share of points left out of sight."""
_POINT: Mapping[str, Any] = {"s": 9, "alpha": 0.45, "linewidths": 0, "zorder": 1}


def effects(content: Mapping[str, Any]) -> bytes:
    """Draw a panel an effect of effects.json, or why there are none."""
    if not content["made"]:
        return placeholder(content["because"])
    declared = content["effects"]
    numbers = [_numbers(line) for effect in declared for line in effect["lines"]]
    if not is_drawable(np.concatenate([*(n.ravel() for n in numbers), _outcome(content)])):
        return placeholder(TOO_FAR)
    above = _LEGEND_ROW * max(map(_legend_rows, declared))
    draws = [(_draw_effect, effect) for effect in declared]
    draws += [(_draw_prior, effect) for effect in declared if _has_prior(effect)]
    with drawn(len(draws), columns=1, height=1.9 + above, left=0.75) as (panels, picture):
        for axis, (draw, effect) in zip(panels.axes, draws, strict=True):
            draw(axis, effect, content)
            _name_lines(axis, _legend_rows(effect))
    return picture.getvalue()


def _has_prior(effect: Mapping[str, Any]) -> bool:
    """Tell whether lines of the prior are there, and can be drawn."""
    return effect["prior_because"] is None and all("prior" in line for line in effect["lines"])


def _prior(line: Mapping[str, Any]) -> Floats:
    """Return a line at draws of the prior, `draw × row`."""
    return np.array(line["prior"], dtype=np.float64)


def _draw_prior(axis: Axes, effect: Mapping[str, Any], content: Mapping[str, Any]) -> None:
    """Draw what is expected at draws of the prior, a thin line each, with the data beside."""
    lines = [_spread(_prior(line), len(effect["lines"])) for line in effect["lines"]]
    _draw_observed(axis, effect, content["observed"])
    for number, (line, rows) in enumerate(zip(effect["lines"], lines, strict=True)):
        is_level = effect["kind"] == "level"
        values = np.arange(rows.shape[1]) if is_level else np.array(_axis_values(effect, line))
        colour = _colour(effect, number)
        axis.plot(values, rows.T, color=colour, linewidth=0.7, alpha=0.5)
        if effect["by"] is not None:
            axis.plot([], [], color=colour, label=_line_name(effect, line, content))
    every = np.concatenate([rows.ravel() for rows in lines])
    axis.set_ylim(*inner_range(every, _outcome(content), _PRIOR_TAIL))
    _label(axis, effect, content)
    draws = counted(len(lines[0]), "draw")
    axis.set_title(f"{short(effect['effect'], 30)}: {draws} of the prior")


def _spread(rows: Floats, lines: int) -> Floats:
    """Return as many draws as can be seen where there are so many lines, evenly spread."""
    count = min(len(rows), max(_FEWEST_LINES, len(rows) // lines))
    return rows[np.linspace(0, len(rows) - 1, count).round().astype(np.intp)]


def _draw_effect(axis: Axes, effect: Mapping[str, Any], content: Mapping[str, Any]) -> None:
    lines = [_numbers(line) for line in effect["lines"]]
    observed = content["observed"]
    _draw_observed(axis, effect, observed)
    for number, (line, rows) in enumerate(zip(effect["lines"], lines, strict=True)):
        colour = _colour(effect, number)
        label = None if effect["by"] is None else _line_name(effect, line, content)
        if effect["kind"] == "level":
            _draw_levels(axis, rows, number, len(lines), colour, label)
        else:
            _draw_line(axis, _axis_values(effect, line), rows, number, colour, label)
    axis.set_ylim(*inner_range(_outcome(content), np.concatenate(lines).ravel(), 0.005))
    _label(axis, effect, content)


def _line_name(
    effect: Mapping[str, Any], line: Mapping[str, Any], content: Mapping[str, Any]
) -> str:
    return f"{short(_title(content, effect['by']))} {_text(line['by_value'])}"


def _outcome(content: Mapping[str, Any]) -> Floats:
    return np.array(content["observed"]["values"] or [], dtype=np.float64)


def _numbers(line: Mapping[str, Any]) -> Floats:
    """Return mean, lower and upper end of a line, `row × 3`."""
    rows = [[row[name] for name in ("mean", "lower", "upper")] for row in line["rows"]]
    return np.array(rows, dtype=np.float64)


def _draw_line(
    axis: Axes, values: Sequence[float], rows: Floats, number: int, colour: str, label: str | None
) -> None:
    dash = DASHES[number // len(CHAINS) % len(DASHES)]
    axis.fill_between(values, rows[:, 1], rows[:, 2], color=colour, alpha=0.22, linewidth=0)
    axis.plot(values, rows[:, 0], color=colour, linestyle=dash, label=label)


def _draw_levels(
    axis: Axes, rows: Floats, number: int, lines: int, colour: str, label: str | None
) -> None:
    """Draw a point and an interval a level; those of several lines stand side by side."""
    at = np.arange(len(rows)) + _beside(number, lines)
    axis.vlines(at, rows[:, 1], rows[:, 2], color=colour, linewidth=2.5)
    axis.plot(at, rows[:, 0], "o", color=colour, markersize=5, label=label)


def _beside(number: int, lines: int) -> float:
    return 0.6 * ((number + 0.5) / lines - 0.5)


def _draw_observed(axis: Axes, effect: Mapping[str, Any], observed: Mapping[str, Any]) -> None:
    """Draw the fitted rows: the outcome where it is known, and where the predictor's values lie."""
    column = observed["columns"][effect["predictor"]]
    at = np.array(list(_positions(effect, column)), dtype=np.float64)
    if effect["kind"] != "level":
        rug = at[np.isfinite(at)]
        across = axis.get_xaxis_transform()
        axis.plot(rug, np.full(len(rug), 0.015), "|", color=SOFT, markersize=6, transform=across)
    if observed["values"] is None:
        return
    outcome = np.array(observed["values"], dtype=np.float64)
    colours = list(_colours(effect, observed))
    if effect["kind"] == "level":
        at = at - 0.36
    axis.scatter(at, outcome, c=colours, **_POINT)


def _positions(effect: Mapping[str, Any], values: Sequence[Any]) -> Iterator[float]:
    """Yield where values stand on the axis, NaN where there is none."""
    position = {row["value"]: at for at, row in enumerate(effect["lines"][0]["rows"])}
    for value in values:
        if value is None:
            yield np.nan
        elif effect["kind"] == "level":
            yield position.get(value, np.nan)
        else:
            yield _number(value)


def _colours(effect: Mapping[str, Any], observed: Mapping[str, Any]) -> Iterator[str]:
    """Yield the colour of each fitted row: that of its line, where lines are levels."""
    if effect["by_kind"] != "level":
        yield from [SOFT] * len(observed["values"])
        return
    number = {line["by_value"]: n for n, line in enumerate(effect["lines"])}
    for value in observed["columns"][effect["by"]]:
        yield SOFT if value is None else _colour(effect, number[value])


def _colour(effect: Mapping[str, Any], number: int) -> str:
    return FILL if effect["by"] is None else CHAINS[number % len(CHAINS)]


def _axis_values(effect: Mapping[str, Any], line: Mapping[str, Any]) -> list[float]:
    return [_number(row["value"]) for row in line["rows"]]


def _number(value: Any) -> float:
    """Return a number, or the days of a date."""
    return float(date.fromisoformat(value).toordinal() if isinstance(value, str) else value)


def _label(axis: Axes, effect: Mapping[str, Any], content: Mapping[str, Any]) -> None:
    first = effect["lines"][0]["rows"]
    if effect["kind"] == "level":
        names = [short(_text(row["value"]), 10) for row in first]
        step = -(-len(names) // _MOST_TICKS)
        axis.set_xticks(range(0, len(names), step), names[::step])
        axis.set_xlim(-0.6, len(names) - 0.4)
    elif effect["kind"] == "date":
        ticked = dict.fromkeys(round(share * (len(first) - 1)) for share in _DATE_TICKS)
        chosen = [first[position] for position in ticked]
        axis.set_xticks([_number(row["value"]) for row in chosen], [r["value"] for r in chosen])
    axis.set_xlabel(short(_title(content, effect["predictor"]), 45))
    axis.set_ylabel(short(_title(content, content["variable"]), 24))
    interval = content["interval"]
    kind = "highest density" if interval["kind"] == "hdi" else "interval"
    axis.set_title(f"{short(effect['effect'], 30)}: mean, {percent(interval['prob'])} {kind}")


def _title(content: Mapping[str, Any], name: str) -> str:
    title: str = content["titles"].get(name, name)
    return title


def _legend_rows(effect: Mapping[str, Any]) -> int:
    return 0 if effect["by"] is None else -(-len(effect["lines"]) // _LEGEND_COLUMNS)


def _name_lines(axis: Axes, rows: int) -> None:
    """Put the names of lines between a panel and its title, and make it lower by as much."""
    if not rows:
        return
    figure, place = axis.get_figure(root=True), axis.get_position()
    assert figure is not None
    place.y1 -= rows * _LEGEND_ROW / figure.get_figheight()
    axis.set_position(place)
    axis.set_title(axis.get_title(loc="left"), pad=6 + 72 * rows * _LEGEND_ROW)
    axis.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        borderaxespad=0,
        ncols=_LEGEND_COLUMNS,
        fontsize=SMALL,
        labelcolor=INK,
    )


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
