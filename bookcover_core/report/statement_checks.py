"""Checks of what the dissertation says in words: what a study found of it, and whether that agrees.

Each takes the findings and the analysis of a study, and returns None where the study has not what it speaks of.
"""

from dataclasses import dataclass

from bookcover_core.evaluation.analyse import Analysis, SystemAnalysis
from bookcover_core.evaluation.intervals import Interval, difference
from bookcover_core.evaluation.published_results import PUBLISHED_TEST_BOOKS, published_recall
from bookcover_core.evaluation.scores import Estimate, Scores, share
from bookcover_core.evaluation.significance import Standing
from bookcover_core.genres import BOOKCOVER30
from bookcover_core.models.systems import Kind, systems, title_of
from bookcover_core.report.analysis_figures import in_words
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import percent
from bookcover_core.report.verdicts import best_genres
from bookcover_core.visualisation.training_curves import Curve

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


def padded_is_best(findings: Findings, _: Analysis) -> Found | None:
    """Section 3.2: whether padded covers give MobileNetV2 a better test accuracy than all other preparations."""
    books, confidence = findings.books_in("test"), findings.study.settings.evaluation.confidence
    trials = {
        trial.preparation: share(round(trial.test_accuracy * books), books, confidence)
        for trial in findings.trials
        if trial.backbone == _MOBILE
    }
    padded = trials.pop("padded", None)
    others = [each for each in trials.values() if each is not None]
    if padded is None or len(others) < 2:
        return None
    gaps = [_difference(padded, other) for other in others]
    ours = f"padded {percent(padded.value)} %, " + ", ".join(
        f"{name} {percent(each.value)} %" for name, each in trials.items() if each
    )
    return Found(_all_above(gaps), ours)


def stop_early(findings: Findings, _: Analysis) -> Found | None:
    """Section 4.2: whether all three trainings stopped early, none after epoch 104."""
    curves = _curves(findings)
    if curves is None:
        return None
    epochs = {name: len(curve.epochs) for name, curve in curves.items()}
    ends = max(epochs.values())
    stopped = ends < findings.study.settings.training.epochs
    return Found(stopped and ends <= _LAST_EPOCH, _listed(epochs, "epochs"))


def best_epochs_in_order(findings: Findings, _: Analysis) -> Found | None:
    """Section 4.2: whether the best epochs of the three networks come in the order that it tells."""
    curves = _curves(findings)
    if curves is None:
        return None
    best = {name: curve.best_epoch for name, curve in curves.items()}
    return Found(best[_MOBILE] < best[_INCEPTION] < best[_RESNEXT], "best " + _listed(best, "epochs"))


def resnext_stays_below(findings: Findings, _: Analysis) -> Found | None:
    """Section 4.2: whether ResNeXt50 never rises above the lowest accuracy of MobileNetV2, on either set."""
    curves = _curves(findings)
    if curves is None:
        return None
    resnext, mobile = curves[_RESNEXT], curves[_MOBILE]
    highest, lowest = max(resnext.val_accuracy), min(mobile.val_accuracy)
    ours = f"validation: at most {percent(highest)} % against at least {percent(lowest)} %"
    return Found(highest <= lowest and max(resnext.accuracy) <= min(mobile.accuracy), ours)


def inception_is_best(findings: Findings, analysis: Analysis) -> Found | None:
    """Section 5.4: whether InceptionResNetV2 is ahead of both others, by the paired tests."""
    if not _all_evaluated(findings):
        return None
    others = [_standing(analysis, _INCEPTION, name) for name in (_MOBILE, _RESNEXT)]
    accuracies = {name: f"{percent(_scores(findings)[name].accuracy.value)} %" for name in _NETWORKS}
    ours = ", ".join(f"{name} {value}" for name, value in accuracies.items())
    if Standing.BEHIND in others:
        return Found(False, ours)
    return Found(True if all(each is Standing.AHEAD for each in others) else None, ours)


def inception_is_level_with_alexnet(findings: Findings, _: Analysis) -> Found | None:
    """Section 5.1: whether it is level with the published AlexNet at top 1, and ahead at top 3."""
    scores = _scores(findings).get(_INCEPTION)
    if scores is None:
        return None
    other = published_recall()["AlexNet"]
    first = _apart(scores, 1, other.total_top1)
    third = _apart(scores, 3, other.total_top3)
    ours = (
        f"top 1: {percent(scores.top(1).value)} against {percent(other.total_top1)} %, "
        f"top 3: {percent(scores.top(3).value)} against {percent(other.total_top3)} %"
    )
    level = first.low <= 0 <= first.high
    if not level or third.high < 0:
        return Found(False, ours)
    return Found(True if third.low > 0 else None, ours)


def mobile_is_near_lenet(findings: Findings, _: Analysis) -> Found | None:
    """Section 5.1: whether MobileNetV2 is close to the published LeNet, not below it, and better in most genres."""
    scores = _scores(findings).get(_MOBILE)
    if scores is None:
        return None
    other = published_recall()["LeNet"]
    better = sum(
        genre.recall[1].value > other.top1[genre.name]
        for genre in scores.genres
        if genre.recall and genre.name in other.top1
    )
    apart = _apart(scores, 1, other.total_top1)
    ours = (
        f"{percent(scores.accuracy.value)} against {percent(other.total_top1)} %, better in {better} of "
        f"{len(BOOKCOVER30)} genres"
    )
    return Found(apart.low <= _CLOSE and apart.high >= 0 and better > len(BOOKCOVER30) // 2, ours)


def inception_wins_most_genres(findings: Findings, _: Analysis) -> Found | None:
    """Section 5.1: whether no network of Table 2 is best on more genres than InceptionResNetV2."""
    if not _all_evaluated(findings):
        return None
    wins = best_genres(findings)
    most = max(wins.values())
    return Found(wins[_INCEPTION] == most, _listed(wins, "genres"))


def resnext_misses_many(findings: Findings, _: Analysis) -> Found | None:
    """Section 5.1: whether ResNeXt50 has a top-3 recall near nothing in many genres."""
    scores = _scores(findings).get(_RESNEXT)
    if scores is None:
        return None
    missed = [genre.name for genre in scores.genres if 3 in genre.recall and genre.recall[3].value < _NEAR_NOTHING]
    published = sum(value < _NEAR_NOTHING for value in published_recall()[_RESNEXT].top3.values())
    ours = f"top-3 recall below {percent(_NEAR_NOTHING)} % in {len(missed)} genres (published: {published})"
    return Found(len(missed) >= _MANY, ours)


def best_three(findings: Findings, _: Analysis) -> Found | None:
    """Section 5.3: whether InceptionResNetV2 has its best recall in the three genres that it names."""
    scores = _scores(findings).get(_INCEPTION)
    if scores is None:
        return None
    ordered = sorted((genre for genre in scores.genres if genre.recall), key=lambda genre: -genre.recall[1].value)
    ours = ", ".join(f"{genre.name} {percent(genre.recall[1].value)} %" for genre in ordered[:3])
    return Found({genre.name for genre in ordered[:3]} == _BEST_THREE, ours)


def calendars_stand_out(_: Findings, analysis: Analysis) -> Found | None:
    """Section 5.2: whether no genre differs more in its aspect ratios from all others than Calendars."""
    shapes = next(measure for measure in analysis.measures if measure.name == "aspect_ratio")
    ordered = sorted(shapes.genres, key=lambda spread: -spread.apart)
    names = [analysis.genres[spread.label].name for spread in ordered]
    if "Calendars" not in names:
        return None
    place = names.index("Calendars") + 1
    first = f"{names[0]} differs most ({ordered[0].apart:.2f})"
    ours = f"Calendars is number {place} of {len(names)} by its distance to all others; {first}"
    return Found(place == 1, ours)


def fantasy_is_darker(_: Findings, analysis: Analysis) -> Found | None:
    """Section 5.2: whether covers of science fiction and fantasy are darker than those of cookbooks."""
    bright = {analysis.genres[colour.label].name: colour.brightness for colour in analysis.colours}
    fantasy, cookbooks = bright.get("Science Fiction & Fantasy"), bright.get("Cookbooks, Food & Wine")
    if fantasy is None or cookbooks is None:
        return None
    ours = f"brightness {fantasy.value:.0f} ({_ends(fantasy)}) against {cookbooks.value:.0f} ({_ends(cookbooks)})"
    return Found(_all_above([_difference(cookbooks, fantasy)]), ours)


def nearer_is_better(_: Findings, analysis: Analysis) -> Found | None:
    """Section 5.2: whether recall falls with colour distance (equation 5.1), most of all in MobileNetV2."""
    found = {name: each.colour.pearson for name, each in _analysed(analysis).items()}
    known = {name: each for name, each in found.items() if each is not None}
    if len(known) < len(_NETWORKS):
        return None
    ours = "; ".join(f"{name} r = {in_words(each)}" for name, each in known.items())
    if any(each.low > 0 for each in known.values()):
        return Found(False, ours)
    strongest = min(known, key=lambda name: known[name].value)
    return Found(True if strongest == _MOBILE and known[_MOBILE].high < 0 else None, ours)


def colour_beats_chance(_: Findings, analysis: Analysis) -> Found | None:
    """Section 5.2: whether naming the genre of the nearest mean colour does better than chance."""
    rule = next(rule for rule in analysis.rules if rule.name == "nearest mean colour")
    top = rule.top[1]
    ours = f"{percent(top.value)} % ({percent(top.low)} to {percent(top.high)}) against {percent(analysis.chance)} %"
    return Found(True if top.low > analysis.chance else False if top.high < analysis.chance else None, ours)


def overlaps_in_order(_: Findings, analysis: Analysis) -> Found | None:
    """Section 5.2: whether ResNeXt50 has most overlapping pairs, MobileNetV2 a few, InceptionResNetV2 none."""
    found = _analysed(analysis)
    if len(found) < len(_NETWORKS):
        return None
    counts = {name: len(each.overlap.pairs) for name, each in found.items()}
    holds = counts[_INCEPTION] == 0 < counts[_MOBILE] < counts[_RESNEXT]
    threshold = f"pairs above {percent(found[_MOBILE].overlap.threshold)} %"
    return Found(holds, _listed(counts, threshold))


def named_pairs_overlap(_: Findings, analysis: Analysis) -> Found | None:
    """Section 5.2: whether the three pairs that it names for MobileNetV2 overlap above the threshold."""
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


def no_network_is_best_everywhere(findings: Findings, _: Analysis) -> Found | None:
    """Section 5.4: whether no network of Table 2 is best in all genres."""
    if not _all_evaluated(findings):
        return None
    wins = best_genres(findings)
    return Found(max(wins.values()) < len(BOOKCOVER30), _listed(wins, "genres"))


def ensemble_helps(findings: Findings, analysis: Analysis) -> Found | None:
    """Section 5.4: whether an ensemble is ahead of every single network, by the paired tests."""
    ensembles = [
        system.name
        for system in systems(findings.study.settings)
        if system.kind is Kind.ENSEMBLE and system.name in analysis.systems
    ]
    if not ensembles:
        return None
    gaps = {}
    for ensemble in ensembles:
        standings = [_standing(analysis, ensemble, name) for name in analysis.systems if name not in ensembles]
        gaps[title_of(ensemble)] = standings
    ahead = any(all(each is Standing.AHEAD for each in standings) for standings in gaps.values())
    behind = all(Standing.BEHIND in standings for standings in gaps.values())
    ours = "; ".join(
        f"{name}: ahead of {standings.count(Standing.AHEAD)} of {len(standings)} networks"
        for name, standings in gaps.items()
    )
    return Found(True if ahead else False if behind else None, ours)


def _scores(findings: Findings) -> dict[str, Scores]:
    return {scores.backbone: scores for scores in findings.scores}


def _all_evaluated(findings: Findings) -> bool:
    return set(_NETWORKS) <= set(_scores(findings))


def _curves(findings: Findings) -> dict[str, Curve] | None:
    """The courses of the three networks' trainings; None where one is missing."""
    own = {network.backbone: network for network in findings.networks}
    curves = {name: own[name].curve for name in _NETWORKS if name in own}
    found = {name: curve for name, curve in curves.items() if curve is not None}
    return found if len(found) == len(_NETWORKS) else None


def _analysed(analysis: Analysis) -> dict[str, SystemAnalysis]:
    return {name: analysis.systems[name] for name in _NETWORKS if name in analysis.systems}


def _standing(analysis: Analysis, first: str, second: str) -> Standing:
    """How the first stands to the second."""
    turned = {Standing.AHEAD: Standing.BEHIND, Standing.BEHIND: Standing.AHEAD}
    for pair in analysis.pairs:
        if (pair.first, pair.second) == (first, second):
            return pair.standing
        if (pair.second, pair.first) == (first, second):
            return turned.get(pair.standing, pair.standing)
    raise KeyError(first, second)


def _apart(scores: Scores, k: int, published: float) -> Interval:
    """The interval of the study's less the published total."""
    own = share(round(scores.top(k).value * scores.books), scores.books, scores.confidence)
    other = share(round(published * PUBLISHED_TEST_BOOKS), PUBLISHED_TEST_BOOKS, scores.confidence)
    assert own is not None
    assert other is not None
    return _difference(own, other)


def _difference(first: Estimate, second: Estimate) -> Interval:
    return difference(first.value, first.interval, second.value, second.interval)


def _all_above(gaps: list[Interval]) -> bool | None:
    """Whether all differences are above 0; None where intervals hold it."""
    if any(gap.high < 0 for gap in gaps):
        return False
    return True if all(gap.low > 0 for gap in gaps) else None


def _listed(values: dict[str, int], what: str) -> str:
    return f"{what}: " + ", ".join(f"{name} {value}" for name, value in values.items())


def _ends(estimate: Estimate) -> str:
    return f"{estimate.low:.0f} to {estimate.high:.0f}"
