"""What a script of the gallery is called with."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Called:
    """Arguments of a script, with the files that they name read."""

    data: dict[str, Any]
    settings: dict[str, Any]
    seed: int
    chains: int
    draws: int
    output: Path


def called() -> Called:
    """Return what this program was called with."""
    parser = argparse.ArgumentParser()
    for name in ("data", "settings", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("seed", "chains", "draws"):
        parser.add_argument(f"--{name}", type=int, required=True)
    arguments = vars(parser.parse_args())
    for name in ("data", "settings"):
        arguments[name] = json.loads(arguments[name].read_text())
    return Called(**arguments)
