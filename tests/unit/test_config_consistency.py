"""What the sections of a declaration ask of one another."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.config_cases import EXAMPLE, changed, declared, fault, faults


@pytest.mark.parametrize(
    ("expression", "accepted"),
    [
        ("counties.uranium(county)", True),
        ("counties.N", True),
        ("county.uranium(county)", False),
        ("new.N", False),
        ("sepal.length", True),
        ("petal.length", False),
        ('design("~ 0 + a.b")', True),
    ],
)
def test_expressions_name_declared_datasets(
    tmp_path: Path, expression: str, accepted: bool
) -> None:
    """`other.column(level)` and `new.N` name a dataset, unless a declared column has the dot."""
    text = changed("y: effect,", f"y: '{expression}',")
    text = changed("\nmodels:", "  counties: {path: c.csv}\nmodels:", text)
    text = changed("{type: real}", "{type: real}\n      sepal.length: {type: real}", text)
    if accepted:
        assert declared(tmp_path, text).datasets["schools"].stan["y"] == expression
    else:
        refusal = fault(tmp_path, text)
        assert refusal.key == "datasets.schools.stan.y"
        assert (refusal.value, refusal.allowed) == (expression, "schools, counties")


def test_a_models_own_mapping_is_looked_at_too(tmp_path: Path) -> None:
    """What a model maps in place of the dataset names declared datasets as well."""
    refusal = fault(tmp_path, changed("means.stan}", "means.stan, stan: {z: new.N}}"))
    assert refusal.key == "models.pooled.stan.z"


def test_a_table_that_is_fitted_needs_a_mapping(tmp_path: Path) -> None:
    """Its own or the model's; a table that is only looked up needs none."""
    bare = changed("    stan: {J: nrow(), y: effect, sigma: se}\n", "")
    bare = changed("    posterior_predictive: {obs", "    # {obs", bare)
    first, second = faults(tmp_path, bare)
    assert "'partial'" in first.what and "'pooled'" in second.what
    assert first.key == second.key == "datasets.schools.stan"
    for program in ("eight_schools.stan", "pooled_means.stan"):
        bare = changed(f"{program}", f"{program}, stan: {{y: effect}}", bare)
    assert declared(tmp_path, bare).datasets["schools"].stan == {}


def test_what_was_observed_is_in_the_mapping(tmp_path: Path) -> None:
    """A posterior predictive check compares with data that the mapping supplies."""
    first, second = faults(tmp_path, changed("observed: y", "observed: x"))
    assert "'partial'" in first.what and "'pooled'" in second.what
    for refusal in (first, second):
        assert refusal.key == "analyses.coaching.posterior_predictive.observed"
        assert (refusal.value, refusal.allowed) == ("x", "J, y, sigma")


def test_a_comparison_needs_two_models(tmp_path: Path) -> None:
    """A comparison that cannot be made is a fault of the declaration."""
    refusal = fault(tmp_path, changed("[partial, pooled]", "[partial]"))
    assert refusal.key == "analyses.coaching.compare"
    assert "two models" in refusal.what


def test_any_method_may_be_compared(tmp_path: Path) -> None:
    """Approximations as well as NUTS."""
    nuts = "      nuts: {chains: 4, warmup: 1000, draws: 1000, adapt_delta: 0.95}\n"
    assert declared(tmp_path, changed(nuts, "")).analyses["coaching"].compare is not None


@pytest.mark.parametrize(("dataset", "accepted"), [("new", True), ("schools", False), ("j", False)])
def test_new_rows_are_another_table(tmp_path: Path, dataset: str, accepted: bool) -> None:
    """Predictions are for rows that were not fitted, and that have columns."""
    text = changed("\nmodels:", "  new: {path: n.csv}\n  j: {path: j.json}\nmodels:")
    text = changed("compare: {by: loo}", f"predict: {{variable: z, dataset: {dataset}}}", text)
    if accepted:
        predict = declared(tmp_path, text).analyses["coaching"].predict
        assert predict is not None and predict.dataset == dataset
    else:
        assert fault(tmp_path, text).key == "analyses.coaching.predict.dataset"


def test_a_methods_name_means_one_kind_throughout(tmp_path: Path) -> None:
    """The rules tell kinds apart by the method's name, whatever the analysis."""
    another = "  other: {datasets: [schools], models: [pooled], methods: {%s: {method: %s}}}\n"
    text = changed("advi: {algorithm", "quick: {method: advi, algorithm")
    assert declared(tmp_path, text + another % ("quick", "advi")).analyses.keys() == {
        "coaching",
        "other",
    }
    refusal = fault(tmp_path, text + another % ("quick", "nuts"))
    assert (refusal.key, refusal.value) == ("analyses.other.methods.quick", "nuts")


@pytest.mark.parametrize("word", ["warmup", "metric"])
def test_what_is_to_be_kept_is_what_some_method_has(tmp_path: Path, word: str) -> None:
    """An approximation has no warm-up: asking for it alone is a fault, beside NUTS it is none."""
    nuts = "      nuts: {chains: 4, warmup: 1000, draws: 1000, adapt_delta: 0.95}\n"
    text = changed("    compare:", f"    keep: [csv, {word}]\n    compare:")
    assert declared(tmp_path, text).analyses["coaching"].keep == ["csv", word]
    refusal = fault(tmp_path, changed(nuts, "", text))
    assert (refusal.key, refusal.value) == ("analyses.coaching.keep", word)
    assert "no method of this analysis has" in refusal.what


@pytest.mark.parametrize(
    ("limits", "key", "what", "todo"),
    [
        (
            {"nuts": "[partail]"},
            "methods.nuts.models[0]",
            "'partail' is not a model of this analysis",
            "write partial",
        ),
        (
            {"nuts": "[pooled, centred]"},
            "methods.nuts.models[1]",
            "'centred' is not a model of this analysis",
            "correct the name, or add it to the models of the analysis",
        ),
        ({"advi": "[]"}, "methods.advi.models", "must not be empty", None),
        ({"advi": "[pooled, pooled]"}, "methods.advi.models[1]", "'pooled' stands twice", None),
        ({"advi": "pooled"}, "methods.advi.models", "wrong type: text", "write [pooled]"),
        (
            {"nuts": "[pooled]", "advi": "[pooled]"},
            "models[0]",
            "no method of this analysis fits the model 'partial'",
            "add partial to the models of a method, or remove it from the analysis",
        ),
    ],
)
def test_the_models_of_a_method_are_models_of_its_analysis(
    tmp_path: Path, limits: dict[str, str], key: str, what: str, todo: str | None
) -> None:
    """A name that the analysis has not, a list of none and a model without method are faults."""
    text = changed("  pooled: {", "  centred: {program: stan/c.stan}\n  pooled: {")
    for label, models in limits.items():
        text = changed(f"{label}: {{", f"{label}: {{models: {models}, ", text)
    refusal = fault(tmp_path, text)
    assert (refusal.key, refusal.what) == (f"analyses.coaching.{key}", what)
    assert todo is None or refusal.todo == todo


def test_a_limited_method_has_fits_of_its_models_alone(tmp_path: Path) -> None:
    """In the order of the declaration: datasets, models, methods."""
    text = changed("advi: {", "advi: {models: [pooled], ")
    assert list(declared(tmp_path, text).analyses["coaching"].fits()) == [
        ("schools", "partial", "nuts"),
        ("schools", "pooled", "nuts"),
        ("schools", "pooled", "advi"),
    ]


def test_the_example_has_nothing_to_object_to(tmp_path: Path) -> None:
    """Threads in a chain need no more than to be asked for."""
    text = changed("adapt_delta: 0.95", "adapt_delta: 0.95, threads_per_chain: 2", EXAMPLE)
    assert declared(tmp_path, text).project == "schools"


@pytest.mark.parametrize(
    ("old", "new", "key", "allowed"),
    [
        ("draws: 1000, adapt_delta", "draws: 3, adapt_delta", "methods.nuts.draws", "4 or more"),
        ("draws: 1000, adapt_delta", "draws: 9, thin: 3, a", "methods.nuts.draws", "4 or more"),
        ("draws: 1000, on_fail", "draws: 29, on_fail", "methods.advi.draws", "30 or more"),
        ("{draws: 1000}", "{draws: 15}", "prior_predictive.draws", "≥ 16"),
    ],
)
def test_too_few_draws_to_judge_are_refused(
    tmp_path: Path, old: str, new: str, key: str, allowed: str
) -> None:
    """Before any sampling, with the least number that R-hat, ESS and k̂ need."""
    refusal = fault(tmp_path, changed(old, new.replace("thin: 3, a", "thin: 3, adapt_delta")))
    assert refusal.key == f"analyses.coaching.{key}"
    assert allowed in (refusal.allowed or "")


def test_as_few_draws_as_can_be_judged_are_accepted(tmp_path: Path) -> None:
    """Four a chain after thinning, thirty of an approximation, sixteen of the prior."""
    text = changed("draws: 1000, adapt_delta", "draws: 10, thin: 3, adapt_delta")
    text = changed("draws: 1000, on_fail", "draws: 30, on_fail", text)
    assert declared(tmp_path, changed("{draws: 1000}", "{draws: 16}", text))
