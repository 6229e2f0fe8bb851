"""Energies: whether the sampler's momenta reach all energies that the posterior has."""

from __future__ import annotations

import numpy as np

from stanchion.pictures.chains import Chains
from stanchion.pictures.densities import curve
from stanchion.pictures.style import FILL, INK, Floats, drawn, inner_range, placeholder
from stanchion.stats.energy import ebfmi

_TAIL = 0.001


def energy(chains: Chains) -> bytes:
    """Draw the marginal energy over the change of it in a transition, or say why there is none.

    A change that is much narrower leaves tails unexplored (Betancourt 2016, arXiv:1604.00695).
    """
    values = chains.energy
    if chains.no_chains or values is None:
        return placeholder(chains.no_chains or "its sampler reports no energy")
    if values.shape[1] < 2 or not np.isfinite(values).all():
        return placeholder("the energies are too few, or not finite")
    marginal, transition = energies(values)
    low, high = inner_range(np.concatenate([marginal, transition]), None, _TAIL)
    curves = [curve(part, low, high) for part in (marginal, transition)]
    if curves[0] is None or curves[1] is None:
        return placeholder("the energy does not vary")
    with drawn(1, columns=1, height=1.6, left=0.25) as (panels, picture):
        axis = panels.axes[0]
        axis.fill_between(curves[0].x, curves[0].y, color=FILL, alpha=0.45, linewidth=0)
        axis.plot(curves[0].x, curves[0].y, color=FILL, label="energy, less its mean")
        axis.plot(curves[1].x, curves[1].y, color=INK, linestyle="--", label="change in a draw")
        axis.set_xlim(low, high)
        axis.set_ylim(0, 1.35 * float(max(curves[0].y.max(), curves[1].y.max())))
        axis.set_yticks([])
        axis.legend(loc="upper left", borderaxespad=0, ncols=2)
        worst = f"{np.nanmin(ebfmi(values)):.2f}"
        axis.set_title("Energy of all chains")
        axis.set_xlabel(f"E-BFMI of the worst chain {worst}")
        panels.seen.append(
            "Density of the energy over that of its change in a transition; "
            f"the E-BFMI of the worst chain is {worst}."
        )
    return picture.getvalue()


def energies(values: Floats) -> tuple[Floats, Floats]:
    """Return the energies less their mean, and their changes within a chain (`chain × draw`)."""
    centred = values - values.mean()
    return centred.ravel(), np.diff(values, axis=1).ravel()
