"""Random-walk Metropolis for a regression: all chains at once, on beta and log(sigma).

The warm-up learns the covariance of the proposals from all chains, in windows that each forget the
one before, and sets their scale as Roberts, Gelman & Gilks (1997) found best for normal targets.
After it nothing adapts any more. Settings: `warmup`, iterations; `thin`, iterations a draw.
"""

from __future__ import annotations

import numpy as np
from regression import Regression, leave
from script_call import Call, call

WINDOWS = 5


def log_density(target: Regression, position: np.ndarray) -> np.ndarray:
    """Return the log density at positions, chain × (P + 1), up to a constant.

    The prior is flat in sigma, so that of log(sigma) has the density sigma: hence 1 - N.
    """
    beta, log_sigma = position[:, :-1], position[:, -1]
    prior = -0.5 * (beta**2 * target.prior_precision).sum(axis=1)
    likelihood = -0.5 * target.squares(beta) * np.exp(-2 * log_sigma)
    inside = log_sigma < np.log(target.sigma_max)
    return np.where(inside, prior + likelihood + (1 - target.N) * log_sigma, -np.inf)


def walk(
    arguments: Call, target: Regression, position: np.ndarray, root: np.ndarray, steps: int
) -> tuple[np.ndarray, float]:
    """Return the positions after each step, step × chain × (P + 1), and the share accepted.

    `root` is the Cholesky factor of the proposals' covariance.
    """
    size = position.shape[1]
    moves = np.stack([rng.normal(size=(steps, size)) for rng in arguments.streams], axis=1) @ root.T
    thresholds = np.stack([np.log(rng.uniform(size=steps)) for rng in arguments.streams], axis=1)
    path, accepted = np.empty((steps, *position.shape)), 0
    density = log_density(target, position)
    for step in range(steps):
        proposal = position + moves[step]
        proposed = log_density(target, proposal)
        accept = thresholds[step] < proposed - density
        position = np.where(accept[:, None], proposal, position)
        density = np.where(accept, proposed, density)
        path[step] = position
        accepted += accept.sum()
    return path, accepted / (steps * arguments.chains)


def main() -> None:
    """Warm up, sample, and leave every `thin`-th position."""
    arguments = call()
    target = Regression(arguments.data)
    warmup, thin = arguments.settings["warmup"], arguments.settings["thin"]
    beta, sigma = target.starts(arguments.streams)
    position = np.column_stack([beta, np.log(sigma)])
    root = np.diag([*target.errors, 1 / np.sqrt(2 * target.N)]) * 2.38 / np.sqrt(target.P + 1)
    for _ in range(WINDOWS):
        path, _ = walk(arguments, target, position, root, warmup // WINDOWS)
        position = path[-1]
        late = path[len(path) // 2 :].reshape(-1, target.P + 1)
        root = np.linalg.cholesky(np.cov(late.T)) * 2.38 / np.sqrt(target.P + 1)
    path, accepted = walk(arguments, target, position, root, thin * arguments.draws)
    print(f"accepted {accepted:.2f} of the proposals")
    kept = path[thin - 1 :: thin].swapaxes(0, 1)
    leave(arguments, target, kept[:, :, :-1], np.exp(kept[:, :, -1]))


main()
