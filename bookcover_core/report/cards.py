"""The data card and the model card, in the form of model hubs: Markdown under a head of YAML.

Their sections follow Gebru et al. 2021 ("Datasheets for datasets") and Mitchell et al. 2019 ("Model cards for model
reporting"); `templates/data-card.md` and `templates/model-card.md` are filled in.
"""

from collections import Counter
from typing import Any

from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.evaluated_systems import EvaluatedSystem
from bookcover_core.report.findings import Findings
from bookcover_core.report.record_tables import split_counts
from bookcover_core.report.words import environment
from bookcover_core.version import __version__


def data_card(findings: Findings) -> str:
    """What the books of the study are, where they come from, how they were chosen, and what to beware of."""
    splits = split_counts(findings)
    by_genre: Counter[tuple[str, str]] = Counter()
    if splits:
        table = read_table(findings.study.workspace.splits, ("genre", "split"))
        by_genre.update(zip(table["genre"], table["split"], strict=True))
    return _fill(
        "data-card.md",
        findings,
        splits=splits,
        books=sum(splits.values()),
        by_genre=by_genre,
        excluded=next((each.counts.get("reasons", {}) for each in findings.manifests.get("curate", [])), {}),
    )


def model_card(findings: Findings, system: EvaluatedSystem) -> str:
    """What a system is, what it was trained on, how often it is right, and what it is not for."""
    return _fill(
        "model-card.md",
        findings,
        system=system,
        card=system.card,
        scores=system.scores,
        splits=split_counts(findings),
    )


def _fill(template: str, findings: Findings, **values: Any) -> str:
    filled = environment().overlay(autoescape=False).get_template(template)
    return filled.render(findings=findings, settings=findings.study.settings, version=__version__, **values) + "\n"
