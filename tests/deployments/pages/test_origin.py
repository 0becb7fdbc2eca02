"""The guard before the Prefect server of a command: programs of this machine pass, pages of other sites do not."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from deployments.pages.origin import OwnOrigin


async def answer(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("done")


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


@pytest.fixture
def client() -> TestClient:
    app = Starlette(routes=[Route("/api", answer, methods=["GET", "POST"]), WebSocketRoute("/in", talk)])
    return TestClient(OwnOrigin(app), base_url="http://127.0.0.1:4200")


@pytest.mark.parametrize("host", ["127.0.0.1:4200", "localhost:4200", "localhost:9000", "[::1]:4200"])
def test_programs_and_pages_of_this_machine_pass(client, host):
    """A program sends no Origin; the dashboard sends the one that it was loaded from, whatever port a tunnel has."""
    assert client.post("/api", headers={"Host": host}).text == "done"
    answered = client.post("/api", headers={"Host": host, "Origin": f"http://{host}"})
    assert answered.text == "done"
    assert "connect-src 'self'" in answered.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.org"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "null"},
        {"Host": "example.org:4200"},
        {"Host": "example.org:4200", "Origin": "http://example.org:4200"},
        {"Host": "127.0.0.1.example.org"},
        {"Host": "[::1"},
        {"Host": ""},
    ],
)
def test_pages_of_other_sites_are_refused(client, headers):
    """By their Origin, or by the name that was made to point here; reading is refused as well as changing."""
    for method in ("GET", "POST", "OPTIONS"):
        answered = client.request(method, "/api", headers=headers)
        assert answered.status_code == 403
        assert "access-control-allow-origin" not in answered.headers


def test_a_websocket_of_another_site_is_refused(client):
    """Browsers let any page open one, so the server must look where it comes from."""
    with client.websocket_connect("/in", headers={"Host": "127.0.0.1:4200"}) as socket:
        assert socket.receive()["code"] == 1000, "it was accepted, and closed when all was said"
    call = client.websocket_connect("/in", headers={"Origin": "https://example.org"})
    with pytest.raises(WebSocketDisconnect) as refused, call:
        pass
    assert refused.value.code == 1008
