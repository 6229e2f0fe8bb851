"""draws.nc: groups, shapes, names, labels, and the same bytes for the same draws."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import arviz
import arviz_base
import numpy as np
import pytest
import xarray as xr

from stanchion.draws.files import labels_of, read_gated, read_group, read_variable, write_tree
from stanchion.draws.naming import Naming, Roles
from stanchion.draws.stan_csv import Adaptation, Chains
from stanchion.draws.tree import posterior_tree, prior_tree
from stanchion.errors import ChainError
from tests.unit.draws_cases import advi_text, read_whole, variables, write_chains

DECLARED = variables(
    parameters="real mu; real[J] theta; real[J,J] Omega; real[K] none",
    transformed_parameters="real lprior",
    generated_quantities="real[N] log_lik; int[N] y_rep; real[M] y_new; int[M] count",
) | {"data": variables(parameters="int[N] y; real[N,P] x; int J")["parameters"]}
DATA = {
    "J": 2,
    "K": 0,
    "N": 3,
    "M": 1,
    "P": 1,
    "y": [4, 5, 6],
    "x": [[1.5], ["NaN"], [2.5]],
    "pair": {"1": 2},
}
META: dict[str, Any] = {
    "sizes": {
        "J": {"dim": "school", "labels": ["A", "B"], "factor": "school"},
        "N": {"dim": "obs", "labels": None},
        "M": {"dim": "obs", "labels": None},
        "P": {"dim": "x_column", "labels": ["age"]},
    }
}
ROLES = Roles(observed="y", replicated="y_rep", predicted="y_new")


def columns(seed: int, draws: int = 5) -> dict[str, Any]:
    """Return draws of every declared scalar."""
    rng = np.random.default_rng(seed)
    names = [
        *("mu", "theta.1", "theta.2", "Omega.1.1", "Omega.2.1", "Omega.1.2", "Omega.2.2"),
        *("lprior", "log_lik.1", "log_lik.2", "log_lik.3", "y_new.1"),
    ]
    whole = ("y_rep.1", "y_rep.2", "y_rep.3", "count.1")
    return {name: rng.normal(size=draws) for name in names} | {
        name: rng.integers(-5, 2**31, size=draws).astype(np.float64) for name in whole
    }


@pytest.fixture
def tree(tmp_path: Path) -> xr.DataTree:
    """The draws of two chains."""
    paths = write_chains(tmp_path, [columns(1), columns(2)], treedepth__=10.0)
    return posterior_tree(read_whole(paths), Naming.of(DECLARED, DATA, META), ROLES, DATA)


@pytest.fixture
def path(tree: xr.DataTree, tmp_path: Path) -> Path:
    """The draws as a file."""
    write_tree(tree, tmp_path / "draws.nc")
    return tmp_path / "draws.nc"


def test_xarray_opens_the_file_as_arviz_names_it(path: Path) -> None:
    """Groups in ArviZ's order and variables as declared; data and replication share a name."""
    opened = xr.open_datatree(path, engine="h5netcdf")
    assert [(name, list(node.data_vars)) for name, node in opened.children.items()] == [
        ("posterior", ["mu", "theta", "Omega", "none", "count"]),
        ("posterior_predictive", ["y"]),
        ("predictions", ["y_new"]),
        ("log_likelihood", ["y"]),
        ("log_prior", ["lprior"]),
        ("sample_stats", [
            "lp", "acceptance_rate", "step_size", "tree_depth", "n_steps", "diverging", "energy",
            "reached_max_treedepth",
        ]),
        ("observed_data", ["y"]),
        ("constant_data", ["x", "J", "K", "N", "M", "P"]),
    ]  # fmt: skip
    assert opened.attrs == {}
    assert opened["sample_stats"]["diverging"].dtype == bool
    assert opened["sample_stats"]["reached_max_treedepth"].all()
    assert opened["posterior"]["mu"].attrs == {"block": "parameters", "type": "real"}


def test_a_group_has_the_attributes_and_coordinates_of_arviz(path: Path, tmp_path: Path) -> None:
    """As its own converter writes them, but for the clock, Stan's counting from 1, and labels."""
    opened = xr.open_datatree(path, engine="h5netcdf")
    posterior, observed = opened["posterior"], opened["observed_data"]
    theirs = arviz_base.from_dict(
        {
            "posterior": {"mu": posterior["mu"].values, "Omega": posterior["Omega"].values},
            "observed_data": {"y": observed["y"].values},
        },
        dims={"Omega": ["school"], "y": ["obs"]},
        coords={"school": ["A", "B"]},
        index_origin=1,
    )
    theirs.to_netcdf(tmp_path / "theirs.nc", engine="h5netcdf")
    expected = xr.open_datatree(tmp_path / "theirs.nc", engine="h5netcdf")
    for name in ("posterior", "observed_data"):
        ours, target = dict(opened[name].attrs), dict(expected[name].attrs)
        assert target.pop("created_at")
        assert ours.pop("inference_library") == "CmdStan"
        np.testing.assert_equal(ours, target)
    assert list(posterior.attrs["sample_dims"]) == ["chain", "draw"]
    assert list(observed.attrs["sample_dims"]) == []
    assert posterior["mu"].dims == expected["posterior"]["mu"].dims
    assert posterior["school"].values.tolist() == expected["posterior"]["school"].values.tolist()
    assert posterior["chain"].values.tolist() == [0, 1]
    expected_names = ("chain", "draw", "school", "Omega_dim_1")
    assert posterior["Omega"].dims == expected_names
    assert posterior["Omega_dim_1"].values.tolist() == ["A", "B"]
    assert observed["obs"].values.tolist() == [1, 2, 3]


def test_the_draws_say_which_stan_made_them(tmp_path: Path) -> None:
    """The version of a chain's header stands with each group."""
    (file,) = write_chains(tmp_path, [{"mu": np.zeros(3)}])
    version = "".join(
        f"# stan_version_{part} = {number}\n"
        for part, number in (("major", 2), ("minor", 39), ("patch", 0))
    )
    file.write_text(version + file.read_text())
    naming = Naming.of(variables(parameters="real mu"), {}, {"sizes": {}})
    tree = posterior_tree(read_whole([file]), naming, Roles(), {})
    assert tree["posterior"].attrs["inference_library_version"] == "2.39.0"


def test_arviz_works_on_the_file(tmp_path: Path) -> None:
    """`arviz.from_netcdf` opens it; summary, LOO and diagnosis take it as it is."""
    rng = np.random.default_rng(3)
    drawn = ("mu", "theta.1", "theta.2")
    chains = [
        {name: rng.normal(size=300) for name in drawn}
        | {f"log_lik.{n}": rng.normal(-1, 0.1, size=300) for n in (1, 2, 3)}
        for _ in range(4)
    ]
    declared = variables(
        parameters="real mu; real[J] theta; real[K] none", generated_quantities="real[N] log_lik"
    )
    naming = Naming.of(declared, DATA, {"sizes": {}})
    read = read_whole(write_chains(tmp_path, chains))
    write_tree(posterior_tree(read, naming, ROLES, DATA), tmp_path / "draws.nc")
    tree = arviz.from_netcdf(tmp_path / "draws.nc")
    assert list(arviz.summary(tree).index) == ["mu", "theta[1]", "theta[2]"]
    loo = arviz.loo(tree)
    draws = np.concatenate([[chain[f"log_lik.{n}"] for n in (1, 2, 3)] for chain in chains], axis=1)
    assert loo.elpd == pytest.approx(-np.log(np.exp(-draws).mean(axis=1)).sum(), abs=0.05)
    assert loo.n_data_points == 3
    wrong, _ = arviz.diagnose(tree, return_diagnostics=True, show_diagnostics=False)
    assert wrong is False


def test_dimensions_are_named_after_what_they_count(path: Path) -> None:
    """Declared sizes give dimensions and labels; the second of the same size has labels alone."""
    opened = xr.open_datatree(path, engine="h5netcdf")
    posterior = opened["posterior"]
    assert posterior["theta"].dims == ("chain", "draw", "school")
    assert posterior["school"].values.tolist() == ["A", "B"]
    assert posterior["Omega"].dims == ("chain", "draw", "school", "Omega_dim_1")
    assert opened["observed_data"]["y"].dims == ("obs",)
    assert opened["posterior_predictive"]["y"].dims == ("chain", "draw", "obs")
    assert labels_of(read_variable(path, "posterior", "theta")) == ["A", "B"]
    assert labels_of(read_variable(path, "posterior", "Omega"))[1] == "A, B"


def test_data_carry_the_labels_that_were_declared(path: Path) -> None:
    """Rows and design columns of `x` are those of the mapping; what has no name is numbered."""
    opened = xr.open_datatree(path, engine="h5netcdf")
    assert opened["constant_data"]["x"].dims == ("obs", "x_column")
    assert opened["constant_data"]["x_column"].values.tolist() == ["age"]
    assert opened["observed_data"]["y"].dims == ("obs",)


def test_integers_are_stored_as_integers(tmp_path: Path) -> None:
    """Every one that Stan may draw, exactly; with NaN, which no integer can be, they are reals."""
    draws = [columns(1), columns(2)]
    draws[1]["count.1"][3] = np.nan
    chains = read_whole(write_chains(tmp_path, draws))
    write_tree(
        posterior_tree(chains, Naming.of(DECLARED, DATA, META), ROLES, DATA), tmp_path / "d.nc"
    )
    opened = xr.open_datatree(tmp_path / "d.nc", engine="h5netcdf")
    replicated = opened["posterior_predictive"]["y"]
    assert replicated.dtype == np.int64 and replicated.attrs["type"] == "int"
    np.testing.assert_array_equal(replicated[1, :, 2], draws[1]["y_rep.3"])
    count = opened["posterior"]["count"]
    assert count.dtype == np.float64 and count.attrs["type"] == "int"
    assert np.isnan(count[1, 3, 0]) and int(np.isnan(count).sum()) == 1


def test_a_name_with_two_lengths_goes_to_the_first_of_a_group(tmp_path: Path) -> None:
    """`obs` counts fitted and new rows: in groups of their own both keep the name."""
    chains = read_whole(write_chains(tmp_path, [columns(1)]))
    naming = Naming.of(DECLARED, DATA, META)
    apart = posterior_tree(chains, naming, ROLES, DATA)
    assert apart["predictions"]["y_new"].dims == ("chain", "draw", "obs")
    together = posterior_tree(chains, naming, Roles(), DATA)["posterior"]
    assert together["y_rep"].dims == ("chain", "draw", "obs")
    assert together["y_new"].dims == ("chain", "draw", "y_new_dim_0")


def test_a_dimension_never_takes_the_name_of_a_variable() -> None:
    """A column called draw or mu gives a dimension with another name."""
    meta = {"sizes": {"J": {"dim": "mu", "labels": None}, "N": {"dim": "draw", "labels": None}}}
    naming = Naming.of(DECLARED, DATA, meta)
    assert [naming.dimensions[size].name for size in "JN"] == ["mu_dim", "draw_dim"]


def test_an_empty_container_has_its_shape(path: Path) -> None:
    """No column speaks of a vector of length zero; the declaration does."""
    assert read_group(path, "posterior")["none"].shape == (2, 5, 0)


def test_a_variable_without_columns_must_be_empty(tmp_path: Path) -> None:
    """Chains that lack a declared variable belong to another program."""
    chains = read_whole(write_chains(tmp_path, [{"mu": np.zeros(3)}]))
    naming = Naming.of(variables(parameters="real mu; real[J] theta"), {"J": 2}, {"sizes": {}})
    with pytest.raises(ChainError, match="do not hold theta"):
        posterior_tree(chains, naming, Roles(), {})
    naming = Naming.of(variables(parameters="real mu; real tau"), {}, {"sizes": {}})
    with pytest.raises(ChainError, match="do not hold tau"):
        posterior_tree(chains, naming, Roles(), {})
    naming = Naming.of(variables(parameters="real tau"), {}, {"sizes": {}})
    with pytest.raises(ChainError, match="mu, which the program does not declare"):
        posterior_tree(chains, naming, Roles(), {})


def test_text_for_numbers_that_json_lacks_is_read(path: Path) -> None:
    """Stan's JSON writes NaN as text."""
    np.testing.assert_array_equal(read_group(path, "constant_data")["x"], [[1.5], [np.nan], [2.5]])


def test_the_gate_sees_parameters_wherever_they_are_kept(path: Path) -> None:
    """`lprior` is a transformed parameter in a group of its own; generated quantities stay out."""
    scalars = read_gated(path)
    assert sorted(scalars.names) == sorted(
        [
            *("lp__", "lprior", "mu", "theta[1]", "theta[2]"),
            *("Omega[1,1]", "Omega[1,2]", "Omega[2,1]", "Omega[2,2]"),
        ]
    )
    sampled = [span for span in scalars.variables if span.sampled and span.stop > span.start]
    assert [scalars.names[span.start] for span in sampled] == ["mu", "theta[1]", "Omega[1,1]"]
    expected = columns(2)["Omega.2.1"]
    np.testing.assert_array_equal(scalars.values[1, :, scalars.names.index("Omega[2,1]")], expected)


def test_the_gate_reads_no_log_likelihood(tmp_path: Path) -> None:
    """A variable is read when its values are asked for: 80 MB of log_lik take no memory."""
    stats = ("lp__", "accept_stat__", "divergent__", "mu")
    names = (*stats, *(f"log_lik.{n}" for n in range(1, 100_001)))
    chains = Chains(names, np.zeros((1, 100, len(names))), max_treedepth=10)
    declared = variables(parameters="real mu", generated_quantities="real[N] log_lik")
    naming = Naming.of(declared, {"N": 100_000}, {"sizes": {}})
    write_tree(posterior_tree(chains, naming, Roles(), {}), tmp_path / "draws.nc")
    tracemalloc.start()
    try:
        scalars = read_gated(tmp_path / "draws.nc")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert scalars.names == ["lp__", "mu"]
    assert peak < 8e6


def test_tuples_and_complex_numbers_keep_stan_s_names(tmp_path: Path) -> None:
    """Slots of tuples are variables of their own; a complex number ends in `part`."""
    draws = {name: np.arange(4.0) for name in ("x.1:1", "x.1:2.1", "z.1.real", "z.1.imag")}
    naming = Naming.of(variables(parameters="tuple x; complex[N] z"), {"N": 1}, {"sizes": {}})
    tree = posterior_tree(read_whole(write_chains(tmp_path, [draws])), naming, Roles(), {})
    write_tree(tree, tmp_path / "draws.nc")
    opened = xr.open_datatree(tmp_path / "draws.nc", engine="h5netcdf")["posterior"]
    assert opened["z"].dims == ("chain", "draw", "z_dim_0", "part")
    assert opened["part"].values.tolist() == ["real", "imag"]
    names = read_gated(tmp_path / "draws.nc").names
    assert names == ["lp__", "x[1].1", "x[1].2[1]", "z[1,real]", "z[1,imag]"]


def test_a_variable_with_the_name_of_a_dimension_keeps_its_values(tmp_path: Path) -> None:
    """`draw` is stored as `draw_`, the gate knows it by its own name; dimensions give way too."""
    names = ("draw", "part", "z.real", "z.imag", "theta.1", "theta.2", "theta_dim_0")
    drawn = {name: np.arange(4.0) + index for index, name in enumerate(names)}
    declared = "real draw; real part; complex z; real[2] theta; real theta_dim_0"
    naming = Naming.of(variables(parameters=declared), {"chain": 3}, {"sizes": {}})
    chains = read_whole(write_chains(tmp_path, [drawn]))
    path = tmp_path / "draws.nc"
    write_tree(posterior_tree(chains, naming, Roles(), {"chain": 3}), path)
    posterior = read_group(path, "posterior")
    assert list(posterior) == ["draw_", "part_", "z", "theta", "theta_dim_0"]
    np.testing.assert_array_equal(read_variable(path, "posterior", "draw"), [drawn["draw"]])
    np.testing.assert_array_equal(posterior["theta_dim_0"], [drawn["theta_dim_0"]])
    assert read_group(path, "constant_data") == {"chain_": 3}
    scalars = read_gated(path)
    assert scalars.names[1:3] == ["draw", "part"]
    np.testing.assert_array_equal(scalars.values[0, :, 1:3].T, [drawn["draw"], drawn["part"]])


def test_many_dimensions_are_not_numbered(tmp_path: Path) -> None:
    """Labels stay; a variable without numbers is still labelled from 1, as Stan counts."""
    many = [f"v{n}" for n in range(65)]
    text = "; ".join(["real[J] theta", *(f"real[2] {name}" for name in many)])
    drawn = {f"{name}.{k}": np.zeros(2) for name in ("theta", *many) for k in (1, 2)}
    naming = Naming.of(variables(parameters=text), DATA, META)
    chains = read_whole(write_chains(tmp_path, [drawn]))
    write_tree(posterior_tree(chains, naming, Roles(), {}), tmp_path / "draws.nc")
    theta = read_variable(tmp_path / "draws.nc", "posterior", "theta")
    assert sorted(map(str, theta.coords)) == ["chain", "draw", "school"]
    assert labels_of(theta) == ["A", "B"]
    last = read_variable(tmp_path / "draws.nc", "posterior", "v64")
    assert sorted(map(str, last.coords)) == ["chain", "draw"]
    assert labels_of(last) == ["1", "2"]


def test_two_variables_never_share_a_name(tmp_path: Path) -> None:
    """Where the underscore is taken as well, the program has to give way."""
    chains = read_whole(write_chains(tmp_path, [{"draw": np.zeros(3), "draw_": np.ones(3)}]))
    naming = Naming.of(variables(parameters="real draw; real draw_"), {}, {"sizes": {}})
    with pytest.raises(ChainError, match="the name draw_ in"):
        posterior_tree(chains, naming, Roles(), {})


def test_every_value_comes_back(tmp_path: Path) -> None:
    """NaN, ±∞, −0, the smallest and the largest double, of one chain with one draw."""
    values = [np.nan, np.inf, -np.inf, -0.0, 5e-324, np.finfo(float).max]
    drawn = {f"theta.{n}": np.array([value]) for n, value in enumerate(values, start=1)}
    declared = variables(parameters="real[N] theta; real[M,N] empty; complex[M] void")
    naming = Naming.of(declared, {"N": 6, "M": 0}, {"sizes": {}})
    tree = posterior_tree(read_whole(write_chains(tmp_path, [drawn])), naming, Roles(), {"M": 0})
    write_tree(tree, tmp_path / "draws.nc")
    posterior = read_group(tmp_path / "draws.nc", "posterior")
    np.testing.assert_array_equal(posterior["theta"], [[values]])
    assert np.signbit(posterior["theta"][0, 0, 3])
    assert posterior["empty"].shape == (1, 1, 0, 6)
    assert posterior["void"].shape == (1, 1, 0, 2)
    assert read_gated(tmp_path / "draws.nc").values.shape == (1, 1, 7)


def test_a_program_without_parameters_has_an_empty_posterior(tmp_path: Path) -> None:
    """Only the sampler's columns: the file still has its groups."""
    chains = read_whole(write_chains(tmp_path, [{"lp__": np.zeros(4)}]))
    naming = Naming.of(variables(), {}, {"sizes": {}})
    write_tree(posterior_tree(chains, naming, Roles(), {}), tmp_path / "draws.nc")
    assert read_group(tmp_path / "draws.nc", "posterior") == {}
    assert read_gated(tmp_path / "draws.nc").values.shape == (1, 4, 1)


def test_an_approximation_keeps_its_densities(tmp_path: Path) -> None:
    """ADVI has one chain, and log_p and log_g of each draw."""
    file = tmp_path / "advi.csv"
    names = ("lp__", "log_p__", "log_g__", "mu")
    file.write_text(advi_text({name: np.arange(4.0) for name in names}))
    naming = Naming.of(variables(parameters="real mu"), {}, {"sizes": {}})
    tree = posterior_tree(read_whole([file]), naming, Roles(), {})
    assert list(tree["sample_stats"].data_vars) == ["lp", "log_p", "log_g"]
    assert tree["posterior"]["mu"].values.tolist() == [[1, 2, 3]]


def test_warmup_and_adaptation_have_groups_of_their_own(tmp_path: Path) -> None:
    """With ArviZ's names for the warm-up; the gate looks at neither."""
    naming = Naming.of(DECLARED, DATA, META)
    read = read_whole(write_chains(tmp_path, [columns(1), columns(2)]))
    warmup = read.values[:, :3] + 100
    adapted = tuple(Adaptation(0.5 * n, np.array([1.0, 2.0, n])) for n in (1, 2))
    chains = replace(read, warmup=warmup, adaptation=adapted)
    path = tmp_path / "draws.nc"
    write_tree(posterior_tree(chains, naming, ROLES, DATA), path)
    opened = xr.open_datatree(path, engine="h5netcdf")
    warm = [name for name in opened.children if name.startswith("warmup")]
    assert warm == ["warmup_posterior", "warmup_sample_stats"]
    assert opened["warmup_posterior"]["theta"].dims == ("chain", "draw", "school")
    assert opened["warmup_posterior"].sizes["draw"] == 3
    mu = columns(2)["mu"][:3] + 100
    np.testing.assert_array_equal(opened["warmup_posterior"]["mu"][1], mu)
    assert list(opened["warmup_sample_stats"].data_vars) == list(opened["sample_stats"].data_vars)
    adaptation = opened["adaptation"]
    assert adaptation["step_size"].values.tolist() == [0.5, 1.0]
    assert adaptation["inv_metric"].dims == ("chain", "inv_metric_dim_0")
    assert adaptation["inv_metric"].values.tolist() == [[1, 2, 1], [1, 2, 2]]
    assert adaptation.attrs["sample_dims"] == "chain"
    assert read_gated(path).values.shape[1] == 5
    plain = posterior_tree(read, naming, ROLES, DATA)
    assert not {"warmup_posterior", "warmup_sample_stats", "adaptation"} & set(plain.children)


def test_a_dense_metric_has_two_dimensions_and_a_unit_metric_none(tmp_path: Path) -> None:
    """A unit metric has a step size alone."""
    naming = Naming.of(DECLARED, DATA, META)
    read = read_whole(write_chains(tmp_path, [columns(1)]))
    dense = replace(read, adaptation=(Adaptation(0.5, np.eye(3)),))
    group = posterior_tree(dense, naming, ROLES, DATA)["adaptation"]
    assert group["inv_metric"].dims == ("chain", "inv_metric_dim_0", "inv_metric_dim_1")
    unit = replace(read, adaptation=(Adaptation(0.5, np.empty(0)),))
    assert list(posterior_tree(unit, naming, ROLES, DATA)["adaptation"].data_vars) == ["step_size"]


def test_the_prior_has_groups_of_its_own(tmp_path: Path) -> None:
    """Draws from the prior are never called a posterior, and keep no likelihood."""
    chains = read_whole(write_chains(tmp_path, [columns(1)]))
    tree = prior_tree(chains, Naming.of(DECLARED, DATA, META), ROLES, DATA)
    assert sorted(tree.children) == [
        "observed_data",
        "prior",
        "prior_predictive",
        "sample_stats_prior",
    ]


def test_a_file_that_cannot_grow_is_an_error_and_no_crash(tmp_path: Path) -> None:
    """As on a full disk: the process lives on, to say what went wrong."""
    script = (
        "import gc, resource, signal, sys\nfrom pathlib import Path\n"
        "from tests.unit.test_draws_tree import *\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "names = ('lp__', 'mu', *(f'b.{n}' for n in range(1, 101)))\n"
        "chains = Chains(names, np.ones((4, 100, len(names))), max_treedepth=10)\n"
        "declared = variables(parameters='real mu; real[N] b')\n"
        "naming = Naming.of(declared, {'N': 100}, {'sizes': {}})\n"
        "tree = posterior_tree(chains, naming, Roles(), {})\n"
        "try:\n    write_tree(tree, Path(sys.argv[1]))\n"
        "except Exception as error:\n    print(type(error).__name__)\n"
        "gc.collect()\nprint('lives')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "draws.nc")],
        check=False,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split()[-1] == "lives"
    assert "Error" in ended.stdout


def test_the_same_draws_give_the_same_bytes(tmp_path: Path) -> None:
    """Neither the clock, nor the process, nor its hash seed is in the file."""
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from tests.unit.test_draws_tree import *\n"
        "folder = Path(sys.argv[1])\n"
        "chains = read_whole(sorted(folder.glob('chain_*.csv')))\n"
        "tree = posterior_tree(chains, Naming.of(DECLARED, DATA, META), ROLES, DATA)\n"
        "write_tree(tree, folder / sys.argv[2])\n"
    )
    write_chains(tmp_path, [columns(1), columns(2)])
    for seed in ("1", "2"):
        time.sleep(1.1)
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path), f"{seed}.nc"],
            check=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
    assert (tmp_path / "1.nc").read_bytes() == (tmp_path / "2.nc").read_bytes()
