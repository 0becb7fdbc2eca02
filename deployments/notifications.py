"""The command `bookcover notify`: somebody is told when a study fails, waits for decisions, or is finished.

An automation of the Prefect server listens for the ends of studies' runs, and sends a message by a block that holds the
address. Both are Prefect's own, stand on its pages *Automations* and *Blocks*, and go on without this command.
"""

import logging
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from prefect.blocks.abstract import NotificationError
from prefect.blocks.notifications import SlackWebhook
from prefect.client.orchestration import get_client
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from pydantic import SecretStr

from bookcover_core.errors import ServerError, SettingsError
from flows.study import WHOLE

BLOCK = "bookcover-notify"
"""Name of the block that holds the address."""

AUTOMATION = "bookcover: tell how studies end"

_STUDIES = [flow.name for flow in WHOLE]

# States in which a study has ended, or goes on only when somebody has decided.
_ENDS = ("Completed", "Failed", "Suspended", "Paused")

_SUBJECT = (
    "{{ flow_run.name }} "
    "{% if flow_run.state.type.value == 'PAUSED' %}waits for your decisions"
    "{% elif flow_run.state.type.value == 'FAILED' %}has failed"
    "{% else %}is finished{% endif %}"
)
_BODY = (
    "{% if flow_run.state.type.value == 'PAUSED' %}Box-set candidates are to be decided on."
    # Without Prefect's own words before those of our errors.
    "{% else %}{{ (flow_run.state.message or '').split('Error: ', 1)[-1] }}{% endif %}\n{{ flow_run|ui_url }}"
)


def switch_on(address: str) -> None:
    """Send messages to an address from now on, instead of where they went; a first one is sent at once.

    Args:
        address: A webhook's (https://…), which gets JSON, or Slack's, Discord's and so on, which gets what it takes;
            or any address that Apprise knows (mailto://, ntfy://, tgram://…).

    Raises:
        SettingsError: The address is of no kind that is known.
        ServerError: The first message could not be sent.
    """
    block = SlackWebhook(url=SecretStr(_known(address)))  # the block that takes every address of Apprise's
    with block.raise_on_failure():
        try:
            block.notify("Messages about studies come here from now on.", subject="bookcover")
        except NotificationError as error:
            said = " ".join((error.log or "").split())
            raise ServerError(
                f"no message could be sent there ({said or 'it does not answer'})",
                where=address,
                advice="Check the address, and that it can be reached from this machine.",
            ) from None
    document = block.save(BLOCK, overwrite=True)
    assert isinstance(document, UUID)  # Prefect's type allows for a coroutine
    with get_client(sync_client=True) as client:
        wanted = _automation(document)
        found = client.read_automations_by_name(AUTOMATION)
        if found:
            client.update_automation(found[0].id, wanted)
        else:
            client.create_automation(wanted)


def switch_off() -> bool:
    """Whether messages were sent until now; none are from now on."""
    with get_client(sync_client=True) as client:
        found = client.read_automations_by_name(AUTOMATION)
        for each in found:
            client.delete_automation(each.id)
    with suppress(ValueError):  # there is no such block
        SlackWebhook.delete(f"{SlackWebhook.get_block_type_slug()}/{BLOCK}")
    return bool(found)


def describe() -> str:
    """Where messages go now, in words; of the address only what is no secret."""
    with get_client(sync_client=True) as client:
        found = client.read_automations_by_name(AUTOMATION)
    if not found:
        return "Nobody is told how studies end. `bookcover notify ADDRESS` switches that on."
    from apprise import Apprise  # noqa: PLC0415 - takes a second

    block = SlackWebhook.load(BLOCK)
    assert isinstance(block, SlackWebhook)
    known = Apprise.instantiate(block.url.get_secret_value())
    shown = known.url(privacy=True).partition("?")[0] if known else "an address that is not known any more"  # type: ignore[no-untyped-call] # Apprise has none
    paused = "" if found[0].enabled else " The automation is switched off on the dashboard."
    return f"Messages about studies go to {shown}.{paused}"


def _automation(block: UUID) -> AutomationCore:
    return AutomationCore(
        name=AUTOMATION,
        description="When a study fails, waits for decisions, or is finished. `bookcover notify` made it.",
        trigger=EventTrigger(
            expect={f"prefect.flow-run.{state}" for state in _ENDS},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification({"prefect.resource.role": "flow", "prefect.resource.name": _STUDIES}),
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[SendNotification(block_document_id=block, subject=_SUBJECT, body=_BODY)],
    )


def _known(address: str) -> str:
    """The address as Apprise takes it: a webhook of no kind that it knows gets JSON.

    Raises:
        SettingsError: It is of no kind that is known.
    """
    from apprise import Apprise  # noqa: PLC0415 - takes a second

    json = address.replace("http", "json", 1) if address.startswith(("http://", "https://")) else address
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # of an address that it does not know
    for each in (address, json):
        if Apprise.instantiate(each, suppress_exceptions=True) is not None:
            logging.getLogger("apprise").setLevel(logging.NOTSET)  # of a message that it could not send
            return each
    raise SettingsError(
        "this is no address that messages can be sent to",
        where=address,
        advice="Give that of a webhook (https://…), or one of https://appriseit.com/services/: mailto:// for e-mail.",
    )
