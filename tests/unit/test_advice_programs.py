"""What advice says of a program: each rule where it must speak, and where it must be silent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stanchion.checks.catalogue import CHECKS
from stanchion.runs.advice_program import Advice, program_advice
from stanchion.runs.advised_family import FORMS, same_family
from stanchion.runs.measured import ALL, FAMILIES, IN_GALLERY, PAGE
from stanchion.stan.program import Program
from stanchion.stan.structure import Structure
from tests.project import ROOT
from tests.unit.advice_cases import program_of
from tests.unit.gallery_tables import cells

SCHOOLS = "  int J;\n  vector[J] y;\n  vector<lower=0>[J] sigma;"
PARAMETERS = "  real mu;\n  real<lower=0> tau;\n  vector[J] theta;"
MODEL = "  mu ~ normal(0, 5);\n  tau ~ cauchy(0, 5);\n  theta ~ {};\n  y ~ normal(theta, sigma);"


def schools(prior: str = "normal(mu, tau)", **changes: str) -> Program:
    blocks = {"data": SCHOOLS, "parameters": PARAMETERS, "model": MODEL.format(prior)}
    return program_of(**(blocks | changes))


def centred(program: Program) -> dict[str, tuple[str, ...]]:
    return {c.parameter: c.scales for c in Structure(program).centred}


@pytest.mark.parametrize(
    "prior", ["normal(mu, tau)", "student_t(4, mu, tau)", "normal(mu, sqrt(tau) + 1)"]
)
def test_a_prior_whose_scale_is_a_parameter_is_centred(prior: str) -> None:
    """Parameter, scale and statement are named, whichever distribution has the scale last."""
    (found,) = Structure(schools(prior)).centred
    assert (found.parameter, found.scales) == ("theta", ("tau",))
    assert found.statement == f"theta ~ {prior}"


def test_densities_and_locals_are_seen_through() -> None:
    """The same is so as a term of `target` or `lprior`, in a loop, and by a transformed scale."""
    written = "  for (j in 1 : J) {\n    target += normal_lupdf(theta[j] | mu, tau);\n  }"
    assert centred(schools(model=written)) == {"theta": ("tau",)}
    halves = (
        "  real half = tau / 2;\n  real lprior = 0;\n  lprior += normal_lpdf(theta | mu, half);"
    )
    transformed = schools(transformed_parameters=halves, model="  target += lprior;")
    assert centred(transformed) == {"theta": ("tau",)}
    correlated = (
        "multi_normal_cholesky(rep_vector(mu, J), diag_pre_multiply(rep_vector(tau, J), L))"
    )
    assert centred(schools(correlated)) == {"theta": ("tau",)}


def test_a_parameter_is_named_once() -> None:
    """Several terms of one parameter are one matter: all scales, and the first statement."""
    walk = "  theta[1] ~ normal(0, mu);\n  theta[2 : J] ~ normal(theta[1 : J - 1], tau);"
    (found,) = Structure(schools(model=walk)).centred
    assert (found.parameter, found.scales) == ("theta", ("mu", "tau"))
    assert found.statement == "theta[1] ~ normal(0, mu)"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"model": "  theta ~ normal(mu, 5);"}, "a scale that is a number"),
        ({"model": "  theta ~ normal(mu, sigma);"}, "a scale that is data"),
        ({"model": "  theta ~ normal(tau, 1);"}, "a location, and no scale"),
        ({"model": "  theta ~ gamma(2, tau);"}, "a distribution without a scale at the end"),
        ({"model": "  y ~ normal(theta, tau);"}, "data, and no parameter"),
        (
            {"model": "  theta ~ normal(0, tau);\n  y ~ normal(mu, tau);"},
            "the scale is that of the data too",
        ),
        (
            {
                "parameters": "  real mu;\n  real<lower=0> tau;\n"
                "  vector<offset=mu, multiplier=tau>[J] theta;"
            },
            "declared with a multiplier",
        ),
        (
            {
                "functions": "  real normal_lpdf(vector x, real m, real s) {\n    return 0;\n  }",
            },
            "a distribution of the user's",
        ),
    ],
)
def test_what_has_no_funnel_is_not_called_centred(changes: dict[str, str], why: str) -> None:
    """Silence where the scale is no parameter of a prior, or the data settle it."""
    assert centred(schools(**changes)) == {}, why


def test_a_centred_statement_has_its_line(tmp_path: Path) -> None:
    """File and line, where one line of the file is the statement; the statement in any case."""
    path = tmp_path / "schools.stan"
    path.write_text("model {\n  mu ~ normal(0, 5);\n  theta ~ normal( mu,tau ); // pooled\n}\n")
    blocks = {"data": SCHOOLS, "parameters": PARAMETERS, "model": MODEL.format("normal(mu, tau)")}
    text = texts(program_of(str(path), **blocks))["centred"]
    assert "the centred form had 46 divergences in the gallery, the other 0;" in text
    assert f"{path}:3, `theta ~ normal(mu, tau)`" in text
    path.write_text(path.read_text() * 2)
    text = texts(program_of(str(path), **blocks))["centred"]
    assert f"{path}:" not in text and "`theta ~ normal(mu, tau)`" in text


def texts(program: Program, *, means_no_priors: bool = False, **data: object) -> dict[str, str]:
    """Return what is said by its topic."""
    mapping = {variable.name: variable.name for variable in program.data}
    advice = program_advice(program, data, mapping, observed=None, means_no_priors=means_no_priors)
    return {a.topic: a.text for a in advice}


def flat(program: Program) -> set[str]:
    return {variable.name for variable in Structure(program).flat}


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("  y ~ normal(theta, sigma);", {"mu", "tau", "theta"}),
        ("  theta ~ normal(mu, tau);", {"mu", "tau"}),
        ("  target += normal_lpdf(y | mu + theta, tau);", {"mu", "tau", "theta"}),
        ("  real z = normal_lpdf(theta | mu, tau);\n  target += z;", {"mu", "tau"}),
        ('  print("mu ~ normal(0, 1)", mu);', {"mu", "tau", "theta"}),
        ("  theta[1] ~ normal(0, 1);", {"mu", "tau"}),
        ("  theta - mu ~ normal(0, tau);", {"tau"}),
        ("  vector[J] eta = mu + theta;\n  eta ~ normal(0, tau);", {"tau"}),
        ("  target += -square(mu);", {"tau", "theta"}),
        ("  jacobian += log(tau);", {"mu", "theta"}),
        ("  target += reduce_sum(part, y, 1, mu, theta, tau);", set()),
        ("  prior_lp(mu, tau);", {"theta"}),
        ("  real x = prior_lp(mu);", {"tau", "theta"}),
        ("  if (mu > 3) {\n    reject(tau);\n  }", {"theta"}),
        ("  array[2] real x = {mu, tau};\n  x ~ normal(0, 1);", {"theta"}),
    ],
)
def test_a_parameter_without_any_prior_is_flat(model: str, names: set[str]) -> None:
    """Named where only arguments of distributions or nothing have it; any other use is silence."""
    assert flat(schools(model=model)) == names


def test_densities_of_the_users_may_hold_priors() -> None:
    """What is an argument of a function of the user's own is not called flat."""
    functions = "  real mine_lpdf(vector y, real mu, real tau) {\n    return 0;\n  }"
    for model in ("  y ~ mine(mu, tau);", "  target += mine_lpdf(y | mu, tau);"):
        assert flat(schools(functions=functions, model=model)) == {"theta"}


def test_flat_and_uniform_are_told_apart() -> None:
    """Bounds on both sides, or by the kind, make it proper; one bound, or infinity, does not."""
    parameters = (
        "  real<lower=0, upper=1> p;\n  real<lower=0> s;\n  simplex[3] w;\n"
        "  real<lower=0, upper=positive_infinity()> t;"
    )
    said = texts(program_of(parameters=parameters))
    assert said["flat"].startswith("s and t have no prior statement")
    assert said["uniform"].startswith("p and w have no prior statement")


def test_what_has_no_elements_or_declares_no_priors_is_not_flat() -> None:
    """An empty vector needs no prior; `priors: none` says that there are none."""
    program = program_of(data="  int K;", parameters="  vector[K] beta;")
    assert "flat" in texts(program) and "flat" in texts(program, K=2)
    assert "flat" not in texts(program, K=0)
    assert "flat" not in texts(program, K=2, means_no_priors=True)


def test_sizes_are_counted_on_the_unconstrained_scale() -> None:
    """Parameters by the data; nothing where a size or a kind is not plain."""
    program = program_of(
        data="  int N;\n  int K;\n  vector[N] y;",
        parameters="  vector[K - 1] b;\n  simplex[K] w;\n  array[2] real c;",
        model="  y ~ normal(0, 1);",
    )
    assert texts(program, N=3, K=4, y=[1.0, 2.0, 3.0])["size"] == (
        "8 parameters, 3 observations of y."
    )
    assert "size" not in texts(program, N=3, y=[1.0])
    assert "size" not in texts(program_of(parameters="  cov_matrix[2] S;"))


@pytest.mark.parametrize(
    ("model", "speaks"),
    [
        ("  target += log_mix(p, normal_lpdf(y | 0, 1), normal_lpdf(y | 3, 1));", True),
        ("  target += log_sum_exp(lp);", True),
        ("  real scale = log_sum_exp(lp);\n  y ~ normal(scale, 1);", False),
        ("  y ~ normal(p, 1);", False),
    ],
)
def test_a_discrete_unknown_that_is_summed_out(model: str, speaks: bool) -> None:
    """Only a sum that is added to the log density is one."""
    data, parameters = "  real y;\n  vector[2] lp;", "  real<lower=0, upper=1> p;"
    program = program_of(data=data, parameters=parameters, model=model)
    assert ("discrete" in texts(program)) is speaks
    assert (
        not speaks or "R-hat 1.73 without (docs/gallery/mixture.md)" in texts(program)["discrete"]
    )


COUNTS = "  int N;\n  array[N] int y;\n  array[N] int n;\n  vector[N] s;\n  real a;"
SHARE, RATE = "  real<lower=0, upper=1> p;", "  real<lower=0> r;"


@pytest.mark.parametrize(
    ("parameters", "model", "family"),
    [
        (
            SHARE,
            "  p ~ beta(a, 2.5);\n  y ~ binomial(n, p);",
            "{family: beta_binomial, successes: deaths, trials: n, prior: {a: 3, b: 2.5}}",
        ),
        (
            SHARE,
            "  p ~ beta(1, 1);\n  if (!prior_only) {\n    y ~ bernoulli(p);\n  }",
            "{family: beta_bernoulli, outcome: deaths, prior: {a: 1, b: 1}}",
        ),
        (
            RATE,
            "  y ~ poisson(r);\n  r ~ gamma(2, 0.5);",
            "{family: gamma_poisson, counts: deaths, prior: {shape: 2, rate: 0.5}}",
        ),
        (
            "  real m;",
            "  m ~ normal(-1, 2);\n  s ~ normal(m, 1.5);",
            "{family: normal, y: score, sd: 1.5, prior: {mean: -1, sd: 2}}",
        ),
    ],
)
def test_a_family_that_is_the_same_model(parameters: str, model: str, family: str) -> None:
    """Its declaration: columns of the mapping, numbers of the program or of its data."""
    program = program_of(data=COUNTS, parameters=parameters, model=model)
    mapping = {"N": "nrow()", "y": "deaths", "n": "n", "s": "score"}
    assert same_family(program, {"a": 3}, mapping) == family


@pytest.mark.parametrize(
    ("parameters", "model"),
    [
        (SHARE, "  p ~ beta(b, 1);\n  y ~ bernoulli(p);"),
        (SHARE, "  p ~ beta(1, 1);\n  y ~ bernoulli_logit(p);"),
        (SHARE, "  p ~ beta(1, 1);\n  y ~ binomial(n, p);\n  y ~ binomial(n, p);"),
        (SHARE, "  p ~ beta(1, 1);\n  y ~ bernoulli(p) T[0, ];"),
        (SHARE, "  if (a > 1) {\n    p ~ beta(1, 1);\n  }\n  y ~ bernoulli(p);"),
        (SHARE, "  p ~ beta(1, 1);\n  for (i in 1 : 2) {\n    y ~ bernoulli(p);\n  }"),
        ("  real<lower=0.1, upper=1> p;", "  p ~ beta(1, 1);\n  y ~ bernoulli(p);"),
        ("  real<lower=0> m;", "  m ~ normal(0, 1);\n  s ~ normal(m, 1);"),
        ("  real m;\n  real b;", "  m ~ normal(0, 1);\n  s ~ normal(m, 1);"),
        ("  real m;", "  m ~ normal(0, 1);\n  s ~ normal(m, m);"),
        ("  real m;", "  m ~ cauchy(0, 1);\n  s ~ normal(m, 1);"),
        ("  vector[N] m;", "  m ~ normal(0, 1);\n  s ~ normal(m, 1);"),
    ],
)
def test_what_is_nearly_a_family_is_none(parameters: str, model: str) -> None:
    """Another bound, term, loop, condition or unknown number: nothing is said."""
    program = program_of(data=COUNTS, parameters=parameters, model=model)
    assert same_family(program, {"a": 3}, {"y": "y", "n": "n", "s": "s"}) is None


LPRIOR = "  real lprior = 0;\n  lprior += beta_lpdf(p | a, 2.5);"
GATHERED = "  target += lprior;\n  if (!prior_only) {\n    y ~ binomial(n, p);\n  }"


def test_a_family_whose_prior_is_gathered_in_lprior_is_seen() -> None:
    """As the programs of the gallery write it; of the same name, but with more to it, it is not."""

    def family(lprior: str = LPRIOR, model: str = GATHERED) -> str | None:
        program = program_of(
            data=COUNTS, parameters=SHARE, transformed_parameters=lprior, model=model
        )
        return same_family(program, {"a": 3}, {"y": "deaths", "n": "n"})

    declared = "{family: beta_binomial, successes: deaths, trials: n, prior: {a: 3, b: 2.5}}"
    assert family() == declared
    for old, new in (
        ("lprior += beta_lpdf(p | a, 2.5)", "lprior += 2 * beta_lpdf(p | a, 2.5)"),
        ("2.5);", "2.5) - beta_lccdf(0.5 | a, 2.5);"),
        ("2.5);", "2.5);\n  lprior += beta_lpdf(p | 1, 2);"),
        ("lprior = 0;", "lprior = 0;\n  real q = p;"),
        ("lprior = 0;", "lprior = 1;"),
    ):
        assert old in LPRIOR and family(LPRIOR.replace(old, new)) is None, new
    for model in (
        GATHERED.replace("  target += lprior;\n", ""),
        f"  target += lprior;\n{GATHERED}",
        GATHERED.replace("target += lprior;", "for (i in 1 : 2) {\n    target += lprior;\n  }"),
    ):
        assert family(model=model) is None, model


@pytest.mark.parametrize("name", ["binomial", "poisson", "normal_known_sd"])
def test_programs_of_the_gallery_are_their_families(name: str) -> None:
    """The family is seen that stands beside each in the declaration."""
    text = (ROOT / f"stan/models/gallery/{name}.stan").read_text()
    blocks = dict(re.findall(r"^([a-z ]+) \{\n(.*?)^\}", text, re.DOTALL | re.MULTILINE))
    stripped = {k.replace(" ", "_"): re.sub(r" *//[^\n]*", "", v) for k, v in blocks.items()}
    data = {"prior_a": 1, "prior_b": 1, "prior_shape": 1, "prior_rate": 1} | {
        "prior_mean": 0,
        "prior_sd": 15,
    }
    names = ("successes", "trials", "counts", "y", "sd")
    family = same_family(program_of(**stripped), data, {n: n for n in names})
    expected = {"binomial": "beta_binomial", "poisson": "gamma_poisson"}.get(name, "normal")
    assert family is not None and family.startswith(f"{{family: {expected}, ")


def test_each_family_cites_what_nuts_made_of_it() -> None:
    """Every family that is seen has its figures of the gallery, and the advice says them."""
    assert {form.family for form in FORMS} == FAMILIES.keys()
    program = program_of(
        data=COUNTS, parameters=RATE, model="  y ~ poisson(r);\n  r ~ gamma(2, 1);"
    )
    advice = {
        a.topic: a
        for a in program_advice(program, {}, {"y": "deaths"}, observed=None, means_no_priors=False)
    }
    text = advice["conjugate"].text
    assert "In the gallery NUTS gave 0.7005 ± 0.0488 for 0.7011 ± 0.0499" in text
    assert advice["conjugate"].measured[1:] == FAMILIES["gamma_poisson"]


def test_transformed_variables_and_functions_hide_a_family() -> None:
    """A model that computes first is not told from one that is the family."""
    model = "  p ~ beta(1, 1);\n  y ~ bernoulli(p);"
    for block in ("functions", "transformed_data", "transformed_parameters"):
        program = program_of(data=COUNTS, parameters=SHARE, model=model, **{block: "  real x = 1;"})
        assert same_family(program, {}, {"y": "y"}) is None


def test_figures_are_those_of_the_page() -> None:
    """Each figure that is cited is the cell of its problem and method."""
    page = (ROOT / PAGE).read_text()
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    head = next(row for row in rows if row[0] == "problem")
    table = {row[0]: dict(zip(head, row, strict=True)) for row in rows if len(row) == len(head)}
    hard = {(row[0], row[1]): f"{row[2]} {row[4]}" for row in rows if re.match(r"\w+_\w+", row[0])}
    for figure in ALL:
        khat = "" if figure.khat is None else f"k̂ {figure.khat:.2f} "
        cell = table.get(figure.problem, {}).get(figure.method)
        cell = cell or hard[figure.problem, figure.method]
        assert cell.strip("*") == f"{figure.verdict} {khat}{figure.error}", figure


def test_figures_of_the_gallery_are_those_of_its_pages() -> None:
    """Each is a cell of a table of the page, by the row and column that are named."""
    for figure in IN_GALLERY:
        assert cells(figure.analysis)[figure.row, figure.column] == [figure.text]


def test_checks_that_are_named_exist() -> None:
    """Each check that a program's advice names is one of the catalogue."""
    program = schools(model="  theta ~ normal(mu, tau);\n  target += log_mix(0.5, mu, tau);")
    advice: list[Advice] = list(
        program_advice(program, {}, {}, observed=None, means_no_priors=False)
    )
    assert {"centred", "discrete"} <= {a.topic for a in advice}
    assert all(set(a.checks) <= CHECKS.keys() for a in advice)
