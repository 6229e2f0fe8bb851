"""A fit with `until` draws in rounds; whatever interrupts it, the bytes are those declared."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from stanchion.errors import ChainError
from stanchion.methods.hmc import Hmc
from stanchion.methods.nuts import Nuts
from stanchion.plan.arguments import ProgramVariables
from stanchion.sampling.archive import Archive, read_archive
from stanchion.sampling.fit import Fit
from stanchion.sampling.parts import Sampled, Starts
from stanchion.sampling.rounds import sample_round
from stanchion.sampling.until import rounds_of
from stanchion.stan.program import Variable
from stanchion.steps import sample_fit
from tests.unit import test_methods
from tests.unit.config_cases import declared, fault
from tests.unit.test_methods import MU, planned, refusal
from tests.unit.test_sample_fit import cache, job  # noqa: F401

SAMPLER = """\
import random, sys
words = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
output = [word for word in sys.argv if word.startswith("file=") and word.endswith(".csv")][0]
draws, thin = int(words["num_samples"]), int(words["thin"])
numbers = random.Random(words["seed"] + words["id"])
x = numbers.gauss(0, 1)
with open(output.removeprefix("file="), "w") as file:
    file.write(f"# method = sample\\n#     num_samples = {draws}\\n")
    file.write("lp__,n_leapfrog__,mu,y\\n")
    for draw in range(draws):
        x = RHO * x + (1 - RHO**2) ** 0.5 * numbers.gauss(0, 1)
        y = x + numbers.gauss(0, 1)
        if draw % thin == 0:
            file.write(f"{-x * x / 2!r},{numbers.choice((1, 3, 7))},{x!r},{y!r}\\n")
    file.write("#  0.3 seconds (Total)\\n")
"""
"""A chain of autoregression, whose longer ones begin with the shorter."""
DRAWN = ProgramVariables(
    declared={
        "parameters": MU,
        "transformed_parameters": (),
        "generated_quantities": (Variable("y", "real", 0, ()),),
    },
    parameters=None,
    observed=None,
    replicated=None,
    predicted=None,
)
CHECKS = {"rhat": 1.01, "rhat_of": {}, "ess": 400, "ess_of": {}}
UNTIL = {"ess": 150, "rhat": 1.05}
DRAWS = 100
"""Of a chain in a round."""


class Sampling:
    """A fit in a folder, which is sampled as often as a test asks."""

    def __init__(self, folder: Path, rho: float = 0.6) -> None:
        self.folder, self.starts = folder, folder / "starts"
        (folder / "sampler.py").write_text(SAMPLER.replace("RHO", str(rho)))

    def run(
        self,
        before: str = "",
        kind: type[Any] = Nuts,
        time_limit: str | None = None,
        key: str = "k",
        **given: Any,
    ) -> tuple[Archive, list[dict[str, Any]]]:
        """Run the step; return its archive and what it notes of its runs."""
        self.starts.write_text("")
        settings = {"warmup": 5, "chains": 2, "draws": DRAWS, **given}
        if "until" in settings:
            settings = {"max_draws": 2000, **settings}
        method = kind.model_validate(settings)
        script = f'{before}\necho "$*" >> {self.starts}; exec {sys.executable} -I -S'
        with job(self.folder, f'{script} {self.folder}/sampler.py "$@"') as made:
            arguments = replace(
                made.arguments,
                method=method.method,
                settings=method.settings,
                checks={name: CHECKS[name] for name in method.decides_by},
                variables=DRAWN,
                jobs=method.jobs,
                time_limit=time_limit,
            )
            made = replace(made, arguments=arguments, key=key)
            made.outputs["chains"].unlink(missing_ok=True)
            shutil.rmtree(made.outputs["chains"].parent)
            made.outputs["chains"].parent.mkdir()
            sample_fit.run(made)
        self.bytes = made.outputs["chains"].read_bytes()
        return read_archive(made.outputs["chains"], self.folder / "read"), made.notes["runs"]

    def started(self) -> list[tuple[int, int]]:
        """Return chain and draws of each start of the program in the last run."""
        words = (
            dict(word.split("=", 1) for word in line.split() if "=" in word)
            for line in self.starts.read_text().splitlines()
        )
        return sorted((int(line["id"]), int(line["num_samples"])) for line in words)

    @property
    def archive(self) -> Path:
        return self.folder / "staged/chains.zip"


@pytest.fixture
def sampling(tmp_path: Path) -> Sampling:
    return Sampling(tmp_path)


def rows(path: Path) -> list[list[float]]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")][1:]
    return [[float(number) for number in line.split(",")] for line in lines]


def draws_of(archive: Archive) -> list[int]:
    return [int(attempt.name.split()[0]) for attempt in archive.attempts.tried]


def test_rounds_go_on_until_all_is_reached(sampling: Sampling) -> None:
    """Each round adds `draws`; only the last passes, and says so; the numbers rise towards it."""
    archive, _ = sampling.run(until=UNTIL)
    tried = archive.attempts.tried
    assert 2 < len(tried) < 12
    assert draws_of(archive) == [DRAWS * number for number in range(1, len(tried) + 1)]
    assert [attempt.passed for attempt in tried] == [*[False] * (len(tried) - 1), True]
    assert all(", not ≥ 150" in attempt.because for attempt in tried[:-1])
    assert ", not" not in tried[-1].because
    assert archive.attempts.retries == ()
    assert archive.attempts.settings["draws"] == DRAWS * len(tried)


def test_chains_are_those_of_the_plain_method(sampling: Sampling) -> None:
    """The chains of a plain fit of the final draws have the same keys and bytes."""
    archive, notes = sampling.run(until=UNTIL)
    draws = DRAWS * len(archive.attempts.tried)
    whole = [path.read_bytes() for path in archive.chains]
    last = [note["key"] for note in notes][-2:]
    plain, plain_notes = sampling.run(draws=draws, init_tries=2)
    assert [path.read_bytes() for path in plain.chains] == whole
    assert [note["key"] for note in plain_notes] == last
    assert sampling.started() == []
    settings = dict(plain.attempts.settings.items())
    assert settings.pop("init_tries") == 2
    assert archive.attempts.settings == settings


def test_gradients_are_of_the_new_draws_of_each_round(sampling: Sampling) -> None:
    """Leapfrog steps of a round are those of its own rows, over all chains, reused or not."""
    archive, _ = sampling.run(until=UNTIL)
    chains = [rows(path) for path in archive.chains]
    for number, attempt in enumerate(archive.attempts.tried):
        new = [row[1] for chain in chains for row in chain[DRAWS * number : DRAWS * (number + 1)]]
        assert len(new) == 2 * DRAWS
        assert attempt.gradients == sum(new)
    before = sampling.bytes
    sampling.run(until=UNTIL)
    assert sampling.started() == []
    assert sampling.bytes == before


@pytest.mark.parametrize(
    ("changes", "gradients"),
    [({"thin": 5}, None), ({"kind": Hmc}, int)],
    ids=["thinned", "static"],
)
def test_what_is_not_known_is_not_counted(
    sampling: Sampling, changes: dict[str, Any], gradients: type | None
) -> None:
    """Steps of draws that thinning left out are in no row; static HMC stops by the same rule."""
    archive, _ = sampling.run(until=UNTIL, draws=200, max_draws=4000, **changes)
    *_, last = archive.attempts.tried
    assert last.passed
    assert (last.gradients is None) == (gradients is None)


def test_most_draws_end_it(sampling: Sampling) -> None:
    """At `max_draws` the fit is what it is, and says that it did not pass; the last round is
    shorter."""
    archive, _ = sampling.run(until={"ess": 100_000, "rhat": 1.05}, max_draws=250)
    assert draws_of(archive) == [100, 200, 250]
    assert not any(attempt.passed for attempt in archive.attempts.tried)
    assert archive.attempts.settings["draws"] == 250
    assert [len(rows(path)) for path in archive.chains] == [250] * 2
    assert archive.attempts.retries == ()


def test_error_of_a_generated_quantity(sampling: Sampling) -> None:
    """`mcse` may name what only follows from the parameters."""
    archive, _ = sampling.run(until={"mcse": {"y": 0.08}, "ess": 4, "rhat": 2})
    *before, last = archive.attempts.tried
    assert last.passed
    assert float(last.because.split("MCSE of the mean ")[1].split()[0]) <= 0.08
    assert before and all("of y, not ≤ 0.08" in attempt.because for attempt in before)


def test_thresholds_of_the_checks_are_those_that_are_not_declared(sampling: Sampling) -> None:
    """With a Monte Carlo error alone the fit goes on until it would pass its checks."""
    archive, _ = sampling.run(until={"mcse": {"mu": 100}})
    *before, last = archive.attempts.tried
    assert last.passed
    assert before and all("not ≥ 400" in a.because or "not ≤ 1.01" in a.because for a in before)


def test_draws_that_are_no_numbers_do_not_pass(sampling: Sampling) -> None:
    """A NaN in the first round keeps the fit going to the end, and it has not passed."""
    script = sampling.folder / "sampler.py"
    script.write_text(script.read_text().replace("{x!r},", "{x if draw else float('nan')!r},"))
    archive, _ = sampling.run(until={"ess": 4, "rhat": 2}, max_draws=200)
    assert draws_of(archive) == [100, 200]
    assert {attempt.because.split("; ")[0] for attempt in archive.attempts.tried} == {
        "non-finite quantities: mu"
    }


@pytest.mark.parametrize("at", ["num_samples=100 ", "num_samples=300 "])
def test_killed_round_is_gone_on_from(sampling: Sampling, at: str) -> None:
    """After a kill within a round nothing is published; the next run has the same bytes."""
    sampling.run(until=UNTIL)
    undisturbed, started = sampling.bytes, sampling.started()
    shutil.rmtree(sampling.folder / "cache")
    kill = f'case "$* " in *"{at}"*id=2*) kill -9 $$;; esac'
    with pytest.raises(ChainError):
        sampling.run(kill, until=UNTIL)
    assert not sampling.archive.exists()
    first = set(sampling.started())
    sampling.run(until=UNTIL)
    assert sampling.bytes == undisturbed
    assert not first & set(sampling.started())
    assert sorted(first | set(sampling.started())) == started


def test_time_limit_publishes_nothing(sampling: Sampling) -> None:
    """A program run that takes too long stops the fit; the next one goes on from what is there."""
    sampling.run(until=UNTIL)
    undisturbed = sampling.bytes
    shutil.rmtree(sampling.folder / "cache")
    with pytest.raises(ChainError, match="time limit of 1s"):
        sampling.run(
            'case "$* " in *"num_samples=200 "*) sleep 30;; esac', until=UNTIL, time_limit="1s"
        )
    assert not sampling.archive.exists()
    sampling.run(until=UNTIL, time_limit="20s")
    assert sampling.bytes == undisturbed


def test_other_thresholds_reuse_the_rounds(sampling: Sampling) -> None:
    """A stricter `until` samples only what is new, a milder one nothing."""
    archive, _ = sampling.run(until=UNTIL)
    reached = DRAWS * len(archive.attempts.tried)
    stricter, _ = sampling.run(until={**UNTIL, "ess": 220})
    assert {draws for _, draws in sampling.started()} == {
        draws for draws in draws_of(stricter) if draws > reached
    }
    assert len(stricter.attempts.tried) > len(archive.attempts.tried)
    milder, _ = sampling.run(until={**UNTIL, "ess": 60})
    assert sampling.started() == []
    assert milder.attempts.tried[-1].passed
    assert len(milder.attempts.tried) < len(archive.attempts.tried)


def test_pruned_cache_changes_nothing(sampling: Sampling, tmp_path: Path) -> None:
    """Chains that are gone are sampled again, and the bytes are the same."""
    sampling.run(until=UNTIL)
    before = sampling.bytes
    entries = sorted((tmp_path / "cache/steps/sample_chain").glob("*/*"))
    for entry in entries[::3]:
        shutil.rmtree(entry)
    sampling.run(until=UNTIL)
    assert len(sampling.started()) == len(entries[::3])
    assert sampling.bytes == before


def test_cores_change_nothing(sampling: Sampling, monkeypatch: pytest.MonkeyPatch) -> None:
    """One chain after the other or all at once: the archive is the same."""
    archives = []
    for cores in ("1", "4"):
        monkeypatch.setenv("OMP_NUM_THREADS", cores)
        shutil.rmtree(sampling.folder / "cache", ignore_errors=True)
        sampling.run(until=UNTIL)
        archives.append(sampling.bytes)
    assert archives[0] == archives[1]


def test_chain_keeps_the_seed_that_it_started_with(sampling: Sampling) -> None:
    """Where a chain found its start with another seed, the rounds go on with that one."""
    fails = 'case "$*" in *id=2*seed=1\\ *) echo Initialization failed.; exit 1;; esac'
    archive, notes = sampling.run(fails, until=UNTIL, init_tries=2)
    assert len(archive.attempts.retries) == 1
    assert sum("failed" in note for note in notes) == 1
    assert archive.attempts.tried[-1].passed


def test_chain_given_up_in_a_round_stays_in_the_archive(sampling: Sampling) -> None:
    """What an early round has gone over is among the fit's retries, and its chain is kept.

    All draws of the chain that took its place are new: so are their gradients.
    """
    seen: list[Sampled] = []

    def sample(fit: Fit, method: Nuts, starts: Starts, label: str) -> Sampled:
        if len(seen) == 1:
            starts = replace(starts, seeds={2: 77})
        seen.append(sample_round(fit, method, starts, label))
        if len(seen) != 2:
            return seen[-1]
        path = fit.path("left.csv")
        path.write_text("left")
        return replace(seen[-1], retries=("chain 2: stuck",), others={"left.csv": path})

    with mock.patch("stanchion.sampling.until.sample_round", sample):
        archive, _ = sampling.run(until=UNTIL)
    assert len(seen) > 2
    assert archive.attempts.retries == ("chain 2: stuck",)
    assert list(archive.others) == ["left.csv"]
    first, second = (rows(path)[: 2 * DRAWS] for path in archive.chains)
    steps = sum(row[1] for row in first[DRAWS:]) + sum(row[1] for row in second)
    assert archive.attempts.tried[1].gradients == steps


def test_last_round_may_be_shorter() -> None:
    """Rounds are of `draws` each, up to `max_draws`."""

    def rounds(draws: int, most: int) -> list[int]:
        return list(rounds_of(Nuts.model_validate(_until(draws=draws, max_draws=most))))

    assert rounds(250, 1000) == [250, 500, 750, 1000]
    assert rounds(250, 600) == [250, 500, 600]
    assert rounds(250, 250) == [250]


def test_plan_reserves_a_core_a_thread_of_each_chain(tmp_path: Path) -> None:
    """One job samples the fit; its key is another where a threshold of `checks` counts."""
    jobs = {}
    for name, until in (("own", "{ess: 400, rhat: 1.01}"), ("of checks", "{mcse: {mu: 1}}")):
        for checks in ("", ", checks: {rhat: 1.005}"):
            settings = f"nuts: {{chains: 3, threads_per_chain: 2, until: {until}, max_draws: 2000}}"
            text = DECLARED.replace("METHOD: {}", settings).replace("}}}\n", f"}}}}{checks}}}\n")
            if name == "own" and checks:
                text = text.replace("rhat: 1.01}", "rhat: 1.004}")
            with mock.patch.object(test_methods, "DECLARED", text):
                plan = planned(tmp_path, "nuts", parameters=MU)
            (jobs[name, checks],) = [step for step in plan if step.rule == "sample_fit"]
            assert not [step for step in plan if step.rule == "sample_chain"]
    assert {step.threads for step in jobs.values()} == {6}
    assert jobs["own", ""].arguments["checks"] == {}
    assert jobs["of checks", ""].arguments["checks"] == {**CHECKS, "ess": 300}
    assert jobs["of checks", ""].key != jobs["of checks", ", checks: {rhat: 1.005}"].key


DECLARED = test_methods.DECLARED
REFUSED = [
    ({"max_draws": None}, "until", "'until' needs 'max_draws'"),
    ({"until": None}, "max_draws", "'max_draws' goes with 'until'"),
    ({"until": "{}"}, "until", "`until` says nothing to reach"),
    ({"until": "{ess: 0}"}, "until.ess", "out of bounds"),
    ({"until": "{rhat: 1}"}, "until.rhat", "out of bounds"),
    ({"until": "{mcse: {}}"}, "until.mcse", "must not be empty"),
    ({"until": "{mcse: {mu: 0}}"}, "until.mcse.mu", "out of bounds"),
    ({"until": "{mcse: {mu: -1}}"}, "until.mcse.mu", "out of bounds"),
    ({"until": "{mcse: {'mu[1]': 1}}"}, "until.mcse.mu[1]", "'mu[1]' cannot be a Stan variable"),
    ({"until": "{esss: 400}"}, "until.esss", "unknown key 'esss'"),
    ({"max_draws": 999}, "max_draws", "max_draws is less than the 1000 draws"),
    ({"thin": 3}, "draws", "draws is no multiple of thin"),
    ({"thin": 2, "max_draws": 2001}, "max_draws", "max_draws is no multiple of thin"),
    ({"checkpoint": 0}, "checkpoint", "'until' goes on from saved states"),
    ({"keep_state": "false"}, "keep_state", "'until' goes on from saved states"),
    ({"until": "{ess: 399}"}, "until.ess", "the fit would stop at ess 399 and then fail"),
    ({"until": "{rhat: 1.02}"}, "until.rhat", "the fit would stop at rhat 1.02 and then fail"),
]


def _until(**changes: Any) -> dict[str, Any]:
    settings = {"draws": 1000, "until": {"ess": 400}, "max_draws": 2000, **changes}
    return {name: value for name, value in settings.items() if value is not None}


@pytest.mark.parametrize("method", ["nuts", "hmc"])
@pytest.mark.parametrize(("changes", "key", "what"), REFUSED)
def test_limits_that_contradict_are_refused(
    tmp_path: Path, changes: dict[str, Any], key: str, what: str, method: str
) -> None:
    """Each has one message at its key, before anything runs."""
    settings = _until(**{"until": "{ess: 400}", **changes})
    words = ", ".join(f"{name}: {value}" for name, value in settings.items())
    refused = fault(tmp_path, DECLARED.replace("METHOD: {}", f"{method}: {{{words}}}"))
    assert refused.key == f"analyses.a.methods.{method}.{key}"
    assert refused.what.startswith(what)


def test_limit_of_one_variable_counts(tmp_path: Path) -> None:
    """`until.rhat` is for all quantities: it is held to the strictest limit of the checks."""
    text = DECLARED.replace(
        "METHOD: {}}", "nuts: {until: {rhat: 1.01}, max_draws: 2000}}, checks: {rhat: {mu: 1.005}}"
    )
    refused = fault(tmp_path, text)
    assert refused.key == "analyses.a.methods.nuts.until.rhat"
    assert refused.allowed == "a number ≤ 1.005"
    assert declared(tmp_path, text.replace("until: {rhat: 1.01}", "until: {rhat: 1.005}"))


def test_variable_that_the_program_has_not_is_named(tmp_path: Path) -> None:
    """The nearest one is suggested, before anything runs."""
    settings = "nuts: {until: {mcse: {sigm: 0.1}}, max_draws: 2000}"
    sigma = (Variable("sigma", "real", 0, ()),)
    with mock.patch.object(test_methods, "DECLARED", DECLARED.replace("METHOD: {}", settings)):
        message = refusal(tmp_path, "nuts", parameters=MU + sigma)
    assert message.key == "analyses.a.methods.nuts.until.mcse.sigm"
    assert message.what == "stan/m.stan has no 'sigm', whose Monte Carlo error `until` limits"
    assert message.todo == "write sigma"


def test_beginnings_of_a_finished_chain_leave_the_cache(sampling: Sampling, tmp_path: Path) -> None:
    """Rounds that a chain can be cut to again are gone when the fit is done, and no others are."""
    entries = tmp_path / "cache/steps/sample_chain"
    sampling.run(until=UNTIL)  # its program saves no state
    rounds = len(list(entries.glob("*/*")))
    assert rounds > 4
    shutil.rmtree(tmp_path / "cache")
    archive, _ = sampling.run(key="another", draws=2 * DRAWS, init_tries=2)
    plain = {path.name for path in entries.glob("*/*")}
    with mock.patch("stanchion.sampling.fit.can_be_cut", lambda chain: chain.arguments.chain == 1):
        archive, notes = sampling.run(until=UNTIL)
    assert archive.attempts.tried[-1].passed
    made = {note["key"] for note in notes if "chain 1" in note["name"]}
    last = {note["key"] for note in notes[-2:]}
    left = {path.name for path in entries.glob("*/*")}
    assert left & made == (last | plain) & made
    assert left >= plain | {note["key"] for note in notes if "chain 2" in note["name"]}
