"""The section `checks`: what a failure does, and the thresholds of the catalogue of checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import BeforeValidator, Field, create_model

from stanchion.checks.catalogue import judging, thresholds
from stanchion.checks.row import Threshold
from stanchion.checks.verdicts import OnFail
from stanchion.methods.catalogue import METHODS
from stanchion.schema.fields import Section, is_number, refused, titled
from stanchion.system.sentences import listed

_DEFAULTS = ", ".join(
    f"`{on_fail}` for {listed(names)}"
    for on_fail in get_args(OnFail)
    if (names := [name for name, method in METHODS.items() if method.default_on_fail == on_fail])
)
_SHARE = "a share of the draws, such as `{share: 0.001}`"


class ChecksSection(Section):
    """What a fit must hold, and what happens where it does not."""

    on_fail: OnFail | None = Field(
        default=None,
        description="`stop`: nothing is computed from a failed fit, and the run exits 3 after "
        "the reports; `flag`: it is, and the report says so on its first screen. Without it, "
        f"{_DEFAULTS}; a method's own `on_fail` goes first.",
    )

    def threshold(self, key: str) -> Any:
        """Return what is declared for a threshold, or its default; of one by variable the rest's.

        None is a default that depends on how much is drawn.
        """
        declared = getattr(self, key)
        if thresholds()[key].form != "by_variable" or not isinstance(declared, Mapping):
            return declared
        default = thresholds()[key].default
        return declared.get("default", None if callable(default) else default)

    def by_variable(self, key: str) -> dict[str, float]:
        """Return the thresholds of variables that have one of their own."""
        declared = getattr(self, key)
        named = declared if isinstance(declared, Mapping) else {}
        return {name: limit for name, limit in named.items() if name != "default"}

    def limited(self) -> Iterator[tuple[str, str]]:
        """Yield the thresholds with the variables that have one of their own."""
        for key, threshold in thresholds().items():
            if threshold.form == "by_variable":
                yield from ((key, variable) for variable in self.by_variable(key))


def _field(threshold: Threshold) -> Any:
    """Return a threshold's type and field, for pydantic."""
    default = None if callable(threshold.default) else threshold.default
    field = Field(default=default, description=threshold.meaning)
    kinds = {
        "number": Annotated[float, Field(gt=threshold.above, ge=threshold.least)],
        "by_variable": _by_variable(threshold),
        "share": _count_or_share(threshold),
    }
    kind = kinds[threshold.form]
    return (kind | None if default is None else kind), field


def _by_variable(threshold: Threshold) -> Any:
    least = threshold.above or 0
    has_default = not callable(threshold.default)
    example = f"default: {threshold.default}, lp__: 1.02" if has_default else "W: 50"
    named = f"numbers > {least:g} by variable, such as `{{{example}}}`"
    number = Annotated[float, Field(gt=least)]
    return _alternatives(
        float | dict[str, float],
        _limits(threshold.words, least, f"a number > {least:g}, or {named}"),
        number | Annotated[dict[str, number], Field(min_length=1), titled(named)],
    )


def _count_or_share(threshold: Threshold) -> Any:
    share = Annotated[float, Field(ge=0, lt=1)]
    shares = Annotated[dict[str, share], Field(min_length=1, max_length=1), titled(_SHARE)]
    return _alternatives(
        int | dict[str, float],
        _number_or_share(threshold.words),
        Annotated[int, Field(ge=0, lt=2**31)] | shares,
    )


def _alternatives(kind: Any, read: Callable[[object], object], schema: Any) -> Any:
    return Annotated[kind, BeforeValidator(read, json_schema_input_type=schema)]


def _limits(words: str, least: float, allowed: str) -> Callable[[object], object]:
    """Return what reads a number above `least`, or such numbers by variable."""

    def is_limit(value: object) -> bool:
        return isinstance(value, int | float) and is_number(value) and value > least

    def read(value: object) -> object:
        if is_limit(value):
            return float(str(value))
        if isinstance(value, Mapping) and value and all(map(is_limit, value.values())):
            return {str(name): float(limit) for name, limit in value.items()}
        raise refused(f"not a limit for {words}", value=value, allowed=allowed)

    return read


def _number_or_share(words: str) -> Callable[[object], object]:
    """Return what reads a whole number, or a share of the draws."""
    allowed = f"a whole number ≥ 0, or {_SHARE}"

    def read(value: object) -> object:
        if isinstance(value, int) and is_number(value) and 0 <= value < 2**31:
            return value
        share = value.get("share") if isinstance(value, Mapping) and len(value) == 1 else None
        if isinstance(share, int | float) and is_number(share) and 0 <= share < 1:
            return {"share": float(share)}
        raise refused(f"not a number of {words}", value=value, allowed=allowed)

    return read


def _in_words(keys: Iterable[str]) -> str:
    words = [threshold.words for key, threshold in thresholds().items() if key in keys]
    return f"{listed(words)} {'judges' if len(words) == 1 else 'judge'}"


_JUDGING = {name: judging(method.checks) for name, method in METHODS.items()}
_SENTENCES: dict[str, list[str]] = {}
for _name, _keys in _JUDGING.items():
    if _keys:
        _SENTENCES.setdefault(_in_words(_keys), []).append(f"`{_name}`")
_LISTED = "; ".join(f"{words} {listed(names)}" for words, names in _SENTENCES.items())
_DOCUMENTED = f"{ChecksSection.__doc__}\n\n{_LISTED}."
if TYPE_CHECKING:
    Checks = ChecksSection
else:
    _FIELDS = {key: _field(threshold) for key, threshold in thresholds().items()}
    Checks = create_model(
        "Checks", __base__=ChecksSection, __doc__=_DOCUMENTED, __module__=__name__, **_FIELDS
    )
