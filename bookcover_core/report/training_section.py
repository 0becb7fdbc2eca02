"""How the systems of a study were trained, and trained again: chapter 4, in words, tables and a learning curve."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bookcover_core.evaluation.repeats import LearningCurve
from bookcover_core.families.family import title_of
from bookcover_core.families.from_scratch import MOMENTUM
from bookcover_core.families.systems import ALL_FAMILIES
from bookcover_core.models.model_cards import Member, read_card
from bookcover_core.report.findings import Findings
from bookcover_core.report.report_figures import FigureSpec
from bookcover_core.report.table import Table
from bookcover_core.report.words import passage
from bookcover_core.training.preparation_choice import split_model_name
from bookcover_core.visualisation.line_charts import learning_curves


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
    families = [family for family in ALL_FAMILIES if any(each.system.family is family for each in networks)]
    settings = findings.study.settings
    monitored = [
        (way[0], settings.part(way[1]) if way[1] else "accuracy") for each in families if (way := each.monitored)
    ]
    return Table.of("training", networks, findings=findings, monitored=monitored)


def ensemble_table(findings: Findings) -> Table | None:
    """The members of each ensemble with their weights: section 5.4; None without one."""
    ensembles = [each for each in (*findings.systems, *findings.baselines) if each.is_ensemble]
    folder = findings.study.workspace.models
    members = [(each, member) for each in ensembles for member in read_card(folder / each.scores.model).members]

    def called(member: Member) -> str:
        name, _ = split_model_name(member.model)
        return findings.titles.get(name, name)

    return Table.of("ensembles", members, findings=findings, called=called)


def repeat_table(findings: Findings) -> Table | None:
    """Mean, spread and range over seeds and folds; None where nothing was repeated."""
    found = findings.repeats.systems if findings.repeats else {}
    rows = [
        (title_of(name), how, each)
        for name, system in found.items()
        for how, each in (("seeds, one split", system.seeds), ("folds of all books", system.folds))
        if each
    ]
    return Table.of("repeats", rows)


def _curves(findings: Findings) -> dict[str, LearningCurve]:
    found = findings.repeats.systems if findings.repeats else {}
    return {title_of(name): system.curve for name, system in found.items() if system.curve}


def curve_figures(findings: Findings) -> Iterator[FigureSpec]:
    """The learning curves, where shares of the books were learnt from."""
    if curves := _curves(findings):
        yield FigureSpec.of("learning-curve", partial(learning_curves, curves), curves=curves)


def curve_words(findings: Findings) -> list[str]:
    """For each network, what a doubling of the books brings, and where twice the books would lead."""
    return passage("learning curve", curves=_curves(findings))
