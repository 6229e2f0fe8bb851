"""The program as the report shows it."""

from __future__ import annotations

import pytest

from stanchion.report.listing import listing
from tests.report_inputs import PROGRAM


def marked(program: str) -> list[str]:
    """Return the text of the lines that are marked as setting a density."""
    lines = listing(program)
    return ["".join(token.text for token in line.tokens).strip() for line in lines if line.density]


def test_nothing_of_the_program_is_lost() -> None:
    """The lines shown are the lines written."""
    shown = ["".join(token.text for token in line.tokens) for line in listing(PROGRAM)]
    assert "\n".join(shown) == PROGRAM.rstrip("\n")


def test_densities_of_the_model_block_are_marked() -> None:
    """Priors and likelihood are marked; a density in generated quantities is none of them."""
    assert marked(PROGRAM) == [
        "mu ~ normal(0, 5);",
        "tau ~ cauchy(0, 5); /* half, by its bound */",
        "z ~ std_normal();",
        "y ~ normal(theta, sigma);",
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("target += normal_lpdf(y |\n mu, 1);", ["target += normal_lpdf(y |", "mu, 1);"]),
        ('real a = 1; // y ~ normal\nprint("x ~ y");', []),
        ("real lp = normal_lupdf(y | 0, 1);", ["real lp = normal_lupdf(y | 0, 1);"]),
        ("for (n in 1:N) {\n y[n] ~ normal(0, 1);\n}", ["y[n] ~ normal(0, 1);"]),
        ("/* a\n * b ~ c;\n */\nx ~ std_normal();", ["x ~ std_normal();"]),
    ],
)
def test_statements_are_marked_as_a_whole(body: str, expected: list[str]) -> None:
    """A statement over two lines is marked on both; comments and strings are no statements."""
    assert marked(f"model {{\n{body}\n}}\n") == expected


def test_a_log_prior_of_transformed_parameters_is_marked() -> None:
    """Where the prior is summed up as `lprior`, these lines are marked, and those that add it."""
    program = (
        "functions {\n  #include priors.stanfunctions\n}\n"
        "transformed parameters {\n  real lprior = 0;\n  lprior += normal_lpdf(mu | 0, 1);\n}\n"
        "model {\n  target += lprior;\n}\n"
    )
    assert marked(program) == ["lprior += normal_lpdf(mu | 0, 1);", "target += lprior;"]
    kinds = {token.kind for line in listing(program) for token in line.tokens}
    assert "include" in kinds


@pytest.mark.parametrize("program", ["", "model {", "/* never closed", '"', "#include a.stan\n\n"])
def test_any_text_can_be_shown(program: str) -> None:
    """What is no whole program is still shown."""
    shown = ["".join(token.text for token in line.tokens) for line in listing(program)]
    assert "\n".join(shown) == program.rstrip("\n")
