"""Section 5.3 and the appendices in the report."""

import csv
from functools import partial

import pytest

from bookcover_core.models.machine_info import Machine
from bookcover_core.models.model_cards import Architecture, read_card, write_card
from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_json
from bookcover_core.report.findings import gather
from bookcover_core.report.record_tables import architecture_table, machine_table, software_table
from bookcover_core.report.report_figures import cost_figures, ideal_figures, ideal_words
from bookcover_core.report.write_report import write_report
from bookcover_core.visualisation.network_insight import BLURRED, GradCamExample, insight_folder
from tests.bookcover_core.report.specimen import Specimen, make_study
from tests.bookcover_core.visualisation.test_insight_figures import invented_insight

NETWORK = "InceptionResNetV2"
MODEL = f"{NETWORK}-padded"
NUMBERS = Architecture(
    input_size=299,
    layers=782,
    layers_with_weights=449,
    depth=176,
    parameters=54_382_846,
    multiply_adds=13_154_304_096,
)
MACHINE = Machine(system="Linux", processor="Abacus 9", cores=4, memory=8 * 2**30, accelerators=["A <fast> card"])


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study of one network with numbers and a machine on its card, that was looked into, and its report."""
    wanted = Specimen(
        genres=("Horror", "Cats & <Dogs>"), backbones=(NETWORK,), compared=False, test_per_genre=6, twins=False
    )
    study = make_study(tmp_path_factory.mktemp("insight"), wanted)
    folder = study.workspace.models / MODEL
    card = read_card(folder).model_copy(
        update={
            "architecture": NUMBERS,
            "machine": MACHINE,
            "engine": "openvino",
            "precision": "bfloat16",
            "software": {"openvino": "2026.4"},
        }
    )
    card.metrics["validation_accuracy"] = 0.5
    write_card(folder, card)
    run = partial(record, study, f"visualise/{MODEL}", after=["split", f"train/{MODEL}", f"evaluate/{MODEL}"])
    book = read_table(study.workspace.splits).iloc[0]
    seen = [
        GradCamExample(
            key=book["key"],
            title=book["title"],
            genre="Horror",
            predicted=named,
            probability=0.875,
            cover=book["path"],
            picture=book["path"],
        )
        for named in ("Horror", "Cats & <Dogs>")
    ]
    insight = invented_insight(study.workspace.root, 2, NETWORK).model_copy(update={"seen": seen})
    file = insight_folder(study.workspace, MODEL) / "insight.json"
    write_json(file, insight.model_dump(mode="json"))
    run(outputs=[file])
    write_report(study)
    return study


def test_the_page_shows_what_was_seen(study):
    """Section 5.3 has the figure, the covers with their heat, right and wrong ones apart, and the package's warning."""
    page = (study.workspace.report / "index.html").read_text("utf-8")
    assert 'id="figure-ideal-pictures"' in page
    assert "Grad-CAM" in page
    assert page.count("what it saw") == 2
    assert "taken for Cats &amp; &lt;Dogs&gt;, 87.5 %" in page
    assert BLURRED.split(";")[0].removeprefix("tf-keras-vis ") in page
    assert (study.workspace.report / "figures" / "ideal-pictures.png").is_file()


def test_another_network_is_not_warned_of(study):
    """What tf-keras-vis says of Inception stands beside pictures of such a network alone."""
    insight = gather(study).insight
    assert BLURRED in ideal_words(insight)
    assert BLURRED not in ideal_words(insight.model_copy(update={"network": "MobileNetV2"}))


def test_words_on_ideal_pictures_come_from_their_numbers(study):
    """What has not converged is named with its steps, and how many score higher than every cover is counted."""
    insight = gather(study).insight
    assert ideal_words(insight).startswith(
        "Not converged, still rising: Genre $1$ after 5 steps. 1 of 1 score higher than every test cover."
    )
    ideals = [each.model_copy(update={"converged": True, "score": 1.5}) for each in insight.ideals]
    words = ideal_words(insight.model_copy(update={"ideals": ideals}))
    assert words.startswith("All have converged. 0 of 1 score higher")


def test_an_insight_into_a_network_that_was_evaluated_anew_is_not_shown(study):
    """What was seen in other weights is not passed off as that of the network in the report."""
    findings = gather(study)
    for manifest in findings.manifests["visualise"]:
        manifest.inputs[f"evaluate/{MODEL}"] = "another digest"
    assert findings.insight is None
    assert not list(ideal_figures(findings))


def test_an_insight_that_is_not_wanted_any_more_is_not_shown(study):
    """Where the settings ask for no pictures now, those of an earlier run stay out of the report."""
    nothing = study.settings.visualisation.model_copy(update={"genres": 0, "grad_cam": 0})
    assert gather(Study(study.settings.model_copy(update={"visualisation": nothing}))).insight is None


def test_the_networks_stand_in_numbers(study):
    """Appendix A has what the card says, in the page, as CSV, and as a figure; without a card there is none."""
    with (study.workspace.report / "tables" / "architectures.csv").open() as lines:
        [row] = csv.DictReader(lines)
    assert (row["Network"], row["Depth"], row["parameters in millions"]) == (NETWORK, "176", "54.38")
    assert 'id="figure-cost"' in (study.workspace.report / "index.html").read_text("utf-8")
    findings = gather(study)
    (study.workspace.models / MODEL / "card.json").rename(study.workspace.models / "away.json")
    try:
        without = gather(study)
        assert architecture_table(without) is None
        assert not list(cost_figures(without))
    finally:
        (study.workspace.models / "away.json").rename(study.workspace.models / MODEL / "card.json")
    assert len(list(cost_figures(findings))) == 1


def test_machines_and_versions_are_named(study):
    """Appendix B has the machine of the training beside that of the report, and every package that is asked for."""
    trained, wrote = machine_table(gather(study)).rows
    assert [cell.value for cell in trained] == [
        f"trained {NETWORK}",
        "Linux",
        "Abacus 9",
        4,
        8.0,
        "A <fast> card",
        "OpenVINO 2026.4, bfloat16",
    ]
    assert wrote[0].value == "wrote this report"
    versions = {row[0].value: row[1].value for row in software_table(gather(study)).rows}
    assert {"python", "keras", "tensorflow", "tf-keras-vis", "prefect", "pillow"} <= set(versions)
    assert "not installed" not in versions.values()
