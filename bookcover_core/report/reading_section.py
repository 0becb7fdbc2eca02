"""What the words say: the best system by what it judges by, what flatters those that read, and genre by genre."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from bookcover_core.evaluation.giveaways import known_authors, unaided
from bookcover_core.evaluation.intervals import Estimate, Right, paired_difference, share_right
from bookcover_core.evaluation.metrics import Predictions, predicted_labels
from bookcover_core.families.family import Evidence, listed
from bookcover_core.families.learnable_titles import learnable_titles
from bookcover_core.families.text import WORDS
from bookcover_core.families.text_classifier import TextClassifier
from bookcover_core.listings.book_groups import main_title
from bookcover_core.listings.books import BookText, each_book
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.reading.cover_words import texts_of_covers, words_that_count
from bookcover_core.report.evaluated_systems import EvaluatedSystem
from bookcover_core.report.findings import Findings, read_sizes
from bookcover_core.report.table import Table
from bookcover_core.training.stored_probabilities import choose_by_validation

_PICTURE = frozenset({Evidence.PICTURE})

_NAMES = {
    Evidence.PICTURE: "the picture",
    Evidence.READ: "the words on the cover",
    Evidence.LISTING: "what the listing says",
}

# Words of a genre that are named, and groups of covers by size in which it is told how well they were read.
_MOST_WORDS, _SIZES = 6, 4

Judge = tuple[EvaluatedSystem, Predictions]
"""A system, and what it makes of the test books."""


def reading_tables(findings: Findings) -> Iterator[Table | None]:
    """The best systems by what they judge by, what flatters them, and genre by genre; none where no system reads."""
    judges = judges_by_evidence(findings)
    if set(judges) <= {_PICTURE}:
        return
    looked = judges[_PICTURE][1] if _PICTURE in judges else None
    named = {evidence: listed([_NAMES[each] for each in Evidence if each in evidence]) for evidence in judges}
    yield Table.of(
        "evidence",
        [
            {
                "judged_by": named[evidence],
                "system": system,
                "gain": _gain(predicted, looked, findings.confidence) if evidence != _PICTURE else None,
            }
            for evidence, (system, predicted) in judges.items()
        ],
        findings=findings,
    )
    yield _unaided_table(findings, {named[evidence]: judge for evidence, judge in judges.items()})
    if both := looking_and_reading(judges):
        yield _genre_table(findings, *both)
    if any(Evidence.READ in evidence for evidence in judges):
        yield _size_table(findings)


def judges_by_evidence(findings: Findings) -> dict[frozenset[Evidence], Judge]:
    """The systems of `best_by_evidence` with their predictions: those that look first, then those that read."""
    chosen = best_by_evidence(findings)
    ordered = sorted(chosen, key=lambda evidence: [each not in evidence for each in Evidence])
    return {evidence: (chosen[evidence], findings.predictions(chosen[evidence])) for evidence in ordered}


def looking_and_reading(judges: Mapping[frozenset[Evidence], Judge]) -> tuple[Judge, Judge] | None:
    """The best system that only looks, and the best that only reads, covers before listings; None: one is missing."""
    reader = next((evidence for evidence in judges if evidence and Evidence.PICTURE not in evidence), None)
    return (judges[_PICTURE], judges[reader]) if _PICTURE in judges and reader else None


def three_verdicts(findings: Findings) -> list[tuple[str, EvaluatedSystem]]:
    """The best system by the picture, by the whole cover, and by cover and listing; none where no system reads."""
    chosen = best_by_evidence(findings)
    asked = {
        "By its picture": _PICTURE,
        "By the whole cover, picture and words": _PICTURE | {Evidence.READ},
        "By cover and listing": frozenset(Evidence),
    }
    found = [(words, chosen[evidence]) for words, evidence in asked.items() if evidence in chosen]
    return found if len(found) > 1 else []


def best_by_evidence(findings: Findings) -> dict[frozenset[Evidence], EvaluatedSystem]:
    """The system that the validation books choose among those that judge by the same."""
    alike: defaultdict[frozenset[Evidence], dict[str, EvaluatedSystem]] = defaultdict(dict)
    for each in (*findings.systems, *findings.baselines):
        if each.system.evidence:
            alike[each.system.evidence][each.title] = each
    return {
        evidence: named[choose_by_validation({title: each.validation for title, each in named.items()}).names[0]]
        for evidence, named in alike.items()
    }


def _right(predictions: Predictions) -> Right:
    return np.asarray(predicted_labels(predictions.probabilities) == predictions.labels)


def _gain(of: Predictions, over: Predictions | None, confidence: float) -> Estimate | None:
    """How much oftener the one is right on the same books."""
    if over is None or over.keys != of.keys:
        return None
    return paired_difference(_right(of), _right(over), np.array(of.groups), confidence)


def _unaided_table(findings: Findings, judges: Mapping[str, Judge]) -> Table | None:
    """Accuracy where nothing flatters those who read: authors whom nobody learnt from, titles that name no genre."""
    texts = {book.key: BookText(book.title, book.author) for book in each_book(findings.study.workspace)}
    predicted = next(iter(judges.values()))[1]
    masks = unaided(
        [texts[key] for key in predicted.keys],
        [findings.genres[label].name for label in predicted.labels],
        known_authors(learnable_titles(findings.study).texts),
    )
    masks = {"all": np.ones(len(predicted.keys), bool), **masks, "neither": np.logical_and(*masks.values())}
    groups = np.array(predicted.groups)
    rows = [
        {"judged_by": words, "system": system}
        | {
            name: share_right(_right(each)[mask], groups[mask], findings.confidence)
            if mask.any() and each.keys == predicted.keys
            else None
            for name, mask in masks.items()
        }
        for words, (system, each) in judges.items()
    ]
    books = {name: int(mask.sum()) for name, mask in masks.items()}
    return Table.of("unaided", rows, findings=findings, books=books)


def _size_table(findings: Findings) -> Table | None:
    """How well covers were read, by the size of the picture."""
    sides = read_sizes(findings).set_index("key").max(axis=1)
    books = title_words(findings.study).join(sides.rename("side"), how="inner")
    if books.empty:
        return None
    limits = np.unique(np.quantile(books["side"], np.arange(1, _SIZES) / _SIZES))
    rows = []
    for _, alike in books.groupby(np.searchsorted(limits, books["side"])):
        low, high = int(alike["side"].min()), int(alike["side"].max())
        rows.append(
            {
                "size": f"{low}" if low == high else f"{low} to {high}",
                "covers": len(alike),
                "silent": float((alike["read"] == 0).mean()),
                "heard": _share_read(alike),
            }
        )
    return Table.of("reading-by-size", rows)


def _genre_table(findings: Findings, looks: Judge, reads: Judge) -> Table | None:
    """By genre: recall by the picture and by words, and the words that tell it."""
    (looking, looked), (reading, read) = looks, reads
    rights, groups = [_right(looked), _right(read)], np.array(read.groups)
    file = findings.study.workspace.models / reading.scores.model / WORDS
    classifier = None if reading.is_ensemble else TextClassifier.load(file)  # readers that are joined have no one list
    covers = title_words(findings.study) if Evidence.READ in reading.system.evidence else None
    heard = {} if covers is None else {label: _share_read(own) for label, own in covers.groupby("label")}
    rows: list[dict[str, Any]] = []
    for genre in findings.genres:
        words = ", ".join(classifier.telling_words(genre.label, _MOST_WORDS)) if classifier else ""
        rows.append({"genre": genre.name, "heard": heard.get(genre.label), "words": words})
        own = looked.labels == genre.label
        if own.any():
            one, other = (right[own] for right in rights)
            rows[-1] |= {
                "looking": share_right(one, groups[own], findings.confidence),
                "reading": share_right(other, groups[own], findings.confidence),
                "gain": paired_difference(other, one, groups[own], findings.confidence),
            }
    return Table.of(
        "words-by-genre",
        rows,
        findings=findings,
        looking=looking,
        reading=reading,
        right=Counter(zip(*(right.tolist() for right in rights), strict=True)),
        heard=bool(heard),
    )


def title_words(study: Study) -> pd.DataFrame:
    """How well each cover was read, by key of the book.

    The columns: label; `wanted`, words of the main title of three or more letters; `found`, those of them that were
    read; `read`, all words that were.
    """
    labels = read_table(study.workspace.splits, ("key", "label"), label="int32").set_index("key")["label"].to_dict()
    texts = texts_of_covers(study, study.settings.reading.min_confidence)
    rows = {}
    for book in each_book(study.workspace):
        if book.key in labels and book.key in texts:
            words, have = words_that_count(main_title(book.title)), set(words_that_count(texts[book.key]))
            found = sum(word in have for word in words)
            rows[book.key] = (labels[book.key], len(words), found, len(texts[book.key].split()))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["label", "wanted", "found", "read"])


def _share_read(books: pd.DataFrame) -> float | None:
    """The share of the words of main titles that were read; None without such words."""
    wanted = books["wanted"].sum()
    return books["found"].sum() / wanted if wanted else None
