"""What keeps other sites out of a page that listens on loopback, and strangers out of one that is shared.

Every site that a browser shows can send requests to 127.0.0.1. So each request must name a host that is ours, which a
site that had its own name point here (DNS rebinding) cannot; and one that changes something must come from our page,
bring the token that only our page can read, and be of a kind that no form can send: JSON, or plain bytes.
"""

import base64
import secrets
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_HEADER = "X-Bookcover-Token"  # noqa: S105 - the name of a header

# Media types of bodies that no form can send.
JSON = "application/json"
BYTES = "application/octet-stream"

_SAFE_METHODS = {"GET", "HEAD"}

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src {pictures}; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def loopback_hosts(port: int) -> frozenset[str]:
    """The names, with the port, by which a browser on this machine reaches a server at 127.0.0.1."""
    return frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})


def make_token() -> str:
    """A token that nobody can guess."""
    return secrets.token_urlsafe(32)


# Reports bring their style and script with them. As a sandbox has no origin, they reach nothing of the other pages.
_REPORT_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "sandbox allow-scripts allow-popups allow-downloads",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Guard:
    """Lets through what our own pages ask for, and refuses the rest with 403 or, for another host, 421.

    Args:
        app: What is guarded.
        hosts: Host and port, as the Host header names them, under which the pages are reached.
        token: What a request that changes something must bring in the header `TOKEN_HEADER`.
        bodies: Media types that such a request may have; none that a form can send.
        blobs: Whether the pages show pictures that the browser holds (of a file that was dropped on the page), which
            only scripts of theirs can bring up.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Collection[str],
        token: str,
        bodies: Collection[str] = (JSON,),
        *,
        blobs: bool = False,
        reports: bool = False,
    ) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._token = token.encode()
        self._bodies = frozenset(bodies)
        policy = _POLICY.format(pictures="'self' blob:" if blobs else "'self'")
        self._headers = _REPORT_HEADERS if reports else {"Content-Security-Policy": policy, **_HEADERS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        answer = self._refusal(scope["method"], Headers(scope=scope)) or self._app
        await answer(scope, receive, send_guarded)

    def _refusal(self, method: str, headers: Headers) -> Response | None:
        """The answer to a request that must not pass; None where it may."""
        host = headers.get("host", "").lower()
        if host not in self._hosts:
            return _refuse(421, "This page is not served under that name.")
        if method in _SAFE_METHODS:
            return None
        if not _is_from_our_page(headers, host):
            return _refuse(403, "Only the page itself may ask for this.")
        if not secrets.compare_digest(headers.get(TOKEN_HEADER, "").encode(), self._token):
            return _refuse(403, "The page is from an earlier start of the server: load it again.")
        if headers.get("content-type", "").partition(";")[0].strip().lower() not in self._bodies:
            return _refuse(415, f"This must be {' or '.join(sorted(self._bodies))}.")
        return None


class PasswordGuard:
    """Asks for a password, by basic authentication, before anything else is looked at; any user name will do.

    Args:
        app: What is guarded.
        password: The password.
    """

    def __init__(self, app: ASGIApp, password: str) -> None:
        self._app = app
        self._password = password.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what is no request of HTTP, such as a WebSocket, is not answered."""
        if scope["type"] != "http":
            return
        if self._is_known(Headers(scope=scope).get("authorization", "")):
            await self._app(scope, receive, send)
            return
        ask = {"WWW-Authenticate": 'Basic realm="bookcover", charset="UTF-8"', **_HEADERS}
        answer = JSONResponse({"error": "This page wants a password."}, status_code=401, headers=ask)
        await answer(scope, receive, send)

    def _is_known(self, authorization: str) -> bool:
        kind, _, given = authorization.partition(" ")
        try:
            password = base64.b64decode(given, validate=True).partition(b":")[2]
        except ValueError:
            return False
        return kind.lower() == "basic" and secrets.compare_digest(password, self._password)


def _is_from_our_page(headers: Headers, host: str) -> bool:
    """Whether a browser says that the request comes from a page of this very host."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is None and site is None:
        return False
    ours = {None, f"http://{host}", f"https://{host}"}
    return (origin and origin.lower()) in ours and site in {None, "same-origin"}


def _refuse(status: int, reason: str) -> Response:
    return JSONResponse({"error": reason}, status_code=status)
