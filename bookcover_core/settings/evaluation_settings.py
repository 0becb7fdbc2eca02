"""Evaluation and visualisation of the trained networks: chapter 5."""

from typing import Annotated, Literal

from pydantic import Field

from bookcover_core.settings.settings_section import SettingsSection


class BaselineSettings(SettingsSection):
    """Rules that never look at a picture, and stand beside the networks in every table: section 5.2."""

    names: tuple[Literal["commonest", "frequencies", "mean-colour", "colour", "shape", "colour-and-shape"], ...] = (
        "commonest",
        "frequencies",
        "mean-colour",
        "colour",
        "shape",
        "colour-and-shape",
    )
    """commonest: the commonest genre, always. frequencies: a genre drawn by the genres' frequencies. mean-colour: the
    genre whose mean colour is nearest. colour: a logistic regression on mean colour. shape: the same on width, height
    and aspect ratio. colour-and-shape: on all six. None: no baselines."""


class EvaluationSettings(SettingsSection):
    """Evaluation of the trained networks: sections 5.1 and 5.2."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Confidence of every interval."""
    resamples: Annotated[int, Field(ge=100, le=1_000_000)] = 2_000
    """Random orders of the colours of test books that colour distance against recall (Figure 5.4) is set beside."""
    overlap_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Class overlap (equation 5.2) above which two genres are named: Figure 5.5 shows those above 0.5."""


class VisualisationSettings(SettingsSection):
    """Visualisation of a network: section 5.3."""

    model: str = ""
    """Name of the system that is visualised, such as "MobileNetV2"; empty: the best by validation accuracy."""
    genres: Annotated[int, Field(ge=0, le=100)] = 3
    """Genres that ideal pictures are made for (activation maximisation): those with the best recall; 0: none."""
    steps: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """Steps of activation maximisation, at most. Raised later, it goes on from where it ended."""
    plateau: Annotated[int, Field(ge=0)] = 100
    """It ends where so many steps bring less than 2 % of the rise since the first; 0: after all steps."""
    total_variation: Annotated[float, Field(ge=0)] = 0.3
    """Weight of the total variation of such a picture, which keeps it from being noise."""
    l2: Annotated[float, Field(ge=0)] = 0.05
    """Weight of its distance from grey (L2), which keeps its colours from running to their ends."""
    grad_cam: Annotated[int, Field(ge=0, le=100)] = 6
    """Most confident right covers, and as many wrong ones, that are shown with a Grad-CAM overlay; 0: none."""
