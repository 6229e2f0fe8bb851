"""What advice says of programs as stanc gives them, held to a table written by reading them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stanchion.runs.advice_program import program_advice
from stanchion.stan.program import describe
from stanchion.stan.structure import Structure
from tests.project import ROOT
from tests.stan.toolchains import toolchain_for_tests

pytestmark = pytest.mark.stan

MODELS, PROGRAMS, REFERENCE = "stan/models", "tests/stan/programs", "tests/reference/cmdstan"
SPOKEN = {
    f"{MODELS}/schools_centred.stan": {"centred": "theta by tau:21"},
    f"{MODELS}/schools_full_pooling.stan": {"conjugate": "normal"},
    f"{PROGRAMS}/eight_schools_centered.stan": {"centred": "theta by tau:15"},
    f"{PROGRAMS}/funnel.stan": {"centred": "x by v:11"},
    f"{PROGRAMS}/two_modes.stan": {"centred": "z by x:19", "discrete": "log_mix"},
    f"{PROGRAMS}/hmm_example.stan": {"discrete": "log_sum_exp"},
    f"{PROGRAMS}/low_dim_gauss_mix.stan": {"discrete": "log_mix"},
    f"{PROGRAMS}/kidscore_interaction.stan": {"flat": "beta"},
    f"{PROGRAMS}/every_shape.stan": {"flat": "nothing"},
    f"{PROGRAMS}/kinds.stan": {"flat": "mu", "uniform": "share direction"},
    f"{PROGRAMS}/kinds_again.stan": {
        "flat": "cuts Sigma mu slopes pairs z",
        "uniform": "share direction L",
    },
    f"{REFERENCE}/shapes.stan": {"uniform": "u"},
    f"{REFERENCE}/bernoulli.stan": {"conjugate": "beta_bernoulli"},
}
"""Programs of which something is to be said; of all others nothing."""


def programs() -> list[str]:
    """Return the paths of all programs of these folders."""
    folders = (MODELS, PROGRAMS, REFERENCE)
    paths = (path for folder in folders for path in sorted((ROOT / folder).glob("*.stan")))
    return [str(path.relative_to(ROOT)) for path in paths]


def test_every_program_of_the_table_is_there() -> None:
    """No row of the table is of a program that went, and the folders hold more than these."""
    assert set(SPOKEN) < set(programs())


@pytest.mark.parametrize("path", programs())
def test_each_program_is_read_as_a_person_reads_it(
    path: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flat priors, centred hierarchies with their line, sums over states and families: no more."""
    monkeypatch.chdir(ROOT)
    program = describe(Path(path), toolchain_for_tests().stanc, [Path("stan/functions")])
    mapping = {variable.name: variable.name for variable in program.data}
    data = {"a": 2, "b": 2}
    advice = program_advice(program, data, mapping, observed=None, means_no_priors=False)
    texts = {a.topic: a.text for a in advice if a.topic != "size"}
    expected = SPOKEN.get(path, {})
    assert set(texts) == set(expected)
    for topic, words in expected.items():
        if topic in ("flat", "uniform"):
            names = re.split(r", | and ", re.split(r" ha(?:s|ve) no prior", texts[topic])[0])
            assert names == words.split()
        elif topic == "centred":
            (centred,) = Structure(program).centred
            line = re.search(r"\.stan:(\d+), ", texts[topic])
            assert line is not None
            assert f"{centred.parameter} by {' '.join(centred.scales)}:{line[1]}" == words
        else:
            assert words in texts[topic]
