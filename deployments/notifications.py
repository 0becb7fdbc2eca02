"""The command `bookcover notify`: somebody is told when a study fails, waits for decisions, or is finished.

Automations of the Prefect server listen for the ends of studies' runs, one for each way in which a study ends, and send
messages by blocks that hold the address and a severity. Both are Prefect's own, stand on its pages *Automations* and
*Blocks*, and go on without this command.
"""

import logging
from contextlib import suppress
from datetime import timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from prefect.blocks.abstract import NotificationError
from prefect.blocks.notifications import SlackWebhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from pydantic import SecretStr

from bookcover_core.errors import ServerError, SettingsError
from flows.study import WHOLE

BLOCK = "bookcover-notify"
"""How the names of the blocks begin that hold the address, each with the severity of its messages."""

AUTOMATION = "bookcover: tell how studies end"
"""How the names of the automations begin."""

_STUDIES = [flow.name for flow in WHOLE]

# The state's message without Prefect's own words before those of our errors; its first line, for the subject.
_SAID = "(flow_run.state.message or '').split('Error: ', 1)[-1]"
_FIRST = "{% if flow_run.state.message %}: {{ " + _SAID + ".split('\\n')[0] | truncate(200) }}{% endif %}"
_BODY = "{{ " + _SAID + " }}\n{{ flow_run|ui_url }}"


class _Kind(NamedTuple):
    """Messages of one severity."""

    severity: Literal["failure", "warning", "success"]
    states: tuple[str, ...]
    """After which they are sent."""
    subject: str
    body: str


_KINDS = (
    _Kind("failure", ("Failed",), "{{ flow_run.name }} has failed" + _FIRST, _BODY),
    _Kind(
        "warning",
        ("Suspended", "Paused"),
        "{{ flow_run.name }} waits for your decisions",
        "Box-set candidates are to be decided on.\n{{ flow_run|ui_url }}",
    ),
    _Kind("success", ("Completed",), "{{ flow_run.name }} is finished" + _FIRST, _BODY),
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
    known = SecretStr(_known(address))
    block = SlackWebhook(url=known)  # the block that takes every address of Apprise's
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
    switch_off()
    with get_client(sync_client=True) as client:
        for kind in _KINDS:
            told = SlackWebhook(url=known, notify_type=kind.severity)
            document = told.save(f"{BLOCK}-{kind.severity}", overwrite=True)
            assert isinstance(document, UUID)  # Prefect's type allows for a coroutine
            client.create_automation(_automation(kind, document))


def switch_off() -> bool:
    """Whether messages were sent until now; none are from now on."""
    with get_client(sync_client=True) as client:
        found = _automations(client)
        for each in found:
            client.delete_automation(each.id)
    for name in (BLOCK, *(f"{BLOCK}-{kind.severity}" for kind in _KINDS)):
        with suppress(ValueError):  # there is no such block
            SlackWebhook.delete(f"{SlackWebhook.get_block_type_slug()}/{name}")
    return bool(found)


def _automations(client: SyncPrefectClient) -> list[Automation]:
    """Those of messages, that of earlier versions among them."""
    names = [AUTOMATION, *(_name(kind) for kind in _KINDS)]
    return [each for name in names for each in client.read_automations_by_name(name)]


def _name(kind: _Kind) -> str:
    return f"{AUTOMATION} ({kind.severity})"


def describe() -> str:
    """Where messages go now, in words; of the address only what is no secret."""
    with get_client(sync_client=True) as client:
        found = _automations(client)
    if not found:
        return "Nobody is told how studies end. `bookcover notify ADDRESS` switches that on."
    from apprise import Apprise  # noqa: PLC0415 - takes a second

    block = SlackWebhook.load(f"{BLOCK}-{_KINDS[0].severity}")
    assert isinstance(block, SlackWebhook)
    known = Apprise.instantiate(block.url.get_secret_value())
    shown = known.url(privacy=True).partition("?")[0] if known else "an address that is not known any more"  # type: ignore[no-untyped-call] # Apprise has none
    paused = "" if all(each.enabled for each in found) else " Automations of it are switched off on the dashboard."
    return f"Messages about studies go to {shown}.{paused}"


def _automation(kind: _Kind, block: UUID) -> AutomationCore:
    return AutomationCore(
        name=_name(kind),
        description="When a study fails, waits for decisions, or is finished. `bookcover notify` made it.",
        trigger=EventTrigger(
            expect={f"prefect.flow-run.{state}" for state in kind.states},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification({"prefect.resource.role": "flow", "prefect.resource.name": _STUDIES}),
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[SendNotification(block_document_id=block, subject=kind.subject, body=kind.body)],
    )


def _known(address: str) -> str:
    """The address as Apprise takes it: a webhook of no kind that it knows gets JSON."""
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
