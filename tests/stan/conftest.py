"""What the tests of CmdStan share: a program that cmdstanpy compiled, and a fit of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import cmdstanpy
import pytest

from stanchion.stan.toolchain import Toolchain
from tests.stan.normal import DATA, FUNCTIONS, PROGRAM
from tests.stan.toolchains import toolchain_for_tests


@pytest.fixture(autouse=True)
def no_number_of_threads() -> Iterator[None]:
    """cmdstanpy leaves STAN_NUM_THREADS in the environment, which CmdStan takes for its default."""
    os.environ.pop("STAN_NUM_THREADS", None)
    yield
    os.environ.pop("STAN_NUM_THREADS", None)


@contextmanager
def cmdstanpy_at(toolchain: Toolchain) -> Iterator[None]:
    """Point cmdstanpy to a toolchain for a while."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CMDSTAN", str(toolchain.path))
        yield


@pytest.fixture(scope="module")
def home() -> Iterator[Toolchain]:
    """The toolchain, where cmdstanpy finds it as long as a module's tests run."""
    toolchain = toolchain_for_tests()
    with cmdstanpy_at(toolchain):
        yield toolchain


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> cmdstanpy.CmdStanModel:
    """A program with an include, in a folder with a space, with options of both kinds."""
    folder = tmp_path_factory.mktemp("with a space")
    (folder / "program.stan").write_text(PROGRAM)
    (folder / "parts").mkdir()
    (folder / "parts" / "shift.stanfunctions").write_text(FUNCTIONS)
    with cmdstanpy_at(toolchain_for_tests()):
        return cmdstanpy.CmdStanModel(
            stan_file=folder / "program.stan",
            stanc_options={"include-paths": [str(folder / "parts")], "O1": True},
            cpp_options={"STAN_THREADS": True},
        )


@pytest.fixture(scope="session")
def sampled(compiled: cmdstanpy.CmdStanModel) -> cmdstanpy.CmdStanMCMC:
    """A fit by NUTS."""
    with cmdstanpy_at(toolchain_for_tests()):
        return compiled.sample(DATA, chains=4, seed=20, show_progress=False)


@pytest.fixture
def model(home: Toolchain, compiled: cmdstanpy.CmdStanModel) -> cmdstanpy.CmdStanModel:
    """The compiled program, for calls that look for CmdStan."""
    return compiled


@pytest.fixture
def fit(home: Toolchain, sampled: cmdstanpy.CmdStanMCMC) -> cmdstanpy.CmdStanMCMC:
    """The fit, for calls that look for CmdStan."""
    return sampled
