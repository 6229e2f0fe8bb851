"""Verdicts: what a computed number says about a fit, a prior, a comparison."""
