"""The one style of all pictures, and their bytes: the same for the same numbers, on any machine.

Five inches wide, 360 points: as wide as a report's column on a telephone of 390 px, so that a point
of type is a pixel of the screen there, and none is smaller than ten. Each colour differs from white
by a contrast of three or more, and from the others in any colour vision.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Literal

import matplotlib as mpl

mpl.use("agg")  # before ArviZ imports pyplot: no picture may ask for a window

import numpy as np
import xarray as xr
from arviz_base import rc_context
from arviz_base.rcparams import rc_params
from arviz_plots import PlotCollection
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

Floats = NDArray[np.float64]
WIDTH, DOTS_PER_INCH = 5.0, 192
INK, FILL, SOFT = "#1b2631", "#3f8fc4", "#4d5963"
DESCRIPTION = "Description"
"""The keyword of a PNG's text that says what is seen (PNG, third edition, 11.3.3.1)."""
CHAINS = ("#1a85ff", "#d55e00", "#004488", "#661100", "#b07aa1", "#000000")
DASHES = ("-", "--", "-.", ":")
SMALL, PLAIN = 10.0, 11.0
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": PLAIN,
    "text.parse_math": False,
    "axes.titlesize": PLAIN,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8b959e",
    "axes.labelcolor": INK,
    "axes.labelsize": SMALL,
    "axes.linewidth": 0.8,
    "axes.formatter.limits": (-3, 4),
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.frameon": False,
    "legend.fontsize": SMALL,
    "lines.linewidth": 1.4,
    "svg.hashsalt": "stanchion",
}
type Format = Literal["png", "svg"]
_SAVED: ContextVar[Format] = ContextVar("saved", default="png")
_COLOURS = 64
"""Of a PNG: the colours drawn and their shades at edges. It is a third of one of all colours."""
_ARVIZ: Any = rc_params(ignore_files=True)  # type: ignore[func-returns-value]
SAMPLE_DIMS: tuple[str, ...] = tuple(_ARVIZ["data.sample_dims"])
"""What ArviZ calls the dimensions of draws."""
_CHARACTER = 0.065
"""Inches of a character of the smaller type, on average."""
_DIGIT, _LINE, _OVER = 0.09, 0.17, 0.15
"""Inches of a digit of the smaller type, of a line of it, and that one may stand beyond an axis."""
_LARGEST = 1e305
TOO_FAR = "its values are too far from zero to be drawn"
_HEIGHT, _BELOW, _TITLE, _BETWEEN, _RIGHT = 1.35, 0.5, 0.27, 0.5, 0.15


@dataclass(frozen=True)
class Panels:
    """A figure with its axes, in the order of reading."""

    figure: Figure
    axes: list[Axes]
    seen: list[str] = field(default_factory=list)
    """What is seen, in words: for those who do not see it."""

    def collection(self, data: xr.Dataset, axes: Mapping[str, Axes], **values: Any) -> Any:
        """Return what ArviZ draws on: the axis of each variable of `data`.

        `aes` among the values maps properties to dimensions, the others are a property's cycle.
        """
        targets = xr.Dataset({name: ((), _held(axis)) for name, axis in axes.items()})
        top = xr.Dataset({"figure": ((), _held(self.figure))})
        shown = xr.DataTree.from_dict({"/": top, "plot": targets})
        return PlotCollection(data, shown, backend="matplotlib", **values)


@contextmanager
def drawn(
    count: int,
    *,
    columns: int = 2,
    height: float = _HEIGHT,
    top: float = 0.35,
    left: float = 0.5,
    below: float = _BELOW,
) -> Iterator[tuple[Panels, io.BytesIO]]:
    """Make panels in a grid; afterwards the picture is in the buffer, without software or date.

    It is a PNG, or what `saved_as` says; what `seen` holds becomes its description.

    `height` is a panel's, the others are margins, in inches: `below` is each row's. They are fixed,
    because to measure all texts first, as matplotlib's layout engines do, takes as long as to draw
    them.
    Settings of matplotlib and ArviZ that are in force elsewhere are left alone and play no part.
    """
    picture = io.BytesIO()
    rows = ceil(count / columns)
    total = top + rows * (height + below) + (rows - 1) * _TITLE
    with in_style():
        figure = Figure(figsize=(WIDTH, total), dpi=DOTS_PER_INCH)
        width = (WIDTH - left - _RIGHT - (columns - 1) * _BETWEEN) / columns
        figure.subplots_adjust(
            left=left / WIDTH,
            right=1 - _RIGHT / WIDTH,
            bottom=below / total,
            top=1 - top / total,
            wspace=_BETWEEN / width,
            hspace=(below + _TITLE) / height,
        )
        axes = [figure.add_subplot(rows, columns, number + 1) for number in range(count)]
        with np.errstate(all="ignore"):
            panels = Panels(figure, axes)
            yield panels, picture
            save(panels, picture)


@contextmanager
def in_style() -> Iterator[None]:
    """Draw by our settings alone, whatever those of matplotlib and ArviZ are elsewhere."""
    with mpl.rc_context(), rc_context(_ARVIZ), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice to a person who chooses the kind of a picture
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


@contextmanager
def saved_as(kind: Format) -> Iterator[None]:
    """Save what is drawn meanwhile in this format."""
    token = _SAVED.set(kind)
    try:
        yield
    finally:
        _SAVED.reset(token)


def save(panels: Panels, picture: io.BytesIO) -> None:
    """Write a figure into a buffer as what `saved_as` says, with what is seen as its description.

    A PNG has a palette; neither software nor date is in it.
    """
    seen = " ".join(panels.seen)
    if _SAVED.get() == "svg":
        metadata = {"Date": None, "Creator": None, **({"Title": seen} if seen else {})}
        panels.figure.savefig(picture, format="svg", metadata=metadata)
        return
    raw = io.BytesIO()
    panels.figure.savefig(raw, format="raw", dpi=panels.figure.dpi)
    size = panels.figure.canvas.get_width_height()
    described = PngInfo()
    if seen:
        described.add_itxt(DESCRIPTION, seen)
    Image.frombytes("RGBA", size, raw.getvalue()).convert("RGB").quantize(
        _COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    ).save(picture, "PNG", dpi=(DOTS_PER_INCH, DOTS_PER_INCH), pnginfo=described)


def placeholder(because: str, *seen: str) -> bytes:
    """Draw a picture that says why it was not made."""
    with drawn(1, columns=1, height=0.3, left=0.15) as (panels, picture):
        draw_reason(panels.axes[0], "", f"not made, because {because}")
        panels.seen.extend(seen)
    return picture.getvalue()


def draw_reason(axis: Axes, title: str, reason: str) -> None:
    """Write on a panel why there is nothing to see, under its title."""
    axis.set_axis_off()
    axis.set_title(title)
    text = textwrap.fill(reason, 25 if title else 52)
    axis.text(0, 0.95 if title else 0.5, text, va="top" if title else "center", fontsize=SMALL)


def note_above(axis: Axes) -> None:
    """Move what is noted in a panel of departures from zero to its top, and make room for it."""
    low, high = axis.get_ylim()
    axis.set_ylim(1.25 * low, 1.25 * high)
    for text in axis.texts:
        text.set(position=(0.03, 0.97), transform=axis.transAxes, va="top")


def short(name: str, most: int = 22) -> str:
    """Return a name, cut where it is longer than a panel."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def name_axis(axis: Axes, title: str) -> None:
    """Write what is along a horizontal axis under it, cut where it is longer than the axis."""
    axis.set_xlabel(short(title, int(axis.get_position().width * WIDTH / _CHARACTER)))


def tick_few(axis: Axes, most: int = 4) -> None:
    """Write at most so many numbers along a horizontal axis, in full, none touching or cut off.

    They are two or more where so many stand clear, else as many as do.
    """
    best, names = np.empty(0), list[str]()
    width = axis.get_position().width * WIDTH
    low, high = axis.get_xlim()
    for bins in range(most, 0, -1):
        ticks = np.asarray(MaxNLocator(bins, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))
        values: Floats = ticks[(ticks >= low) & (ticks <= high)]
        labels = _in_full(values)
        inches = (values - low) / (high - low) * width
        half = np.array([len(label) * _DIGIT / 2 for label in labels])
        shown = np.flatnonzero((inches - half > -_OVER) & (inches + half < width + _OVER))
        clear = np.diff(inches[shown]) > half[shown][1:] + half[shown][:-1] + _DIGIT
        shown = shown if clear.all() else shown[:1]
        if len(shown) > len(best):
            best, names = values[shown], [labels[number] for number in shown]
        if len(best) > 1:
            break
    axis.set_xticks(best, names)


def _in_full(values: Floats) -> list[str]:
    """Return evenly spaced numbers with the digits that tell them from each other."""
    step = np.diff(values).min(initial=np.inf)
    for digits in range(6, 17):
        labels = [f"{value:.{digits}g}" for value in values]
        if np.abs(np.array(labels, dtype=float) - values).max(initial=0.0) < 1e-3 * step:
            break
    return [label.replace("-", "\u2212") for label in labels]


def apart(axis: Axes, points: Iterable[tuple[float, float, str]]) -> list[int]:
    """Return which texts at points stand clear of those before them, by number."""
    box = axis.get_position()
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    figure = axis.get_figure(root=True)
    assert figure is not None
    width, height = box.width * WIDTH, box.height * figure.get_figheight()
    chosen: list[tuple[int, float, float, float]] = []
    for number, (x, y, text) in enumerate(points):
        at = (x - left) / (right - left) * width, (y - low) / (high - low) * height
        size = (len(text) + 1) * _DIGIT
        if all(
            abs(at[0] - a) > max(size, other) or abs(at[1] - b) > _LINE for _, a, b, other in chosen
        ):
            chosen.append((number, *at, size))
    return [number for number, *_ in chosen]


def is_drawable(values: Floats) -> bool:
    """Tell whether an axis can hold all values that are numbers, with a margin."""
    return bool(np.abs(values[np.isfinite(values)]).max(initial=0.0) < _LARGEST)


def inner_range(values: Floats, always: Floats | None, tail: float) -> tuple[float, float]:
    """Return a range of all finite values but for a share at each end, and of all of `always`."""
    finite = values[np.isfinite(values)]
    ends = list(np.quantile(finite, (tail, 1 - tail))) if finite.size else []
    if always is not None and np.isfinite(always).any():
        finite_always = always[np.isfinite(always)]
        ends += [finite_always.min(), finite_always.max()]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    margin = 0.05 * (high - low) or max(abs(low), 1.0) * 0.05
    return float(low - margin), float(high + margin)


def _held(item: object) -> NDArray[np.object_]:
    """Return an array that holds one object."""
    array = np.empty((), dtype=object)
    array[()] = item
    return array
