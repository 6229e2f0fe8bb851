"""The steps, one module a rule: read, call, write; they never import Snakemake."""

from __future__ import annotations

VERSIONS: dict[str, int] = {
    "compile_program": 1,
    "prepare_data": 2,
    "sample_prior": 2,
    "sample_chain": 2,
    "approximate_posterior": 2,
    "collect_draws": 4,
    "diagnose_fit": 8,
    "predict_outcomes": 7,
    "compare_models": 3,
    "write_report": 8,
    "check_verdicts": 4,
}
"""A step's version enters its key: raise it when the same inputs must give another result."""

CACHED = frozenset(
    {
        "compile_program",
        "sample_prior",
        "sample_chain",
        "approximate_posterior",
        "collect_draws",
        "diagnose_fit",
        "predict_outcomes",
        "compare_models",
    }
)
"""Steps whose results are kept by key in the cache; the others cost less than looking them up."""

ONE_AT_A_TIME = frozenset({"compile_program"})
"""Of these, runs that want the same result at once let one make it and wait for it."""

PROGRAMS = frozenset({"executable"})
"""Outputs that are programs: one of the cache is used only where it starts on this machine."""
