"""A study's trained models, found by the cards beside their weights, and the one that judges. Needs no TensorFlow."""

import logging
from dataclasses import dataclass, replace
from typing import Any

from bookcover_core.errors import BookcoverError, WeightsError, choose_among
from bookcover_core.evaluation.scores import read_scores
from bookcover_core.families.family import Evidence, title_of
from bookcover_core.families.systems import family_of, systems
from bookcover_core.inference.answers import ModelSummary
from bookcover_core.models.model_cards import CARD, ModelCard, read_card
from bookcover_core.pipeline.graph import NOT_KNOWN, Part, find, outdated
from bookcover_core.pipeline.study import Study, in_our_words, reference
from bookcover_core.reading.text_reader import missing_packages
from bookcover_core.training.stored_probabilities import ValidationFigures, choose_by_validation

logger = logging.getLogger(__name__)

_NOT_ASKED_FOR = "the settings do not ask for it now"
_NOT_WHOLE = "its files, or those that it was made from, are missing or altered"


@dataclass(frozen=True)
class TrainedModel:
    """A trained model: one network, or an ensemble."""

    name: str
    """System and preparation: the name of its folder."""
    validation: ValidationFigures
    members: tuple[ModelCard, ...]
    """Cards of its networks."""
    shares: tuple[float, ...]
    """Weight of each network's probabilities."""
    how: str
    """How they are joined: see `ensemble.join`."""
    earlier: str = ""
    """Why it is not of the study as it is now: "seed changed from 2020 to 7"; empty where it is."""

    @property
    def system(self) -> str:
        """Its name without the preparation."""
        return self.name.rpartition("-")[0]

    @property
    def title(self) -> str:
        """For people: "MobileNetV2, fine-tuned"."""
        return title_of(self.system)

    @property
    def evidence(self) -> frozenset[Evidence]:
        """What it judges a book by."""
        return frozenset().union(*(family_of(card.kind).evidence for card in self.members))

    @property
    def competes(self) -> bool:
        """Whether it may judge without being named: it looks at covers, and wants nothing of a listing."""
        return Evidence.PICTURE in self.evidence and Evidence.LISTING not in self.evidence

    @property
    def missing(self) -> str:
        """What is not installed here and what it reads with; empty where it can judge."""
        return missing_packages() if Evidence.READ in self.evidence else ""


def candidates(study: Study) -> list[TrainedModel]:
    """The trained models of a study, the one with the best validation accuracy first, those of earlier runs last."""
    cards: dict[str, ModelCard] = {}
    for file in sorted(study.workspace.models.glob(f"*/{CARD}")):
        try:
            cards[file.parent.name] = read_card(file.parent)
        except WeightsError as error:
            logger.warning("%s", error)
    found = []
    for card in cards.values():
        shares = {member.model: member.weight for member in card.members} or {card.name: 1.0}
        if missing := [name for name in shares if name not in cards]:
            logger.warning("%s: members of it are missing (%s)", card.name, ", ".join(missing))
            continue
        members, weights = tuple(cards[name] for name in shares), tuple(shares.values())
        found.append(TrainedModel(card.name, ValidationFigures.of(card.metrics), members, weights, card.how or "mean"))
    reasons, lost = _reasons(study)
    told = [replace(each, earlier=reasons.get(each.name, lost.get(each.system, _NOT_ASKED_FOR))) for each in found]
    order = {name: place for place, name in enumerate(reasons)}
    told.sort(key=lambda each: order.get(each.name, len(order)))
    if not told:
        return []
    names = choose_by_validation({each.name: each.validation for each in told}).names
    return sorted(
        told, key=lambda each: (bool(each.earlier), bool(each.missing), not each.competes, names.index(each.name))
    )


def _reasons(study: Study) -> tuple[dict[str, str], dict[str, str]]:
    """Why each model is not of the study as it is now, by its name, empty where it is; by system, if it has no name."""
    reasons, lost, changed = {}, {}, outdated(study)
    for system in systems(study.settings):
        try:
            name = system.model(study)
        except NOT_KNOWN as error:
            ours = in_our_words(error) if isinstance(error, OSError) else error
            lost[system.name] = ours.what if isinstance(ours, BookcoverError) else _NOT_WHOLE
            continue
        reasons[name] = changed.get(f"{system.stage}/{name}", "" if system.is_made(study) else _NOT_WHOLE)
    return reasons, lost


def choose(study: Study, model: str = "", *, is_titled: bool = False) -> TrainedModel:
    """The model that is to judge: `model`, with or without the preparation; else the best by validation accuracy.

    Where the title of the book is given (`is_titled`), one that reads it beside the cover comes first. `WeightsError`
    where nothing has been trained, or nothing of that name.
    """
    trained = candidates(study)
    both = [each for each in trained if is_titled and {Evidence.PICTURE, Evidence.LISTING} <= each.evidence]
    competing = [*both, *(each for each in trained if each.competes)]
    if not (trained if model else competing):
        what = "there is no trained network to judge with"
        advice = "Train one first: `bookcover run`, with the same settings, does everything that is needed for it."
        raise WeightsError(what, where=study.workspace.models, advice=advice)
    if model:
        for each in trained:
            if model.casefold() in {each.name.casefold(), each.system.casefold()}:
                return each
        what = f"there is no trained model called {model!r}"
        advice = choose_among(model, dict.fromkeys(name for each in trained for name in (each.system, each.name)))
        raise WeightsError(what, where=study.workspace.models, advice=advice)
    for each in competing:
        if not (each.earlier or each.missing):
            return each
    what = f"no trained model is known to be of the study as it is now ({competing[0].name}: {competing[0].earlier})"
    again = f"`bookcover run {reference(study.settings)}` makes anew what is missing or has changed"
    named = f"Or name one (`--model`) to have it judge all the same: {', '.join(each.name for each in competing)}."
    raise WeightsError(what, where=study.workspace.models, advice=f"Run the study again: {again}. {named}")


def describe(study: Study, candidate: TrainedModel) -> ModelSummary:
    """Summary of the model that judges."""
    warnings = [f"It is not known to be of this study as it is now: {candidate.earlier}."] if candidate.earlier else []
    warnings += [
        f"{name} has random weights: this network was never trained on pictures, and its answers mean nothing."
        for name in dict.fromkeys(card.backbone for card in candidate.members if card.never_saw_pictures)
    ]
    if (missing := missing_packages()) and Evidence.READ not in candidate.evidence:
        warnings += [
            f"{each.title} would read the words on a cover too, but {missing} is not installed here: only the picture"
            ' is judged. `pip install "bookcover[text]"` brings it.'
            for each in candidates(study)
            if each.missing and each.competes and not each.earlier
        ]
    judged: dict[str, Any] = {"confidence": study.settings.evaluation.confidence}
    file = study.workspace.evaluation / candidate.name / "metrics.json"
    is_evaluated = not candidate.earlier and Part(find("evaluate"), (candidate.system,)).is_sound(study)
    if file.is_file() and is_evaluated:
        scores = read_scores(file)
        judged = {name: getattr(scores, name) for name in ("accuracy", "chance", "confidence")}
        judged["test_books"] = scores.books
        judged["precision"] = {genre.slug: genre.precision for genre in scores.genres if genre.precision}
    return ModelSummary(
        study=study.settings.name,
        model=candidate.name,
        title=candidate.title,
        preparation=", ".join(dict.fromkeys(card.preparation for card in candidate.members)),
        networks=[card.name for card in candidate.members],
        genres=len(candidate.members[0].genres),
        reads_titles=Evidence.LISTING in candidate.evidence,
        validation_accuracy=candidate.validation.accuracy,
        warnings=warnings,
        **judged,
    )
