"""The published numbers: complete, under the listing's names of genres, and consistent with themselves."""

import pytest

from bookcover_core.evaluation.published_results import (
    PUBLISHED_TEST_BOOKS,
    is_bookcover30,
    published_precision,
    published_preparations,
    published_recall,
    published_results,
)
from bookcover_core.genres import BOOK32, BOOKCOVER30


def test_every_table_has_the_thirty_genres_by_the_listings_names():
    """Tables 2 and 3 name exactly the genres of BookCover30."""
    for column in published_recall().values():
        assert set(column.recall[1]) == set(column.recall[3]) == set(BOOKCOVER30)
    for column in published_precision().values():
        assert set(column.precision) == set(BOOKCOVER30)


def test_table_2_adds_up():
    """With as many test books a genre, the mean of the genres' recalls is the total accuracy, to rounding."""
    columns = published_recall()
    assert list(columns) == ["LeNet", "AlexNet", "MobileNetV2", "InceptionResNetV2", "ResNeXt50"]
    for column in columns.values():
        assert sum(column.recall[1].values()) / 30 == pytest.approx(column.total[1], abs=0.001)
        assert sum(column.recall[3].values()) / 30 == pytest.approx(column.total[3], abs=0.001)


def test_numbers_that_everyone_cites():
    """24.7 % of InceptionResNetV2 and AlexNet, 15.81 % of the padded covers, 5,700 test books."""
    assert published_recall()["InceptionResNetV2"].total[1] == 0.247
    assert published_recall()["AlexNet"].total[3] == 0.403
    assert published_preparations()["padded"].test_accuracy == 0.1581
    assert published_preparations()["cropped"].best_epoch == 5
    assert published_precision()["ResNeXt50"].precision["Christian Books & Bibles"] is None
    assert published_precision()["ResNeXt50"].total == 0.117
    assert PUBLISHED_TEST_BOOKS == 5_700


def test_results_of_others_say_how_they_were_measured():
    """Every result has a protocol, and those on the official split are Iwana's and Hill's."""
    results = published_results()
    assert all(result.protocol and result.source for result in results)
    assert {result.study for result in results if result.official_split} == {"Iwana et al.", "Hill"}


def test_only_bookcover30_has_published_numbers():
    """Other genres, or the same in another order, are not BookCover30."""
    assert is_bookcover30(BOOKCOVER30)
    assert not is_bookcover30(BOOK32)
    assert not is_bookcover30(reversed(BOOKCOVER30))
