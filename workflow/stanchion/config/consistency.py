"""What the sections of a declaration ask of one another; files and programs are not looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stanchion.checks.catalogue import is_worse_smaller
from stanchion.config.analysis import Analysis
from stanchion.config.dataset import MADE_BY
from stanchion.config.project import Project
from stanchion.config.resolve import resolved_checks
from stanchion.errors import Fault
from stanchion.schema.locations import Key, nearest
from stanchion.schema.references import reference
from stanchion.stan.command import number
from stanchion.system.sentences import listed

_NO_POSTERIOR = "draws from no posterior"


def inconsistencies(project: Project) -> list[Fault]:
    """Return what does not fit together."""
    faults = [*_named_datasets(project), *_kinds_of_methods(project)]
    for name, analysis in project.analyses.items():
        key = ("analyses", name)
        faults += _fitted(project, analysis, key)
        faults += _sources(project, analysis, key)
        faults += _too_few_draws(project, analysis, key)
        faults += _content_too_early(project, analysis, key)
        faults += _unmapped(project, analysis)
        faults += _prior_of_programs(project, analysis, key)
        faults += _observed(project, analysis, key)
        faults += _compared(project, analysis, key)
        faults += _predicted(project, analysis, key)
        faults += _keepable(project, analysis, key)
        faults += _pointless(project, analysis, key)
    return list(dict.fromkeys(faults))


def _named_datasets(project: Project) -> Iterator[Fault]:
    """Expressions name declared datasets; a dotted word may be a declared column instead."""
    everywhere = {c for dataset in project.datasets.values() for c in dataset.columns}
    for name, dataset in project.datasets.items():
        key = ("datasets", name, "stan")
        yield from _named_in(project, dataset.stan, set(dataset.columns), key)
    for name, model in project.models.items():
        yield from _named_in(project, model.stan, everywhere, ("models", name, "stan"))
        if model.conjugate is not None:
            given = model.conjugate.given
            yield from _named_in(project, given, everywhere, ("models", name, "conjugate"))


def _named_in(
    project: Project, mapping: Mapping[str, object], columns: set[str], key: Key
) -> Iterator[Fault]:
    for variable, expression in mapping.items():
        named = reference(expression)
        if named is None or named.dataset in project.datasets or expression in columns:
            continue
        column = "" if named.is_call else "; a column with a dot in its name goes under columns"
        yield project.fault(
            f"dataset {named.dataset!r} is not declared",
            *key,
            variable,
            value=expression,
            allowed=", ".join(project.datasets),
            todo=f"declare it under datasets, or correct the name{column}",
        )


def _kinds_of_methods(project: Project) -> Iterator[Fault]:
    """A method's name means one kind of method throughout."""
    kinds: dict[str, str] = {}
    for name, analysis in project.analyses.items():
        for label, method in analysis.methods.items():
            kind = kinds.setdefault(label, method.method)
            if kind != method.method:
                yield project.fault(
                    f"method {label!r} is {kind} in another analysis",
                    "analyses",
                    name,
                    "methods",
                    label,
                    value=method.method,
                    todo="give one of them another name",
                )


def _fitted(project: Project, analysis: Analysis, key: Key) -> Iterator[Fault]:
    """Each model of an analysis has a method; a misspelt one is not asked for another time."""
    misspelt = list(_not_of_the_analysis(project, analysis, key))
    yield from misspelt
    for position, model in enumerate(analysis.models):
        if not misspelt and not analysis.methods_of(model):
            yield project.fault(
                f"no method of this analysis fits the model {model!r}",
                *(*key, "models", position),
                value=model,
                todo=f"add {model} to the models of a method, or remove it from the analysis",
            )


def _not_of_the_analysis(project: Project, analysis: Analysis, key: Key) -> Iterator[Fault]:
    """The models of a method are models of its analysis."""
    for label, method in analysis.methods.items():
        for position, model in enumerate(method.models or []):
            if model not in analysis.models:
                suggestion = nearest(model, analysis.models)
                yield project.fault(
                    f"{model!r} is not a model of this analysis",
                    *(*key, "methods", label, "models", position),
                    value=model,
                    allowed=", ".join(analysis.models),
                    todo=f"write {suggestion}"
                    if suggestion
                    else "correct the name, or add it to the models of the analysis",
                )


def _sources(project: Project, analysis: Analysis, key: Key) -> Iterator[Fault]:
    """A metric, or draws, are taken from another method of the analysis that fits its models."""
    for label, method in analysis.methods.items():
        setting = "metric_from" if method.draws_of is None else "of"
        source = method.source or method.draws_of
        misfit = None if source is None else _no_source(analysis, label, source)
        if misfit is not None:
            what, todo = misfit
            suitable = [n for n in analysis.methods if _no_source(analysis, label, n) is None]
            yield project.fault(
                what,
                *(*key, "methods", label, setting),
                value=source,
                allowed=", ".join(suitable) or None,
                todo=todo,
            )


def _no_source(analysis: Analysis, label: str, source: str) -> tuple[str, str] | None:
    """Return why a method cannot take its metric or its draws from another, and what to do."""
    methods = analysis.methods
    if source not in methods:
        suggestion = nearest(source, methods)
        correct = "correct the name, or declare it under methods"
        what = f"{source!r} is not a method of this analysis"
        return what, f"write {suggestion}" if suggestion else correct
    path = [source]
    while path[-1] != label:
        further = methods[path[-1]].source or methods[path[-1]].draws_of
        if further not in methods or further in path:
            break
        path.append(str(further))
    if label in path:
        return f"{label!r} would wait for itself: {' ← '.join([label, *path])}", "break the circle"
    if not methods[source].is_posterior:
        what = "gives a point, and no draws" if methods[source].is_point else _NO_POSTERIOR
        return f"{source!r} {what}", "name a sampler or an approximation"
    if methods[source].draws_of is not None and methods[label].draws_of is None:
        todo = f"name {methods[source].draws_of}, whose draws it reads"
        return f"{source!r} draws no parameters of its own", todo
    unfitted = [m for m in analysis.models if label in analysis.methods_of(m)]
    unfitted = [model for model in unfitted if source not in analysis.methods_of(model)]
    if unfitted:
        todo = f"add {unfitted[0]} to the models of {source}, or limit {label} by models"
        return f"{source!r} does not fit the model {unfitted[0]!r}, which {label!r} fits", todo
    return None


def _too_few_draws(project: Project, analysis: Analysis, key: Key) -> Iterator[Fault]:
    """What cannot be judged would fail its checks after all the work."""
    for label, method in analysis.methods.items():
        if method.draws_of is not None:
            continue
        draws, least = method.rows().draws, method.fewest_draws
        if draws < least:
            declared = method.settings["draws"]
            thinned = ", after thinning" if "thin" in method.settings else ""
            together = f", of all {method.parts} together" if method.parts > 1 else ""
            yield project.fault(
                f"{draws} {'draw is' if draws == 1 else 'draws are'} fewer than "
                f"{method.fewest_because}",
                *(*key, "methods", label, "draws"),
                value=declared,
                allowed=f"{least} or more{thinned}{together}",
                todo=f"raise draws{', or lower thin' if draws < declared else ''}; "
                "1000 are a good start",
            )


def _content_too_early(project: Project, analysis: Analysis, key: Key) -> Iterator[Fault]:
    """A fit that stops by thresholds looser than its checks would stop, and then fail."""
    for label, method in analysis.methods.items():
        checks = resolved_checks(analysis, method)
        for name, value in method.stops_at.items():
            smaller = is_worse_smaller(name)
            limits = [checks[name], *(checks.get(f"{name}_of") or {}).values()]
            limit = max(limits) if smaller else min(limits)
            if value < limit if smaller else value > limit:
                side = "≥" if smaller else "≤"
                yield project.fault(
                    f"the fit would stop at {name} {number(value)} and then fail its check, "
                    f"which asks for {side} {number(limit)}",
                    *(*key, "methods", label, "until", name),
                    value=value,
                    allowed=f"a number {side} {number(limit)}",
                    todo=f"change it, or checks.{name}; without it here, checks.{name} counts",
                )


def _unmapped(project: Project, analysis: Analysis) -> Iterator[Fault]:
    for dataset in analysis.datasets:
        declared = project.datasets[dataset]
        for model in analysis.models:
            if project.models[model].conjugate is not None:
                yield from _updated(project, analysis, dataset, model)
            elif declared.is_table and not declared.stan and not project.models[model].stan:
                yield project.fault(
                    f"a table that model {model!r} is fitted to needs a mapping to Stan's data",
                    "datasets",
                    dataset,
                    "stan",
                    todo="add stan: {N: nrow(), y: a column, …}",
                )


def _updated(project: Project, analysis: Analysis, dataset: str, model: str) -> Iterator[Fault]:
    """The rows of a conjugate model stand in tables, and each table counts once."""
    if not project.datasets[dataset].is_table:
        what = f"dataset {dataset!r} is no table, and the model {model!r} is of rows"
        yield project.fault(what, "datasets", dataset, "path", todo="declare a table")
    for position, name in enumerate(project.models[model].update):
        at, before = ("models", model, "update", position), project.models[model].update[:position]
        if name in analysis.datasets:
            what = f"dataset {name!r} is what the analysis fits"
            todo = "leave it out of update, or out of the analysis' datasets"
            yield project.fault(what, *at, value=name, todo=todo)
        elif not project.datasets[name].is_table:
            what = f"dataset {name!r} is no table, and the model {model!r} is of rows"
            yield project.fault(what, *at, value=name, todo="declare a table")
        elif _rows(project, name) in [_rows(project, d) for d in (dataset, *before)]:
            what = f"dataset {name!r} has rows that are counted already: they are of the same file"
            todo = "leave it out of update, or select its rows by `where:`"
            yield project.fault(what, *at, value=name, todo=todo)


def _rows(project: Project, dataset: str) -> tuple[object, ...]:
    """Return what says which rows a dataset has."""
    declared = project.datasets[dataset]
    made = declared.model_dump(mode="json", include={*MADE_BY} - {"python", "time_limit"})
    return declared.path, declared.sha256, made, declared.where


def _prior_of_programs(project: Project, analysis: Analysis, key: Key) -> Iterator[Fault]:
    """Draws from a prior are those of a program with a switch."""
    exact = [m for m in analysis.models if project.models[m].conjugate is not None]
    if analysis.prior_predictive is not None and exact:
        yield project.fault(
            f"the prior of a conjugate model is not drawn from: {', '.join(exact)}",
            *(*key, "prior_predictive"),
            todo="remove prior_predictive, or fit conjugate models in an analysis of their own",
        )


def _observed(project: Project, analysis: Analysis, key: Key) -> Iterator[Fault]:
    """What was observed is in the data: for a table, in its mapping."""
    checked = analysis.posterior_predictive
    if checked is None:
        return
    for dataset in analysis.datasets:
        for model in analysis.models:
            mapping = _mapping(project, dataset, model)
            is_table = project.datasets[dataset].is_table
            if is_table and mapping and checked.observed not in mapping:
                yield project.fault(
                    f"dataset {dataset!r} gives model {model!r} no {checked.observed!r}",
                    *key,
                    "posterior_predictive",
                    "observed",
                    value=checked.observed,
                    allowed=", ".join(mapping),
                    todo="name a variable of the mapping, or map it",
                )


def _mapping(project: Project, dataset: str, model: str) -> Mapping[str, object]:
    declared = project.models[model]
    if declared.conjugate is not None:
        return declared.conjugate.given
    return {**project.datasets[dataset].stan, **declared.stan}


def _compared(project: Project, analysis: Analysis, key: Key) -> Iterator[Fault]:
    if analysis.compare is None:
        return
    if len(analysis.models) < 2:
        todo = "add a model, or remove compare"
        yield project.fault("a comparison needs two models or more", *key, "compare", todo=todo)
    for label, method in analysis.methods.items():
        if not (method.is_posterior or method.is_point):
            yield project.fault(
                f"a comparison is of posteriors, and {label!r} draws from none",
                *(*key, "compare"),
                todo=f"remove compare, or {label} from the methods",
            )


def _predicted(project: Project, analysis: Analysis, key: Key) -> Iterator[Fault]:
    if analysis.predict is None:
        return
    name = analysis.predict.dataset
    at = (*key, "predict", "dataset")
    others = ", ".join(n for n in project.datasets if n not in analysis.datasets)
    if name in analysis.datasets:
        what = f"dataset {name!r} is what the analysis fits"
        todo = "name another dataset, with the new rows"
        yield project.fault(what, *at, value=name, allowed=others or None, todo=todo)
    elif not project.datasets[name].is_table:
        yield project.fault("new rows stand in a table", *at, value=name, todo="declare one")


def _keepable(project: Project, analysis: Analysis, key: Key) -> Iterator[Fault]:
    """Some method must have what is to be kept of its run."""
    for word in analysis.keep:
        if word != "csv" and not any(word in method.keeps for method in analysis.methods.values()):
            yield project.fault(
                f"no method of this analysis has a {'warm-up' if word == 'warmup' else word}",
                *(*key, "keep"),
                value=word,
                todo=f"take {word} out, or declare a method such as nuts",
            )


def _pointless(project: Project, analysis: Analysis, key: Key) -> Iterator[Fault]:
    """What needs draws needs a method that draws, for each model of the analysis."""
    by_model = {model: analysis.methods_of(model) for model in analysis.models}
    without = {
        model: methods
        for model, methods in by_model.items()
        if methods and all(method.is_point for method in methods.values())
    }
    labels = list(dict.fromkeys(label for methods in without.values() for label in methods))
    for section in ("posterior_predictive", "predict", "effects", "compare"):
        if without and getattr(analysis, section) is not None:
            yield project.fault(
                f"{section} needs draws, and {listed(labels)} "
                f"{'gives' if len(labels) == 1 else 'give'} a point of {listed(list(without))}",
                *(*key, section),
                todo=f"add a method that draws, such as nuts, or remove {section}",
            )
