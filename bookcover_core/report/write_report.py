"""The stage `report`: everything that a study found, as one page, with its figures, tables and numbers as files.

every stage before it  ->  report/index.html     opens from disk, can be mailed: nothing is fetched
                           report/figures/       SVG and PNG
                           report/tables/        CSV, full numbers
                           report/results.json   all numbers
                           report/data-card.md, model-card.md   in the form of model hubs
"""

from collections.abc import Mapping

from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.graph import stages
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study


def _inputs(study: Study, failures: Mapping[str, str] | None = None) -> Inputs:
    from bookcover_core.report.findings import gather  # noqa: PLC0415 - imports pandas
    from bookcover_core.report.report_files import templates_digest  # noqa: PLC0415 - imports Matplotlib

    findings = gather(study, failures)
    # The settings of any outcome, and which networks there are.
    settings = ["name", "training", "models", *(path for each in stages() for path in each.settings)]
    behind = [manifest for manifests in findings.manifests.values() for manifest in manifests]
    return Inputs(
        after=[manifest.label for manifest in behind],
        given={
            "settings": digest_of([study.settings.part(path) for path in settings]),
            "counts and times": digest_of([[each.label, each.counts, each.seconds] for each in behind]),
            "templates": templates_digest(),
            "missing": digest_of([[each.name, each.reason] for each in findings.missing]),
        },
    )


@stage("report", "Write the report", inputs=_inputs)
def write_report(study: Study, _: StageRun, failures: Mapping[str, str] | None = None) -> Result:
    """What was written: the report on everything that the study has done so far, and why systems failed (`failures`).

    Raises as `findings.gather` and `report_files.write_files`.
    """
    from bookcover_core.report.findings import gather  # noqa: PLC0415 - imports pandas
    from bookcover_core.report.report_files import write_files  # noqa: PLC0415 - imports Matplotlib

    files, counts = write_files(gather(study, failures), study.workspace.report)
    return Result(outputs=files, counts=counts)
