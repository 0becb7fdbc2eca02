"""The analysis that the report draws on: only one that was made from the very predictions that the report shows."""

from bookcover_core.evaluation.analyse import Analysis, read_analysis
from bookcover_core.report.findings import Findings


def found_analysis(findings: Findings) -> Analysis | None:
    """The analysis of the networks of `findings`; None where there is none, or one of other predictions.

    Raises:
        WorkspaceError: It is altered.
    """
    made = {manifest.label: manifest.digest for manifest in findings.manifests.get("evaluate", [])}
    for manifest in findings.manifests.get("analyse", []):
        analysed = {label: digest for label, digest in manifest.inputs.items() if label.startswith("evaluate/")}
        if analysed == made:
            return read_analysis(findings.study.workspace)
    return None
