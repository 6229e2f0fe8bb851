"""Declarative, reproducible Bayesian analyses with Stan and Snakemake."""

__version__ = "0.1.0"
