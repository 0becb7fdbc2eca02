"""Two studies compared in words: the headline, and what to keep in mind when reading on."""

from dataclasses import dataclass

from bookcover_core.report.comparison.study_comparison import StudyComparison
from bookcover_core.report.words import passage, sentences

# Genres that a sentence names before it says how many more there are.
_MOST_NAMED = 6

# What the title of a notice begins with that says that the numbers mean something else than they seem to.
_STRONG = "! "


@dataclass(frozen=True)
class Notice:
    """Something to keep in mind."""

    title: str
    text: str
    strong: bool = False
    """Whether the numbers mean something else than they seem to."""


def answer(comparison: StudyComparison) -> str:
    """The headline: who is ahead."""
    accuracy = comparison.best.accuracy
    return sentences(
        "comparison answer",
        comparison=comparison,
        standing=accuracy.standing.value,
        ahead=comparison.names[0 if accuracy.difference.value > 0 else 1],
        choice=", choosing among other genres" if comparison.own_genres(0) or comparison.own_genres(1) else "",
    )


def sentence(comparison: StudyComparison) -> str:
    """Best against best: both accuracies, their difference with its interval, and which books it rests on."""
    best = comparison.best
    return sentences("comparison sentence", comparison=comparison, best=best, accuracy=best.accuracy)


def notices(comparison: StudyComparison) -> list[Notice]:
    """What to keep in mind, the gravest first."""
    lines = passage("comparison notices", comparison=comparison, best=comparison.best, most_named=_MOST_NAMED)
    return [
        Notice(title.removeprefix(_STRONG), text, strong=title.startswith(_STRONG))
        for title, text in zip(lines[::2], lines[1::2], strict=True)
    ]
