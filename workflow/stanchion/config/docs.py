"""The JSON Schema for editors and the reference page, both made from the models.

`make docs`, which is `python -m stanchion.config.docs config`, writes `config/schema.json` and
`config/README.md`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stanchion.config.conjugate import FAMILY_SECTIONS, PRIOR_SECTIONS
from stanchion.config.project import Project
from stanchion.config.shape import Node, parts_of, schema_of, words_for
from stanchion.config.waivers import Waiver
from stanchion.expressions.catalogue import table as table_of_functions
from stanchion.expressions.parser import MOST_NESTED, MOST_OPERATIONS
from stanchion.methods.catalogue import METHODS

_DIALECT = "http://json-schema.org/draft-07/schema#"
_HEADINGS = {
    "Project": "The top level",
    "Toolchain": "toolchain",
    "Dataset": "datasets.NAME",
    "Column": "datasets.NAME.columns.COLUMN",
    "Model": "models.NAME",
    **{section.__name__: f"conjugate of {name}" for name, section in FAMILY_SECTIONS.items()},
    **{section.__name__: f"prior of {name}" for name, section in PRIOR_SECTIONS.items()},
    "Analysis": "analyses.NAME",
    **{method.__name__: f"methods.NAME of {name}" for name, method in METHODS.items()},
    "Until": "until",
    "PriorPredictive": "prior_predictive",
    "PosteriorPredictive": "posterior_predictive",
    "Predict": "predict",
    "Effects": "effects",
    "Span": "effects.over.COLUMN",
    "Checks": "checks",
    "Compare": "compare",
    "Intervals": "intervals",
    "Forest": "forest",
    "Versioning": "versioning",
}
_TOP = """\
# The declaration, key by key

Generated from the models in `stanchion/config` by `make docs`: change those, not this page.

One YAML file, `config/config.yaml`, declares datasets, Stan programs and analyses. Unknown keys are
errors. Paths are relative to the folder that the run starts in. What is not declared is not made.
`stanchion check` reads the whole of it in about a second and says what is wrong, in which line.
With `# yaml-language-server: $schema=schema.json` as its first line, editors complete and check it.

YAML is read by version 1.2: only `true` and `false` are booleans, so `levels: [no, yes]` is two
words; `1e-3` is a number; `2026-11-21` and `007` are text. Whole numbers go up to 2³¹ − 1 unless
said otherwise. At most 100 levels stand within one another, and aliases repeat at most 50,000
values. What a declaration names are files: pipes and devices are refused. Names of datasets,
models, analyses and methods become folders: a letter, then letters, digits, `_` or `-`; two that
differ only in case are refused.

Another file is the declaration where the Snakefile's `configfile:` names it, by its path in quotes;
`--configfile` goes before both, and replaces the file rather than extending it. A `config` that a
Snakefile makes or changes is refused: `check` and `status`, which run no code, could not see it.

`snakemake --config`, or `stanchion run -- --config`, lays values over the file for one run:
`--config 'analyses={coaching: {methods: {nuts: {draws: 200}}}}'`.

## Examples

Somebody else's program, and a file in Stan's JSON form:

```yaml
datasets: {kidiq: {path: data/kidiq.json}}
models: {interaction: {program: stan/models/kidscore_interaction.stan}}
analyses:
  kidscore: {datasets: [kidiq], models: [interaction], methods: {nuts: {}}}
```

A table, a hierarchical regression with a design matrix, predictions for new rows:

```yaml
project: radon
seed: 1
datasets:
  homes:
    path: data/homes.csv
    columns:
      log_radon: {type: real}
      floor: {type: category, levels: [basement, first]}
      county: {type: category}
    missing: drop
    stan:
      N: nrow()
      y: log_radon
      X: design("~ 0 + floor")
      K: ncol(X)
      county: index(county)
      J: nlevels(county)
      uranium: counties.uranium(county)
      N_new: new.N
      X_new: new.X
      county_new: new.county
  counties: {path: data/counties.csv}
  new: {path: data/new_homes.csv}
models:
  varying: {program: stan/models/varying_intercepts.stan, parameters: [beta, tau, sigma]}
analyses:
  radon:
    question: How much does the floor matter, and how much the county?
    datasets: [homes]
    models: [varying]
    methods:
      nuts: {adapt_delta: 0.95}
      nuts_dense: {method: nuts, metric: dense_e}
      advi:
    prior_predictive: {draws: 1000}
    posterior_predictive: {observed: y, replicated: y_rep, statistics: [mean, sd, q5, q95]}
    predict: {variable: y_new, dataset: new}
    intervals: {prob: 0.9, kind: hdi}
```
"""
_EXPRESSIONS = """\

What `stan:` makes of columns is said by numbers, texts in quotes, columns (odd names in
backquotes), `+ - * / ^`, comparisons, `and`, `or`, `not` and the functions below. `-2^2` is -4; of
`a < b < c`, write `a < b and b < c`. There is nothing else, and no code runs. At most {operations}
operations and calls stand in one expression, at most {nested} brackets within one another.

```
stan:
  N: nrow()
  x: log(dose)                        # a dose of 0 is a fault that names the row
  z: (dose - mean(dose)) / sd(dose)   # of new rows: by mean and sd of the fitted ones
  smokes: smokes == 'yes'             # 1 or 0; a level that there is not is a fault
  t: days(visit, '2026-01-01')        # of a column `type: date`; the origin is recorded
  N_obs: nobserved(score)             # rows with a missing score stay
  N_mis: nmissing(score)
  ii_obs: observed(score)
  ii_mis: missing(score)
  score_obs: values(score)
  x_new: new.x                        # the same expression on new rows
```

Sums, differences and products of whole numbers are whole; `/` and `^` are real. Whole numbers
beyond 2⁵³ are refused, and beyond 2³¹ − 1 where the program declares `int`. A condition is 1 or 0.
Two sides have the same shape, or one of them is one number. A category is compared with one of its
levels; dates are compared with dates, and become numbers by `days`.

A column that only `observed`, `missing`, `values`, `nobserved` and `nmissing` name may have missing
values, whatever `missing:` says. Any other use of it, `sort` included, needs a value in every row.
Positions count the rows as they are after `where`, dropping and `sort`.

`design(…)`, `counties.uranium(county)` and `new.X` stand alone. Of new rows, give the expression a
variable and apply that.

A statistic of `posterior_predictive` names the program's data instead of columns, the observed
variable among them, and gives one number: `max(y) - min(y)`, `mean(y > x)`, `y[3]`, or by a label
`y['A']`. It is computed of the observed data and, in their place, of each replication. Functions
of the rows are not in it.

{table}
"""
_WAIVERS = """\

A file of its own, `config/waivers.yaml`, beside the declaration. Each entry of its list:

{table}

```yaml
- fit: radon/homes/varying/nuts
  check: divergences
  reason: Two divergent transitions in 40,000; the posterior is the same with adapt_delta 0.999.
  who: the analyst's name
  until: 2026-12-31
```
"""


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the declaration, for editors."""
    return {"$schema": _DIALECT, **schema_of(Project), "title": "Stanchion's declaration"}


def reference() -> str:
    """Return the reference page, in Markdown."""
    root = schema_of(Project)
    sections = [_section(root, name, root["$defs"].get(name, root)) for name in _HEADINGS]
    waiver = schema_of(Waiver)
    table = "\n".join([_text(waiver), "", *_table(waiver, waiver)])
    expressions = _EXPRESSIONS.format(
        operations=MOST_OPERATIONS, nested=MOST_NESTED, table=table_of_functions()
    )
    sections += ["## Expressions", expressions]
    return "\n".join([_TOP, *sections, "## Waivers", _WAIVERS.format(table=table)])


def _section(root: Node, name: str, section: Node) -> str:
    return "\n".join([f"## {_HEADINGS[name]}", "", _text(section), "", *_table(root, section), ""])


def _text(section: Node) -> str:
    paragraphs = str(section["description"]).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _table(root: Node, section: Node) -> Iterator[str]:
    yield "| key | allowed | default | meaning |"
    yield "|---|---|---|---|"
    for key, node in section["properties"].items():
        default = _default(node, required=key in section.get("required", ()))
        yield f"| `{key}` | {_allowed(root, node)} | {default} | {node['description']} |"


def _allowed(root: Node, node: Node) -> str:
    """Return the words for a node, with links to the sections that it leads to."""
    sections = [name for name in _HEADINGS if f'"#/$defs/{name}"' in json.dumps(node)]
    links = " or ".join(f"[{_HEADINGS[name]}]({_anchor(name)})" for name in sections)
    if not sections:
        words = words_for(root, node).replace(" and ≤ 2³¹ − 1", "")
        entries = next(iter(parts_of(root, node)))
        if entries.get("type") == "object" and entries.get("additionalProperties"):
            names = ", ".join(entries.get("propertyNames", {}).get("enum", ["names"]))
            return f"{words} of {names} to {words_for(root, entries['additionalProperties'])}"
        return words
    direct = all("properties" in part for part in parts_of(root, node)) and "properties" not in node
    return f"a mapping: {links}" if direct else f"a mapping of names to {links}"


def _anchor(name: str) -> str:
    signs = (c for c in _HEADINGS[name].lower().replace(" ", "-") if c.isalnum() or c in "-_")
    return f"#{''.join(signs)}"


def _default(node: Node, *, required: bool) -> str:
    if required:
        return "required"
    default = node.get("default")
    if default in (None, [], {}):
        return "none" if "default" in node else "its defaults"
    return f"`{default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)}`"


def write(folder: Path) -> None:
    """Write `schema.json` and `README.md` into a folder."""
    text = json.dumps(schema(), indent=2, ensure_ascii=False)
    (folder / "schema.json").write_text(f"{text}\n", encoding="utf-8")
    (folder / "README.md").write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
