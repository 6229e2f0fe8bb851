"""What is wrong with a question is said in one sentence, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanchion.errors import Fault
from stanchion.runs.check_answers import FitVariables, Sizes, answer_faults
from stanchion.stan.program import Variable
from tests.unit.config_cases import EXAMPLE, changed, declared, fault, line_of
from tests.unit.draws_cases import variables

SIZES = Sizes.of({"J": 2}, {"sizes": {"J": {"dim": "school", "labels": ["A", "B"]}}})


def asking(answer: str, text: str = EXAMPLE) -> str:
    return changed("    compare:", f"    answers: {{asked: {answer}}}\n    compare:", text)


def program(path: str, parameters: str) -> FitVariables:
    generated = "real[J] y_rep"
    blocks = variables(parameters=parameters, generated_quantities=generated)
    data = (Variable("J", "int", 0, ()), Variable("y", "real", 1, ("J",)))
    return FitVariables(path, {**blocks, "data": data}, SIZES)


FITS = [program("partial.stan", "real mu; real[J] theta"), program("pooled.stan", "real mu")]


def faults_of(folder: Path, text: str) -> list[Fault]:
    project = declared(folder, text)
    return list(answer_faults(project, "coaching", project.analyses["coaching"], FITS))


@pytest.mark.parametrize(
    ("answer", "at", "what"),
    [
        ("{}", "", "an answer is of one kind"),
        ('{quantity: mu, probability: "mu > 0"}', "", "and probability and quantity stand"),
        ("{quantity: true}", ".quantity", "wrong type: true or false"),
        ("{quantity: 2020-01-01}", ".quantity", "it names no variable"),
        ('{probability: "1 > 0"}', ".probability", "it names no variable"),
        ('{decide: {go: "1", stay: "0"}}', ".decide", "it names no variable"),
        ("{decide: {go: mu}}", ".decide", "between two choices or more"),
        ("{argmax: theta, unit: kg}", ".unit", "an argmax has no unit"),
        ('{probability: "mu > 0", unit: kg}', ".unit", "a probability has no unit"),
        ('{decide: {go: mu, stay: "0"}, rope: [0, 1]}', ".rope", "a decision has no rope"),
        ("{quantity: mu, rope: [1, 0]}", ".rope", "ends before it begins"),
        ("{quantity: mu, rope: [-.inf, 0]}", ".rope", "finite"),
        ("{score: theta}", ".score", "a score is of rows whose classes are known"),
        ("{quantity: mu, observed: y}", ".observed", "it belongs to `score`"),
        ("{score: theta, observed: y, temperature: {score: theta}}", "", "'observed' is missing"),
        ("{score: theta, observed: y, unit: kg}", ".unit", "a score has no unit"),
        ("{quantity: lg(mu)}", ".quantity", "there is no function `lg`"),
        ("{quantity: nrow()}", ".quantity", "there is no function `nrow`"),
        ('{probability: "0 < mu < 1"}', ".probability", "`<` at character 8"),
        (f'{{quantity: "mu{" + mu" * 2500}"}}', ".quantity", "more than 100 operations"),
        ('{quantity: ""}', ".quantity", "the end at character 1"),
    ],
)
def test_an_answer_that_is_none_is_refused(tmp_path: Path, answer: str, at: str, what: str) -> None:
    """With line, key, and one line of what is wrong."""
    text = asking(answer)
    refusal = fault(tmp_path, text)
    assert refusal.where == f"config.yaml:{line_of('asked', text)}"
    assert (refusal.key or "").startswith(f"analyses.coaching.answers.asked{at}")
    assert what in refusal.what and "\n" not in refusal.what and len(refusal.what) < 300


@pytest.mark.parametrize(
    ("answer", "what", "todo"),
    [
        ("{quantity: mmu}", "no program of this analysis has a variable 'mmu'", "`mu`"),
        ("{quantity: \"theta['Z']\"}", "`theta` has no label 'Z'", None),
        ('{quantity: "theta[3]"}', "`theta` has no position 3", None),
        ("{probability: mu}", "a probability is of a condition", None),
        ('{quantity: "mu > 0"}', "a quantity is of a number", None),
        ("{argmax: mu}", "an argmax is of several numbers", None),
        ('{decide: {go: theta, stay: "0"}}', "a decision is of one number", None),
        ("{quantity: mu, stacked: true}", "'mu' is no prediction", "remove `stacked`"),
        ("{score: mu, observed: y}", "a score is of probabilities by row", None),
        ("{score: theta, observed: mu}", "`mu` is no data", "declare the classes"),
        ("{score: theta, observed: y}", "`observed` is of whole numbers", None),
        ('{quantity: "mu[1]"}', "`mu` is one number, and takes no brackets", None),
    ],
)
def test_a_question_that_no_program_can_answer_is_refused(
    tmp_path: Path, answer: str, what: str, todo: str | None
) -> None:
    """Names, labels, positions and shapes are held to the programs and the data."""
    (refusal,) = faults_of(tmp_path, asking(answer))
    assert what in refusal.what and "config.yaml:" in (refusal.where or "")
    assert todo is None or todo in (refusal.todo or "")


def test_what_one_program_has_is_asked_of_it(tmp_path: Path) -> None:
    """A variable of only one of them, predictions of both, and data beside them are no fault."""
    for answer in (
        "{quantity: \"theta['A'] - mu\"}",
        '{quantity: "mean(y_rep) - mean(y)", stacked: true}',
        '{probability: "max(y) > 1"}',
    ):
        assert faults_of(tmp_path, asking(answer)) == []


def test_models_are_stacked_by_a_comparison_of_all(tmp_path: Path) -> None:
    """Without a comparison there are no weights; a program without the prediction has no share."""
    text = asking("{quantity: mean(y_rep), stacked: true}")
    assert faults_of(tmp_path, text) == []
    (refusal,) = faults_of(tmp_path, changed("    compare: {by: loo}\n", "", text))
    assert "weights of a comparison, and there is none" in refusal.what
    assert "compare: {by: loo}" in (refusal.todo or "")
    project = declared(tmp_path, text)
    blocks = {**FITS[1].blocks, "generated_quantities": ()}
    fits = [FITS[0], FitVariables("pooled.stan", blocks, SIZES)]
    (refusal,) = answer_faults(project, "coaching", project.analyses["coaching"], fits)
    assert refusal.what == "pooled.stan has no 'y_rep', and cannot be stacked"


@pytest.mark.parametrize("kind", ["complex", "tuple"])
def test_what_is_no_number_is_said_to_be_none(tmp_path: Path, kind: str) -> None:
    """A variable that is there, and that no expression can be of, is not said to be missing."""
    fit = FITS[1]
    blocks = {**fit.blocks, "parameters": (Variable("mu", kind, 0, ()),)}
    project = declared(tmp_path, asking("{quantity: mu}"))
    (refusal,) = answer_faults(
        project,
        "coaching",
        project.analyses["coaching"],
        [FitVariables(fit.program, blocks, SIZES)],
    )
    assert refusal.what == f"`mu` is {kind}, which expressions have no values of"
    assert "in the program" in (refusal.todo or "")
