"""A trained network, asked for the genre of any covers."""

from typing import Annotated

from pydantic import Field

from bookcover_core.errors import FolderError
from bookcover_core.inference.answers import Unreadable
from flows.names import name_verdict
from flows.stages import stage_flow
from flows.studies import settings_of
from tasks import judging


@stage_flow("judge", name_verdict)
def judge(
    covers: list[str],
    study: str = "",
    model: str = "",
    top: Annotated[int, Field(ge=1)] = 5,
    near: Annotated[int, Field(ge=0)] = 3,
) -> None:
    """Judge covers by a trained network of the study; the verdicts are shown as an artifact.

    Covers that cannot be judged are named there and in the log. The run fails where none can be.

    Args:
        covers: Files and folders on the machine that runs this, and addresses of pictures.
        study: Name of the study whose network judges; empty: the only one of this home.
        model: Which of its trained models; none: the best by validation accuracy.
        top: Most probable genres to name, at least 1.
        near: Covers of the study, most like it, to name, at least 0.
    """
    found = judging.judge_covers(settings_of(study), covers, model, top, near)
    unreadable = [each for each in found if isinstance(each, Unreadable)]
    if len(unreadable) == len(found):
        raise FolderError(
            f"none of {len(found)} covers could be judged" if found else "there is no cover to judge",
            where=unreadable[0].source if unreadable else "covers",
            advice=f"The first: {unreadable[0].detail}." if unreadable else "Name pictures, folders or addresses.",
        )
