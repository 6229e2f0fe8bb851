"""The Stan CSVs of a fit, as they stand or out of the archive of a procedure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from stanchion.draws.attempts import Attempts
from stanchion.methods.catalogue import method_of
from stanchion.methods.method import Method
from stanchion.plan.arguments import CollectDraws, GenerateQuantities
from stanchion.sampling.archive import read_archive


def chains_of(
    arguments: CollectDraws | GenerateQuantities, paths: Sequence[Path], folder: Path
) -> tuple[Method, Sequence[Path], Attempts | None, Mapping[str, Path]]:
    """Return the method whose draws they are, its Stan CSVs, what was tried, and other files.

    An archive is unpacked into the folder.

    Raises:
        ChainError: the archive is not whole.
        StepError: another version of Stanchion has planned the run.
    """
    method = method_of(arguments.method, arguments.method_version).model_validate(
        arguments.settings
    )
    if method.procedure is None:
        return method, paths, None, {}
    archive = read_archive(paths[0], folder)
    tried = archive.attempts
    used = method_of(tried.method, tried.method_version).model_validate(tried.settings)
    return used, archive.chains, tried, archive.others
