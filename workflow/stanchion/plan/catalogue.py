"""The catalogue of steps: one row a step, with all that Stanchion knows of it beside its code.

The rules stay literal; a test holds their paths and resources to this catalogue. A step's module
has its name, `stanchion.steps.NAME`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from stanchion.pictures.catalogue import pictures_of
from stanchion.plan.arguments import (
    AnswerQuestions,
    Arguments,
    CheckVerdicts,
    CollectDraws,
    CompareModels,
    CompileProgram,
    DiagnoseFit,
    DrawPlot,
    GenerateQuantities,
    MakeTable,
    PredictOutcomes,
    PrepareData,
    RescaleCoefficients,
    SampleChain,
    SampleFit,
    SamplePrior,
    SummariseEffects,
)
from stanchion.plan.report_arguments import WriteReport, WriteTables
from stanchion.system.folders import STATE

ANALYSIS = "results/{analysis}"
_PAIR = f"{ANALYSIS}/{{dataset}}"
_MODEL = f"{_PAIR}/{{model}}"
_FIT = f"{_MODEL}/{{method}}"


@dataclass(frozen=True, kw_only=True)
class StepRow:
    """What is known of a step before it runs."""

    name: str
    arguments: type[Arguments]
    """What the plan hands to it."""
    version: int
    """Enters the key: raise it when the same inputs must give another result."""
    folder: str
    """Pattern of the folder that its outputs, key file and records lie in."""
    outputs: Mapping[str, str]
    """Path patterns within the folder, by name."""
    per: Literal["model", "chain", "purpose", "plot"] | None = None
    """The wildcard by which several steps of this name in one folder differ."""
    memory: int | None
    """MB that it reserves, unless a profile says otherwise; None where its method says."""
    minutes: int | None
    """Minutes after which a cluster may end it, unless a profile says otherwise; None likewise."""
    local: bool = False
    """Whether it runs where the run was started, and never as a cluster's job."""
    group: str | None = None
    """Steps of one group and of the same folder are one job on a cluster."""
    cached: bool = True
    """Whether results are kept by key in the cache; some cost less than looking them up."""
    one_at_a_time: bool = False
    """Whether runs that want the same result at once let one make it and wait for it."""
    executables: frozenset[str] = frozenset()
    """Outputs that are programs: one of the cache is used only where it starts on this machine."""
    varying: frozenset[str] = frozenset()
    """Outputs that hold a clock, a run's id, a linker's choice or what a person's own script chose:
    others follow from the key."""
    repeats: bool = True
    """Whether what is made from its outputs follows from the keys: of a person's own script it does
    not. Of a step that runs a method, the method says."""
    keep: str | None = None
    """The word in an analysis' `keep` without which the outputs go once they are used."""
    may_fail: bool = False
    """Whether a failed check stops it on purpose, after all that stays has been made."""

    @property
    def file_name(self) -> str:
        """Pattern of the name of its key file, log and records, such as `sample_chain.{chain}`."""
        return f"{self.name}.{{{self.per}}}" if self.per is not None else self.name

    @property
    def paths(self) -> dict[str, str]:
        """Patterns of the outputs' paths, relative to the project, by name."""
        return {name: f"{self.folder}/{path}" for name, path in self.outputs.items()}

    @property
    def shared(self) -> bool:
        """Whether its result belongs to no single analysis."""
        return not self.folder.startswith(ANALYSIS)


_ROWS = (
    StepRow(
        name="compile_program",
        arguments=CompileProgram,
        version=1,
        folder=f"{STATE}/programs/{{program}}",
        outputs={"executable": "model"},
        memory=2500,
        minutes=30,
        one_at_a_time=True,
        executables=frozenset({"executable"}),
        varying=frozenset({"executable"}),
    ),
    StepRow(
        name="make_table",
        arguments=MakeTable,
        version=1,
        folder=_PAIR,
        outputs={"table": "table.csv"},
        memory=2000,
        minutes=30,
        one_at_a_time=True,
        varying=frozenset({"table"}),
        repeats=False,
    ),
    StepRow(
        name="prepare_data",
        arguments=PrepareData,
        version=6,
        folder=_PAIR,
        outputs={"data": "data.{model}.json", "meta": "data.{model}.meta.json"},
        per="model",
        memory=1000,
        minutes=30,
        local=True,
        cached=False,
    ),
    StepRow(
        name="prepare_quantities_data",
        arguments=PrepareData,
        version=4,
        folder=_MODEL,
        outputs={"data": "data.{purpose}.json", "meta": "data.{purpose}.meta.json"},
        per="purpose",
        memory=1000,
        minutes=30,
        local=True,
        cached=False,
    ),
    StepRow(
        name="sample_prior",
        arguments=SamplePrior,
        version=8,
        folder=_MODEL,
        outputs={"prior": "prior.nc", "checks": "prior.json", **pictures_of("sample_prior")},
        memory=1000,
        minutes=30,
    ),
    StepRow(
        name="sample_chain",
        arguments=SampleChain,
        version=2,
        folder=_FIT,
        outputs={"chain": "chains/chain_{chain}.csv"},
        per="chain",
        memory=None,
        minutes=None,
        varying=frozenset({"chain"}),
        keep="csv",
    ),
    StepRow(
        name="sample_fit",
        arguments=SampleFit,
        version=1,
        folder=_FIT,
        outputs={"chains": "chains/chains.zip"},
        memory=None,
        minutes=None,
        varying=frozenset({"chains"}),
        keep="csv",
    ),
    StepRow(
        name="generate_quantities",
        arguments=GenerateQuantities,
        version=1,
        folder=_FIT,
        outputs={"quantities": "chains/quantities.npz"},
        memory=2000,
        minutes=30,
        keep="csv",
    ),
    StepRow(
        name="collect_draws",
        arguments=CollectDraws,
        version=8,
        folder=_FIT,
        outputs={"draws": "draws.nc", "summary": "summary.csv"},
        memory=2000,
        minutes=10,
        group="fit-{method}",
    ),
    StepRow(
        name="diagnose_fit",
        arguments=DiagnoseFit,
        version=18,
        folder=_FIT,
        outputs={"diagnostics": "diagnostics.json", **pictures_of("diagnose_fit")},
        memory=2000,
        minutes=10,
        group="fit-{method}",
    ),
    StepRow(
        name="predict_outcomes",
        arguments=PredictOutcomes,
        version=14,
        folder=_FIT,
        outputs={"predictive": "predictive.json", **pictures_of("predict_outcomes")},
        memory=2000,
        minutes=10,
        group="fit-{method}",
    ),
    StepRow(
        name="generate_effects",
        arguments=GenerateQuantities,
        version=3,
        folder=_FIT,
        outputs={"quantities": "chains/effects.npz"},
        memory=2000,
        minutes=20,
        group="effects-{method}",
        keep="csv",
    ),
    StepRow(
        name="summarise_effects",
        arguments=SummariseEffects,
        version=6,
        folder=_FIT,
        outputs={
            "effects": "effects.json",
            "table": "effects.csv",
            **pictures_of("summarise_effects"),
        },
        memory=2000,
        minutes=10,
        group="effects-{method}",
    ),
    StepRow(
        name="rescale_coefficients",
        arguments=RescaleCoefficients,
        version=2,
        folder=_FIT,
        outputs={"original_scale": "original_scale.csv"},
        memory=2000,
        minutes=10,
        cached=False,
    ),
    StepRow(
        name="draw_plot",
        arguments=DrawPlot,
        version=3,
        folder=_FIT,
        outputs={"plot": "plots/{plot}.png", "judgement": "plots/{plot}.json"},
        per="plot",
        memory=2000,
        minutes=10,
    ),
    StepRow(
        name="compare_models",
        arguments=CompareModels,
        version=7,
        folder=ANALYSIS,
        outputs={"comparison": "comparison.csv", "judgement": "comparison.json"},
        memory=2000,
        minutes=10,
        group="analysis",
    ),
    StepRow(
        name="answer_questions",
        arguments=AnswerQuestions,
        version=5,
        folder=ANALYSIS,
        outputs={"answers": "answers.csv", "details": "answers.json"},
        memory=2000,
        minutes=10,
        group="analysis",
    ),
    StepRow(
        name="write_report",
        arguments=WriteReport,
        version=25,
        folder=ANALYSIS,
        outputs={"report": "report.html", "metrics": "metrics.json"},
        memory=1000,
        minutes=10,
        group="analysis",
        cached=False,
        varying=frozenset({"report"}),
    ),
    StepRow(
        name="write_tables",
        arguments=WriteTables,
        version=5,
        folder=ANALYSIS,
        outputs={"tables": "tables.docx"},
        memory=1000,
        minutes=10,
        cached=False,
        varying=frozenset({"tables"}),
    ),
    StepRow(
        name="check_verdicts",
        arguments=CheckVerdicts,
        version=6,
        folder=ANALYSIS,
        outputs={"verdicts": "verdicts.json"},
        memory=1000,
        minutes=5,
        local=True,
        cached=False,
        may_fail=True,
    ),
)

STEPS: Mapping[str, StepRow] = {row.name: row for row in _ROWS}
"""Every step by name, in the order of a run."""
FORMER: Mapping[str, StepRow] = {
    "approximate_posterior": replace(STEPS["sample_chain"], name="approximate_posterior"),
}
"""Steps of earlier versions: their records stand beside results, and are never rewritten."""
KNOWN: Mapping[str, StepRow] = {**STEPS, **FORMER}
"""Every step that records may be of."""
