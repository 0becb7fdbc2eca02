"""Automations of the server that see to runs whose process died.

A server is told of a run's end by its process, or by the one that started it. Where both are gone, because a machine
lost its power or its memory was full, nobody tells it, and the run would stay Running for ever. So the project's runs
give a sign of life every half minute (`flows.heartbeats`), and automations listen:

    Running, no sign of life for 90 s       declared Crashed
    Crashed, a sign of life within 40 s     Running after all: the server, or the whole machine, had been asleep
    Crashed, and silent for 40 s            scheduled again; a worker takes it up, and finds what is done
    about to begin for ten minutes          scheduled again: its worker died while it was starting it
    taken up for the third time in a week   Failed: whatever kills its process would do so again

Runs that were alive after all do not count, nor do people's retries. Only runs of the project's deployments are
scheduled again.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Literal

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from flows.heartbeats import HEARTBEAT, TAG

TAKEN_UP = "Taken up again: its process had died. What it had done is kept."
"""Message of a run that is scheduled again."""

GIVEN_UP = (
    "Its process has died three times, so it is not taken up again by itself. Most often the memory was full: train"
    " fewer networks at once (the limit bookcover-trainings), or give the machine more memory, and choose Retry in"
    " this run's menu. What is done is kept."
)
"""Message of a run that is not scheduled again."""

# Signs of life that may be missed: a server that is busy for a minute takes nothing for dead.
_SILENCE = timedelta(seconds=3 * HEARTBEAT)

# Time that a crashed run has to give a sign of life after all, and its worker to say what it knows of the end.
_DOUBT = timedelta(seconds=HEARTBEAT + 10)

# Time that a worker may need to start a process, on the slowest machine.
_START = timedelta(minutes=10)

# How often a run's process may die, and in what time.
_DEATHS, _MEMORY = 3, timedelta(days=7)

_OURS = ResourceSpecification({"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}"})
_DEPLOYED = ResourceSpecification({"prefect.resource.role": "deployment"})

# What may become of a run that is about to begin. Signs of life are not among them: the server writes to its database
# whatever is expected, and SQLite takes in little at a time.
_BEGUN = ("Running", "Completed", "Failed", "Crashed", "Cancelling", "Cancelled", "AwaitingRetry")

_AGAIN = ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", message=TAKEN_UP)


def automations() -> list[AutomationCore]:
    """The automations, as they should be."""
    return [
        AutomationCore(
            name="bookcover: declare silent runs crashed",
            description=f"Runs of bookcover give a sign of life every {HEARTBEAT} s, unless their process has died.",
            trigger=_unless_followed("heartbeat", _SILENCE, [_OURS]),
            actions=[ChangeFlowRunState(state=StateType.CRASHED, message="It has given no sign of life any more.")],
        ),
        AutomationCore(
            name="bookcover: declare crashed runs alive",
            description="They give signs of life: the server, or the whole machine, had been asleep.",
            trigger=_trigger(
                Posture.Reactive, after="Crashed", expect=["heartbeat"], within=_DOUBT, related=[_OURS, _DEPLOYED]
            ),
            actions=[ChangeFlowRunState(state=StateType.RUNNING, message="It is alive after all.", force=True)],
        ),
        AutomationCore(
            name="bookcover: take up crashed runs",
            description="What they had done is kept.",
            trigger=_unless_followed("Crashed", _DOUBT, [_OURS, _DEPLOYED]),
            actions=[_AGAIN],
        ),
        AutomationCore(
            name="bookcover: take up runs that never began",
            description="The worker that was to start them has died.",
            trigger=_unless_followed("Pending", _START, [_OURS, _DEPLOYED], by=_BEGUN),
            actions=[_AGAIN],
        ),
        AutomationCore(
            name="bookcover: give up runs that crash again and again",
            description="Whatever kills their process would do so again.",
            trigger=_trigger(
                Posture.Reactive,
                # It counts from the first, so that a run that a person retries has as many more. (The server has been
                # seen to schedule a run twice within a second; that counts as two.)
                after="AwaitingRetry",
                expect=["AwaitingRetry"],
                saying=TAKEN_UP,
                threshold=_DEATHS - 1,
                within=_MEMORY,
                related=[_OURS, _DEPLOYED],
            ),
            actions=[ChangeFlowRunState(state=StateType.FAILED, message=GIVEN_UP, force=True)],
        ),
    ]


def _unless_followed(
    event: str, within: timedelta, related: list[ResourceSpecification], *, by: Collection[str] = ("*",)
) -> EventTrigger:
    """What notices that a run has nothing more to say after an event, for so long."""
    return _trigger(Posture.Proactive, after=event, expect=by, within=within, related=related)


def _trigger(
    posture: Literal[Posture.Reactive, Posture.Proactive],
    *,
    expect: Collection[str],
    within: timedelta,
    related: list[ResourceSpecification],
    after: str | None = None,
    saying: str | None = None,
    threshold: int = 1,
) -> EventTrigger:
    """What notices, for each run alone, that an event comes (reactive), or does not come (proactive).

    `saying` is the message of the state that the event tells of.
    """
    resource = {"prefect.resource.id": "prefect.flow-run.*"}
    if saying is not None:
        resource["prefect.state-message"] = saying
    return EventTrigger(
        after={f"prefect.flow-run.{after}"} if after else set(),
        expect={f"prefect.flow-run.{each}" for each in expect},
        match=ResourceSpecification(resource),
        match_related=related,
        for_each={"prefect.resource.id"},
        posture=posture,
        threshold=threshold,
        within=within,
    )


def set_up_automations(client: SyncPrefectClient) -> list[str]:
    """What was done to have the automations on the server, in words, one line for each.

    Whether one is switched on is left to people: it is, when it is made.
    """
    said = []
    for wanted in automations():
        found = client.read_automations_by_name(wanted.name)
        if not found:
            client.create_automation(wanted)
            said.append(f"automation {wanted.name!r}: made")
        elif _differs(found[0], wanted):
            client.update_automation(found[0].id, wanted.model_copy(update={"enabled": found[0].enabled}))
            said.append(f"automation {wanted.name!r}: changed")
        else:
            said.append(f"automation {wanted.name!r}: stands")
    return said


def _differs(found: Automation, wanted: AutomationCore) -> bool:
    """Whether an automation does something else than is wanted of it."""
    parts = {"trigger", "actions", "description"}
    return found.model_dump(include=parts) != wanted.model_dump(include=parts)
