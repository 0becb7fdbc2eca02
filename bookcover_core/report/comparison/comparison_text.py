"""What two studies beside each other come to, in words: a headline, and what to keep in mind when reading on."""

from dataclasses import dataclass

from bookcover_core.evaluation.significance import Standing
from bookcover_core.models.systems import title_of
from bookcover_core.report.comparison.comparison_statistics import Rivals
from bookcover_core.report.comparison.study_pair import Contrasts
from bookcover_core.report.table import percent

# The sign, kept on the line of its number.
_PERCENT = "\N{NO-BREAK SPACE}%"

# Genres that a sentence names before it says how many more there are.
_MOST_NAMED = 6


@dataclass(frozen=True)
class Notice:
    """Something to keep in mind."""

    title: str
    text: str
    strong: bool = False
    """Whether the numbers mean something else than they seem to."""


def answer(contrasts: Contrasts) -> str:
    """The headline: who is ahead."""
    if not contrasts.shared_genres:
        return "Two different questions."
    accuracy = contrasts.best.accuracy
    ahead = contrasts.names[0] if accuracy.difference.value > 0 else contrasts.names[1]
    choice = ", choosing among other genres" if contrasts.own_genres(0) or contrasts.own_genres(1) else ""
    match accuracy.standing:
        case Standing.TIE:
            return f"A tie{choice}."
        case Standing.OPEN:
            return f"{ahead} is ahead{choice}, but luck is not ruled out."
        case _:
            return f"{ahead} is ahead{choice}."


def sentence(contrasts: Contrasts) -> str:
    """Best against best: both accuracies, their difference with its interval, and which books it rests on."""
    best = contrasts.best
    accuracy = best.accuracy
    one, other = contrasts.names
    books = (
        f"of the {best.first_books:,} test books that both judged"
        if best.paired
        else f"of {best.first_books:,} and {best.second_books:,} test books, each of its own"
    )
    return (
        f"Best against best: {title_of(best.first)} of {one} is right on {percent(accuracy.first.value)}{_PERCENT}, "
        f"{title_of(best.second)} of {other} on {percent(accuracy.second.value)}{_PERCENT} {books}. The difference is "
        f"{signed(accuracy.difference.value)} points ({100 * contrasts.confidence:.0f}{_PERCENT} interval "
        f"{signed(accuracy.difference.low)} to {signed(accuracy.difference.high)})."
    )


def basis(pair: Rivals) -> str:
    """Which books a pair is compared on, and so how."""
    if pair.paired:
        return f"paired, the same {pair.first_books:,}"
    return f"unpaired, {pair.first_books:,} and {pair.second_books:,}"


def signed(share: float) -> str:
    """A difference of shares in points, with its sign."""
    text = percent(abs(share))
    if text == "0.0":
        return text
    return ("+" if share > 0 else "\N{MINUS SIGN}") + text


def notices(contrasts: Contrasts) -> list[Notice]:
    """What to keep in mind, the gravest first."""
    found = [_untrained(contrasts), _genres(contrasts), *(_leak(contrasts, study) for study in (0, 1))]
    found += [_part(contrasts), _folders(contrasts), _confidence(contrasts), _missing(contrasts)]
    return [notice for notice in found if notice is not None]


def _untrained(contrasts: Contrasts) -> Notice | None:
    pairs = zip(contrasts.names, contrasts.both, strict=True)
    untrained = [name for name, findings in pairs if findings.random_weights]
    if not untrained:
        return None
    return Notice(
        "Untrained networks: their numbers mean nothing",
        f"Networks of {' and '.join(untrained)} start from random weights, not from what they learnt on ImageNet.",
        strong=True,
    )


def _genres(contrasts: Contrasts) -> Notice | None:
    own = [contrasts.own_genres(study) for study in (0, 1)]
    if not any(own):
        return None
    chances = [findings.networks[0].scores.chance for findings in contrasts.both]
    counts = [len(findings.genres) for findings in contrasts.both]
    choice = (
        f"A network of {contrasts.names[0]} chooses among {counts[0]} genres (chance {percent(chances[0])}{_PERCENT}), "
        f"one of {contrasts.names[1]} among {counts[1]} (chance {percent(chances[1])}{_PERCENT}): their accuracies "
        "answer different questions, and a difference need not be the networks'."
    )
    if not contrasts.shared_genres:
        return Notice("The studies have no genre in common", choice, strong=True)
    alone = "; ".join(
        f"only in {name}: {_some(names)}" for name, names in zip(contrasts.names, own, strict=True) if names
    )
    return Notice("The genres are not the same", f"{alone[0].upper()}{alone[1:]}. {choice}", strong=True)


def _leak(contrasts: Contrasts, study: int) -> Notice | None:
    leaked = contrasts.sharing.leaked(study)
    if not leaked:
        return None
    owner, other = contrasts.names[study], contrasts.names[1 - study]
    tested = contrasts.sharing.books(study, "test")
    return Notice(
        f"{other} has seen test books of {owner}",
        f"{leaked:,} of the {tested:,} test books of {owner} are training or validation books of {other}: do not judge "
        f"the test books of {owner} with networks of {other}. The numbers here are not touched by it, for every "
        "network is judged on test books of its own study.",
    )


def _part(contrasts: Contrasts) -> Notice | None:
    """That pairs rest on some of the test books only, or on none in common though there are some."""
    best, sharing = contrasts.best, contrasts.sharing
    elsewhere = sharing.test - best.shared_books
    tests = [findings.test_books for findings in contrasts.both]
    both = f"{contrasts.names[0]} has {tests[0]:,} test books, {contrasts.names[1]} {tests[1]:,}"
    if best.paired and best.first_books < max(tests):
        return Notice(
            "Compared on the books that both judged",
            f"{both}; the differences rest on the {best.first_books:,} that both judged. So accuracies beside a "
            "difference are not those of the whole test sets, which stand in the table of all systems."
            + (f" Left out are {elsewhere:,} that the studies put under different genres." if elsewhere > 0 else ""),
        )
    if not best.paired:
        shared = f"{best.shared_books:,} of them are" if best.shared_books else "none of them is"
        return Notice(
            "Compared on different books",
            f"{both}; {shared} in both, under one genre: too few to compare on. So a difference allows for the luck of "
            "two draws of books, and would be known better with the same test books in both.",
        )
    return None


def _folders(contrasts: Contrasts) -> Notice | None:
    alike = contrasts.sharing.only_alike
    if not alike:
        return None
    return Notice(
        "Books with one key and different pictures",
        f"{alike:,} keys stand in both studies for different pictures: they count as different books.",
    )


def _confidence(contrasts: Contrasts) -> Notice | None:
    one, other = (findings.study.settings.evaluation.confidence for findings in contrasts.both)
    if one == other:
        return None
    return Notice(
        "Intervals of one confidence",
        f"{contrasts.names[1]} asks for intervals of {100 * other:g}{_PERCENT}; differences here have those of "
        f"{contrasts.names[0]}, {100 * one:g}{_PERCENT}.",
    )


def _missing(contrasts: Contrasts) -> Notice | None:
    pairs = zip(contrasts.names, contrasts.both, strict=True)
    missing = [f"{each.title} of {name}" for name, findings in pairs for each in findings.missing]
    return Notice("Without results", f"{', '.join(missing)}.") if missing else None


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED} more"
