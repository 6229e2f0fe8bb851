"""Runs: what the rules ask, the run's commands, its status, the warm process."""
