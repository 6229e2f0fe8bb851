"""CmdStan's own release, built by cmdstanpy."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from urllib.request import Request, urlopen

_SITE = "https://github.com/stan-dev/cmdstan/releases/download/v{0}/cmdstan-{0}.tar.gz"
PATIENCE = 4.0
"""Seconds that the one probe of the download site may take."""


def release_answers(version: str) -> bool:
    """Return whether CmdStan's download site offers this version, after a few seconds at most."""
    answered = threading.Event()

    def probe() -> None:
        try:
            with urlopen(Request(_SITE.format(version), method="HEAD"), timeout=PATIENCE):
                answered.set()
        except (OSError, ValueError):
            return

    prober = threading.Thread(target=probe, daemon=True)
    prober.start()
    prober.join(PATIENCE)
    return answered.is_set()


def build_release(version: str, folder: Path) -> bool:
    """Download and build a release in `folder/cmdstan-<version>`; return whether it worked."""
    from stanchion.stan.compiling import install_release

    folder.mkdir(parents=True, exist_ok=True)
    return install_release(version, folder, cores=len(os.sched_getaffinity(0)))
