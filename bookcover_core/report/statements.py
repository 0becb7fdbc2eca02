"""The dissertation's statements that a study can check, and how: data/reference/hill_2020_statements.csv lists them.

A statement holds here, does not hold, or the intervals allow both; a check that lacks what it needs finds nothing. It
is reproduced or contradicted only where the study may be compared with the dissertation at all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from statistics import fmean, median
from typing import Any, NamedTuple

from bookcover_core.evaluation.analyse import Analysis, SystemAnalysis
from bookcover_core.evaluation.colour_and_shape import Measure, Spread
from bookcover_core.evaluation.intervals import Estimate, Standing, difference
from bookcover_core.evaluation.published_results import PUBLISHED_TEST_BOOKS, published_recall, published_statements
from bookcover_core.evaluation.scores import GenreScore, Scores
from bookcover_core.families.family import title_of
from bookcover_core.genres import BOOKCOVER30
from bookcover_core.report.findings import Findings
from bookcover_core.report.formats import percent
from bookcover_core.report.number_verdicts import Reproduction, best_genres
from bookcover_core.report.report_figures import in_words
from bookcover_core.training.history import TrainingCurve

_MOBILE, _INCEPTION, _RESNEXT = _NETWORKS = "MobileNetV2", "InceptionResNetV2", "ResNeXt50"
_FANTASY, _COOKBOOKS = "Science Fiction & Fantasy", "Cookbooks, Food & Wine"


class Found(NamedTuple):
    """What a check found."""

    holds: bool | None
    """None: the intervals allow both."""
    ours: str
    """In words; the numbers come first."""


Check = Callable[[Findings, Analysis], Found | None]


def _curves(findings: Findings, _: Analysis) -> Mapping[str, TrainingCurve]:
    return {each.name: each.curve for each in findings.systems if each.curve is not None}


def _analysed(_: Findings, analysis: Analysis) -> Mapping[str, SystemAnalysis]:
    return analysis.systems


def _scores(findings: Findings, _: Analysis) -> Mapping[str, Scores]:
    """On the official test books that are left."""
    return findings.comparable_scores


def _of(
    things: Callable[[Findings, Analysis], Mapping[str, Any]], judge: Callable[..., Found | None], *names: str
) -> Check:
    """A check of what there is of some networks (all three, if none is named); of nothing where one is missing."""
    wanted = names or _NETWORKS

    def check(findings: Findings, analysis: Analysis) -> Found | None:
        found = things(findings, analysis)
        return judge(*(found[name] for name in wanted)) if found.keys() >= {*wanted} else None

    return check


def _numbers(what: str, number: Callable[[Any], int], holds: Callable[[int, int, int], bool]) -> Callable[..., Found]:
    """Judges a number of each of the three networks."""

    def judge(*of_networks: Any) -> Found:
        values = [number(each) for each in of_networks]
        return Found(holds(*values), _listed(dict(zip(_NETWORKS, values, strict=True)), what))

    return judge


def _wins(holds: Callable[[Mapping[str, int]], bool]) -> Check:
    """A check of how many genres each network is the best in."""

    def check(findings: Findings, _: Analysis) -> Found | None:
        wins = best_genres(findings)
        is_known = {*_NETWORKS} <= findings.comparable_scores.keys()
        return Found(holds(wins), _listed(wins, "genres")) if is_known else None

    return check


def _measure(name: str, judge: Callable[[Measure, Sequence[str]], Found]) -> Check:
    """A check of a measure of covers, and of the names of the genres by label."""
    return lambda _, analysis: judge(
        next(each for each in analysis.measures if each.name == name), [genre.name for genre in analysis.genres]
    )


def _padded_is_best(findings: Findings, _: Analysis) -> Found | None:
    books = findings.books_in("test")
    trials = {each.preparation: each for each in findings.trials if each.backbone == _MOBILE and books}
    if "padded" not in trials or len(trials) < 3:
        return None
    found = {
        name: Estimate.of_share(each.test_accuracy * books, books, findings.confidence) for name, each in trials.items()
    }
    gaps = [difference(found["padded"], each) for name, each in found.items() if name != "padded"]
    return _all_above(", ".join(f"{percent(each.value)} % {name}" for name, each in found.items()), gaps)


def _overfit(*curves: TrainingCurve) -> Found:
    """From the third fifth of the epochs to the last, training gains more than twice what validation does."""

    def gain(values: Sequence[float]) -> float:
        part = max(1, len(values) // 5)
        return fmean(values[-part:]) - fmean(values[2 * part : 3 * part] or values[:part])

    gains = [(gain(curve.accuracy), gain(curve.val_accuracy)) for curve in curves]
    told = (
        f"{name} {100 * learnt:+.1f} and {100 * validated:+.1f}"
        for name, (learnt, validated) in zip(_NETWORKS, gains, strict=True)
    )
    holds = all(learnt > 0 and learnt > 2 * validated for learnt, validated in gains)
    return Found(holds, f"points gained in training and validation late in training: {', '.join(told)}")


def _stays_below(resnext: TrainingCurve, mobile: TrainingCurve) -> Found:
    highest, lowest = max(resnext.val_accuracy), min(mobile.val_accuracy)
    holds = highest <= lowest and max(resnext.accuracy) <= min(mobile.accuracy)
    return Found(holds, f"{percent(highest)} % at most in validation, against at least {percent(lowest)} %")


def _level_with_alexnet(scores: Scores) -> Found:
    (first, at_1), (third, at_3) = (_beside(scores, k, "AlexNet") for k in (1, 3))
    return _weighed(f"{at_1}, {at_3}", for_it=third.low > 0, against=not first.holds_zero or third.high < 0)


def _near_lenet(scores: Scores) -> Found:
    """Ahead by five points at most ("close"), and in more than half of the genres."""
    other = published_recall()["LeNet"]
    better = sum(genre.recall[1].value > other.recall[1][genre.name] for genre in scores.genres if genre.recall)
    apart, words = _beside(scores, 1, "LeNet")
    holds = apart.low <= 0.05 and apart.high >= 0 and better > len(scores.genres) // 2
    return Found(holds, f"{words}, better in {better} of {len(scores.genres)} genres")


def _misses_many(scores: Scores) -> Found:
    """Half of chance or less ("near 0 %") in five genres or more ("many"); the dissertation has nine."""
    missed = sum(genre.recall[3].value < 0.05 for genre in scores.genres if genre.recall)
    published = sum(value < 0.05 for value in published_recall()[_RESNEXT].recall[3].values())
    return Found(missed >= 5, f"{missed} genres have a top-3 recall below 5 % (published: {published})")


def _low_precision(resnext: Scores, inception: Scores) -> Found:
    """In most of its five genres with the best recall the precision is lower, and in one at least beyond luck."""
    best = [genre for genre in _by_recall(resnext)[:5] if genre.precision]
    pairs = [(genre, inception.of_genre(genre.name)) for genre in best]
    gaps = [difference(one.precision, other.precision) for one, other in pairs if one.precision and other.precision]  # type: ignore[union-attr]
    lower, clear = sum(gap.value < 0 for gap in gaps), sum(gap.high < 0 for gap in gaps)
    ours = f"{lower} of its {len(gaps)} genres with the best recall, in {clear} beyond luck"
    return _weighed(ours, for_it=clear > 0, against=lower <= len(gaps) // 2)


def _same_in_all(measure: Measure, _: Sequence[str]) -> Found:
    """The medians of all genres lie within a twentieth of the middle one."""
    medians = sorted(spread.quantiles[2] for spread in measure.genres)
    spread = (medians[-1] - medians[0]) / (median(medians) or 1.0)
    return Found(spread <= 0.05, f"{percent(spread)} % between genres: medians of {medians[0]:g} to {medians[-1]:g}")


def _place(wanted: str, last: int, what: str, by: Callable[[Spread], float]) -> Callable[..., Found]:
    """Judges the place of a genre by a number of its distribution, the highest first."""

    def judge(measure: Measure, names: Sequence[str]) -> Found:
        ordered = sorted(measure.genres, key=lambda spread: -by(spread))
        place = [names[spread.label] for spread in ordered].index(wanted) + 1
        first = f"{names[ordered[0].label]} is first with {by(ordered[0]):.2f}"
        return Found(place <= last, f"number {place} of {len(ordered)} by its {what}; {first}")

    return judge


def _fantasy_is_darker(_: Findings, analysis: Analysis) -> Found | None:
    bright = {analysis.genres[colour.label].name: colour.brightness for colour in analysis.colours}
    if not {_FANTASY, _COOKBOOKS} <= bright.keys():
        return None
    dark, light = bright[_FANTASY], bright[_COOKBOOKS]
    words = (f"{each.value:.0f} ({each.low:.0f} to {each.high:.0f})" for each in (dark, light))
    return _all_above(f"brightness {' against '.join(words)}", [difference(light, dark)])


def _nearer_is_better(*analysed: SystemAnalysis) -> Found | None:
    """Beyond what shuffled colours give, and furthest beyond it in MobileNetV2."""
    known = [each.colour.pearson for each in analysed if each.colour.pearson is not None]
    if len(known) < len(_NETWORKS):
        return None
    ours = "; ".join(f"{name} r = {in_words(each)}" for name, each in zip(_NETWORKS, known, strict=True))
    is_strongest = known[0].beyond == min(each.beyond for each in known)
    holds = is_strongest and known[0].value < known[0].low
    return _weighed(ours, for_it=holds, against=any(each.value > each.high for each in known))


def _colour_beats_chance(findings: Findings, analysis: Analysis) -> Found | None:
    rule = next((each.scores.accuracy for each in findings.baselines if each.name == "Baseline-mean-colour"), None)
    if rule is None:
        return None
    ours = f"{percent(rule.value)} % ({percent(rule.low)} to {percent(rule.high)}), chance {percent(analysis.chance)} %"
    return _weighed(ours, for_it=rule.low > analysis.chance, against=rule.high < analysis.chance)


_NAMED_PAIRS = (
    ("Self-Help", "Health, Fitness & Dieting"),
    ("Science & Math", "Medical Books"),
    ("Religion & Spirituality", "Christian Books & Bibles"),
)


def _named_pairs_overlap(findings: Findings, analysis: Analysis) -> Found | None:
    if _MOBILE not in analysis.systems:
        return None
    overlap = analysis.systems[_MOBILE].overlap
    labels = {genre.name: genre.label for genre in findings.genres}
    values = [overlap.matrix[labels[first]][labels[second]] or 0.0 for first, second in _NAMED_PAIRS]
    told = (f"{value:.2f} {' and '.join(pair)}" for value, pair in zip(values, _NAMED_PAIRS, strict=True))
    return Found(all(value > overlap.threshold for value in values), ", ".join(told))


def _best_three(scores: Scores) -> Found:
    best = _by_recall(scores)[:3]
    ours = ", ".join(f"{percent(genre.recall[1].value)} % {genre.name}" for genre in best)
    return Found({genre.name for genre in best} == {"Test Preparation", "Comics & Graphic Novels", "Travel"}, ours)


def _stay_negative(findings: Findings, _: Analysis) -> Found | None:
    insight = findings.insight
    if insight is None or insight.network != _INCEPTION or not insight.ideals:
        return None
    scores = ", ".join(f"{each.score:.1f} {each.genre.name}" for each in insight.ideals)
    return Found(
        all(each.score < 0 for each in insight.ideals),
        f"after {max(each.steps for each in insight.ideals):,} steps {scores}",
    )


def _inception_is_best(findings: Findings, analysis: Analysis) -> Found | None:
    scores = {each.name: each.scores for each in findings.systems}
    if not {*_NETWORKS} <= scores.keys():
        return None
    others = [_standing(analysis, _INCEPTION, name) for name in (_MOBILE, _RESNEXT)]
    ours = ", ".join(f"{percent(scores[name].accuracy.value)} % {name}" for name in _NETWORKS)
    return _weighed(ours, for_it=set(others) == {Standing.AHEAD}, against=Standing.BEHIND in others)


def _ensemble_helps(findings: Findings, analysis: Analysis) -> Found | None:
    ensembles = [each.name for each in findings.systems if each.is_ensemble and each.name in analysis.systems]
    if not ensembles:
        return None
    others = [name for name in analysis.systems if name not in ensembles]
    gaps = {title_of(name): [_standing(analysis, name, other) for other in others] for name in ensembles}
    ahead = any(all(each is Standing.AHEAD for each in standings) for standings in gaps.values())
    behind = all(Standing.BEHIND in standings for standings in gaps.values())
    told = (f"{name} ahead of {each.count(Standing.AHEAD)} of {len(each)} networks" for name, each in gaps.items())
    return _weighed("; ".join(told), for_it=ahead, against=behind)


CHECKS: dict[str, Check] = {
    "padded-best": _padded_is_best,
    "stop-early": _of(_curves, _numbers("epochs", lambda curve: len(curve.epochs), lambda *epochs: max(epochs) <= 104)),
    "overfit": _of(_curves, _overfit),
    "peaks-in-order": _of(_curves, _numbers("best epochs", attrgetter("best_epoch"), lambda m, i, r: m < i < r)),
    "resnext-below": _of(_curves, _stays_below, _RESNEXT, _MOBILE),
    "level-with-alexnet": _of(_scores, _level_with_alexnet, _INCEPTION),
    "near-lenet": _of(_scores, _near_lenet, _MOBILE),
    "most-genres": _wins(lambda wins: wins[_INCEPTION] == max(wins.values())),
    "near-nothing": _of(_scores, _misses_many, _RESNEXT),
    "low-precision": _of(_scores, _low_precision, _RESNEXT, _INCEPTION),
    "heights": _measure("height", _same_in_all),
    "calendars": _measure("aspect_ratio", _place("Calendars", 1, "distance to all others", attrgetter("apart"))),
    "children": _measure(
        "aspect_ratio", _place("Children's Books", 5, "95 % quantile", lambda each: each.quantiles[4])
    ),
    "darker": _fantasy_is_darker,
    "colour-distance": _of(_analysed, _nearer_is_better),
    "mean-colour": _colour_beats_chance,
    "overlaps": _of(
        _analysed,
        _numbers("overlapping pairs", lambda each: len(each.overlap.pairs), lambda m, i, r: i == 0 < m < r),
    ),
    "overlapping-pairs": _named_pairs_overlap,
    "best-three": _of(_scores, _best_three, _INCEPTION),
    "negative-scores": _stay_negative,
    "best-network": _inception_is_best,
    "none-everywhere": _wins(lambda wins: max(wins.values()) < len(BOOKCOVER30)),
    "ensemble": _ensemble_helps,
}
"""By the names that data/reference/hill_2020_statements.csv gives them."""


@dataclass(frozen=True)
class StatementVerdict:
    """A statement of the dissertation beside what the study found."""

    section: str
    statement: str
    ours: str
    """What the study found, in words; empty where it has nothing to check it with."""
    outcome: Reproduction
    why: str
    """Why it is not comparable; empty otherwise."""


def statement_verdicts(findings: Findings, analysis: Analysis | None) -> list[StatementVerdict]:
    """A verdict on every statement that can be checked; none where the genres are not those of BookCover30."""
    outcomes = {True: Reproduction.REPRODUCED, False: Reproduction.CONTRADICTED, None: Reproduction.UNDECIDED}
    obstacles = "; ".join(filter(None, [*findings.obstacles, findings.trained_otherwise]))
    verdicts = []
    for section, name, statement in published_statements() if findings.has_published else ():
        found = CHECKS[name](findings, analysis) if analysis is not None else None
        lacking = "" if found else "the study has not trained and analysed everything that some statements are about"
        why = lacking or obstacles
        outcome = outcomes[found.holds] if found and not why else Reproduction.NOT_COMPARABLE
        verdicts.append(StatementVerdict(section, statement, found.ours if found else "", outcome, why))
    return verdicts


def _by_recall(scores: Scores) -> list[GenreScore]:
    """The genres that have test books, the best recall first."""
    return sorted((genre for genre in scores.genres if genre.recall), key=lambda genre: -genre.recall[1].value)


def _standing(analysis: Analysis, first: str, second: str) -> Standing:
    """How the first compares with the second."""
    standings = {(pair.first, pair.second): pair.standing for pair in analysis.pairs}
    return standings[first, second] if (first, second) in standings else standings[second, first].reversed


def _beside(scores: Scores, k: int, network: str) -> tuple[Estimate, str]:
    """The study's top-k accuracy less the published one, and both in words."""
    ours, published = scores.top(k), published_recall()[network].total[k]
    other = Estimate.of_share(round(published * PUBLISHED_TEST_BOOKS), PUBLISHED_TEST_BOOKS, scores.confidence)
    return difference(ours, other), f"{percent(ours.value)} against {percent(published)} % at top {k}"


def _weighed(ours: str, *, for_it: bool, against: bool) -> Found:
    """What holds beyond luck, or is contradicted beyond luck; without either it is open."""
    return Found(False if against else True if for_it else None, ours)


def _all_above(ours: str, gaps: Sequence[Estimate]) -> Found:
    """Whether all differences are above 0."""
    return _weighed(ours, for_it=all(gap.low > 0 for gap in gaps), against=any(gap.high < 0 for gap in gaps))


def _listed(values: Mapping[str, int], what: str) -> str:
    return f"{what}: " + ", ".join(f"{value} {name}" for name, value in values.items())
