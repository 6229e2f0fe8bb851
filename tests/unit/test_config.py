"""The declaration as it is read: the example, defaults, overrides, resolved settings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from stanchion.config import Analysis, Project, resolved_checks, resolved_method
from stanchion.methods.advi import Advi
from stanchion.methods.nuts import Nuts
from tests.unit.config_cases import EXAMPLE, SMALLEST, changed, declared, line_of


def test_the_example_of_the_design_is_read(tmp_path: Path) -> None:
    """Every key of the design's example arrives where it was written."""
    project = declared(tmp_path, EXAMPLE)
    schools, coaching = project.datasets["schools"], project.analyses["coaching"]
    assert (project.project, project.seed) == ("schools", 20261121)
    assert project.about == {"study": "a", "protocol": "b", "author": "c"}
    assert (schools.path, schools.columns["se"].lower) == ("data/eight_schools.csv", 0)
    assert schools.stan == {"J": "nrow()", "y": "effect", "sigma": "se"}
    assert project.models["partial"].parameters == ["mu", "tau", "theta"]
    assert coaching.methods["nuts"] == Nuts(adapt_delta=0.95)
    assert coaching.methods["advi"] == Advi(on_fail="flag")
    assert coaching.prior_predictive is not None and coaching.prior_predictive.draws == 1000
    assert coaching.posterior_predictive is not None
    assert coaching.posterior_predictive.statistics == ["mean", "sd", "min", "max"]
    assert (coaching.checks.on_fail, coaching.checks.ess) == ("stop", 400)
    assert coaching.compare is not None and coaching.compare.by == "loo"


def test_what_is_not_declared_is_absent_or_the_default(tmp_path: Path) -> None:
    """Four lines are enough, and bring the defaults of the design and nothing more."""
    project = declared(tmp_path, SMALLEST)
    dataset, model, analysis = project.datasets["d"], project.models["m"], project.analyses["a"]
    assert (dataset.missing, dataset.stan, dataset.columns) == ("error", {}, {})
    assert (model.parameters, model.stan, model.stanc, model.cpp) == (None, {}, {}, {})
    nuts = analysis.methods["nuts"]
    assert isinstance(nuts, Nuts)
    assert (nuts.chains, nuts.warmup, nuts.draws, nuts.thin) == (4, 1000, 1000, 1)
    assert (nuts.adapt_delta, nuts.max_treedepth, nuts.metric) == (0.8, 10, "diag_e")
    absent = ("prior_predictive", "posterior_predictive", "predict", "compare", "intervals")
    assert [getattr(analysis, section) for section in absent] == [None] * len(absent)
    checks = analysis.checks
    assert (checks.rhat, checks.divergences, checks.ebfmi, checks.khat) == (1.01, 0, 0.3, None)


def test_a_method_without_settings_has_all_defaults(tmp_path: Path) -> None:
    """`nuts:` with nothing behind it means what `nuts: {}` means."""
    project = declared(
        tmp_path, changed("methods: {nuts: {}}", "methods: {nuts: , advi: }", SMALLEST)
    )
    assert project.analyses["a"].methods == {"nuts": Nuts(), "advi": Advi()}


def test_a_method_may_have_a_name_of_its_own(tmp_path: Path) -> None:
    """`method:` says what a method is where its name does not."""
    text = changed("{nuts: {}}", "{dense: {method: nuts, metric: dense_e}}", SMALLEST)
    assert declared(tmp_path, text).analyses["a"].methods["dense"] == Nuts(metric="dense_e")


@pytest.mark.parametrize(("written", "init"), [("2", 2.0), ("0.5", 0.5), ("i.json", "i.json")])
def test_init_is_a_number_or_a_file(tmp_path: Path, written: str, init: float | str) -> None:
    """`init` takes what CmdStan takes: a range, or a JSON file."""
    text = changed("{nuts: {}}", f"{{nuts: {{init: {written}}}}}", SMALLEST)
    assert declared(tmp_path, text).analyses["a"].methods["nuts"].init == init


def test_a_project_cannot_be_changed(tmp_path: Path) -> None:
    """Sections are frozen."""
    project = declared(tmp_path, EXAMPLE)
    for section in (project, project.datasets["schools"], project.analyses["coaching"].checks):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(section, next(iter(type(section).model_fields)), 1)


def test_a_project_knows_where_its_keys_stand(tmp_path: Path) -> None:
    """`where` names file and line, of the nearest key above for what was not written."""
    project = declared(tmp_path, EXAMPLE)
    path, se = tmp_path / "config.yaml", line_of("se: {type")
    assert project.where("datasets", "schools", "columns", "se", "lower") == f"{path}:{se}"
    assert project.where("datasets", "schools", "columns", "se", "upper") == f"{path}:{se}"
    fault = project.fault("wrong", "analyses", "coaching", "datasets", 0, value="x")
    assert fault.where == f"{path}:{line_of('datasets: [schools]')}"
    assert fault.key == "analyses.coaching.datasets[0]"


def test_overrides_lie_over_the_file(tmp_path: Path) -> None:
    """Mappings are merged, all else is replaced; numbers may come as text, as from a shell."""
    overrides: dict[str, object] = {
        "seed": 7,
        "analyses": {"coaching": {"models": ["pooled"], "methods": {"nuts": {"draws": "200"}}}},
    }
    project = declared(tmp_path, changed("    compare: {by: loo}\n", ""), overrides)
    coaching = project.analyses["coaching"]
    assert (project.seed, coaching.models) == (7, ["pooled"])
    assert coaching.methods["nuts"] == Nuts(draws=200, adapt_delta=0.95)
    assert project.where("seed") == "--config"
    assert project.where("analyses", "coaching", "models", 1) == "--config"
    assert project.where("project") == f"{tmp_path / 'config.yaml'}:2"


@pytest.mark.parametrize(
    ("checks", "method", "on_fail"),
    [
        ({}, Nuts(), "stop"),
        ({}, Advi(), "flag"),
        ({"on_fail": "flag"}, Nuts(), "flag"),
        ({"on_fail": "stop"}, Advi(), "stop"),
        ({"on_fail": "stop"}, Nuts(on_fail="flag"), "flag"),
    ],
)
def test_on_fail_is_the_methods_then_the_analysis_then_the_kinds(
    checks: dict[str, object], method: Nuts | Advi, on_fail: str
) -> None:
    """A method's own `on_fail` goes before the analysis', and that before the default."""
    analysis = _analysis(checks=checks)
    assert resolved_checks(analysis, method)["on_fail"] == on_fail


def test_the_threshold_of_ess_grows_with_the_chains() -> None:
    """Without `ess`, 100 a chain are asked for; with it, what it says."""
    assert resolved_checks(_analysis(), Nuts(chains=6))["ess"] == 600
    assert resolved_checks(_analysis(checks={"ess": 50}), Nuts(chains=6))["ess"] == 50


def test_thresholds_of_another_kind_of_method_are_none() -> None:
    """A change of R-hat's threshold leaves the key of an ADVI fit alone, and k̂'s that of NUTS."""
    nuts, advi = (resolved_checks(_analysis(), method) for method in (Nuts(), Advi()))
    assert nuts["khat"] is None and nuts["rhat"] == 1.01
    assert advi["khat"] == pytest.approx(2 / 3)  # 1 − 1/log10 of 1,000 draws
    assert {name for name, value in advi.items() if value is not None} == {"on_fail", "khat"}
    assert advi.keys() == nuts.keys() >= {"rhat", "rhat_of", "ess", "divergences", "ebfmi"}
    assert resolved_checks(_analysis(), Advi(draws=5000))["khat"] == 0.7
    assert resolved_checks(_analysis(checks={"khat": 0.5}), Advi())["khat"] == 0.5


def test_limits_by_variable_are_resolved() -> None:
    """The default stands for all that are not named, and is 1.01 where none is."""
    checks: dict[str, object] = {"rhat": {"lp__": 1.02}, "divergences": {"share": 0.001}}
    resolved = resolved_checks(_analysis(checks=checks), Nuts())
    assert (resolved["rhat"], resolved["rhat_of"]) == (1.01, {"lp__": 1.02})
    assert resolved["divergences"] == {"share": 0.001}
    resolved = resolved_checks(_analysis(checks={"rhat": {"default": 1.05, "mu": 1.1}}), Nuts())
    assert (resolved["rhat"], resolved["rhat_of"]) == (1.05, {"mu": 1.1})
    resolved = resolved_checks(_analysis(checks={"ess": {"W": 50}}), Nuts(chains=6))
    assert (resolved["ess"], resolved["ess_of"]) == (600, {"W": 50})
    resolved = resolved_checks(_analysis(checks={"ess": {"default": 300, "W": 1}}), Nuts())
    assert (resolved["ess"], resolved["ess_of"]) == (300, {"W": 1})


@pytest.mark.parametrize("method", [Nuts(), Advi(init="i.json")])
def test_a_resolved_method_is_plain_json_with_every_default(method: Nuts | Advi) -> None:
    """What enters keys names every argument that decides a result, and none that is unused."""
    resolved = resolved_method(method)
    assert json.loads(json.dumps(resolved)) == resolved
    assert resolved.keys() == (
        type(method).model_fields.keys() - {"models", "time_limit"} - method.unused_settings
    )


def test_importing_the_configuration_is_light() -> None:
    """The top of the Snakefile imports pydantic and YAML, and none of the numerical libraries."""
    heavy = "{'numpy', 'pandas', 'xarray', 'arviz', 'scipy', 'cmdstanpy', 'snakemake', 'rich'}"
    code = f"import stanchion.config, sys; print(sorted({heavy} & set(sys.modules)))"
    completed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert completed.stdout.strip() == "[]"


def _analysis(**sections: object) -> Analysis:
    needed = {"datasets": ["d"], "models": ["m"], "methods": {"nuts": {}}}
    return Analysis.model_validate({**needed, **sections})


def test_projects_from_different_files_are_equal_where_they_say_the_same(tmp_path: Path) -> None:
    """Lines and file names are no part of what a project is."""
    other = tmp_path / "other"
    other.mkdir()
    again: Project = declared(other, f"# moved down\n\n{EXAMPLE}")
    assert declared(tmp_path, EXAMPLE) == again
