"""What a model is given of each column: its type, its levels with the reference, its scaling."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Any

from stanchion.datasets.design import Design
from stanchion.datasets.formulas import formula_columns
from stanchion.datasets.frame import Frame
from stanchion.datasets.original import parsed_factor, shown_factor


def described(frame: Frame, designs: Iterable[Design]) -> list[dict[str, Any]]:
    """Return plain JSON a column: `column`, `type`, and what is known of levels and scaling.

    `reference` are the levels that no column of a design with treatment contrasts stands for;
    `scaling` has each centre and scale that the column's values were shifted and divided by.
    """
    made = list(designs)
    return [_described(frame, name, made) for name in frame.first_rows]


def _described(frame: Frame, name: str, designs: list[Design]) -> dict[str, Any]:
    content: dict[str, Any] = {"column": name, "type": frame.kinds[name]}
    if frame.kinds[name] == "category":
        content["levels"] = list(frame.column(name).levels())
    references = [level for design in designs for level in _references(design, name)]
    scaling = [*_transforms(frame, name), *(s for d in designs for s in _scaled(d, name))]
    if references:
        content["reference"] = list(dict.fromkeys(references))
    if scaling:
        content["scaling"] = scaling
    return content


def _transforms(frame: Frame, name: str) -> Iterator[dict[str, Any]]:
    if name in frame.transforms:
        constants = frame.transforms[name]
        how = {key: constants.get(key) for key in ("center", "scale")}
        yield {"by": f"transform: {constants['kind']}", **how}


def _references(design: Design, column: str) -> Iterator[str]:
    """Yield the levels of a column without a column of treatment contrasts, where others have."""
    for term, (_, state) in design.spec.encoder_state.items():
        if "contrasts" not in state or column not in _columns_of(term, design.frame):
            continue
        levels = [str(level) for level in state["contrasts"].levels]
        without = [n for n in levels if not _has_part(design.labels, f"{term}[T.{n}]")]
        if len(without) < len(levels):
            yield from without


def _has_part(labels: Iterable[str], part: str) -> bool:
    """Whether a label is this, or an interaction with it: `subgroup[T.b]` is no `group[T.b]`."""
    return any(f":{part}:" in f":{label}:" for label in labels)


def _scaled(design: Design, column: str) -> Iterator[dict[str, Any]]:
    """Yield what formulaic's `scale` and `center` settled of a column, each once."""
    settled = dict[str, dict[str, Any]]()
    for factor in design.spec.encoder_state:
        if factor in design.frame.kinds or column not in _columns_of(factor, design.frame):
            continue
        tree, names = parsed_factor(factor)
        for node in ast.walk(tree):
            constants = design.spec.transform_state.get(ast.unparse(node), {})
            if "center" in constants:
                settled[shown_factor(node, names)] = constants
    for term, constants in settled.items():
        yield {"by": term, **{key: _number(constants[key]) for key in ("center", "scale")}}


def _columns_of(factor: str, frame: Frame) -> tuple[str, ...]:
    """Return the columns of a factor: a name that needs backquotes in a formula has none here."""
    return (factor,) if factor in frame.kinds else formula_columns(f"~ {factor}")


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
