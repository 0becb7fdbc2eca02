"""How the systems of a study were trained, and trained again: chapter 4, in words, tables and a learning curve."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bookcover_core.evaluation.repeats import LearningCurve, RepeatedAccuracy
from bookcover_core.families.family import listed, title_of
from bookcover_core.families.from_scratch import MOMENTUM
from bookcover_core.families.systems import ALL_FAMILIES
from bookcover_core.models.model_cards import read_card
from bookcover_core.report.evaluated_systems import EvaluatedSystem
from bookcover_core.report.figure_spec import FigureSpec
from bookcover_core.report.findings import Findings
from bookcover_core.report.result_tables import validation_cell
from bookcover_core.report.table import Column, Table, estimates, integers, shares
from bookcover_core.report.words import passage
from bookcover_core.settings import StudySettings
from bookcover_core.training.preparation_choice import split_model_name
from bookcover_core.visualisation.training_curves import learning_curves


def training_words(findings: Findings) -> list[str]:
    """A sentence or two on the training of each kind of system that was evaluated."""
    evaluated = [each.system for each in [*findings.systems, *findings.baselines]]
    made = {family.name: [each for each in evaluated if each.family is family] for family in ALL_FAMILIES}
    settings = findings.study.settings
    files = {each.name: f"{each.name} ({Path(each.file).name})" for each in settings.models.encoders}
    encoders = [files[each.network] for each in made["encoder"]]
    genres = len(findings.genres)
    return passage("systems", made=made, settings=settings, encoders=encoders, genres=genres, momentum=MOMENTUM)


def training_table(findings: Findings) -> Table | None:
    """How each network was trained: section 4.2; None without networks."""
    networks = [each for each in findings.systems if not each.is_ensemble]
    if not networks:
        return None
    return Table.of(
        "training",
        [
            Column("Network", "title"),
            integers("Input, pixels", "card.input_size", "input side"),
            Column("Weights from", "card.weights", name="weights"),
            integers("Parameters", "card.parameters.backbone"),
            integers("Trained", "card.parameters.trainable", "trained parameters"),
            integers("Epochs", lambda each: each.curve.epochs[-1] if each.curve else None),
            integers("Best epoch", "best_epoch"),
            estimates(
                "Validation accuracy, %",
                lambda each: validation_cell(findings, each.validation_accuracy),
                "validation accuracy",
            ),
        ],
        networks,
        best_by=_best_by(findings.study.settings, networks),
    )


def _best_by(settings: StudySettings, networks: list[EvaluatedSystem]) -> str:
    """The validation metric that selected the epoch."""
    families = [family for family in ALL_FAMILIES if any(each.system.family is family for each in networks)]
    used = [way for family in families if (way := family.monitor(settings))]
    monitors = {monitor for _, monitor in used}
    if len(monitors) == 1:
        return f"Best: by validation {monitors.pop()}."
    return f"Best: {listed([f'{named} by validation {monitor}' for named, monitor in used])}."


def ensemble_table(findings: Findings) -> Table | None:
    """The members of each ensemble with their weights: section 5.4; None without one."""
    ensembles = [each for each in (*findings.systems, *findings.baselines) if each.is_ensemble]
    called = findings.titles
    folder = findings.study.workspace.models
    members = [(each, member) for each in ensembles for member in read_card(folder / each.scores.model).members]
    if not members:
        return None
    return Table.of(
        "ensembles",
        [
            Column("Ensemble", "0.title"),
            Column("Member", lambda each: called.get(name := split_model_name(each[1].model)[0], name)),
            shares("Weight", lambda each: each[1].weight),
            estimates(
                "Validation accuracy",
                lambda each: validation_cell(findings, each[1].validation_accuracy),
                "validation accuracy",
            ),
        ],
        members,
    )


def repeat_table(findings: Findings) -> Table | None:
    """Mean, spread and range over seeds and folds; None where nothing was repeated."""
    found = findings.repeats.systems if findings.repeats else {}
    rows: list[tuple[str, str, RepeatedAccuracy]] = [
        (title_of(name), how, each)
        for name, system in found.items()
        for how, each in (("seeds, one split", system.seeds), ("folds of all books", system.folds))
        if each
    ]
    if not rows:
        return None
    return Table.of(
        "repeats",
        [
            Column("Network", lambda row: row[0]),
            Column("Trained with other", lambda row: row[1], name="how"),
            integers("Trainings", lambda row: len(row[2].runs)),
            estimates("Mean", lambda row: row[2].estimate),
            shares("Standard deviation", lambda row: row[2].spread),
            shares("Least", lambda row: min(row[2].runs)),
            shares("Greatest", lambda row: max(row[2].runs)),
        ],
        rows,
    )


def _curves(findings: Findings) -> dict[str, LearningCurve]:
    found = findings.repeats.systems if findings.repeats else {}
    return {title_of(name): system.curve for name, system in found.items() if system.curve}


def curve_figures(findings: Findings) -> Iterator[FigureSpec]:
    """The learning curves, where shares of the books were learnt from."""
    if curves := _curves(findings):
        yield FigureSpec.of("learning-curve", partial(learning_curves, curves), curves=curves)


def doubt_words(findings: Findings) -> list[str]:
    """How many labels are doubtful, what that is worth, and how much of the error it may be."""
    return passage("doubtful labels", noise=findings.label_noise) if findings.label_noise else []


def curve_words(findings: Findings) -> list[str]:
    """For each network, what a doubling of the books brings, and where twice the books would lead."""
    return passage("learning curve", curves=_curves(findings))
