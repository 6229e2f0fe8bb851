"""What stopping by `until` does to intervals and means, over fits whose posterior is known.

    python benchmarks/stopping.py [--fits 2000] [--chains nuts slow]

A normal mean with known variance: for each fit the truth is drawn from the prior and ten
observations from the truth, so that of exact 90 % intervals nine in ten hold the truth. Four chains
are sampled once, as long as any rule may ask for; what a rule would have seen after each round are
their first draws, since a longer chain begins with the shorter. `nuts` are chains of CmdStan,
`slow` chains of autoregression with that posterior and a correlation of 0.9, as a slow sampler's.
Each rule is decided by the function that decides in a fit. Beside it stands a fixed number of
draws: the rounds that the rule takes on average. Prints a table with Monte Carlo errors.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from stanchion.draws.columns import Span
from stanchion.draws.files import Scalars
from stanchion.draws.growing import GrowingChain
from stanchion.methods.nuts import Nuts
from stanchion.methods.until import Until
from stanchion.sampling.stopping_rule import StoppingRule
from stanchion.sampling.until import rounds_of
from stanchion.stan.command import RunFiles, run_command
from stanchion.stan.compiling import compile_program
from stanchion.stan.toolchain import find
from stanchion.stats.convergence import Block, monte_carlo_errors

PROGRAM = """\
// A normal mean with known variance.
data {
  int<lower=0> N;
  vector[N] y;
}
parameters {
  real mu;
}
model {
  mu ~ std_normal();
  y ~ normal(mu, 1);
}
"""
SEED, OBSERVATIONS, CHAINS, CORRELATION = 20261121, 10, 4, 0.9
PROB = 0.9
Z = 1.6448536269514722
"""Standard deviations of a normal distribution between which 90 % of it lies."""
SPREAD = 1 / np.sqrt(1 + OBSERVATIONS)
"""The posterior's standard deviation."""
Draws = NDArray[np.float64]
SPANS = [Span(0, 1, (), sampled=False), Span(1, 2, (), sampled=True)]


@dataclass(frozen=True)
class Rule:
    """An `until` as it is declared, with the draws of a round and the most."""

    until: Until
    draws: int
    most: int

    @property
    def words(self) -> str:
        """The declaration, without what is not said."""
        declared = {
            k: v for k, v in self.until.model_dump(exclude_none=True).items() if k != "mcse"
        }
        error = f", mcse: {self.until.mcse['mu']:.3g}" if self.until.mcse else ""
        listed = ", ".join(f"{name}: {value}" for name, value in declared.items())
        return f"`{{{listed}{error}}}`, {self.draws}"

    def rounds(self) -> list[int]:
        """Return the draws of a chain after each round."""
        method = Nuts(until=self.until, draws=self.draws, max_draws=self.most)
        return list(rounds_of(method))


RULES = {
    "nuts": [
        Rule(Until(ess=400, rhat=1.01), 250, 2000),
        Rule(Until(ess=400, rhat=1.01), 25, 2000),
        Rule(Until(ess=40, rhat=1.05), 10, 2000),
        Rule(Until(ess=40, rhat=1.1, mcse={"mu": float(SPREAD) / 10}), 10, 2000),
    ],
    "slow": [
        Rule(Until(ess=400, rhat=1.01), 250, 4000),
        Rule(Until(ess=400, rhat=1.01), 100, 4000),
        Rule(Until(ess=40, rhat=1.05), 25, 4000),
        Rule(Until(ess=40, rhat=1.1, mcse={"mu": float(SPREAD) / 10}), 25, 4000),
    ],
}


@dataclass(frozen=True)
class Posed:
    """A fit: the truth, the data, and the mean of the exact posterior."""

    number: int
    truth: float
    y: Draws

    @property
    def mean(self) -> float:
        """The exact posterior mean."""
        return float(self.y.sum() / (1 + OBSERVATIONS))


def posed(number: int) -> Posed:
    """Draw a truth from the prior, and data from it."""
    rng = np.random.default_rng([SEED, number])
    truth = rng.normal()
    return Posed(number, truth, truth + rng.normal(size=OBSERVATIONS))


def slow(fit: Posed, most: int) -> Draws:
    """Return `chain × draw × (lp__, mu)` of stationary autoregressions with the exact posterior."""
    rng = np.random.default_rng([SEED, fit.number, 1])
    steps = rng.normal(size=(CHAINS, most)) * np.sqrt(1 - CORRELATION**2)
    x = np.empty((CHAINS, most))
    x[:, 0] = rng.normal(size=CHAINS)
    for draw in range(1, most):
        x[:, draw] = CORRELATION * x[:, draw - 1] + steps[:, draw]
    return np.stack([-(x**2) / 2, fit.mean + SPREAD * x], axis=2)


def nuts(program: Path, folder: Path, fit: Posed, most: int) -> Draws:
    """Return the draws of CmdStan's chains of a fit."""
    here = folder / str(fit.number)
    here.mkdir()
    data = here / "data.json"
    data.write_text(json.dumps({"N": OBSERVATIONS, "y": fit.y.tolist()}))
    method, chains = Nuts(warmup=300, draws=most), []
    for chain in range(1, CHAINS + 1):
        output = here / f"{chain}.csv"
        words = run_command(
            method.command(),
            files=RunFiles(data),
            output=output,
            chain=chain,
            seed=SEED + fit.number,
        )
        subprocess.run([str(program), *words], capture_output=True, check=True)
        chains.append(GrowingChain({"lp__", "mu"}.__contains__).read(output, method.rows()))
        output.unlink()
    return np.stack(chains)


def compiled(folder: Path) -> Path:
    """Compile the program."""
    (folder / "mean.stan").write_text(PROGRAM)
    target = folder / "mean"
    compile_program(
        folder / "mean.stan", target, find(), stanc_options={}, cpp_options={}, threads=False
    )
    return target


def stopped(rule: Rule, draws: Draws) -> tuple[int, bool]:
    """Return after how many draws of a chain the rule stops, and whether it passed there."""
    decide = StoppingRule.of(rule.until, {}).decide
    for length in rule.rounds():
        if decide(Scalars(["lp__", "mu"], draws[:, :length], SPANS)).passed:
            return length, True
    return length, False


def measured(fit: Posed, draws: Draws, length: int) -> list[float]:
    """Return what a fit of so many draws says: is the truth in its interval, and of the mean."""
    mu = draws[:, :length, 1]
    low, high = np.quantile(mu, [(1 - PROB) / 2, (1 + PROB) / 2])
    error = monte_carlo_errors(Block.of(mu[None]))[0][0]
    off = mu.mean() - fit.mean
    return [low <= fit.truth <= high, abs(off) <= Z * error, off / SPREAD, (off / error) ** 2]


def rows(rule: Rule, fits: list[Posed], draws: list[Draws]) -> Iterator[str]:
    """Yield the rows of a rule and of the fixed number of draws beside it."""
    stops = [stopped(rule, draws[fit.number]) for fit in fits]
    lengths = np.array([length for length, _ in stops])
    passed = np.mean([passed for _, passed in stops])
    fixed = max(round(lengths.mean() / rule.draws), 1) * rule.draws
    for words, chosen in ((rule.words, lengths), ("the same number for all", lengths * 0 + fixed)):
        numbers = np.array(
            [measured(fit, draws[fit.number], int(n)) for fit, n in zip(fits, chosen, strict=True)]
        )
        share = 100 * numbers.mean(0)
        error = 100 * numbers.std(0, ddof=1) / np.sqrt(len(fits))
        looks = f"{np.mean(lengths / rule.draws):.1f}" if chosen is lengths else "1"
        yield (
            f"| {words} | {looks} | {chosen.mean():.0f} | "
            f"{share[0]:.1f} ± {error[0]:.1f} % | {share[1]:.1f} ± {error[1]:.1f} % | "
            f"{numbers[:, 2].mean():+.4f} ± {error[2] / 100:.4f} | "
            f"{np.sqrt(numbers[:, 3].mean()):.2f} |"
        )
    if passed < 1:
        yield f"(of these {passed:.2%} passed before the most draws)"


def main() -> None:
    """Measure both kinds of chains."""
    parser = argparse.ArgumentParser(description="What stopping does to coverage.")
    parser.add_argument("--fits", type=int, default=2000)
    parser.add_argument("--chains", nargs="*", choices=RULES, default=list(RULES))
    options = parser.parse_args()
    fits = [posed(number) for number in range(options.fits)]
    for kind in options.chains:
        most = max(rule.most for rule in RULES[kind])
        with TemporaryDirectory() as name:
            folder = Path(name)
            sample: Callable[[Posed, int], Draws] = (
                slow if kind == "slow" else partial(nuts, compiled(folder), folder)
            )
            with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
                draws = list(threads.map(lambda fit: sample(fit, most), fits))  # noqa: B023
        exact = np.mean([abs(fit.truth - fit.mean) <= Z * SPREAD for fit in fits])
        print(f"\n{kind}: {options.fits} fits; exact intervals hold the truth in {exact:.1%}\n")
        print("| until, draws a round | looks | draws a chain | holds the truth | ", end="")
        print("mean ± 1.645 MCSE holds the exact | bias in sd | RMS error in MCSE |")
        print("|---|---|---|---|---|---|---|")
        for rule in RULES[kind]:
            for row in rows(rule, fits, draws):
                print(row, flush=True)


if __name__ == "__main__":
    main()
