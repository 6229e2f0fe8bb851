"""`python -m tests.golden` renews the golden bytes of the steps whose version was raised.

With --stan also those of the steps that need CmdStan, which take a minute.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from stanchion.stan.toolchain import find
from tests.golden import renew
from tests.golden.cases import pure, sampled


def main() -> int:
    """Renew what may be renewed; exit with 1 where a step's version has to be raised first."""
    with TemporaryDirectory() as name, TemporaryDirectory() as other:
        result = pure(Path(name))
        if "--stan" in sys.argv[1:]:
            result += sampled(Path(other), find())
    refused = 0
    for now in result:
        try:
            print(f"{now['step']}: {'renewed' if renew(now) else 'as it was'}")
        except ValueError as error:
            print(error, file=sys.stderr)
            refused = 1
    return refused


if __name__ == "__main__":
    raise SystemExit(main())
