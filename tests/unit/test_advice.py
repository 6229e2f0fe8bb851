"""`stanchion advise`: what it says of methods and predictions, for each model of an analysis."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from stanchion.checks.catalogue import CHECKS
from stanchion.config import load
from stanchion.plan.model import Facts
from stanchion.plan.planner import make_plan
from stanchion.runs import advice as advice_module
from stanchion.runs.advice import advise, advise_declaration
from stanchion.runs.advice_program import Advice
from tests.unit.advice_cases import program_of

CONFIG = """\
project: advice
seed: 3
datasets:
  points:
    path: points.csv
    columns: {y: {type: real}}
    stan: {N: nrow(), y: y}
models:
  one: {program: one.stan}
analyses:
  means:
    datasets: [points]
    models: [one]
    methods:
      nuts: {}
    prior_predictive: {draws: 100}
    posterior_predictive: {observed: y, replicated: y_rep}
"""
QUANTITIES = "  vector[N] y_rep;\n  vector[N] log_lik;"
PLAIN = program_of(
    "one.stan",
    data="  int N;\n  vector[N] y;\n  int prior_only;",
    parameters="  real mu;\n  real<lower=0> s;",
    model="  mu ~ normal(0, 1);\n  s ~ normal(0, 1);\n  y ~ normal(mu, s);",
    generated_quantities=QUANTITIES,
)
CENTRED = program_of(
    "one.stan",
    data="  int N;\n  vector[N] y;\n  int prior_only;",
    parameters="  vector[N] mu;\n  real<lower=0> s;",
    model="  mu ~ normal(0, s);\n  s ~ normal(0, 1);\n  y ~ normal(mu, 1);",
    generated_quantities=QUANTITIES,
)
Said = Callable[..., dict[str, Advice]]


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Said:
    """What is said of the one model, by topic, with one piece of the declaration replaced."""
    monkeypatch.chdir(tmp_path)
    Path("points.csv").write_text("y\n1.5\n2.5\n3.5\n")

    def say(old: str = "", new: str = "", program: object = PLAIN) -> dict[str, Advice]:
        assert old in CONFIG
        Path("config.yaml").write_text(CONFIG.replace(old, new, 1) if old else CONFIG)
        (advised,) = advise(make_plan(load(Path("config.yaml")), facts(program)))
        topics = [a.topic for a in advised.advice]
        assert len(topics) == len(set(topics)), topics
        assert all(set(a.checks) <= CHECKS.keys() for a in advised.advice)
        return {a.topic: a for a in advised.advice}

    return say


def facts(program: object, models: tuple[str, ...] = ("one",)) -> Facts:
    programs: Mapping[str, object] = dict.fromkeys(models, program)
    return Facts(
        programs=programs,  # type: ignore[arg-type]
        files={"points.csv": "0" * 64},
        compilers={name: {"stan": "2.39.0"} for name in models},
        toolchain={"stan": "2.39.0"},
        waivers={},
    )


def test_a_sound_declaration_is_only_counted(said: Said) -> None:
    """Priors, four chains, a sampler, both predictive checks: there is nothing to recommend."""
    advice = said()
    assert set(advice) == {"size"}
    assert advice["size"].text == "2 parameters, 3 observations of y."


@pytest.mark.parametrize(
    ("old", "new", "topic", "checks"),
    [
        ("nuts: {}", "nuts: {chains: 1}", "chains", ("chains",)),
        ("nuts: {}", "nuts: {chains: 3}", "chains", ("chains",)),
        ("nuts: {}", "nuts: {draws: 99}", "draws", ("ess_bulk", "ess_tail")),
        ("nuts: {}", "nuts: {thin: 20}", "draws", ("ess_bulk", "ess_tail")),
        ("nuts: {}", "advi: {}", "approximation", ("khat", "nuts_difference")),
        ("nuts: {}", "laplace: {}", "approximation", ("khat", "nuts_difference")),
        ("    prior_predictive: {draws: 100}\n", "", "prior_predictive", ("extent", "prior_only")),
    ],
)
def test_what_a_declaration_lacks(
    said: Said, old: str, new: str, topic: str, checks: tuple[str, ...]
) -> None:
    """One change makes one matter, with the checks that catch it, and none else."""
    advice = said(old, new)
    assert set(advice) == {"size", topic}
    assert advice[topic].checks == checks


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("nuts: {}", "nuts: {draws: 100}"),
        ("nuts: {}", "nuts: {draws: 50, until: {ess: 400}, max_draws: 1000}"),
        ("nuts: {}", "nuts: {chains: 32, superchains: 4, draws: 20}"),
        ("nuts: {}", "{nuts: {}, advi: {}}"),
        ("nuts: {}", "{nuts: {}, optimize: {}}"),
        ("nuts: {}", "hmc: {}"),
        ("nuts: {}", "nuts: {adapt_delta: 0.8, max_treedepth: 10}"),
    ],
)
def test_what_is_sound_is_left_alone(said: Said, old: str, new: str) -> None:
    """Enough draws, an approximation beside a sampler, a point beside draws: silence."""
    assert set(said(old, new)) == {"size"}


def test_an_approximation_alone_cites_its_own_miss(said: Said) -> None:
    """The figure is that of the approximation that is declared."""
    for method, figure in (
        ("advi: {}", "12.3"),
        ("advi: {algorithm: fullrank}", "5.4"),
        ("pathfinder: {}", "12.1"),
        ("pathfinder: {paths: 1}", "4.8"),
        ("laplace: {}", "6.1"),
        ("auto: {}", "7.1"),
    ):
        text = said("nuts: {}", method)["approximation"].text
        assert f"up to {figure} standard errors off" in text, text


def test_an_approximation_alone_is_told_what_it_makes_of_an_exact_posterior(said: Said) -> None:
    """The gallery's regression is cited with both figures, where the method was measured on it."""
    for method, made in (
        ("advi: {}", "3.567 ± 0.116"),
        ("advi: {algorithm: fullrank}", "3.530 ± 0.262"),
        ("laplace: {}", "3.525 ± 0.261"),
        ("pathfinder: {paths: 1}", None),
    ):
        advice = said("nuts: {}", method)["approximation"]
        assert ("3.523 ± 0.260, which is exact" in advice.text) is (made is not None)
        assert made is None or made in advice.text
        assert len(advice.measured) == (2 if made is None else 4)


def test_a_point_alone_is_no_posterior(said: Said) -> None:
    """It says so, unless the model declares that it has no priors; a point has no predictions."""
    alone = CONFIG[CONFIG.index("      nuts: {}") :]
    advice = said(alone, "      optimize: {}\n")
    assert set(advice) == {"size", "point"}
    assert advice["point"].checks == ("converged", "curvature", "modes")
    mle = alone, "      optimize: {}\n"
    config = CONFIG.replace("one.stan}", "one.stan, priors: none}").replace(*mle)
    Path("config.yaml").write_text(config)
    (advised,) = advise(make_plan(load(Path("config.yaml")), facts(PLAIN)))
    assert [a.topic for a in advised.advice] == ["size"]


def test_draws_without_predictions(said: Said) -> None:
    """Both are said, and whether the program can be drawn from its prior as it is."""
    both = CONFIG[CONFIG.index("    prior_predictive") :]
    advice = said(both, "")
    assert set(advice) == {"size", "posterior_predictive", "prior_predictive"}
    assert "`prior_only` is ready" in advice["prior_predictive"].text
    bare = program_of(
        "one.stan",
        data="  int N;\n  vector[N] y;",
        parameters="  real mu;",
        model="  mu ~ cauchy(0, 1);\n  y ~ normal(mu, 1);",
    )
    assert "needs an `int prior_only`" in said(both, "", bare)["prior_predictive"].text


@pytest.mark.parametrize(
    ("method", "speaks"),
    [
        ("nuts: {}", True),
        ("nuts: {adapt_delta: 0.95}", False),
        ("nuts: {on_divergence: {adapt_delta: [0.95, 0.99]}}", False),
        ("hmc: {}", False),
    ],
)
def test_defaults_with_a_centred_hierarchy(said: Said, method: str, speaks: bool) -> None:
    """The default `adapt_delta` is named only where the program is centred and NUTS has it."""
    advice = said("nuts: {}", method, CENTRED)
    assert "centred" in advice
    assert ("adapt_delta" in advice) is speaks
    assert "adapt_delta" not in said()


def test_several_models_without_log_lik(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each program that lacks it is named; one model alone has nothing to be compared with."""
    monkeypatch.chdir(tmp_path)
    Path("points.csv").write_text("y\n1.5\n")
    two = CONFIG.replace(
        "  one: {program: one.stan}\n", "  one: {program: one.stan}\n  two: {program: one.stan}\n"
    )
    Path("config.yaml").write_text(two.replace("models: [one]", "models: [one, two]"))
    without = program_of(
        "one.stan",
        data="  int N;\n  vector[N] y;\n  int prior_only;",
        parameters="  real mu;",
        model="  mu ~ cauchy(0, 1);\n  y ~ normal(mu, 1);",
        generated_quantities="  vector[N] y_rep;",
    )
    for program, speaks in ((without, True), (PLAIN, False)):
        plan = make_plan(load(Path("config.yaml")), facts(program, ("one", "two")))
        for advised in advise(plan):
            assert ("log_lik" in {a.topic for a in advised.advice}) is speaks


def test_the_document_holds_what_the_words_say(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--json`: each matter with analysis, dataset, model, checks and the figures it cites."""
    said("nuts: {}", "advi: {}")
    monkeypatch.setattr(advice_module, "gather", lambda project, waivers: facts(PLAIN))
    words = advise_declaration(Path("config.yaml"), as_json=False)
    document = json.loads(advise_declaration(Path("config.yaml"), as_json=True))
    assert document["schema"] == "stanchion/advice/1"
    assert words.startswith("means: one with points\n  - 2 parameters")
    assert [entry["topic"] for entry in document["advice"]] == ["size", "approximation"]
    for entry in document["advice"]:
        assert entry["text"] in words and entry["model"] == "one"
    cited = document["advice"][1]["measured"]
    problems = [(c["method"], c["error"]) for c in cited if "problem" in c]
    assert problems == [("meanfield", 12.3), ("nuts", 1.8)]
    cells = [(c["row"], c["text"]) for c in cited if c["page"] == "docs/gallery/linear.md"]
    assert cells == [("exact", "3.523 ± 0.260"), ("advi, mean field", "3.567 ± 0.116")]
    assert "Checks in a run: khat, nuts_difference." in words
