"""What `until` costs: gradients against doubling from nothing, and the looks at the draws so far.

    python benchmarks/until.py [--seeds 10] [--no-whole]

First, gradients of the log density on slow models, over all chains and with warm-up: `until` adds
250 draws to the chains that there are; a person without it doubles the draws, and samples from
nothing each time, until the same thresholds are reached. Both are read off one long run, as a
longer chain begins with the shorter. Then the processor time of the looks alone, 32 of them on the
way to 4 × 8,000 draws of 100 columns, against one look at the end. Then the whole of either as a
run, with the chains' processes, the cache and the saved states.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from shared import STANCHION, environment, seconds_by_step, step_times, timed

from stanchion.draws.columns import Span
from stanchion.draws.files import Scalars
from stanchion.draws.stan_csv import read_chains
from stanchion.methods.nuts import Nuts
from stanchion.methods.until import Until
from stanchion.plan.arguments import ProgramVariables
from stanchion.project.create import init
from stanchion.sampling.drawn import DrawnSoFar
from stanchion.sampling.stopping_rule import StoppingRule
from stanchion.sampling.until import rounds_of
from stanchion.stan.command import RunFiles, run_command
from stanchion.stan.compiling import compile_program
from stanchion.stan.program import Variable
from stanchion.stan.rows import Rows
from stanchion.stan.toolchain import find

RIDGE = """\
// Three means of which the data tell the sum alone.
parameters {
  vector[3] mu;
}
model {
  mu ~ std_normal();
  sum(mu) ~ normal(0, 0.02);
}
"""
WALK = """\
// A random walk seen through noise, with both scales unknown.
data {
  int<lower=1> N;
  vector[N] y;
}
parameters {
  real<lower=0> sigma;
  real<lower=0> tau;
  vector[N] x;
}
model {
  sigma ~ std_normal();
  tau ~ std_normal();
  x[1] ~ normal(0, 5);
  x[2:N] ~ normal(x[1:(N - 1)], tau);
  y ~ normal(x, sigma);
}
"""
WIDE = """\
// Independent normals: what is left beside a sampler that has nothing to do.
parameters {
  vector[93] x;
}
model {
  x ~ std_normal();
}
"""
UNTIL = Until(ess=1000, rhat=1.01)
CHAINS, ROUND, MOST, WARMUP = 4, 250, 8000, 1000
COLUMNS = 100
Draws = NDArray[np.float64]


def walk() -> dict[str, object]:
    """Return forty steps of a random walk with noise."""
    rng = np.random.default_rng(20261121)
    x = np.cumsum(rng.normal(0, 0.3, 40))
    return {"N": 40, "y": (x + rng.normal(0, 0.6, 40)).tolist()}


@dataclass(frozen=True)
class Sampled:
    """A long run: what the gate judges, gradients of warm-up, and of each draw over all chains."""

    gated: Scalars
    warmup: int
    steps: NDArray[np.int64]

    def reaches(self, draws: int) -> bool:
        """Tell whether so many draws of a chain reach the thresholds."""
        values = self.gated.values[:, :draws]
        scalars = Scalars(self.gated.names, values, self.gated.variables)
        return StoppingRule.of(UNTIL, {}).decide(scalars).passed


def sampled(program: Path, folder: Path, data: dict[str, object], seed: int) -> Sampled:
    """Run the chains at once, with their warm-up."""
    path, method = folder / "data.json", Nuts(draws=MOST, warmup=WARMUP)
    path.write_text(json.dumps(data))
    outputs = [folder / f"{chain}.csv" for chain in range(1, CHAINS + 1)]
    for chain, output in enumerate(outputs, start=1):
        words = run_command(
            method.command(["warmup"]), files=RunFiles(path), output=output, chain=chain, seed=seed
        )
        subprocess.run([str(program), *words], capture_output=True, check=True)
    chains = read_chains(outputs, method.rows(["warmup"]), ["warmup"])
    assert chains.warmup is not None
    leapfrog = chains.columns.index("n_leapfrog__")
    judged = [i for i, name in enumerate(chains.columns) if name == "lp__" or name[-2:] != "__"]
    spans = [Span(0, 1, (), sampled=False), Span(1, len(judged), (), sampled=True)]
    names = [chains.columns[index] for index in judged]
    return Sampled(
        Scalars(names, chains.values[:, :, judged], spans),
        int(chains.warmup[:, :, leapfrog].sum()),
        chains.values[:, :, leapfrog].sum(0).astype(np.int64),
    )


def report_gradients(name: str, text: str, data: dict[str, object], seeds: int) -> None:
    """Print the gradients of both ways, over some seeds."""
    ratios, ends, most = list[float](), list[int](), 0
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "model.stan").write_text(text)
        program = folder / "model"
        compile_program(
            folder / "model.stan", program, find(), stanc_options={}, cpp_options={}, threads=False
        )
        for seed in range(1, seeds + 1):
            run = sampled(program, folder, data, seed)
            rounds = rounds_of(Nuts(draws=ROUND, max_draws=MOST, until=UNTIL))
            end = next((draws for draws in rounds if run.reaches(draws)), None)
            doubled = ROUND
            spent = run.warmup + run.steps[:doubled].sum()
            while not run.reaches(doubled) and doubled < MOST:
                doubled = min(2 * doubled, MOST)
                spent += run.warmup + run.steps[:doubled].sum()
            if end is None:
                most += 1
                continue
            ends.append(end)
            ratios.append(spent / (run.warmup + run.steps[:end].sum()))
    print(
        f"{name}: of {seeds} seeds {most} reach {MOST} draws without passing; the others stop at "
        f"{np.median(ends):.0f} draws a chain (median, {min(ends)}-{max(ends)}), and doubling from "
        f"nothing takes {np.mean(ratios):.2f} × the gradients ({min(ratios):.2f}-"
        f"{max(ratios):.2f})",
        flush=True,
    )


def written(folder: Path, draws: int, lines: list[list[str]]) -> list[Path]:
    """Write chains of so many of the rows that there are."""
    names = ["lp__", "n_leapfrog__", *(f"x.{i}" for i in range(1, COLUMNS - 1))]
    paths = []
    for chain, rows in enumerate(lines):
        paths.append(folder / f"chain_{chain}.csv")
        head = f"# method = sample\n#     num_samples = {draws}\n{','.join(names)}\n"
        paths[-1].write_text(head + "".join(rows[:draws]) + "#  1 seconds (Total)\n")
    return paths


def report_looks() -> None:
    """Print the processor time of 32 looks and of one."""
    rng = np.random.default_rng(1)
    lines = [
        [",".join(map(repr, row.tolist())) + "\n" for row in rng.normal(size=(MOST, COLUMNS))]
        for _ in range(CHAINS)
    ]
    variables = ProgramVariables(
        declared={
            "parameters": (Variable("x", "real", 1, (str(COLUMNS - 2),)),),
            "transformed_parameters": (),
            "generated_quantities": (),
        },
        parameters=None,
        observed=None,
        replicated=None,
        predicted=None,
    )
    rule, seconds = StoppingRule.of(UNTIL, {}), dict[str, list[float]]()
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "data.json").write_text("{}")
        for name, rounds in (("rounds", range(ROUND, MOST + 1, ROUND)), ("once", [MOST])):
            drawn = DrawnSoFar(variables, folder / "data.json", (), CHAINS)
            seconds[name] = [0.0, 0.0]
            for draws in rounds:
                paths = written(folder, draws, lines)
                begin = time.process_time()
                drawn.take(paths, Rows(draws))
                read = time.process_time()
                rule.decide(drawn.gated())
                seconds[name][0] += read - begin
                seconds[name][1] += time.process_time() - read
    for name, (reading, deciding) in seconds.items():
        print(f"{name}: {reading:.1f} s of reading, {deciding:.1f} s of R-hat and ESS", flush=True)


def report_whole() -> None:
    """Print the time of a fit that never passes, and of the plain fit with as many draws."""
    least = 10**9
    methods = {
        "plain": f"plain: {{method: nuts, seed: 1, draws: {MOST}}}",
        "until": f"rounds: {{method: nuts, seed: 1, draws: {ROUND}, max_draws: {MOST}, "
        f"until: {{ess: {least}}}}}",
    }
    for name, method in methods.items():
        with TemporaryDirectory() as temporary:
            folder = Path(temporary)
            project, variables = folder / "project", environment(folder)
            init(project)
            (project / "stan/models/wide.stan").write_text(WIDE)
            (project / "data/none.json").write_text("{}")
            (project / "config/config.yaml").write_text(
                "datasets: {d: {path: data/none.json}}\n"
                "models: {wide: {program: stan/models/wide.stan}}\nanalyses:\n  a:\n"
                f"    {{datasets: [d], models: [wide], methods: {{{method}}}, "
                "checks: {on_fail: flag}}\n"
            )
            took = timed([str(STANCHION), "run"], project, variables)
            sampling = [row for row in seconds_by_step(step_times(project)) if "sample" in row[0]]
            entries = (folder / "cache/steps/sample_chain").glob("*/*/chain")
            size = sum(path.stat().st_size for path in entries)
            ((step, _, seconds),) = sampling
            print(
                f"{name}: {step} {seconds:.1f} s, run {took.wall:.1f} s, processor {took.cpu:.1f} "
                f"s, chains in the cache {size / 1e6:.0f} MB",
                flush=True,
            )


def main() -> None:
    """Measure gradients, looks and the whole."""
    parser = argparse.ArgumentParser(description="What `until` costs.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--no-whole", action="store_true", help="leave out the whole runs")
    options = parser.parse_args()
    report_gradients("ridge", RIDGE, {}, options.seeds)
    report_gradients("random walk", WALK, walk(), options.seeds)
    report_looks()
    if not options.no_whole:
        report_whole()


if __name__ == "__main__":
    main()
