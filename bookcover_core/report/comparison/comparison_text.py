"""Two studies compared in words: the headline, and what to keep in mind when reading on."""

from collections.abc import Iterator
from dataclasses import dataclass

from bookcover_core.evaluation.significance import Standing
from bookcover_core.report.comparison.study_comparison import StudyComparison
from bookcover_core.report.table import PERCENT, capitalised, percent

# Genres that a sentence names before it says how many more there are.
_MOST_NAMED = 6


@dataclass(frozen=True)
class Notice:
    """Something to keep in mind."""

    title: str
    text: str
    strong: bool = False
    """Whether the numbers mean something else than they seem to."""


def answer(comparison: StudyComparison) -> str:
    """The headline: who is ahead."""
    if not comparison.shared_genres:
        return "Two different questions."
    accuracy = comparison.best.accuracy
    ahead = comparison.names[0] if accuracy.difference.value > 0 else comparison.names[1]
    choice = ", choosing among other genres" if comparison.own_genres(0) or comparison.own_genres(1) else ""
    match accuracy.standing:
        case Standing.TIE:
            return f"A tie{choice}."
        case Standing.OPEN:
            return f"{ahead} is ahead{choice}, but luck is not ruled out."
        case _:
            return f"{ahead} is ahead{choice}."


def sentence(comparison: StudyComparison) -> str:
    """Best against best: both accuracies, their difference with its interval, and which books it rests on."""
    best = comparison.best
    accuracy = best.accuracy
    one, other = comparison.names
    books = (
        f"of the {best.first_books:,} test books that both judged"
        if best.paired
        else f"of {best.first_books:,} and {best.second_books:,} test books, each of its own"
    )
    mine, theirs = (comparison.title(best, study) for study in (0, 1))
    return (
        f"Best against best: {mine} of {one} is right on {percent(accuracy.first.value)}{PERCENT}, "
        f"{theirs} of {other} on {percent(accuracy.second.value)}{PERCENT} {books}. The "
        f"difference is {signed(accuracy.difference.value)} points ({100 * comparison.confidence:.0f}{PERCENT} "
        f"interval {signed(accuracy.difference.low)} to {signed(accuracy.difference.high)})."
    )


def signed(share: float) -> str:
    """A difference of shares in points, with its sign."""
    text = percent(abs(share))
    if text == "0.0":
        return text
    return ("+" if share > 0 else "\N{MINUS SIGN}") + text


def notices(comparison: StudyComparison) -> list[Notice]:
    """What to keep in mind, the gravest first."""
    return [*_about_genres(comparison), *_about_books(comparison), *_about_systems(comparison)]


def _about_genres(comparison: StudyComparison) -> Iterator[Notice]:
    """That networks start from random weights, and that they choose among other genres."""
    names, both = comparison.names, comparison.both
    untrained = [name for name, findings in zip(names, both, strict=True) if findings.random_weights]
    if untrained:
        yield Notice(
            "Untrained networks: their numbers mean nothing",
            f"Networks of {' and '.join(untrained)} start from random weights, not from what they learnt on ImageNet.",
            strong=True,
        )
    own = [comparison.own_genres(study) for study in (0, 1)]
    if not any(own):
        return
    chances = [f"(chance {percent(findings.scores[0].chance)}{PERCENT})" for findings in both]
    choice = (
        f"A network of {names[0]} chooses among {len(both[0].genres)} genres {chances[0]}, one of {names[1]} among "
        f"{len(both[1].genres)} {chances[1]}: their accuracies answer different questions, and a difference need not "
        "be the networks'."
    )
    if not comparison.shared_genres:
        yield Notice("The studies have no genre in common", choice, strong=True)
        return
    alone = "; ".join(f"only in {name}: {_some(genres)}" for name, genres in zip(names, own, strict=True) if genres)
    yield Notice("The genres are not the same", f"{capitalised(alone)}. {choice}", strong=True)


def _about_books(comparison: StudyComparison) -> Iterator[Notice]:
    """Leaks, and which books the differences rest on."""
    names, best, shared = comparison.names, comparison.best, comparison.shared
    for study in (0, 1):
        owner, other = names[study], names[1 - study]
        if leaked := shared.leaked(study):
            yield Notice(
                f"{other} has seen test books of {owner}",
                f"{leaked:,} of the {shared.books(study, 'test'):,} test books of {owner} are training or validation "
                f"books of {other}: do not judge the test books of {owner} with networks of {other}. The numbers here "
                "are not touched by it, for every network is judged on test books of its own study.",
            )
    tests = [findings.test_books for findings in comparison.both]
    counts = f"{names[0]} has {tests[0]:,} test books, {names[1]} {tests[1]:,}"
    if not best.paired:
        common = f"{best.shared_books:,} of them are" if best.shared_books else "none of them is"
        yield Notice(
            "Compared on different books",
            f"{counts}; {common} in both, under one genre: too few to compare on. So a difference allows for the luck "
            "of two draws of books, and would be known better with the same test books in both.",
        )
    elif best.first_books < max(tests):
        elsewhere = shared.test - best.shared_books
        yield Notice(
            "Compared on the books that both judged",
            f"{counts}; the differences rest on the {best.first_books:,} that both judged. So accuracies beside a "
            "difference are not those of the whole test sets, which stand in the table of all systems."
            + (f" Left out are {elsewhere:,} that the studies put under different genres." if elsewhere > 0 else ""),
        )
    if shared.other_pictures:
        yield Notice(
            "Books with one key and different pictures",
            f"{shared.other_pictures:,} keys stand in both studies for different pictures: they count as different "
            "books.",
        )


def _about_systems(comparison: StudyComparison) -> Iterator[Notice]:
    """Intervals of another confidence, and systems without results."""
    (one, findings), (other, others) = zip(comparison.names, comparison.both, strict=True)
    if findings.confidence != others.confidence:
        yield Notice(
            "Intervals of one confidence",
            f"{other} asks for intervals of {100 * others.confidence:g}{PERCENT}; differences here have those of "
            f"{one}, {100 * findings.confidence:g}{PERCENT}.",
        )
    missing = [f"{each.title} of {one}" for each in findings.missing]
    if missing := [*missing, *(f"{each.title} of {other}" for each in others.missing)]:
        yield Notice("Without results", f"{', '.join(missing)}.")


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED} more"
