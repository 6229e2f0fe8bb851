"""What holds of every declaration, whatever stands in it."""

from __future__ import annotations

import copy
import json
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stanchion.config import Project, load
from stanchion.errors import DeclarationError
from stanchion.schema.tree import read_tree
from tests.unit.config_cases import EXAMPLE

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,8}", fullmatch=True).filter(
    lambda name: name.lower() not in {"records", "nuts", "advi"}
)
VARIABLES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,6}[A-Za-z0-9]", fullmatch=True)
TEXTS = st.text(
    st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters="\x85\u2028\u2029"),
    min_size=1,
    max_size=12,
)
NUMBERS = st.one_of(
    st.integers(-(2**53) + 1, 2**53 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans())


def _optional(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keys)


def _distinct(names: st.SearchStrategy[str], values: st.SearchStrategy[Any], **size: int) -> Any:
    return st.lists(st.tuples(names, values), unique_by=lambda e: e[0].lower(), **size).map(dict)


COLUMNS = st.one_of(
    _optional(lower=st.integers(-5, 0), upper=st.floats(0, 9), unique=st.booleans()),
    st.fixed_dictionaries(
        {"type": st.just("category")},
        optional={"levels": st.lists(TEXTS, min_size=1, max_size=3, unique=True)},
    ),
    st.just({"type": "date", "lower": "2020-01-01", "upper": "2026-11-21"}),
)
EXPRESSIONS = st.one_of(
    VARIABLES, NUMBERS, st.lists(NUMBERS, max_size=3), st.lists(VARIABLES, max_size=3)
)
DATASETS = st.fixed_dictionaries(
    {
        "path": VARIABLES.map("data/{}.csv".format),
        "stan": st.dictionaries(VARIABLES, EXPRESSIONS, min_size=1, max_size=3),
    },
    optional={
        "columns": st.dictionaries(TEXTS, COLUMNS, max_size=3),
        "missing": st.sampled_from(["error", "drop"]),
        "na": st.lists(TEXTS, max_size=2),
        "where": st.dictionaries(TEXTS, st.lists(SCALARS, min_size=1, max_size=2), max_size=2),
        "sort": st.lists(TEXTS, max_size=2, unique=True),
    },
)
COMPILING = {
    "stanc": st.just({"O1": True}),
    "cpp": st.just({"STAN_NO_RANGE_CHECKS": True}),
    "threads": st.booleans(),
    "native": st.booleans(),
}
MODELS = st.fixed_dictionaries(
    {"program": VARIABLES.map("stan/{}.stan".format)},
    optional={
        "parameters": st.lists(VARIABLES, min_size=1, max_size=3, unique=True),
        **COMPILING,
    },
)
NUTS = _optional(
    chains=st.integers(1, 9),
    adapt_delta=st.floats(0.1, 0.999),
    metric=st.sampled_from(["diag_e", "dense_e", "unit_e"]),
    init=st.one_of(st.floats(0, 9), st.just("i.json"), st.none()),
    seed=st.integers(0, 2**32 - 1),
)
ADVI = _optional(eta=st.floats(0.01, 9), on_fail=st.sampled_from(["stop", "flag"]))
METHODS = st.one_of(
    st.fixed_dictionaries({"nuts": NUTS}, optional={"advi": ADVI}),
    _distinct(
        NAMES.map("n_{}".format), NUTS.map({"method": "nuts"}.__or__), min_size=1, max_size=2
    ),
)


@st.composite
def declarations(draw: st.DrawFn) -> dict[str, Any]:
    """Declarations in which everything that is named is declared."""
    datasets = draw(_distinct(NAMES, DATASETS, min_size=1, max_size=2))
    models = draw(_distinct(NAMES, MODELS, min_size=1, max_size=2))
    analyses = st.fixed_dictionaries(
        {
            "datasets": st.just(list(datasets)),
            "models": st.just(list(models)),
            "methods": METHODS,
        },
        optional={
            "question": TEXTS,
            "prior_predictive": _optional(draws=st.integers(16, 99)),
            "checks": _optional(
                rhat=st.floats(1.001, 2)
                | st.dictionaries(
                    st.sampled_from(["default", "lp__", "mu"]), st.floats(1.001, 2), min_size=1
                ),
                divergences=st.integers(0, 9) | st.fixed_dictionaries({"share": st.floats(0, 0.5)}),
                ess=st.integers(1, 999),
            ),
            "intervals": _optional(prob=st.floats(0.01, 0.99), kind=st.just("hdi")),
            "keep": st.sampled_from([["csv"], ["metric", "warmup"]]),
        },
    )
    return {
        "project": draw(TEXTS),
        "seed": draw(st.integers(0, 2**53 - 1)),
        "about": draw(st.dictionaries(TEXTS, TEXTS, max_size=2)),
        "toolchain": draw(_optional(**COMPILING)),
        "datasets": datasets,
        "models": models,
        "analyses": draw(_distinct(NAMES, analyses, min_size=1, max_size=2)),
    }


def _load(text: str) -> Project:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return load(path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(declarations())
def test_a_project_written_down_is_read_as_the_same(declaration: dict[str, Any]) -> None:
    """Declared → written with all defaults → read again is equal."""
    project = _load(_dump(declaration))
    again = _load(_dump(project.model_dump(mode="json")))
    assert again == project
    assert again.model_dump() == project.model_dump()


_ANY = st.recursive(
    st.one_of(st.none(), SCALARS, st.just(float("nan")), st.just(10**30)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(TEXTS, inner, max_size=2)),
    max_leaves=4,
)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_whatever_stands_somewhere_is_read_or_told_in_our_words(data: st.DataObject) -> None:
    """A value of any kind in any place gives a project, or faults with place and key."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "example.yaml"
        path.write_text(EXAMPLE, encoding="utf-8")
        declaration = copy.deepcopy(read_tree(path).value)
    holder: Any = declaration
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        index = data.draw(st.sampled_from(keys))
        inner = holder[index]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            break
        holder = inner
    holder[index] = data.draw(_ANY)
    try:
        _load(_dump(declaration))
    except DeclarationError as error:
        for fault in error.faults:
            assert fault.where and fault.key
            assert not {"Input", "input", "tag", "validation"} & set(fault.what.split())


def _dump(value: object) -> str:
    """Write YAML whose text is all in quotes, so that any reader takes it for text."""
    return yaml.dump(
        json.loads(json.dumps(value)), default_style='"', allow_unicode=True, Dumper=_Quoting
    )


class _Quoting(yaml.SafeDumper):
    """Quotes text only."""

    def represent_scalar(self, tag: str, value: Any, style: str | None = None) -> yaml.ScalarNode:
        quoted = '"' if tag.endswith(":str") else ""
        return super().represent_scalar(tag, value, quoted)
