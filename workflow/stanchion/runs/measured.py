"""Figures of docs/methods.md that advice cites; a test holds each to the page."""

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
