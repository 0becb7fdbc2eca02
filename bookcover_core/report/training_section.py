"""How the systems of a study were trained: chapter 4, in words and in tables."""

import json
from collections.abc import Callable
from typing import Any

from bookcover_core.errors import WorkspaceError
from bookcover_core.models.model_cards import ModelCard
from bookcover_core.models.systems import Kind, title_of
from bookcover_core.report.findings import EvaluatedSystem, Findings
from bookcover_core.report.result_tables import validation_cell
from bookcover_core.report.table import Column, Content, Table, estimates, integers, shares
from bookcover_core.settings import Monitor, StudySettings
from bookcover_core.training.ensemble import ENSEMBLE

_EXTRA_INPUTS = {"aspect_ratio": "aspect ratio", "width": "width", "height": "height", "mean_colour": "mean colour"}

_JOINED = {
    "mean": "by the mean of its members' probabilities",
    "weighted": "by a mean of its members' probabilities whose weights were fitted on the validation books",
}

_BETTER: dict[Monitor, str] = {"accuracy": "a better validation accuracy", "loss": "a lower validation loss"}


def training_words(findings: Findings) -> list[str]:
    """A sentence or two on the training of each kind of system that was evaluated."""
    settings = findings.study.settings
    evaluated = [each.system for each in findings.systems]
    kinds = {system.kind for system in evaluated}
    words = []
    if Kind.FROZEN in kinds:
        words.append(_frozen(settings, len(findings.genres)))
    if Kind.FINE_TUNED in kinds:
        words.append(_fine_tuned(settings))
    if Kind.SCRATCH in kinds:
        words.append(_scratch(settings))
    joined = [system for system in evaluated if system.kind is Kind.ENSEMBLE]
    return words + [f"{system.title} judges {_JOINED[system.network]}." for system in joined]


def training_table(findings: Findings) -> Table | None:
    """How each network was trained: section 4.2; None without networks."""
    networks = [each for each in findings.systems if not each.is_ensemble]
    if not networks:
        return None

    def of_card(read: Callable[[ModelCard], Content]) -> Callable[[EvaluatedSystem], Content]:
        return lambda each: read(each.card) if each.card else None

    return Table.of(
        "training",
        "The networks and their training",
        [
            Column("Network", lambda each: each.title),
            integers("Input, pixels", of_card(lambda card: card.input_size), "input side"),
            Column("Weights from", of_card(lambda card: card.weights), name="weights"),
            integers("Parameters", of_card(lambda card: card.parameters.get("backbone"))),
            integers("Trained", of_card(lambda card: card.parameters.get("trainable")), "trained parameters"),
            integers("Epochs", lambda each: each.curve.epochs[-1] if each.curve else None),
            integers("Best epoch", lambda each: each.best_epoch),
            estimates(
                "Validation accuracy, %",
                lambda each: validation_cell(findings, each.validation_accuracy),
                "validation accuracy",
            ),
        ],
        networks,
        notes=[
            _best_by(findings.study.settings, {each.system.kind for each in networks}),
            "The validation books chose the epoch, so the accuracy on them flatters; the test accuracy does not.",
        ],
    )


def _best_by(settings: StudySettings, kinds: set[Kind]) -> str:
    """The validation metric that selected the epoch, for networks of these kinds."""
    ways: dict[Kind, tuple[str, Monitor]] = {
        Kind.FROZEN: ("frozen networks", settings.training.monitor),
        Kind.FINE_TUNED: ("fine-tuned networks", settings.fine_tuning.monitor),
        Kind.SCRATCH: ("networks trained from nothing", "accuracy"),
    }
    used = [way for kind, way in ways.items() if kind in kinds]
    monitors = {monitor for _, monitor in used}
    if len(monitors) == 1:
        return f"Best: by validation {monitors.pop()}."
    return f"Best: {_and([f'{networks} by validation {monitor}' for networks, monitor in used])}."


def ensemble_table(findings: Findings) -> Table | None:
    """The members of each ensemble with their weights: section 5.4; None without one."""
    ensembles = [each for each in findings.systems if each.is_ensemble]
    members = [(each, member) for each in ensembles for member in _members(findings, each)]
    if not members:
        return None
    return Table.of(
        "ensembles",
        "The members of the ensembles, in per cent",
        [
            Column("Ensemble", lambda each: each[0].title),
            Column("Member", lambda each: title_of(each[1]["name"])),
            shares("Weight", lambda each: float(each[1]["weight"])),
            estimates(
                "Validation accuracy",
                lambda each: validation_cell(findings, float(each[1]["validation_accuracy"])),
                "validation accuracy",
            ),
        ],
        members,
        notes=["Fitted weights, and what chose the members' epochs, come from the same validation books."],
    )


def _members(findings: Findings, ensemble: EvaluatedSystem) -> list[dict[str, Any]]:
    file = findings.study.workspace.models / ensemble.scores.model / ENSEMBLE
    try:
        members: list[dict[str, Any]] = json.loads(file.read_bytes())["members"]
    except (OSError, ValueError, KeyError) as error:
        raise WorkspaceError(
            "it does not name the members of the ensemble",
            where=file,
            advice="Run the study again: what is altered is made anew.",
        ) from error
    return members


def _frozen(settings: StudySettings, genres: int) -> str:
    training, head = settings.training, settings.head
    layers = [f"one dense softmax layer of {genres} genres"]
    if head.hidden_units:
        layers = [f"a hidden layer of {units:,} units" for units in head.hidden_units]
        layers.append(f"a dense softmax layer of {genres} genres")
    means = [f"learning rate {training.learning_rate:g}", f"batches of {training.batch_size}"]
    means += [f"dropout {head.dropout:g}"] if head.dropout else []
    means += [f"weight decay {training.weight_decay:g}"] if training.weight_decay else []
    means += [f"label smoothing {training.label_smoothing:g}"] if training.label_smoothing else []
    said = (
        f"A frozen network is a backbone as it came, with global average pooling and {_and(layers)}, trained with "
        f"{'WAME' if training.optimizer == 'wame' else 'Adam'} ({', '.join(means)}) "
        f"{_until(training.epochs, training.patience, training.monitor)}."
    )
    if head.extra_inputs:
        said += f" Beside the features it is given each cover's {_and([_EXTRA_INPUTS[n] for n in head.extra_inputs])}."
    if settings.search.trials:
        said += f" These are the first of {settings.search.trials:,} settings of the head that were tried for each "
        said += "network; the one that validated best was kept."
    return said


def _fine_tuned(settings: StudySettings) -> str:
    tuning = settings.fine_tuning
    blocks = "the top block of its backbone is" if tuning.blocks == 1 else f"the top {tuning.blocks} blocks are"
    shown = ", each cover shown a little moved, scaled, lighter or darker every time" if tuning.augment else ""
    return (
        f"A fine-tuned network goes on from there: {blocks} trained too, with Adam (learning rate "
        f"{tuning.learning_rate:g}, batches of {tuning.batch_size}) "
        f"{_until(tuning.epochs, tuning.patience, tuning.monitor)}{shown}. "
        "Where no epoch validates better than its start, the start is kept."
    )


def _scratch(settings: StudySettings) -> str:
    scratch = settings.scratch
    steps = {"LeNet": scratch.lenet_steps, "AlexNet": scratch.alexnet_steps}
    trained = [name for name in steps if name in settings.training.backbones]
    return (
        f"{_and(trained)} {'is' if len(trained) == 1 else 'are'} trained from nothing by stochastic gradient descent "
        f"(momentum 0.9, learning rate {scratch.learning_rate:g}, batches of {scratch.batch_size}) for at most "
        f"{_and([f'{steps[name]:,}' for name in trained])} steps, stopping after {_epochs(scratch.patience)} without "
        f"{_BETTER['accuracy']}."
    )


def _until(epochs: int, patience: int, monitor: Monitor) -> str:
    return f"for {_epochs(epochs)} at most, stopping after {patience:,} without {_BETTER[monitor]}"


def _epochs(number: int) -> str:
    return "1 epoch" if number == 1 else f"{number:,} epochs"


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
