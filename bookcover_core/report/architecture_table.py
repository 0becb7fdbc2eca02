"""Appendix A: the networks in numbers, and what their accuracy costs."""

from bookcover_core.evaluation.published_results import published_recall
from bookcover_core.report.figure_spec import Plan
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Cell, Column, Kind, Table, percent
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.cost_chart import Costed, accuracy_against_cost

_NOTES = (
    "Read off the networks as they were built, head included. Depth: convolutions and dense layers on the longest way.",
    "Multiply-adds: of convolutions and dense layers, for one cover; half of what is elsewhere called FLOPs.",
)
_GROUPED = "ResNeXt50's grouped convolutions are built as depthwise ones whose outputs are summed: the same number."


def architecture_table(findings: Findings) -> Table | None:
    """A row for each network with its numbers; None where no card tells them."""
    rows = [
        [
            Cell(network.title),
            Cell(numbers.input_size),
            Cell(numbers.layers),
            Cell(numbers.layers_with_weights),
            Cell(numbers.depth),
            Cell(round(numbers.parameters / 1e6, 2)),
            Cell(round(numbers.multiply_adds / 1e9, 3)),
        ]
        for network in findings.networks
        if network.card is not None and (numbers := network.card.architecture) is not None
    ]
    if not rows:
        return None
    return Table(
        name="architectures",
        caption="The networks in numbers",
        columns=[
            Column("Network"),
            Column("Input, pixels", Kind.COUNT, "input side"),
            Column("Layers", Kind.COUNT),
            Column("with weights", Kind.COUNT, "layers with weights"),
            Column("Depth", Kind.COUNT),
            Column("Parameters, M", Kind.NUMBER, "parameters in millions"),
            Column("Multiply-adds, G", Kind.NUMBER, "multiply-adds in thousand millions"),
        ],
        rows=rows,
        notes=(*_NOTES, _GROUPED) if any("ResNeXt" in network.backbone for network in findings.networks) else _NOTES,
    )


def cost_plan(findings: Findings) -> Plan | None:
    """Accuracy against multiply-adds; None where no card tells them."""
    published = published_recall() if findings.has_published else {}
    networks = [
        Costed(
            name=network.title,
            architecture=network.card.architecture,
            accuracy=network.scores.accuracy,
            published=published[network.backbone].total_top1 if network.backbone in published else None,
        )
        for network in findings.networks
        if network.card is not None and network.card.architecture is not None
    ]
    if not networks:
        return None
    hollow = " Hollow: what is published for the same network." if any(each.published for each in networks) else ""
    if hollow and not findings.comparable:
        hollow += " That is not comparable with the study's."
    told = "; ".join(
        f"{each.name}: {each.architecture.multiply_adds / 1e9:.2f} G multiply-adds, "
        f"{percent(each.accuracy.value)} % accuracy"
        for each in networks
    )
    return Plan(
        name="cost",
        caption="What accuracy costs: top-1 accuracy with its interval against the multiply-adds for one cover; areas "
        f"stand for parameters (after Bianco et al. 2018, Figure 1).{hollow}",
        alt=f"Accuracy against cost. {told}.",
        draw=lambda theme: accuracy_against_cost(networks, theme),
        narrow=lambda theme: accuracy_against_cost(networks, theme, figure_style.NARROW),
    )
