"""Exact posteriors: one file a family, each a posterior with its marginals, draws and evidence."""
