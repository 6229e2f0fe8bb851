"""The command line."""

from stanchion.cli.main import main

__all__ = ["main"]
