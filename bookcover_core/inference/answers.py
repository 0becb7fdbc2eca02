"""What is returned for a cover: a verdict, or why there is none; and a summary of the model that judges."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.evaluation.intervals import Estimate

NOVEL = 0.05
"""Share of covers like the study's that are called unlike them, at most."""

# The sign, kept on the line of its number.
_PERCENT = "\N{NO-BREAK SPACE}%"

Source = Annotated[str, AfterValidator(lambda name: name.encode("utf-8", "backslashreplace").decode())]
"""A cover as it was named, a file or an address; bytes that are not UTF-8 are escaped."""


class Guess(BaseModel, frozen=True):
    """A genre with the probability that the model gives it."""

    genre: str
    slug: str
    probability: float = Field(description="0 to 1; those of all genres sum to 1.")


class StudyCover(BaseModel, frozen=True):
    """A book of the study that has a cover."""

    key: str
    title: str
    author: str
    genre: str
    split: str = Field(description="train, validation or test; empty before the books are split.")
    path: str = Field(description="Its cover, relative to the study's folder.")
    sha256: str


class Neighbour(StudyCover, frozen=True):
    """A book of the study whose cover is similar to the one that is judged."""

    similarity: float = Field(description="Cosine of the angle between the pooled features of the two covers.")


class Novelty(BaseModel, frozen=True):
    """How unlike the training covers a picture is, beside the validation covers, which were not learnt from either."""

    distance: float = Field(description="One minus the mean similarity to the nearest training covers: 0 to 2.")
    farther: int = Field(description="Validation covers that are as far from the training covers, or farther.")
    validation_covers: int = Field(description="Validation covers that it was compared with.")

    @property
    def is_novel(self) -> bool:
        """Whether it is called unlike the study's covers: of those, `NOVEL` are called so by mistake."""
        return (self.farther + 1) / (self.validation_covers + 1) <= NOVEL

    @property
    def warning(self) -> str:
        """What to know of a picture that is unlike the study's covers."""
        return (
            f"This picture is unlike the covers that were learnt from, and the genres named mean little: only "
            f"{self.farther:,} of {self.validation_covers:,} validation covers are as far from the training covers. "
            f"This warning is wrong on about {100 * NOVEL:.0f}{_PERCENT} of covers like the study's."
        )


class SpokenWord(BaseModel, frozen=True):
    """A word that was read on the cover and counted."""

    text: str
    confidence: float = Field(description="How sure the reader is of it, 0 to 1.")
    box: tuple[float, float, float, float] = Field(description="Left, top, right and bottom, as shares of the sides.")
    speaks: float = Field(description="What it adds to the log probability of the first genre, to CoverText.")


class CoverVerdict(BaseModel, frozen=True):
    """The model's answer for one cover."""

    kind: Literal["verdict"] = "verdict"
    source: Source = Field(description="The cover, as it was named: a file, an address.")
    model: str = Field(description="The model that judged: see `ModelSummary`.")
    preparation: str = Field(description="How the cover was made square.")
    genres: list[Guess] = Field(description="The most probable genres, the first of them first.")
    width: int = Field(description="Of the picture as it came, upright, in pixels.")
    height: int
    format: str
    sha256: str = Field(description="Of the file.")
    known: StudyCover | None = Field(default=None, description="The study's book whose cover is this very file.")
    words: list[SpokenWord] = Field(default=[], description="What was read on it, in reading order.")
    nearest: list[Neighbour] = Field(default=[], description="The study's covers most similar to it.")
    nearest_doubt: str = Field(default="", description="Why their likeness means nothing; empty: it means something.")
    nearest_missing: str = Field(default="", description="Why no similar covers are named.")
    novelty: Novelty | None = Field(default=None, description="How unlike the training covers; none: not known.")
    warnings: list[str] = Field(default=[], description="What to know before the verdict is believed.")
    explanation: str = Field(default="", description="File of a picture that shows what spoke for the first genre.")
    seconds: float = Field(description="From reading the cover to its verdict; its share of what a batch took.")

    @property
    def telling(self) -> list[str]:
        """The words that spoke most for the first genre, five at most, the first of them first."""
        told = sorted((word for word in self.words if word.speaks > 0), key=lambda word: -word.speaks)
        return list(dict.fromkeys(word.text for word in told))[:5]


class Unreadable(BaseModel, frozen=True):
    """A cover that could not be judged."""

    kind: Literal["unreadable"] = "unreadable"
    source: Source
    outcome: CoverOutcome | None = Field(description="As in a study's ledger; none: the picture is not at fault.")
    reason: str

    @property
    def detail(self) -> str:
        """What is wrong with it: "not an image (a web page)"."""
        if self.outcome is None:
            return self.reason
        return f"{self.outcome} ({self.reason})" if self.reason else str(self.outcome)


class ModelSummary(BaseModel, frozen=True):
    """The model that judges, one network or an ensemble, and how far it can be believed."""

    study: str
    model: str = Field(description='"MobileNetV2-padded".')
    title: str = Field(description='For people: "MobileNetV2, fine-tuned".')
    preparation: str
    networks: list[str] = Field(description="Names of the models that judge together; one where it is no ensemble.")
    genres: int
    reads_titles: bool = Field(default=False, description="Whether it has to be told the title of the book.")
    validation_accuracy: float
    accuracy: Estimate | None = Field(default=None, description="On the test books; none before they were judged.")
    chance: float | None = Field(default=None, description="Accuracy of always naming the commonest genre.")
    test_books: int = 0
    confidence: float
    precision: dict[str, Estimate] = Field(default={}, description="On the test books, by a genre's slug.")
    warnings: list[str]

    @property
    def measured(self) -> str:
        """How often it is right, in a sentence."""
        if self.accuracy is None:
            return "It has not been evaluated: how often it is right is not known."
        value, *ends, chance = (
            f"{100 * share:.1f}{_PERCENT}" for share in (self.accuracy.value, *self.accuracy.ends, self.chance or 0)
        )
        return (
            f"It is right on {value} of {self.test_books:,} test books ({100 * self.confidence:g}{_PERCENT} interval "
            f"{' to '.join(ends)}). Always naming the commonest genre is right on {chance}."
        )
