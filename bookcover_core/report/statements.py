"""What the dissertation says in words, as far as a study can check it: sections 3.2 to 5.4, one check each.

A statement holds here, does not hold, or the intervals allow both. It is called reproduced or contradicted only where
the study may be compared with the dissertation at all; otherwise what was found is given without a verdict.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bookcover_core.evaluation.analyse import Analysis
from bookcover_core.report import statement_checks as checks
from bookcover_core.report.findings import Findings
from bookcover_core.report.statement_checks import Found
from bookcover_core.report.verdicts import Outcome

Check = Callable[[Findings, Analysis], Found | None]

_OUTCOMES = {True: Outcome.REPRODUCED, False: Outcome.CONTRADICTED, None: Outcome.UNDECIDED}


@dataclass(frozen=True)
class StatementVerdict:
    """A statement of the dissertation beside what the study found."""

    section: str
    statement: str
    ours: str
    """What the study found, in words; empty where it has nothing to check it with."""
    outcome: Outcome
    why: str
    """Why it is not comparable; empty otherwise."""


# Section, what it says, and how that is checked.
_STATEMENTS: tuple[tuple[str, str, Check], ...] = (
    ("3.2", "Padded covers give MobileNetV2 the best test accuracy.", checks.padded_is_best),
    ("4.2", "All three networks stop early, by epoch 104 at most.", checks.stop_early),
    ("4.2", "MobileNetV2 peaks first, InceptionResNetV2 later, ResNeXt50 last.", checks.best_epochs_in_order),
    ("4.2", "ResNeXt50 never rises above the lowest accuracy of MobileNetV2.", checks.resnext_stays_below),
    ("5.1", "InceptionResNetV2 is level with AlexNet, and ahead at top 3.", checks.inception_is_level_with_alexnet),
    ("5.1", "MobileNetV2 is close to LeNet, slightly better in many genres.", checks.mobile_is_near_lenet),
    ("5.1", "InceptionResNetV2 is best on more genres than any other network.", checks.inception_wins_most_genres),
    ("5.1", "ResNeXt50 has near 0 % recall in many genres, even at top 3.", checks.resnext_misses_many),
    ("5.2", "Calendars have the most unusual aspect ratios.", checks.calendars_stand_out),
    ("5.2", "Science Fiction & Fantasy is darker than Cookbooks, Food & Wine.", checks.fantasy_is_darker),
    ("5.2", "The closer the colour, the better the recall, in MobileNetV2 above all.", checks.nearer_is_better),
    ("5.2", "Guessing by closeness to the average colour beats chance.", checks.colour_beats_chance),
    ("5.2", "ResNeXt50 overlaps many genres, MobileNetV2 a few, InceptionResNetV2 none.", checks.overlaps_in_order),
    (
        "5.2",
        "MobileNetV2 overlaps Self-Help with Health, Science with Medical, and Religion with Christian books.",
        checks.named_pairs_overlap,
    ),
    ("5.3", "InceptionResNetV2 knows Test Preparation, Comics and Travel best.", checks.best_three),
    ("5.4", "InceptionResNetV2 is the best of the three networks.", checks.inception_is_best),
    ("5.4", "No single network is best across all genres.", checks.no_network_is_best_everywhere),
    ("5.4", "An ensemble may be more accurate than any one network.", checks.ensemble_helps),
)


def statement_verdicts(findings: Findings, analysis: Analysis | None) -> list[StatementVerdict]:
    """A verdict on every statement that can be checked; none where the genres are not those of BookCover30."""
    if not findings.has_published:
        return []
    return [_judge(findings, analysis, *each) for each in _STATEMENTS]


def _judge(
    findings: Findings, analysis: Analysis | None, section: str, statement: str, check: Check
) -> StatementVerdict:
    found = check(findings, analysis) if analysis is not None else None
    if found is None:
        why = "the study has not trained and analysed all that some statements speak of"
        return StatementVerdict(section, statement, "", Outcome.NOT_COMPARABLE, why)
    if findings.obstacles:
        return StatementVerdict(section, statement, found.ours, Outcome.NOT_COMPARABLE, "; ".join(findings.obstacles))
    outcome = _OUTCOMES[found.holds]
    return StatementVerdict(section, statement, found.ours, outcome, "")
