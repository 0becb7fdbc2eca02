"""The results of visualising a network, in insight.json: ideal pictures of genres, and heat maps of covers."""

from pathlib import Path

from pydantic import BaseModel, Field

from bookcover_core.genres import Genre
from bookcover_core.pipeline.workspace import Workspace, read_result

INSIGHT = "insight.json"

# Columns of an ascent's course: the score before each step, and the weighted penalties that are taken off it.
COURSE = ("step", "score", "total_variation", "distance_from_grey")

# tf-keras-vis 0.8.7, README, "Known Issues": said of InceptionV3, whose modules InceptionResNetV2 is made of.
BLURRED_NETWORKS = ("InceptionV3", "InceptionResNetV2")
BLURRED = (
    "tf-keras-vis says of itself that with InceptionV3 activation maximisation does not work well and may give blurred "
    "pictures without meaning; this network is made of the same modules."
)


class IdealPicture(BaseModel, frozen=True):
    """A picture that maximises the score of a genre."""

    genre: Genre
    recall: float = Field(description="Top-1 recall of the genre on the test books.")
    picture: str = Field(description="PNG, relative to the study's folder.")
    course: str = Field(description="CSV, columns `COURSE`: the course of the ascent.")
    steps: int = Field(description="Steps done.")
    converged: bool = Field(description="Whether its objective has reached a plateau; else it was still rising.")
    score: float = Field(description="Of the picture as it is printed: its input of the softmax.")
    probability: float = Field(description="What the network gives the genre for it.")
    covers: int = Field(description="Test covers of the genre that were scored for comparison.")
    median_cover: float | None = Field(description="Median score of these covers; None where there are none.")
    best_cover: float | None = Field(description="Highest score of these covers.")


class GradCamExample(BaseModel, frozen=True):
    """A test cover with its Grad-CAM heat map."""

    key: str
    title: str
    genre: str = Field(description="The true one.")
    predicted: str
    probability: float = Field(description="Of the predicted genre, which the heat map explains.")
    cover: str = Field(description="The prepared cover, relative to the study's folder.")
    picture: str = Field(description="PNG of the same under its heat.")

    @property
    def right(self) -> bool:
        """Whether the network is right."""
        return self.genre == self.predicted

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines under the cover."""
        return answer_lines(self.genre, self.predicted, self.probability)


def answer_lines(genre: str, predicted: str, probability: float) -> tuple[str, ...]:
    """The lines under a cover: its genre, what it was taken for where that is another, and how sure the network is."""
    sure = f"{100 * probability:.1f} %"
    return (f"{genre}, {sure}",) if genre == predicted else (f"is {genre}", f"taken for {predicted}, {sure}")


class NetworkInsight(BaseModel, frozen=True):
    """The results of visualising one network."""

    model: str = Field(description='"MobileNetV2-padded".')
    network: str
    title: str = Field(description="The system's name for people.")
    input_size: int
    ideals: list[IdealPicture]
    seen: list[GradCamExample] = Field(description="The right ones first, each kind with the most confident first.")

    @property
    def warning(self) -> str:
        """What is to be known of ideal pictures of this network; empty for most."""
        return BLURRED if self.network in BLURRED_NETWORKS else ""


def insight_folder(workspace: Workspace, model: str) -> Path:
    """The folder of a model's results."""
    return workspace.visualisation / model


def read_insight(workspace: Workspace, model: str) -> NetworkInsight:
    """The results of visualising a model."""
    return read_result(insight_folder(workspace, model) / INSIGHT, NetworkInsight, "what the stage `visualise` saw")
