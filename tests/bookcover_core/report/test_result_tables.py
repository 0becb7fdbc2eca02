"""The tables of results: the best is marked, ties count for all, and what cannot be compared is not."""

import csv
from pathlib import Path

import pytest

from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.evaluation.scores import evaluate
from bookcover_core.families.baselines import fit_baseline
from bookcover_core.pipeline.study import Study
from bookcover_core.report.findings import gather
from bookcover_core.report.formats import duration
from bookcover_core.report.record_tables import funnel, split_counts, time_table
from bookcover_core.report.report_files import make_tables
from bookcover_core.report.result_tables import (
    _mark_best,
    network_table,
    precision_table,
    preparation_table,
    recall_table,
)
from bookcover_core.report.summary import result_table
from bookcover_core.report.table import Cell, Column, Format, Table, show, show_interval
from bookcover_core.report.training_section import training_table


def _column(table: Table, title: str) -> list[Cell]:
    names = [column.name or column.title for column in table.columns]
    return [row[names.index(title)] for row in table.rows]


def test_ties_mark_all_and_are_compared_as_printed():
    """Two networks that agree to a tenth of a per cent are both best; a k is compared with the same k only."""
    cells = [Cell(0.2001), Cell(0.5), Cell(0.2004), Cell(0.9), Cell(0.1), Cell(0.9)]
    assert [cell.best for cell in _mark_best(cells, 2, range(6))] == [True, False, True, True, False, True]


def test_nothing_is_best_where_all_are_nothing_or_one_stands_alone():
    """Recall 0 everywhere is nobody's best, and a network without rivals is not marked."""
    assert not any(cell.best for cell in _mark_best([Cell(0.0), Cell(0.0)], 1, range(2)))
    assert not any(cell.best for cell in _mark_best([Cell(0.3), Cell(0.4)], 2, range(2)))


def test_table_2_sets_the_study_beside_all_published_columns(official):
    """Comparable: 30 genres, five published networks, the best among all, and as many wins as marks."""
    table = recall_table(gather(official))
    assert table is not None
    assert len(table.body) == 30
    assert [row[0].value for row in table.totals] == ["Total accuracy", "Number of best genres"]
    assert sum(span for _, span in table.groups) == len(table.columns) == 1 + 2 * 2 + 5 * 2
    assert _column(table, "published AlexNet top 1")[30].value == 0.247
    assert [name for name, _ in table.groups if "Iwana" in name] == [
        "LeNet, Iwana 2016",
        "fine-tuned AlexNet, Iwana 2016",
    ]
    for place in range(1, len(table.columns)):
        assert table.totals[1][place].value == str(sum(row[place].best for row in table.body))
    for row in table.body:
        assert any(cell.best for cell in row[1::2])
    assert any(cell.best for row in table.body for cell in row[5:]), "published columns take part"


def test_what_cannot_be_compared_takes_no_part(bookcover30):
    """With another test set published columns are shown, never marked, and a note says why."""
    findings = gather(bookcover30)
    for table in (recall_table(findings), precision_table(findings), preparation_table(findings)):
        assert table is not None
        assert any("official test books 120 are left" in note for note in table.notes)
    table = recall_table(findings)
    assert table is not None
    faint = [place for place, column in enumerate(table.columns) if column.faint]
    assert not any(row[place].best for row in table.rows for place in faint)
    assert all(table.totals[1][place].value is None for place in faint)


def test_genres_of_ones_own_have_no_published_columns(own_genres):
    """A study of other genres has its own columns alone, and no k that takes in every genre."""
    findings = gather(own_genres)
    table = recall_table(findings)
    assert table is not None
    assert [column.title for column in table.columns] == ["Genre", "Top 1"]
    assert not any(column.faint for column in table.columns)
    assert preparation_table(findings) is None


def test_table_1_says_what_was_chosen(bookcover30):
    """Table 1 has the three preparations with the published accuracy beside, the chosen one marked."""
    table = preparation_table(gather(bookcover30))
    assert table is not None
    assert [(row[0].value, row[0].best) for row in table.rows] == [
        ("noprep", False),
        ("padded", True),
        ("cropped", False),
    ]
    assert [cell.value for cell in _column(table, "published test accuracy")] == [0.1439, 0.1581, 0.1288]


def test_every_number_of_the_study_has_an_interval(official):
    """No share of the study's own test books stands without interval."""
    findings = gather(official)
    makers = (recall_table, precision_table, network_table, preparation_table, training_table)
    for table in (make(findings) for make in makers):
        assert table is not None
        for place, column in enumerate(table.columns):
            if column.format is Format.SHARE and not column.faint:
                cells = [row[place] for row in table.rows if row[place].value is not None]
                assert all(cell.low is not None for cell in cells if not isinstance(cell.value, str))


def test_counts_add_up(bookcover30):
    """The funnel counts what is in the files: 300 books, the covers without the missing, splits that add up."""
    findings = gather(bookcover30)
    rows = {step: row for step, *row in funnel(findings)}
    assert rows["Records in the listings"][0] == 300
    kept, dropped, why = rows["Covers"]
    assert kept + dropped == 300
    assert why == f"missing {dropped}"
    assert rows["Books chosen"][2] == "missing 1, box set 1, twin in the test set 1 (1 of them replaced like for like)"
    assert split_counts(findings) == {"train": 150, "validation": 30, "test": 120}
    assert rows["Test books judged"][0] == 120


def test_undecided_candidates_that_were_kept_are_told(bookcover30):
    """Where candidates stay in the study without a decision the funnel says how many."""
    for keep, told in (("keep", "; 2 on which nobody decided were kept"), ("reject", "")):
        curation = bookcover30.settings.curation.model_copy(update={"undecided": keep})
        findings = gather(Study(bookcover30.settings.model_copy(update={"curation": curation})))
        for manifest in findings.manifests["curate"]:
            manifest.counts["undecided"] = 2
        rows = {step: why for step, *_, why in funnel(findings)}
        assert rows["Candidates for box sets, by title"] == f"box set 2, bundle 1{told}"


def test_times_add_up(bookcover30):
    """The time of all stages is the sum of theirs."""
    table = time_table(gather(bookcover30))
    seconds = [row[2].value for row in table.body]
    assert table.totals[0][2].value == pytest.approx(sum(seconds))
    assert {row[0].value for row in table.body} >= {"Fetch the covers", "Evaluate on the test books"}


def test_a_csv_has_full_numbers_and_intervals(tmp_path: Path):
    """The CSV has more digits than the page, intervals in columns of their own, and empty cells for nothing."""
    table = Table(
        name="t",
        caption="T",
        columns=[Column("Genre"), Column("Top 1", Format.SHARE, "top 1", interval=True)],
        rows=[[Cell('A, "B"'), Cell.of(Estimate(value=1 / 3, low=0.25, high=0.5))], [Cell("C"), Cell()]],
    )
    with table.write(tmp_path).open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))
    assert rows == [
        ["Genre", "top 1", "top 1 low", "top 1 high"],
        ['A, "B"', "0.333333", "0.25", "0.5"],
        ["C", "", "", ""],
    ]


@pytest.mark.parametrize(
    ("cell", "form", "shown"),
    [
        (Cell(0.24663), Format.SHARE, "24.7"),
        (Cell(5700), Format.COUNT, "5,700"),
        (Cell(None), Format.SHARE, "\N{EN DASH}"),
        (Cell(1234.5), Format.RATE, "1,234"),
        (Cell(0.5123), Format.RATE, "0.512"),
        (Cell(75.2), Format.SECONDS, "1 min 15 s"),
    ],
)
def test_cells_are_shown_for_people(cell: Cell, form: Format, shown: str):
    """Per cent with one decimal, thousands marked, times in words, and a dash for nothing."""
    assert show(cell, Column("x", format=form)) == shown


def test_durations_and_intervals_for_people():
    """Times never show sixty of anything, and an interval is shown in per cent."""
    assert [duration(each) for each in (0.04, 9.96, 59.6, 3599.7, 7500)] == [
        "0.0 s",
        "10.0 s",
        "1 min 00 s",
        "1 h 00 min",
        "2 h 05 min",
    ]
    assert show_interval(Cell(0.2, 0.1, 0.3)) == "10.0\N{EN DASH}30.0"
    assert not show_interval(Cell(0.2))


def test_published_results_are_all_there(official, own_genres):
    """The table of published results has a row for each of them; genres of one's own have no such table."""
    assert len(make_tables(gather(official))["published-results"].rows) == 20
    assert "published-results" not in make_tables(gather(own_genres))


def test_baselines_stand_in_every_table_and_win_nothing(bookcover30):
    """Chance is a row of the overview and the last columns of Tables 2 and 3; a genre always named is not won by it."""
    chosen = bookcover30.settings.baselines.model_copy(update={"names": ("commonest", "frequencies")})
    study = Study(bookcover30.settings.model_copy(update={"baselines": chosen}))
    before = gather(study)
    for name in chosen.names:
        fit_baseline(study, f"Baseline-{name}")
        evaluate(study, f"Baseline-{name}")
    findings = gather(study)
    assert findings.best == before.best
    assert [each.title for each in findings.systems] == [each.title for each in before.systems]
    titles = ["Baseline, commonest", "Baseline, frequencies"]
    assert {row["model"] for row in result_table(study)[-2:]} == {*titles}
    overview, recall, precision = network_table(findings), recall_table(findings), precision_table(findings)
    assert [row[0].value for row in overview.rows][-2:] == titles
    assert [column.name for column in recall.columns][-4:] == [f"{title} top {k}" for title in titles for k in (1, 3)]
    assert [column.name for column in precision.columns][-2:] == titles
    constant = _column(recall, "Baseline, commonest top 1")
    assert max(cell.value or 0 for cell in constant[:-2]) == 1
    assert not any(cell.best for row in recall.rows for cell in row[-4:])
    assert constant[-1].value is None
