"""Tables and figures of the analysis in the report: there, right, and only where they belong to the networks shown."""

import json
from pathlib import Path

import pytest

from bookcover_core.evaluation.analyse import read_analysis
from bookcover_core.evaluation.intervals import Standing
from bookcover_core.evaluation.scores import evaluate
from bookcover_core.families.baselines import fit_baseline
from bookcover_core.pipeline.study import Study
from bookcover_core.report.findings import gather
from bookcover_core.report.result_tables import analysis_tables
from bookcover_core.report.table import Cell, Column, Format, show, show_interval
from bookcover_core.report.write_report import write_report
from tests.bookcover_core.report.analysed import make_analysed_study
from tests.bookcover_core.report.specimen import Specimen, invented_predictions

SMALL = Specimen(
    genres=("Law & <Order>", "Travel", "Romance", "History"),
    backbones=("MobileNetV2", "InceptionResNetV2"),
    test_per_genre=12,
    train_per_genre=30,
    covers_per_genre=1,
    twins=False,
)


def test_tables_say_what_the_analysis_says(analysed):
    """Pairs with a word for their standing, the best network's confusions."""
    findings, analysis = gather(analysed), read_analysis(analysed.workspace)
    tables = {table.name: table for table in analysis_tables(findings)}
    assert set(tables) == {
        "colour-correlation",
        "overlapping-pairs",
        "confused-pairs",
        "calibration",
        "pairs",
        "together",
    }
    words = [row[5].value for row in tables["pairs"].rows]
    for word, pair in zip(words, analysis.pairs, strict=True):
        leader = {Standing.AHEAD: f"{pair.first} ahead", Standing.BEHIND: f"{pair.second} ahead"}
        assert word == leader.get(pair.standing, pair.standing.value)
    most = tables["confused-pairs"].rows[0]
    assert most[2].value == max(pair.books for pair in analysis.systems["InceptionResNetV2"].confused)
    assert sum(row[1].value for row in tables["together"].rows) == 5_700
    temperatures = [row[7].value for row in tables["calibration"].rows]
    assert temperatures[2] is None
    assert all(temperatures[:2])


def test_a_network_without_overlap_shows_its_greatest(analysed):
    """Where no pair is above the threshold, the greatest overlap stands in, and is said not to be above."""
    analysis = read_analysis(analysed.workspace)
    rows = next(each for each in analysis_tables(gather(analysed)) if each.name == "overlapping-pairs").rows
    for name, system in analysis.systems.items():
        own = [row for row in rows if row[0].value == name]
        assert own[0][3].value == pytest.approx(system.overlap.highest.overlap.value)
        assert {row[4].value for row in own} == {"yes" if system.overlap.pairs else "no"}


def test_the_page_has_the_analysis_of_its_own_networks_only(tmp_path: Path):
    """With the analysis: figures, tables and results. After another evaluation it counts for nothing."""
    study = make_analysed_study(tmp_path, SMALL)
    write_report(study)
    folder = study.workspace.report
    page = (folder / "index.html").read_text("utf-8")
    drawn = {"distributions", "colours", "colour-distance", "overlap-MobileNetV2", "calibration", "pairs"}
    for name in drawn:
        assert f'id="figure-{name}"' in page
        assert (folder / "figures" / f"{name}.png").stat().st_size > 5_000
    assert "verdict-counts" not in page, "these genres have no published numbers"
    results = json.loads((folder / "results.json").read_text("utf-8"))
    assert set(results["analysis"]["systems"]) == {"MobileNetV2", "InceptionResNetV2"}
    assert "matrix" not in results["analysis"]["systems"]["MobileNetV2"]["overlap"]
    assert results["verdicts"]["numbers"] == []

    def turned(study, model, split):
        keys, labels, probabilities = invented_predictions(study, model, split)
        return keys, labels, probabilities[:, ::-1]

    study.manifest_file("evaluate/MobileNetV2-padded").unlink()
    evaluate(study, "MobileNetV2", predict=turned)
    assert gather(study).analysis is None


def test_baselines_do_not_hide_the_analysis(tmp_path: Path):
    """The analysis is of the systems alone: that baselines were evaluated too makes it none of other predictions."""
    study = make_analysed_study(tmp_path, SMALL)
    chosen = study.settings.baselines.model_copy(update={"names": ("commonest",)})
    study = Study(study.settings.model_copy(update={"baselines": chosen}))
    fit_baseline(study, "Baseline-commonest")
    evaluate(study, "Baseline-commonest")
    findings = gather(study)
    assert [each.name for each in findings.baselines] == ["Baseline-commonest"]
    assert findings.analysis is not None


def test_a_page_without_analysis_says_so(bookcover30):
    """Networks that were evaluated and not analysed: no figure of section 5.2, and what to do."""
    page = (bookcover30.workspace.report / "index.html").read_text("utf-8")
    assert 'id="figure-distributions"' not in page
    assert "have not been analysed" in page


@pytest.mark.parametrize(
    ("cell", "form", "shown"),
    [
        (Cell(-0.364), Format.NUMBER, "-0.36"),
        (Cell(0.0004), Format.P_VALUE, "< 0.001"),
        (Cell(0.0361), Format.P_VALUE, "0.036"),
        (Cell(-0.125), Format.SHARE, "-12.5"),
    ],
)
def test_numbers_and_p_values_are_shown_for_people(cell: Cell, form: Format, shown: str):
    """Two decimals for numbers, three for p-values, and none that is smaller than is known."""
    assert show(cell, Column("x", format=form)) == shown


def test_intervals_below_nothing_are_told_in_words():
    """A dash between two minus signs cannot be read; numbers are not shown in per cent."""
    assert show_interval(Cell(-0.1, -0.2, -0.05)) == "-20.0 to -5.0"
    assert show_interval(Cell(0.4, 0.25, 0.5), Format.NUMBER) == "0.25\N{EN DASH}0.50"
