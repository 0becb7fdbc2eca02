"""The dissertation's statements that a study can check: sections 3.2 to 5.4, one check each.

A statement holds here, does not hold, or the intervals allow both. It is called reproduced or contradicted only where
the study may be compared with the dissertation at all; otherwise what was found is given without a verdict.

A check takes the findings and the analysis of a study, and returns None where the study lacks what it needs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter

from bookcover_core.evaluation.analysis import Analysis, SystemAnalysis
from bookcover_core.evaluation.intervals import Estimate, difference
from bookcover_core.evaluation.published_results import PUBLISHED_TEST_BOOKS, published_recall
from bookcover_core.evaluation.scores import Scores
from bookcover_core.evaluation.significance import Standing
from bookcover_core.families.family import title_of
from bookcover_core.genres import BOOKCOVER30
from bookcover_core.report.analysis_figures import in_words
from bookcover_core.report.findings import Findings
from bookcover_core.report.number_verdicts import Reproduction, best_genres
from bookcover_core.report.table import Column, Table, percent
from bookcover_core.visualisation.training_curves import TrainingCurve

_MOBILE, _INCEPTION, _RESNEXT = "MobileNetV2", "InceptionResNetV2", "ResNeXt50"
_NETWORKS = (_MOBILE, _INCEPTION, _RESNEXT)

# "Many classes showing near 0 % accuracy even at Top-3" (section 5.1): half of chance, which is 10 %, or less; and at
# least so many genres. Its own numbers are 9 genres.
_NEAR_NOTHING = 0.05
_MANY = 5

# "Close to LeNet in performance" (section 5.1): its own distance is one point, and five would be another word.
_CLOSE = 0.05

# "By epoch 104 at most" (section 4.2).
_LAST_EPOCH = 104

# The pairs that section 5.2 names for MobileNetV2.
_NAMED_PAIRS = (
    ("Self-Help", "Health, Fitness & Dieting"),
    ("Science & Math", "Medical Books"),
    ("Religion & Spirituality", "Christian Books & Bibles"),
)

# "The 3 best predicted genres" of InceptionResNetV2 (section 5.3).
_BEST_THREE = frozenset({"Test Preparation", "Comics & Graphic Novels", "Travel"})


@dataclass(frozen=True)
class Found:
    """What a check found."""

    holds: bool | None
    """None: the intervals allow both."""
    ours: str
    """In words."""


Check = Callable[[Findings, Analysis], Found | None]

# Section, what it says, and how that is checked, in the order of the dissertation.
_STATEMENTS: list[tuple[str, str, Check]] = []

_OUTCOMES = {True: Reproduction.REPRODUCED, False: Reproduction.CONTRADICTED, None: Reproduction.UNDECIDED}


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
    if not findings.has_published:
        return []
    return [_judge(findings, analysis, *each) for each in _STATEMENTS]


def statement_table(verdicts: Sequence[StatementVerdict]) -> Table | None:
    """The statements with what was found and the verdict; None without statements."""
    if not verdicts:
        return None
    return Table.of(
        "statements",
        "What the dissertation says in words, and what became of it",
        [
            Column("Section", attrgetter("section")),
            Column("It says", attrgetter("statement")),
            Column("This study found", attrgetter("ours")),
            Column("Verdict", attrgetter("outcome.value")),
        ],
        verdicts,
        notes=[f"Not comparable: {why}." for why in dict.fromkeys(each.why for each in verdicts if each.why)],
    )


def statement_results(verdicts: Sequence[StatementVerdict]) -> list[dict[str, str]]:
    """Every verdict as JSON values."""
    return [{**asdict(each), "outcome": each.outcome.value} for each in verdicts]


def _judge(
    findings: Findings, analysis: Analysis | None, section: str, statement: str, check: Check
) -> StatementVerdict:
    found = check(findings, analysis) if analysis is not None else None
    if found is None:
        why = "the study has not trained and analysed everything that some statements are about"
        return StatementVerdict(section, statement, "", Reproduction.NOT_COMPARABLE, why)
    if findings.obstacles:
        why = "; ".join(findings.obstacles)
        return StatementVerdict(section, statement, found.ours, Reproduction.NOT_COMPARABLE, why)
    return StatementVerdict(section, statement, found.ours, _OUTCOMES[found.holds], "")


def _says(section: str, statement: str) -> Callable[[Check], Check]:
    """Register a check of a statement of the dissertation."""

    def add(check: Check) -> Check:
        _STATEMENTS.append((section, statement, check))
        return check

    return add


@_says("3.2", "Padded covers give MobileNetV2 the best test accuracy.")
def _padded_is_best(findings: Findings, _: Analysis) -> Found | None:
    books = findings.books_in("test")
    trials = {
        trial.preparation: Estimate.of_share(round(trial.test_accuracy * books), books, findings.confidence)
        for trial in findings.trials
        if trial.backbone == _MOBILE and books
    }
    padded = trials.pop("padded", None)
    if padded is None or len(trials) < 2:
        return None
    others = ", ".join(f"{name} {percent(each.value)} %" for name, each in trials.items())
    gaps = [difference(padded, other) for other in trials.values()]
    return Found(_all_above(gaps), f"padded {percent(padded.value)} %, {others}")


@_says("4.2", "All three networks stop early, by epoch 104 at most.")
def _stop_early(findings: Findings, _: Analysis) -> Found | None:
    curves = _curves(findings)
    if curves is None:
        return None
    epochs = {name: len(curve.epochs) for name, curve in curves.items()}
    ends = max(epochs.values())
    return Found(ends < findings.study.settings.training.epochs and ends <= _LAST_EPOCH, _listed(epochs, "epochs"))


@_says("4.2", "MobileNetV2 peaks first, InceptionResNetV2 later, ResNeXt50 last.")
def _best_epochs_in_order(findings: Findings, _: Analysis) -> Found | None:
    curves = _curves(findings)
    if curves is None:
        return None
    best = {name: curve.best_epoch for name, curve in curves.items()}
    return Found(best[_MOBILE] < best[_INCEPTION] < best[_RESNEXT], "best " + _listed(best, "epochs"))


@_says("4.2", "ResNeXt50 never rises above the lowest accuracy of MobileNetV2.")
def _resnext_stays_below(findings: Findings, _: Analysis) -> Found | None:
    curves = _curves(findings)
    if curves is None:
        return None
    resnext, mobile = curves[_RESNEXT], curves[_MOBILE]
    highest, lowest = max(resnext.val_accuracy), min(mobile.val_accuracy)
    ours = f"validation: at most {percent(highest)} % against at least {percent(lowest)} %"
    return Found(highest <= lowest and max(resnext.accuracy) <= min(mobile.accuracy), ours)


@_says("5.1", "InceptionResNetV2 is level with AlexNet, and ahead at top 3.")
def _inception_is_level_with_alexnet(findings: Findings, _: Analysis) -> Found | None:
    scores = findings.scores_by_name.get(_INCEPTION)
    if scores is None:
        return None
    other = published_recall()["AlexNet"]
    first, third = (_apart(scores, k, other.total(k)) for k in (1, 3))
    ours = ", ".join(f"top {k}: {percent(scores.top(k).value)} against {percent(other.total(k))} %" for k in (1, 3))
    if not first.holds_zero or third.high < 0:
        return Found(False, ours)
    return Found(True if third.low > 0 else None, ours)


@_says("5.1", "MobileNetV2 is close to LeNet, slightly better in many genres.")
def _mobile_is_near_lenet(findings: Findings, _: Analysis) -> Found | None:
    scores = findings.scores_by_name.get(_MOBILE)
    if scores is None:
        return None
    other = published_recall()["LeNet"]
    better = sum(genre.recall[1].value > other.top1[genre.name] for genre in scores.genres if genre.recall)
    apart = _apart(scores, 1, other.total_top1)
    ours = (
        f"{percent(scores.accuracy.value)} against {percent(other.total_top1)} %, better in {better} of "
        f"{len(BOOKCOVER30)} genres"
    )
    return Found(apart.low <= _CLOSE and apart.high >= 0 and better > len(BOOKCOVER30) // 2, ours)


@_says("5.1", "InceptionResNetV2 is best on more genres than any other network.")
def _inception_wins_most_genres(findings: Findings, _: Analysis) -> Found | None:
    if not _all_evaluated(findings):
        return None
    wins = best_genres(findings)
    return Found(wins[_INCEPTION] == max(wins.values()), _listed(wins, "genres"))


@_says("5.1", "ResNeXt50 has near 0 % recall in many genres, even at top 3.")
def _resnext_misses_many(findings: Findings, _: Analysis) -> Found | None:
    scores = findings.scores_by_name.get(_RESNEXT)
    if scores is None:
        return None
    missed = [genre.name for genre in scores.genres if 3 in genre.recall and genre.recall[3].value < _NEAR_NOTHING]
    published = sum(value < _NEAR_NOTHING for value in published_recall()[_RESNEXT].top3.values())
    ours = f"top-3 recall below {percent(_NEAR_NOTHING)} % in {len(missed)} genres (published: {published})"
    return Found(len(missed) >= _MANY, ours)


@_says("5.2", "Calendars have the most unusual aspect ratios.")
def _calendars_stand_out(_: Findings, analysis: Analysis) -> Found | None:
    shapes = next(measure for measure in analysis.measures if measure.name == "aspect_ratio")
    ordered = sorted(shapes.genres, key=lambda spread: -spread.apart)
    names = [analysis.genres[spread.label].name for spread in ordered]
    if "Calendars" not in names:
        return None
    place = names.index("Calendars") + 1
    first = f"{names[0]} differs most ({ordered[0].apart:.2f})"
    ours = f"Calendars is number {place} of {len(names)} by its distance to all others; {first}"
    return Found(place == 1, ours)


@_says("5.2", "Science Fiction & Fantasy is darker than Cookbooks, Food & Wine.")
def _fantasy_is_darker(_: Findings, analysis: Analysis) -> Found | None:
    bright = {analysis.genres[colour.label].name: colour.brightness for colour in analysis.colours}
    fantasy, cookbooks = bright.get("Science Fiction & Fantasy"), bright.get("Cookbooks, Food & Wine")
    if fantasy is None or cookbooks is None:
        return None
    words = [f"{each.value:.0f} ({each.low:.0f} to {each.high:.0f})" for each in (fantasy, cookbooks)]
    return Found(_all_above([difference(cookbooks, fantasy)]), f"brightness {words[0]} against {words[1]}")


@_says("5.2", "The closer the colour, the better the recall, in MobileNetV2 above all.")
def _nearer_is_better(_: Findings, analysis: Analysis) -> Found | None:
    found = {name: each.colour.pearson for name, each in _analysed(analysis).items()}
    known = {name: each for name, each in found.items() if each is not None}
    if len(known) < len(_NETWORKS):
        return None
    ours = "; ".join(f"{name} r = {in_words(each)}" for name, each in known.items())
    if any(each.low > 0 for each in known.values()):
        return Found(False, ours)
    strongest = min(known, key=lambda name: known[name].value)
    return Found(True if strongest == _MOBILE and known[_MOBILE].high < 0 else None, ours)


@_says("5.2", "Guessing by closeness to the average colour beats chance.")
def _colour_beats_chance(_: Findings, analysis: Analysis) -> Found | None:
    top = next(rule for rule in analysis.rules if rule.name == "nearest mean colour").top[1]
    ours = f"{percent(top.value)} % ({percent(top.low)} to {percent(top.high)}) against {percent(analysis.chance)} %"
    return Found(True if top.low > analysis.chance else False if top.high < analysis.chance else None, ours)


@_says("5.2", "ResNeXt50 overlaps many genres, MobileNetV2 a few, InceptionResNetV2 none.")
def _overlaps_in_order(_: Findings, analysis: Analysis) -> Found | None:
    found = _analysed(analysis)
    if len(found) < len(_NETWORKS):
        return None
    counts = {name: len(each.overlap.pairs) for name, each in found.items()}
    holds = counts[_INCEPTION] == 0 < counts[_MOBILE] < counts[_RESNEXT]
    threshold = f"pairs above {percent(found[_MOBILE].overlap.threshold)} %"
    return Found(holds, _listed(counts, threshold))


@_says("5.2", "MobileNetV2 overlaps Self-Help with Health, Science with Medical, and Religion with Christian books.")
def _named_pairs_overlap(_: Findings, analysis: Analysis) -> Found | None:
    system = _analysed(analysis).get(_MOBILE)
    if system is None:
        return None
    labels = {genre.name: genre.label for genre in analysis.genres}
    values = [system.overlap.matrix[labels[first]][labels[second]] for first, second in _NAMED_PAIRS]
    ours = ", ".join(
        f"{first} and {second} {'not defined' if value is None else f'{value:.2f}'}"
        for (first, second), value in zip(_NAMED_PAIRS, values, strict=True)
    )
    return Found(all(value is not None and value > system.overlap.threshold for value in values), ours)


@_says("5.3", "InceptionResNetV2 knows Test Preparation, Comics and Travel best.")
def _best_three(findings: Findings, _: Analysis) -> Found | None:
    scores = findings.scores_by_name.get(_INCEPTION)
    if scores is None:
        return None
    ordered = sorted((genre for genre in scores.genres if genre.recall), key=lambda genre: -genre.recall[1].value)
    ours = ", ".join(f"{genre.name} {percent(genre.recall[1].value)} %" for genre in ordered[:3])
    return Found({genre.name for genre in ordered[:3]} == _BEST_THREE, ours)


@_says("5.4", "InceptionResNetV2 is the best of the three networks.")
def _inception_is_best(findings: Findings, analysis: Analysis) -> Found | None:
    if not _all_evaluated(findings):
        return None
    others = [_standing(analysis, _INCEPTION, name) for name in (_MOBILE, _RESNEXT)]
    accuracies = {name: f"{percent(findings.scores_by_name[name].accuracy.value)} %" for name in _NETWORKS}
    ours = ", ".join(f"{name} {value}" for name, value in accuracies.items())
    if Standing.BEHIND in others:
        return Found(False, ours)
    return Found(True if all(each is Standing.AHEAD for each in others) else None, ours)


@_says("5.4", "No single network is best across all genres.")
def _no_network_is_best_everywhere(findings: Findings, _: Analysis) -> Found | None:
    if not _all_evaluated(findings):
        return None
    wins = best_genres(findings)
    return Found(max(wins.values()) < len(BOOKCOVER30), _listed(wins, "genres"))


@_says("5.4", "An ensemble may be more accurate than any one network.")
def _ensemble_helps(findings: Findings, analysis: Analysis) -> Found | None:
    ensembles = [each.name for each in findings.systems if each.is_ensemble and each.name in analysis.systems]
    if not ensembles:
        return None
    others = [name for name in analysis.systems if name not in ensembles]
    gaps = {title_of(name): [_standing(analysis, name, other) for other in others] for name in ensembles}
    ahead = any(all(each is Standing.AHEAD for each in standings) for standings in gaps.values())
    behind = all(Standing.BEHIND in standings for standings in gaps.values())
    ours = "; ".join(
        f"{name}: ahead of {standings.count(Standing.AHEAD)} of {len(standings)} networks"
        for name, standings in gaps.items()
    )
    return Found(True if ahead else False if behind else None, ours)


def _all_evaluated(findings: Findings) -> bool:
    return set(_NETWORKS) <= set(findings.scores_by_name)


def _curves(findings: Findings) -> dict[str, TrainingCurve] | None:
    """The training of each of the three networks; None where one is missing."""
    curves = {each.name: each.curve for each in findings.systems if each.curve is not None}
    return {name: curves[name] for name in _NETWORKS} if curves.keys() >= set(_NETWORKS) else None


def _analysed(analysis: Analysis) -> dict[str, SystemAnalysis]:
    return {name: analysis.systems[name] for name in _NETWORKS if name in analysis.systems}


def _standing(analysis: Analysis, first: str, second: str) -> Standing:
    """How the first compares with the second."""
    standings = {(pair.first, pair.second): pair.standing for pair in analysis.pairs}
    return standings[first, second] if (first, second) in standings else standings[second, first].reversed


def _apart(scores: Scores, k: int, published: float) -> Estimate:
    """The study's less the published total."""
    other = Estimate.of_share(round(published * PUBLISHED_TEST_BOOKS), PUBLISHED_TEST_BOOKS, scores.confidence)
    return difference(scores.top(k), other)


def _all_above(gaps: Sequence[Estimate]) -> bool | None:
    """Whether all differences are above 0; None where intervals hold it."""
    if any(gap.high < 0 for gap in gaps):
        return False
    return True if all(gap.low > 0 for gap in gaps) else None


def _listed(values: Mapping[str, int], what: str) -> str:
    return f"{what}: " + ", ".join(f"{name} {value}" for name, value in values.items())
