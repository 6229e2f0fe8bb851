"""Other Pythons on this machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def interpreter(declared: str, folder: Path) -> Path | None:
    """Return a declared Python, a path from `folder` or a name on the search path; None if absent.

    A path is not resolved, since the Python of a virtual environment is a link.
    """
    path = folder / declared if "/" in declared else Path(shutil.which(declared) or declared)
    if not os.access(path, os.X_OK) or path.is_dir():
        return None
    return path.absolute()
