"""The rows that a mapping needs: the fitted ones, new ones, and those that are looked up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from stanchion.datasets.columns import described
from stanchion.datasets.design import Formula, fit_design
from stanchion.datasets.expressions import Derived, DesignMatrix, Expression, Index, LevelCount
from stanchion.datasets.faults import stop
from stanchion.datasets.frame import Drop, Frame, make_frame, transformed
from stanchion.datasets.grid import Grid, make_grid
from stanchion.datasets.needs import Need, needs_of
from stanchion.datasets.request import Request
from stanchion.datasets.rules import Rule
from stanchion.errors import Fault
from stanchion.expressions.tree import Call, Name, walk

if TYPE_CHECKING:
    from stanchion.config import Dataset

_BY_LEVEL = ("index", "nlevels")


@dataclass(frozen=True)
class Sources:
    """The rows by the part they play; new rows and looked-up ones by dataset."""

    fitted: Frame
    applied: dict[str, Frame]
    looked_up: dict[str, Frame]
    grid: Grid | None = None
    """What stands in for new rows, where effects are asked for."""

    def dropped(self) -> list[Drop]:
        """Return the rows that were left out, of any dataset."""
        frames = [self.fitted, *self.applied.values(), *self.looked_up.values()]
        return list(dict.fromkeys(drop for frame in frames for drop in frame.dropped))

    def transforms(self) -> dict[str, dict[str, Any]]:
        """Return the constants by column; `dataset.column` where a dataset is looked up."""
        constants = {name: dict(fixed) for name, fixed in self.fitted.transforms.items()}
        for dataset, frame in self.looked_up.items():
            constants |= {f"{dataset}.{n}": dict(fixed) for n, fixed in frame.transforms.items()}
        return constants


def read_sources(request: Request, mapping: Mapping[str, Expression]) -> Sources:
    """Read, check and complete every row that a parsed mapping needs.

    New rows are held to the types of the fitted rows and transformed by their constants.

    Raises:
        DataError: a table does not hold what is declared or used of it.
    """
    needs = needs_of(mapping)
    fitted_rules = _rules(request.name, request.dataset, needs.fitted, request)
    path = request.path
    fitted = make_frame(request.name, request.dataset, path, fitted_rules)
    applied, grid = {}, None
    for name, need in needs.applied.items():
        if name == request.left_out and request.grid is not None:
            grid = _grid(request, mapping, need, fitted_rules, fitted)
            applied[name] = grid.frame
            continue
        if name == request.left_out:
            applied[name] = fitted.stand_in(name)
            continue
        other = request.others[name]
        rules = _as_fitted(_rules(name, other, need, request), fitted_rules, fitted)
        constants = fitted.transforms
        applied[name] = make_frame(name, other, request.tables[name], rules, constants)
    looked_up = {}
    for name, need in needs.looked_up.items():
        other = request.others[name]
        rules = [
            replace(rule, unique=rule.unique or rule.name in needs.keys[name])
            for rule in _rules(name, other, need, request)
        ]
        looked_up[name] = make_frame(name, other, request.tables[name], rules)
    return Sources(fitted, applied, looked_up, grid)


def _grid(
    request: Request,
    mapping: Mapping[str, Expression],
    need: Need,
    rules: Sequence[Rule],
    fitted: Frame,
) -> Grid:
    """Return a grid of the columns that new rows need, transformed as the fitted rows are."""
    assert request.grid is not None and request.left_out is not None
    plain = [replace(rule, transform=None) for rule in rules]
    rows = make_frame(request.name, request.dataset, request.path, plain)
    designs = [
        fit_design(Formula(expression.formula, request.key(variable)), fitted)
        for variable, expression in mapping.items()
        if isinstance(expression, DesignMatrix)
    ]
    references = {
        column["column"]: column["reference"][0]
        for column in described(fitted, designs)
        if "reference" in column
    }
    factors = {*references, *_factors(mapping)}
    columns = list(need.variables)
    grid = make_grid(request.grid, request.left_out, rows, columns, factors, references)
    rule_of = {rule.name: rule for rule in rules if rule.name in columns}
    return replace(grid, frame=transformed(grid.frame, rule_of, fitted.transforms))


def _factors(mapping: Mapping[str, Expression]) -> Iterator[str]:
    """Yield the columns that are used as levels."""
    for expression in mapping.values():
        match expression:
            case Index(column) | LevelCount(column):
                yield column
            case Derived(tree=tree):
                calls = [node for node in walk(tree) if isinstance(node, Call)]
                names = [a for c in calls if c.function in _BY_LEVEL for a in c.arguments]
                yield from (name.name for name in names if isinstance(name, Name))


def _rules(name: str, dataset: Dataset, need: Need, request: Request) -> list[Rule]:
    """Return the rules of a dataset's declared columns, then of those that are only used."""
    rules = [
        Rule.of(column, declared, f"datasets.{name}.columns.{column}")
        for column, declared in dataset.columns.items()
    ]
    rules += [
        Rule(column, request.key(variable), need.kinds.get(column))
        for column, variable in need.variables.items()
        if column not in dataset.columns
    ]
    optional = need.optional - set(dataset.sort)
    return [replace(rule, optional=rule.name in optional) for rule in rules]


def _as_fitted(rules: list[Rule], fitted_rules: list[Rule], fitted: Frame) -> list[Rule]:
    """Hold the rules of new rows to the types and transforms of the fitted rows.

    Levels are checked where they are used, not here: there the fitted rows' levels are known.
    """
    rule_of = {rule.name: rule for rule in fitted_rules}
    stop([fault for r in rules if r.name in rule_of for fault in _conflicts(r, rule_of[r.name])])
    return [
        _held(rule, rule_of[rule.name], fitted) if rule.name in rule_of else rule for rule in rules
    ]


def _held(rule: Rule, fitted_rule: Rule, fitted: Frame) -> Rule:
    if rule.declared:
        return replace(rule, transform=fitted_rule.transform)
    kind = fitted_rule.kind
    if not fitted_rule.declared:
        kind = fitted.kinds[rule.name]
        kind = kind if kind in ("category", "date") else "number"
    return replace(
        fitted_rule, key=rule.key, kind=kind, levels=None, unique=False, optional=rule.optional
    )


def _conflicts(rule: Rule, fitted_rule: Rule) -> list[Fault]:
    if not (rule.declared and fitted_rule.declared):
        return []
    faults = []
    if rule.kind != fitted_rule.kind:
        what = f"column `{rule.name}` is declared {fitted_rule.kind} for the fitted rows"
        faults.append(
            Fault(what, key=f"{rule.key}.type", value=rule.kind, allowed=fitted_rule.kind)
        )
    if rule.transform not in (None, fitted_rule.transform):
        what = f"column `{rule.name}` is transformed as the fitted rows are, with their constants"
        faults.append(
            Fault(what, key=f"{rule.key}.transform", value=rule.transform, todo="remove it")
        )
    return faults
