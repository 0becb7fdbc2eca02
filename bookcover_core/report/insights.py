"""Section 5.3 in the report: what looking into a network gave, and the figure of its ideal pictures."""

from bookcover_core.errors import SettingsError, StageOrderError, WeightsError
from bookcover_core.report.figure_spec import Plan
from bookcover_core.report.findings import Findings
from bookcover_core.training.preparation_choice import model_of
from bookcover_core.visualisation.maximisation_figure import ideal_pictures
from bookcover_core.visualisation.network_insight import BLURRED, Insight, read_insight
from bookcover_core.visualisation.visualise import chosen_system


def found_insight(findings: Findings) -> Insight | None:
    """What looking into the network gave; None where none was looked into, or not as it is evaluated now.

    Raises:
        WorkspaceError: It is altered.
    """
    if "visualise" not in findings.manifests:
        return None
    try:
        model = model_of(findings.study, chosen_system(findings.study))
    except (SettingsError, StageOrderError, WeightsError):
        return None
    evaluated = {manifest.label: manifest.digest for manifest in findings.manifests.get("evaluate", [])}
    label = f"evaluate/{model}"
    for manifest in findings.manifests["visualise"]:
        if manifest.part == model and manifest.inputs.get(label) == evaluated.get(label):
            return read_insight(findings.study.workspace, model)
    return None


def ideal_plan(findings: Findings, insight: Insight | None) -> Plan | None:
    """Figure 5.6; None without ideal pictures."""
    if insight is None or not insight.ideals:
        return None
    root = findings.study.workspace.root
    warning = f" {BLURRED}" if insight.may_be_blurred else ""
    told = "; ".join(
        f"{ideal.genre.name}: score {ideal.score:.1f}"
        + ("" if ideal.best_cover is None else f", {ideal.best_cover:.1f} of the best test cover")
        for ideal in insight.ideals
    )
    return Plan(
        name="ideal-pictures",
        caption=f"Figure 5.6. Pictures that {insight.title} takes for a genre more than it does covers (activation "
        f"maximisation, {insight.steps:,} steps), for the genres with the best recall. Below each, the genre's score "
        f"as it rose, beside those of up to {max(ideal.covers for ideal in insight.ideals)} test covers of the genre."
        f"{warning}",
        alt=f"Ideal pictures and their scores. {told}.",
        draw=lambda theme: ideal_pictures(insight, root, theme),
    )
