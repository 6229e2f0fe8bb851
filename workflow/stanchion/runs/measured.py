"""Figures of docs/methods.md and the gallery that advice cites; a test holds each to its page."""

from __future__ import annotations

from dataclasses import asdict, dataclass

PAGE = "docs/methods.md"


@dataclass(frozen=True)
class Measured:
    """One cell of the page's tables: how a method did on a problem, in standard errors."""

    problem: str
    method: str
    verdict: str
    error: float
    khat: float | None = None

    @property
    def words(self) -> str:
        """Return it as a sentence has it."""
        khat = "" if self.khat is None else f" with k̂ {self.khat:.2f}"
        verdict = {"pass": "passed its checks", "fail": "failed its checks"}[self.verdict]
        return (
            f"on {self.problem} `{self.method}` {verdict}{khat}, its figures up to "
            f"{self.error:g} standard errors off ({PAGE})"
        )

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {**asdict(self), "page": PAGE}


@dataclass(frozen=True)
class Cell:
    """One cell of a table on a page of the gallery, without emphasis and what is in brackets."""

    analysis: str
    row: str
    column: str
    text: str

    @property
    def page(self) -> str:
        """Return the path of the page."""
        return f"docs/gallery/{self.analysis}.md"

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {**asdict(self), "page": self.page}


CENTRED = Measured("eight_schools_centered", "nuts", "fail", 12.3)
REFITTED = Measured("eight_schools_centered", "repaired", "fail", 8.8)
NON_CENTRED = Measured("eight_schools_noncentered", "nuts", "pass", 2.3)
MIXTURE = Measured("low_dim_gauss_mix", "nuts", "pass", 1.9)
EXACT = Measured("beta_binomial", "nuts", "pass", 0.4)
MISSES = {
    "meanfield": Measured("one_comp_mm_elim_abs", "meanfield", "pass", 12.3, 0.56),
    "fullrank": Measured("arK", "fullrank", "pass", 5.4, 0.63),
    "pathfinder": Measured("one_comp_mm_elim_abs", "pathfinder", "pass", 12.1, 0.62),
    "single": Measured("normal_inverse_gamma", "single", "pass", 4.8, 0.46),
    "laplace": Measured("normal_inverse_gamma", "laplace", "pass", 6.1, 0.47),
    "auto": Measured("one_comp_mm_elim_abs", "auto", "pass", 7.1, 0.69),
}
"""Of each approximation, a fit that passed its checks and was wrong."""
SAMPLED = Measured("one_comp_mm_elim_abs", "nuts", "pass", 1.8)
ALL = (CENTRED, REFITTED, NON_CENTRED, MIXTURE, EXACT, SAMPLED, *MISSES.values())

SLOPE = Cell("linear", "exact", "kWh a degree", "3.523 ± 0.260")
SLOPES = {
    "meanfield": Cell("linear", "advi, mean field", "kWh a degree", "3.567 ± 0.116"),
    "fullrank": Cell("linear", "advi, full rank", "kWh a degree", "3.530 ± 0.262"),
    "pathfinder": Cell("linear", "pathfinder", "kWh a degree", "3.518 ± 0.260"),
    "laplace": Cell("linear", "laplace", "kWh a degree", "3.525 ± 0.261"),
    "optimize": Cell("linear", "optimize, MAP", "kWh a degree", "3.523 ± 0.248"),
}
"""What each approximation made of a posterior that is known and near a normal."""
FAMILIES = {
    name: (Cell("conjugate", row, "by NUTS", sampled), Cell("conjugate", row, "exact", exact))
    for name, row, sampled, exact in (
        ("beta_binomial", "plants, share of round seeds", "0.7679 ± 0.0202", "0.7677 ± 0.0201"),
        ("gamma_poisson", "kicks, deaths a year and corps", "0.7005 ± 0.0488", "0.7011 ± 0.0499"),
        ("normal", "schools, points of a test", "7.13 ± 3.89", "7.16 ± 3.93"),
    )
} | {
    "beta_bernoulli": (
        Cell("coin", "nuts", "share of heads", "0.599"),
        Cell("coin", "beta(42, 28)", "share of heads", "0.600 ± 0.0581"),
    )
}
"""Of each family a posterior by NUTS, and as it is."""
_KIND = "mean of a short eruption, min"
LABELS = (
    Cell("mixture", _KIND, "nuts, ordered", "2.0228 ± 0.0276"),
    Cell("mixture", _KIND, "exactly", "2.0224 ± 0.0271"),
    Cell("mixture", _KIND, "nuts, unordered", "3.1 ± 1.1, R-hat 1.73"),
)
"""A mixture whose kinds are ordered, what is exact, and the same without an order."""
_WORTH = "draws' worth of 1,000 leapfrog steps"
HIERARCHIES = (
    Cell("hierarchical", "ten, centred", _WORTH, "16.8"),
    Cell("hierarchical", "ten, non-centred", _WORTH, "5.5"),
    Cell("hierarchical", "three, centred", "divergences", "46"),
    Cell("hierarchical", "three: 0, 4 and 9, non-centred", "divergences", "0"),
)
"""Both forms where the data say much of each group, and where they say little."""
IN_GALLERY = (
    *HIERARCHIES,
    *LABELS,
    SLOPE,
    *SLOPES.values(),
    *(cell for pair in FAMILIES.values() for cell in pair),
)


def beside_exact(method: str) -> str:
    """Return what an approximation made of the gallery's regression, as a sentence has it."""
    made = SLOPES[method]
    return (
        f"the gallery's regression has a slope of {SLOPE.text}, which is exact, and `{method}` "
        f"gave {made.text} ({made.page})"
    )
