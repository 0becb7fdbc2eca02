"""What the words say: the best system by what it judges by, and by genre what is looked and what is read rightly."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

import numpy as np

from bookcover_core.evaluation.intervals import Estimate, Right, paired_difference, share_right
from bookcover_core.evaluation.metrics import predicted_labels
from bookcover_core.evaluation.predictions import Predictions, read_predictions
from bookcover_core.families.family import Evidence, listed
from bookcover_core.families.text import WORDS
from bookcover_core.families.text_classifier import TextClassifier
from bookcover_core.listings.book_groups import main_title
from bookcover_core.listings.books import each_book
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.reading.cover_words import texts_of_covers, words_that_count
from bookcover_core.report.evaluated_systems import EvaluatedSystem
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Column, Table, estimates, shares
from bookcover_core.training.stored_probabilities import choose_by_validation

_PICTURE = frozenset({Evidence.PICTURE})

_NAMES = {
    Evidence.PICTURE: "the picture",
    Evidence.READ: "the words on the cover",
    Evidence.LISTING: "what the listing says",
}

# Words of a genre that are named.
_MOST_WORDS = 6


def reading_tables(findings: Findings) -> Iterator[Table]:
    """The best systems by what they judge by, and genre by genre; none where no system reads."""
    chosen = best_by_evidence(findings)
    if set(chosen) <= {_PICTURE}:
        return
    predicted = {
        evidence: read_predictions(findings.study.workspace.evaluation / each.scores.model / "predictions.csv")
        for evidence, each in chosen.items()
    }
    looked = predicted.get(_PICTURE)
    order = sorted(chosen, key=lambda evidence: [each not in evidence for each in Evidence])
    yield Table.of(
        "evidence",
        [
            Column("Judged by", "judged_by"),
            Column("System", "system.title"),
            *(
                estimates(f"Top {k}", lambda row, k=k: row["system"].scores.top(k), f"top {k}")
                for k in findings.top(1, 3)
            ),
            estimates("Gain over the picture", "gain"),
        ],
        [
            {
                "judged_by": listed([_NAMES[each] for each in Evidence if each in evidence]),
                "system": chosen[evidence],
                "gain": _gain(predicted[evidence], looked, findings.confidence) if evidence != _PICTURE else None,
            }
            for evidence in order
        ],
        findings=findings,
    )
    reader = next((evidence for evidence in order if evidence and Evidence.PICTURE not in evidence), None)
    if looked is not None and reader is not None:
        yield _genre_table(findings, chosen[_PICTURE], chosen[reader], looked, predicted[reader])


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
    right: Right = predicted_labels(predictions.probabilities) == predictions.labels
    return right


def _gain(of: Predictions, over: Predictions | None, confidence: float) -> Estimate | None:
    """How much oftener the one is right on the same books."""
    if over is None or over.keys != of.keys:
        return None
    return paired_difference(_right(of), _right(over), np.array(of.groups), confidence)


def _genre_table(
    findings: Findings, looking: EvaluatedSystem, reading: EvaluatedSystem, looked: Predictions, read: Predictions
) -> Table:
    """By genre: recall by the picture and by words, and the words that tell it."""
    rights, groups = (_right(looked), _right(read)), np.array(read.groups)
    classifier = TextClassifier.load(findings.study.workspace.models / reading.scores.model / WORDS)
    heard = title_words_read(findings.study) if Evidence.READ in reading.system.evidence else {}
    rows = []
    for genre in findings.genres:
        own = looked.labels == genre.label
        one, other = (right[own] for right in rights)
        of_genre = [share_right(right, groups[own], findings.confidence) for right in (one, other)] if own.any() else []
        rows.append(
            {
                "genre": genre.name,
                "looking": of_genre[0] if of_genre else None,
                "reading": of_genre[1] if of_genre else None,
                "gain": paired_difference(other, one, groups[own], findings.confidence) if of_genre else None,
                "heard": heard.get(genre.label),
                "words": ", ".join(classifier.telling_words(genre.label, _MOST_WORDS)),
            }
        )
    columns = [
        Column("Genre", "genre"),
        estimates(looking.title, "looking", "looking"),
        estimates(reading.title, "reading", "reading"),
        estimates("Difference", "gain"),
        *([shares("Title words read", "heard")] if heard else []),
        Column("Most telling words", "words"),
    ]
    both, only_looking = int((rights[0] & rights[1]).sum()), int((rights[0] & ~rights[1]).sum())
    only_reading = int((rights[1] & ~rights[0]).sum())
    return Table.of(
        "words-by-genre",
        columns,
        rows,
        findings=findings,
        looking=looking,
        reading=reading,
        books=len(read.keys),
        both=both,
        only_looking=only_looking,
        only_reading=only_reading,
        heard=bool(heard),
    )


def title_words_read(study: Study) -> Mapping[int, float]:
    """By label: the share of words of the main titles, of three or more letters, that were read on the covers."""
    labels = read_table(study.workspace.splits, ("key", "label"), label="int32").set_index("key")["label"].to_dict()
    read = texts_of_covers(study, study.settings.reading.min_confidence)
    wanted: defaultdict[int, int] = defaultdict(int)
    found: defaultdict[int, int] = defaultdict(int)
    for book in each_book(study.workspace):
        if book.key in labels and book.key in read:
            words, have = words_that_count(main_title(book.title)), set(words_that_count(read[book.key]))
            wanted[labels[book.key]] += len(words)
            found[labels[book.key]] += sum(word in have for word in words)
    return {label: found[label] / count for label, count in wanted.items() if count}
