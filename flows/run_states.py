"""States of runs that Prefect has no name for, and what a state says to people."""

from prefect.client.schemas.objects import State

STOPPED = "Stopped"
"""State of a run that was cut off, and waits for a person: a crash by another name, which is not taken up by itself."""

REFUSED = "Refused"
"""State of a run that did nothing, as another one was at its study: it says nothing of how the study stands."""


def reason(state: State) -> str:
    """Why a run has ended, from its state's message: without Prefect's own words before those of our errors."""
    message = " ".join((state.message or "").split())
    return message.split("Error: ", 1)[-1].rstrip(".") or f"its run has ended {state.name}"
