"""What keeps other sites out of the Prefect server that a command starts on this machine.

Prefect's server asks nobody for a password unless it is told to, lets pages of every site read its answers, and takes
requests that any page can send without asking first. So whatever site a person visits while a dashboard is up could
start runs, and change what they do. Programs send no Origin, and name the machine by its address; a page of another
site cannot but tell its own Origin or, where its name was made to point here (DNS rebinding), its own name.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Names by which this machine is reached from itself; the port may be that of a tunnel's other end.
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}

# The dashboard's pages ask nobody but their own server, least of all who counts visitors. They run in no frame.
_POLICY = "connect-src 'self'; frame-ancestors 'none'"

# Code with which a WebSocket is refused: RFC 6455, section 7.4.1.
_POLICY_VIOLATION = 1008


class OwnOrigin:
    """Lets through what programs of this machine and pages of the server itself ask for; refuses the rest with 403."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or one call for a WebSocket."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
        elif not _is_own(Headers(scope=scope)):
            await _refuse(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:

            async def send_guarded(message: Message) -> None:
                if message["type"] == "http.response.start":
                    MutableHeaders(scope=message)["Content-Security-Policy"] = _POLICY
                await send(message)

            await self._app(scope, receive, send_guarded)


def _is_own(headers: Headers) -> bool:
    host, origin = headers.get("host", "").lower(), headers.get("origin")
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    return name in _LOOPBACK and (origin is None or origin.lower() in {f"http://{host}", f"https://{host}"})


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()  # the call itself, which wants an answer
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        return
    answer = JSONResponse({"error": "Only programs and pages of this machine may ask this server."}, status_code=403)
    await answer(scope, receive, send)
