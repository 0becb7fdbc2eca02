"""The whole study on real covers, with real ImageNet weights: one listing, 3,876 covers, two image hosts."""

import csv
import json
from collections import defaultdict
from urllib.parse import urlsplit

import pytest
from matplotlib.figure import Figure

from bookcover_core.curation.near_duplicates import read_duplicates
from bookcover_core.pipeline.manifests import file_digest
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.settings import StudySettings
from tests.begun import begun
from tests.deployments.quick_worker import save_nothing

pytestmark = pytest.mark.timeout(1_800)  # one to two minutes, and far more where others use the machine

COVERS = 3_876
HOSTS = ("ecx.images-amazon.com", "d1w7fb2mkkr3kw.cloudfront.net")


@pytest.fixture(scope="module")
def real_study(real_data, tmp_path_factory, prefect_server) -> Study:
    """The study, run once: its covers come over HTTP from loopback, under the paths of their addresses."""
    from bookcover_core.demo_data.image_host import ImageHost
    from flows.study import continue_study

    listing = real_data / "listings" / "real-covers-listing.csv"
    with listing.open(encoding="utf-8", errors="surrogateescape", newline="") as lines:
        pictures = {urlsplit(row[2]).path: real_data / "covers" / row[1] for row in csv.reader(lines)}
    with ImageHost(pictures) as host:
        settings = StudySettings.model_validate(
            {
                "name": "real-covers",
                "workspace": str(tmp_path_factory.mktemp("studies")),
                "books": {
                    "source": "listing",
                    "listing": str(listing),
                    "groups": str(write_groups(real_data, tmp_path_factory.mktemp("groups") / "groups.csv")),
                    "chunk_records": 1_000,
                },
                "covers": {
                    "hosts": {name: [host.address] for name in HOSTS},
                    "allowed_private_hosts": ["127.0.0.1"],
                    "requests_per_second": 100_000,
                },
                "curation": {"undecided": "keep"},
                "models": {
                    "input_size": 192,  # as large as they are prepared: to scale them takes as long as the network
                    "weight_files": {
                        "MobileNetV2": str(real_data / "weights" / "mobilenet_v2_1.0_224_imagenet_no_top.h5")
                    },
                },
                "preparation": {"methods": ["noprep"], "size": 192},
                "training": {"backbones": ["MobileNetV2"], "preparation": "noprep"},
                "visualisation": {"genres": 0, "grad_cam": 0},
            }
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Figure, "savefig", save_nothing)  # figures, and what networks see, are in `test_own_covers`
            continue_study(begun(settings))
    return Study(settings)


def write_groups(real_data, file):
    """Which covers are scans of one book: those that belong to one record of BookCover30."""
    with (real_data / "listings" / "real-covers-manifest.csv").open(encoding="utf-8", newline="") as lines:
        rows = [(row["path"].removeprefix("covers/"), row["bc30_filename"]) for row in csv.DictReader(lines)]
    with file.open("w", encoding="utf-8", newline="") as output:
        csv.writer(output).writerows((name, group) for name, group in rows if group)
    return file


def test_every_real_cover_is_fetched_unaltered(real_study, real_data):
    """The ledger has a row for every record, and every file is byte for byte the one that was served."""
    ledgers = [read_table(file) for file in sorted(real_study.workspace.ledger.glob("chunk-*.csv"))]
    assert [len(ledger) for ledger in ledgers] == [1_000, 1_000, 1_000, 876]
    fetched = {
        path.rsplit("/", 1)[1]: digest
        for ledger in ledgers
        for path, digest in zip(ledger["path"], ledger["sha256"], strict=True)
        if path
    }
    served = {file.name: file_digest(file) for file in (real_data / "covers").iterdir()}
    assert fetched.items() <= served.items()
    assert len(fetched) >= COVERS - 5, "real covers were refused"


def test_no_book_stands_on_two_sides(real_study, real_data):
    """Scans of one BookCover30 record are all in one split, and every genre is in every split."""
    books = read_table(real_study.workspace.splits, label="int64")
    with (real_data / "listings" / "real-covers-manifest.csv").open(encoding="utf-8", newline="") as lines:
        record = {row["path"].removeprefix("covers/"): row["bc30_filename"] for row in csv.DictReader(lines)}
    sides = defaultdict(set)
    for filename, split in zip(books["filename"], books["split"], strict=True):
        if record[filename]:
            sides[record[filename]].add(split)
    assert len(sides) > 2_000
    assert all(len(splits) == 1 for splits in sides.values())
    assert books.groupby("split")["label"].nunique().to_dict() == {"train": 30, "validation": 30, "test": 30}


def test_real_twins_are_found_and_stay_on_one_side(real_study):
    """Scans of one cover are found, one pair of them under two genres; no cluster is on two sides, or a large one."""
    sides = dict(read_table(real_study.workspace.splits)[["key", "split"]].itertuples(index=False))
    clusters = defaultdict(list)
    for twin in read_duplicates(real_study.workspace):
        clusters[twin.cluster].append(twin)
    assert 20 <= len(clusters) <= 40
    assert max(map(len, clusters.values())) <= 5
    assert all(len({sides[twin.key] for twin in cluster}) == 1 for cluster in clusters.values())
    torn = [cluster for cluster in clusters.values() if len({twin.genre for twin in cluster}) > 1]
    assert [[twin.key for twin in cluster] for cluster in torn] == [["1844137864", "1844137872"]]


def test_a_trained_head_judges_real_covers_far_better_than_chance(real_study):
    """At least 20 % of the test books are judged right at the first guess, where the commonest genre gives 8.4 %."""
    [metrics] = real_study.workspace.evaluation.glob("MobileNetV2-*/metrics.json")
    found = json.loads(metrics.read_text(encoding="utf-8"))
    assert found
    predictions = read_table(metrics.parent / "predictions.csv", label="int64")
    probabilities = predictions.drop(columns=["key", "group", "label"]).astype("float64").to_numpy()
    assert probabilities.shape == (len(predictions), 30)
    assert (probabilities.argmax(axis=1) == predictions["label"]).mean() >= 0.20
