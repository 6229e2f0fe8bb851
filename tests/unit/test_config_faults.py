"""What is wrong in a declaration is said with file, line, key, value and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanchion.config import load
from stanchion.errors import DeclarationError
from stanchion.methods.catalogue import METHODS
from tests.unit.config_cases import EXAMPLE, changed, fault, faults, line_of


def test_an_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    """A typing error is answered with the key that was meant and all that there are."""
    text = changed("chains: 4", "chians: 4")
    refusal = fault(tmp_path, text)
    assert refusal.where == f"config.yaml:{line_of('chians', text)}"
    assert refusal.key == "analyses.coaching.methods.nuts.chians"
    assert "unknown key 'chians'" in refusal.what and "'chains'" in refusal.what
    assert refusal.todo == "write chains"
    assert {"chains", "warmup", "adapt_delta"} <= set((refusal.allowed or "").split(", "))


@pytest.mark.parametrize(
    ("old", "new", "key", "nearest"),
    [
        ("seed:", "sead:", "sead", "seed"),
        ("missing:", "mising:", "datasets.schools.mising", "missing"),
        ("{type: real, lower", "{typ: real, lower", "datasets.schools.columns.se.typ", "type"),
        (
            "program: stan/models/p",
            "programm: x.stan, program: p",
            "models.pooled.programm",
            "program",
        ),
        ("{by: loo}", "{buy: loo}", "analyses.coaching.compare.buy", "by"),
        ("algorithm:", "algoritm:", "analyses.coaching.methods.advi.algoritm", "algorithm"),
    ],
)
def test_unknown_keys_are_found_in_every_section(
    tmp_path: Path, old: str, new: str, key: str, nearest: str
) -> None:
    """Sections are closed."""
    refusal = fault(tmp_path, changed(old, new))
    assert (refusal.key, refusal.todo) == (key, f"write {nearest}")


@pytest.mark.parametrize(
    ("old", "new", "key", "what", "allowed"),
    [
        ("chains: 4", "chains: four", "methods.nuts.chains", "text", "a whole number ≥ 1"),
        ("chains: 4", "chains: true", "methods.nuts.chains", "true or false", "a whole number"),
        ("chains: 4", "chains: yes", "methods.nuts.chains", "text", "a whole number"),
        ("chains: 4", "chains: 4.0", "methods.nuts.chains", "a number", "a whole number"),
        ("chains: 4", "chains: ", "methods.nuts.chains", "no value", "a whole number"),
        ("0.95", "[0.95]", "methods.nuts.adapt_delta", "a list", "a number ≥ 0.1 and < 1"),
        ("[schools]", "schools", "datasets", "text", "a list, each item the name of a dataset"),
        ("{by: loo}", "loo", "compare", "text", "a mapping"),
        ("question: Does", "question: 1 # ", "question", "a number", "text"),
    ],
)
def test_a_wrong_type_says_what_is_wanted(
    tmp_path: Path, old: str, new: str, key: str, what: str, allowed: str
) -> None:
    """Types are strict: nothing is guessed from a value of another type."""
    refusal = fault(tmp_path, changed(old, new))
    assert refusal.key == f"analyses.coaching.{key}"
    assert refusal.what == f"wrong type: {what}"
    assert (refusal.allowed or "").startswith(allowed)


@pytest.mark.parametrize(
    ("old", "new", "todo"),
    [
        ("chains: 4", "chains: '4'", "write 4, without quotes"),
        ("chains: 4", "chains: 1e3", "write 1000"),
        ("[schools]", "schools", "write [schools]"),
        ("{type: real, lower: 0}", "{unique: yes}", "write true or false"),
        ("question: Does", "question: 12 # ", "write it in quotes"),
    ],
)
def test_a_slip_of_the_pen_is_told_how_to_write_it(
    tmp_path: Path, old: str, new: str, todo: str
) -> None:
    """Quotes, brackets and spelt-out booleans are the common slips."""
    assert fault(tmp_path, changed(old, new)).todo == todo


@pytest.mark.parametrize(
    ("old", "new", "key", "allowed"),
    [
        ("adapt_delta: 0.95", "adapt_delta: 1", "methods.nuts.adapt_delta", "< 1"),
        ("warmup: 1000", "warmup: 0", "methods.nuts.warmup", "≥ 1"),
        ("rhat: 1.01", "rhat: 0.9", "checks.rhat", "> 1"),
        ("chains: 4", "seed: -1", "methods.nuts.seed", "≥ 0"),
        ("chains: 4", "init: -1", "methods.nuts.init", "≥ 0"),
        ("chains: 4", "init: .inf", "methods.nuts.init", "≥ 0"),
        ("algorithm: meanfield", "eta: 0", "methods.advi.eta", "> 0"),
        ("algorithm: meanfield", "tol_rel_obj: .nan", "methods.advi.tol_rel_obj", "> 0"),
    ],
)
def test_a_value_out_of_bounds_names_the_bounds(
    tmp_path: Path, old: str, new: str, key: str, allowed: str
) -> None:
    """Bounds are CmdStan's, known before anything runs."""
    refusal = fault(tmp_path, changed(old, new))
    assert refusal.key == f"analyses.coaching.{key}"
    assert allowed in (refusal.allowed or "")


@pytest.mark.parametrize(
    ("old", "new", "key", "allowed"),
    [
        ("meanfield", "fulrank", "analyses.coaching.methods.advi.algorithm", "meanfield, fullrank"),
        ("missing: error", "missing: dropp", "datasets.schools.missing", "error, drop"),
        (
            "mean, sd,",
            "maen, sd,",
            "analyses.coaching.posterior_predictive.statistics[0]",
            "mean, ",
        ),
        ("parameters: [mu, tau, theta]", "stanc: {o1: true}", "models.partial.stanc.o1", "O0, O1"),
    ],
)
def test_a_choice_that_there_is_not_names_those_there_are(
    tmp_path: Path, old: str, new: str, key: str, allowed: str
) -> None:
    """Choices are closed, and the nearest one is named."""
    refusal = fault(tmp_path, changed(old, new))
    assert refusal.key == key
    assert (refusal.allowed or "").startswith(allowed)
    assert "the nearest is" in refusal.what


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("    datasets: [schools]\n", "", "analyses.coaching.datasets"),
        ("observed: y, ", "", "analyses.coaching.posterior_predictive.observed"),
    ],
)
def test_a_missing_key_is_named_at_its_section(
    tmp_path: Path, old: str, new: str, key: str
) -> None:
    """What is missing has no line of its own: the line of its section is given."""
    text = changed(old, new)
    refusal = fault(tmp_path, text)
    section, name = key.rsplit(".", 1)
    assert (refusal.key, refusal.what, refusal.todo) == (key, f"'{name}' is missing", f"add {name}")
    assert refusal.where == f"config.yaml:{line_of(section.rsplit('.', 1)[-1] + ':', text)}"


@pytest.mark.parametrize(
    ("old", "new", "key", "nearest"),
    [
        ("datasets: [schools]", "datasets: [scools]", "datasets[0]", "schools"),
        ("models: [partial, pooled]", "models: [partial, pool]", "models[1]", "pooled"),
        (
            "compare: {by: loo}",
            "predict: {variable: z, dataset: school}",
            "predict.dataset",
            "schools",
        ),
    ],
)
def test_a_reference_to_what_is_not_declared_is_refused(
    tmp_path: Path, old: str, new: str, key: str, nearest: str
) -> None:
    """References are checked by name, and the nearest declared name is given."""
    refusal = fault(tmp_path, changed(old, new))
    assert refusal.key == f"analyses.coaching.{key}"
    assert "is not declared" in refusal.what
    assert refusal.todo == f"write {nearest}"


def test_bad_references_are_found_beside_other_faults(tmp_path: Path) -> None:
    """One run of `check` names everything, in the order of the file."""
    text = changed("datasets: [schools]", "datasets: [scools]", changed("seed:", "sead:"))
    text = changed("chains: 4", "chains: 0", text)
    assert [refusal.key for refusal in faults(tmp_path, text)] == [
        "sead",
        "analyses.coaching.datasets[0]",
        "analyses.coaching.methods.nuts.chains",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "2schools",
        "my schools",
        "schools.csv",
        "schools@fold-3",
        "é",
        "../x",
        "_x",
        "a" * 65,
        "ab" * 20,
        "x" + "y" * 20,
    ],
)
def test_a_name_that_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    """Names become folders of the results; `@` is left to datasets that are made of others."""
    text = changed("  pooled: {program", f'  "{name}": {{program', EXAMPLE)
    refusal = faults(tmp_path, text)[0]
    assert "cannot be a name" in refusal.what
    assert refusal.where == f"config.yaml:{line_of('pooled_means.stan', text)}"


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("  pooled: {", "  Partial: {program: p.stan}\n  pooled: {", "models.Partial"),
        ("\nmodels:", "  Schools: {path: s.csv}\nmodels:", "datasets.Schools"),
        (
            "      advi:",
            "      NUTS: {method: nuts}\n      advi:",
            "analyses.coaching.methods.NUTS",
        ),
        ("  pooled: {", "  records: {program: p.stan}\n  pooled: {", "models.records"),
    ],
)
def test_names_that_would_share_a_folder_are_refused(
    tmp_path: Path, old: str, new: str, key: str
) -> None:
    """Some file systems ignore case, and records have a folder of their own."""
    assert fault(tmp_path, changed(old, new)).key == key


def test_a_method_that_says_nothing_of_its_kind_is_told_how(tmp_path: Path) -> None:
    """A name of one's own needs `method:`."""
    refusal = fault(tmp_path, changed("nuts: {chains", "nuts2: {chains"))
    assert refusal.key == "analyses.coaching.methods.nuts2"
    assert refusal.todo == "add `method: nuts`"


def test_a_kind_of_method_that_there_is_not_is_refused(tmp_path: Path) -> None:
    """`method:` names one of the known kinds."""
    refusal = fault(tmp_path, changed("nuts: {chains", "fast: {method: nutts, chains"))
    assert refusal.key == "analyses.coaching.methods.fast.method"
    assert (refusal.allowed, refusal.todo) == (", ".join(METHODS), "write nuts")


def test_a_method_named_like_another_kind_is_refused(tmp_path: Path) -> None:
    """A reader of `nuts` must not find ADVI."""
    text = changed(
        "nuts: {chains: 4, warmup: 1000, draws: 1000, adapt_delta: 0.95}", "nuts: {method: advi}"
    )
    assert fault(tmp_path, text).key == "analyses.coaching.methods.nuts.method"


@pytest.mark.parametrize(
    ("column", "key"),
    [
        ("{type: real, levels: [a]}", "levels"),
        ("{type: category, lower: 1}", "lower"),
        ("{type: bool, allowed: [1]}", "allowed"),
        ("{type: category, transform: log}", "transform"),
        ("{type: category, levels: [a], allowed: [a]}", "allowed"),
        ("{type: category, levels: [a, a]}", "levels[1]"),
        ("{type: category, levels: [a, 1.5]}", "levels[1]"),
        ("{type: category, levels: []}", "levels"),
        ("{type: int, levels: [1, b]}", "levels[1]"),
        ("{type: int, allowed: [1, 1.5]}", "allowed[1]"),
        ("{type: real, allowed: [a]}", "allowed[0]"),
        ("{type: real, lower: 2, upper: 1}", "upper"),
        ("{type: real, lower: 2020-01-01}", "lower"),
        ("{type: date, lower: 5}", "lower"),
        ("{type: date, lower: 2020-02-30}", "lower"),
        ("{type: date, lower: 2020-02-03, upper: 2019-02-03}", "upper"),
    ],
)
def test_what_does_not_go_with_a_columns_type_is_refused(
    tmp_path: Path, column: str, key: str
) -> None:
    """A rule that can never hold, or never apply, is a fault of the declaration."""
    refusal = fault(tmp_path, changed("{type: real, lower: 0}", column))
    assert refusal.key == f"datasets.schools.columns.se.{key}"


@pytest.mark.parametrize(
    ("dataset", "key"),
    [
        ("{stan: {J: nrow()}}", ""),
        ("{path: a.csv, url: 'https://x.org/a.csv', stan: {J: nrow()}}", ".url"),
        ("{url: 'https://x.org/a.csv', stan: {J: nrow()}}", ".url"),
        ("{url: 'ftp://x.org/a.csv', stan: {J: nrow()}}", ".url"),
        ("{path: a.csv, sha256: " + 64 * "0" + "}", ".sha256"),
        ("{url: 'https://x.org/a.csv', sha256: abc}", ".sha256"),
        ("{path: a.xlsx, stan: {J: nrow()}}", ".path"),
        ("{path: a.json, columns: {x: {}}}", ".columns"),
        ("{path: a.json, missing: drop}", ".missing"),
        ("{path: a.csv, where: {x: Y}}", ".where.x"),
        ("{path: a.csv, stan: {J: true}}", ".stan.J"),
        ("{path: a.csv, stan: {J: [1, a]}}", ".stan.J"),
        ("{path: a.csv, stan: {J: .nan}}", ".stan.J"),
        ("{path: a.csv, stan: {J: {a: 1}}}", ".stan.J"),
        ("{path: a.csv, stan: {J: ' '}}", ".stan.J"),
        ("{path: a.csv, stan: {J.1: 1}}", ".stan.J.1"),
        ("{path: a.csv, stan: {J__: 1}}", ".stan.J__"),
    ],
)
def test_a_dataset_that_cannot_be_read_is_refused(tmp_path: Path, dataset: str, key: str) -> None:
    """Where it lies, its form and its mapping are checked before any file is opened."""
    text = f"datasets: {{d: {dataset}}}\nmodels: {{m: {{program: m.stan}}}}\n"
    text += "analyses: {a: {datasets: [d], models: [m], methods: {nuts: {}}}}\n"
    assert fault(tmp_path, text).key == f"datasets.d{key}"


def test_the_suffix_of_an_address_is_that_of_its_path(tmp_path: Path) -> None:
    """A query behind the path does not hide the file's form."""
    url = f"{{url: 'https://x.org/a.json?raw=true', sha256: {64 * '0'}}}"
    text = f"datasets: {{d: {url}}}\nmodels: {{m: {{program: m.stan}}}}\n"
    text += "analyses: {a: {datasets: [d], models: [m], methods: {nuts: {}}}}\n"
    path = tmp_path / "config.yaml"
    path.write_text(text)
    assert load(path).datasets["d"].suffix == ".json"


def test_a_fault_from_the_command_line_says_so(tmp_path: Path) -> None:
    """What was not written in the file has no line in it."""
    overrides: dict[str, object] = {"analyses": {"coaching": {"checks": {"rhat": "high"}}}}
    refusal = fault(tmp_path, EXAMPLE, overrides)
    assert (refusal.where, refusal.key) == ("--config", "analyses.coaching.checks.rhat")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A wrong path is one fault, with exit code 2."""
    with pytest.raises(DeclarationError, match=r"none\.yaml: no such file") as caught:
        load(tmp_path / "none.yaml")
    assert caught.value.exit_code == 2


def test_the_message_of_a_fault_is_short_and_whole(tmp_path: Path) -> None:
    """A person reads place, what, key, value, what is allowed and what to do."""
    path = tmp_path / "config.yaml"
    path.write_text(changed("missing: error", "missing: dropp"))
    with pytest.raises(DeclarationError) as caught:
        load(path)
    assert str(caught.value).splitlines() == [
        f"{path}:{line_of('missing:')}: 'dropp' is not a choice; the nearest is 'drop'",
        "  key:      datasets.schools.missing",
        "  allowed:  error, drop",
        "  do:       write drop",
    ]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("rhat: 1.01", "rhat: 1.0", "rhat"),
        ("rhat: 1.01", "rhat: true", "rhat"),
        ("rhat: 1.01", "rhat: {}", "rhat"),
        ("rhat: 1.01", "rhat: {default: 1.01, lp__: 0.9}", "rhat"),
        ("rhat: 1.01", "rhat: {lp__: high}", "rhat"),
        ("rhat: 1.01", "divergences: -1", "divergences"),
        ("rhat: 1.01", "divergences: 0.5", "divergences"),
        ("rhat: 1.01", "divergences: {share: 1}", "divergences"),
        ("rhat: 1.01", "divergences: {share: 0.1, most: 3}", "divergences"),
        ("rhat: 1.01", "divergences: {most: 3}", "divergences"),
    ],
)
def test_limits_that_cannot_be_are_refused(tmp_path: Path, old: str, new: str, key: str) -> None:
    """With the two ways in which each may be written."""
    refusal = fault(tmp_path, changed(old, new))
    assert refusal.key == f"analyses.coaching.checks.{key}"
    assert "such as `{" in (refusal.allowed or "")


def test_a_wrong_key_in_place_of_a_required_one_is_one_fault(tmp_path: Path) -> None:
    """Such as the setting of another repair; it says what is missing, and what to write."""
    declared = "adapt_delta: 0.95, on_divergence: {max_treedepth: 12}"
    refusal = fault(tmp_path, changed("adapt_delta: 0.95", declared))
    assert refusal.key == "analyses.coaching.methods.nuts.on_divergence.max_treedepth"
    assert refusal.what == "unknown key 'max_treedepth', and 'adapt_delta' is missing"
    assert (refusal.todo or "").startswith("write adapt_delta in its place")


def test_two_keys_that_are_missing_are_two_faults(tmp_path: Path) -> None:
    """A wrong one beside them stands for neither."""
    path = tmp_path / "config.yaml"
    path.write_text(changed("models: [partial, pooled]", "modles: [partial]").replace("    d", "#"))
    with pytest.raises(DeclarationError) as caught:
        load(path)
    assert len(caught.value.faults) == 3
