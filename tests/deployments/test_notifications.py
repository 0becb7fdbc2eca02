"""Tests of `deployments.notifications`: a real server tells a webhook on loopback how studies end."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.states import Completed, Failed, Running

from bookcover_core.errors import ServerError, SettingsError
from deployments.notifications import describe, switch_off, switch_on
from flows.study import continue_study
from flows.training import train_backbone
from tests.waiting import come_true


@pytest.fixture
def webhook():
    """The address of a webhook, and the titles and texts of the messages that it got: of the runs that `end` ends.

    The server is that of all tests: others may have a study finished meanwhile.
    """
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if message["title"].startswith(("bookcover", "study s", "train it")):
                got.append((message["title"], message["message"], message["type"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/studies?token=secret", got
    switch_off()
    server.shutdown()
    server.server_close()


def end(of: flow, name: str, *states) -> None:
    """A run of a flow that comes into these states."""
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(of, parameters={"study": "s"}, name=name, state=Running())
        for state in states:
            client.set_flow_run_state(run.id, state, force=True)


@pytest.mark.usefixtures("prefect_server")
def test_somebody_is_told_how_studies_end_until_that_is_switched_off(webhook):
    """That one failed and why, waits, or is finished; of trainings and other runs nobody hears."""
    address, got = webhook
    assert "Nobody is told" in describe()
    switch_on(address)
    switch_on(address)  # a second time changes nothing
    assert got == [("bookcover", "Messages about studies come here from now on.", "info")] * 2
    assert "127.0.0.1" in describe()
    assert "secret" not in describe()

    end(train_backbone, "train it", Failed(message="of no study"))
    waits = State(type=StateType.PAUSED, name="Suspended")
    end(
        continue_study,
        "study s",
        waits,
        Failed(message="It failed: DiskFullError: The disk is full."),
        Completed(message="LeNet is right on 28.0 %."),
    )
    assert come_true(lambda: len(got) >= 5, 60), got
    told = [(title, severity) for title, _, severity in got[2:]]
    assert sorted(told) == [
        ("study s has failed: The disk is full.", "failure"),
        ("study s is finished: LeNet is right on 28.0 %.", "success"),
        ("study s waits for your decisions", "warning"),
    ]
    [failed] = [message for title, message, _ in got if "has failed" in title]
    assert failed.startswith("The disk is full.\nhttp://127.0.0.1:")

    assert switch_off()
    assert not switch_off()
    end(continue_study, "study s", Completed())
    assert not come_true(lambda: len(got) > 5, 5)


@pytest.mark.usefixtures("prefect_server")
def test_an_address_that_takes_no_message_is_refused():
    """Before anything is switched on."""
    with pytest.raises(SettingsError, match=r"no address that messages can be sent to.*mailto"):
        switch_on("me")
    with pytest.raises(ServerError, match="no message could be sent there"):
        switch_on("http://127.0.0.1:9/closed")
    assert "Nobody is told" in describe()
