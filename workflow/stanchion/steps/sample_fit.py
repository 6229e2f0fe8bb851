"""Samples a fit by a procedure: several runs of its program, with decisions between them."""

from __future__ import annotations

from stanchion.methods.catalogue import method_of
from stanchion.plan.arguments import SampleFit
from stanchion.plan.job import Job
from stanchion.sampling.archive import write_archive
from stanchion.sampling.catalogue import PROCEDURES
from stanchion.sampling.fit import Fit
from stanchion.stan.states import forget_families


def run(job: Job[SampleFit]) -> None:
    """Run a fit's procedure; what it has run is in the cache, so that a stopped one goes on.

    Raises:
        ChainError: a run failed that the procedure cannot do without.
    """
    arguments, output = job.arguments, job.outputs["chains"]
    method = method_of(arguments.method, arguments.method_version).model_validate(
        arguments.settings
    )
    assert method.procedure is not None
    fit = Fit(job, output.parent)
    job.notes["runs"] = fit.notes
    write_archive(PROCEDURES[method.procedure](fit, method), output)


def after(job: Job[SampleFit]) -> None:
    """Forget what its runs have saved by: the fit is in the cache."""
    forget_families(job.key)
