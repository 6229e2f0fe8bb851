"""The steps that an analysis' report is made from, and the files that it reads of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from stanchion.pictures.catalogue import PICTURES
from stanchion.plan.builder import Planner
from stanchion.plan.model import Fit, Step
from stanchion.plan.plots import planned_plots
from stanchion.plan.preparing import whole_data_step


def read_by(planner: Planner, name: str) -> list[str]:
    """Return the datasets whose rows are fitted: those of an analysis, and what updates models."""
    analysis, models = planner.project.analyses[name], planner.project.models
    updates = [dataset for model in analysis.models for dataset in models[model].update]
    return list(dict.fromkeys([*analysis.datasets, *updates]))


@dataclass(frozen=True, kw_only=True)
class ReportedSteps:
    """The planned steps that a report shows, by what they are of."""

    tables: list[Step]
    """Those that make the tables of its datasets by scripts."""
    data: list[Step]
    priors: list[Step]
    collected: list[Step]
    diagnosed: list[Step]
    predicted: list[Step]
    plots: list[tuple[Fit, Step]]
    effects: list[Step]
    rescaled: list[Step]
    comparison: Step | None
    answered: Step | None

    @classmethod
    def of(cls, planner: Planner, name: str, fits: Sequence[Fit]) -> Self:
        """Return those of an analysis, of steps that not every fit has only what is planned."""
        analysis = planner.project.analyses[name]
        pairs = [
            {"analysis": name, "dataset": dataset, "model": model}
            for dataset in analysis.datasets
            for model in analysis.models
        ]

        def planned(rule: str, items: Sequence[dict[str, str]]) -> list[Step]:
            return [step for item in items if (step := planner.planned(rule, item)) is not None]

        wildcards = [fit.wildcards for fit in fits]
        read = [{"analysis": name, "dataset": dataset} for dataset in read_by(planner, name)]
        return cls(
            tables=planned("make_table", read),
            data=[whole_data_step(planner, name, p["dataset"], p["model"]) for p in pairs],
            priors=planned("sample_prior", pairs),
            collected=[planner.known(fit, "collect_draws") for fit in fits],
            diagnosed=[planner.known(fit, "diagnose_fit") for fit in fits],
            predicted=planned("predict_outcomes", wildcards),
            plots=[(fit, step) for fit in fits for step in planned_plots(planner, fit)],
            effects=planned("summarise_effects", wildcards),
            rescaled=planned("rescale_coefficients", wildcards),
            comparison=planner.planned("compare_models", {"analysis": name}),
            answered=planner.planned("answer_questions", {"analysis": name}),
        )

    def inputs(self) -> dict[str, str | list[str]]:
        """Return the files that the report reads, by the name of the input."""
        inputs: dict[str, str | list[str]] = {
            "summaries": [step.outputs["summary"] for step in self.collected],
            "diagnostics": [step.outputs["diagnostics"] for step in self.diagnosed],
            "data": [step.outputs["data"] for step in self.data],
            "metas": [step.outputs["meta"] for step in self.data],
            "predictives": [step.outputs["predictive"] for step in self.predicted],
            "rescaled": [step.outputs["original_scale"] for step in self.rescaled],
            "priors": [step.outputs["checks"] for step in self.priors],
            **self._pictures(),
        }
        if self.tables:
            inputs["tables"] = [step.outputs["table"] for step in self.tables]
        if self.plots:
            inputs["plots"] = [step.outputs["plot"] for _, step in self.plots]
        if self.effects:
            inputs["effects"] = [step.outputs["effects"] for step in self.effects]
        if self.comparison is not None:
            inputs |= self.comparison.outputs
        if self.answered is not None:
            inputs["answers"] = self.answered.outputs["details"]
        return inputs

    def _pictures(self) -> dict[str, list[str]]:
        """Return the files of the pictures that steps draw, by the name of the input."""
        drawn = {
            "sample_prior": self.priors,
            "diagnose_fit": self.diagnosed,
            "predict_outcomes": self.predicted,
            "summarise_effects": self.effects,
        }
        return {
            row.input: [step.outputs[row.name] for step in drawn[row.step]]
            for row in PICTURES.values()
        }

    def upstream(self) -> list[Step]:
        """Return all of them."""
        return [
            *self.tables,
            *self.data,
            *self.priors,
            *self.collected,
            *self.diagnosed,
            *self.predicted,
            *(step for _, step in self.plots),
            *self.effects,
            *self.rescaled,
            *(step for step in (self.comparison, self.answered) if step is not None),
        ]
