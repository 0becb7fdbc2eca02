"""An image host on loopback: serves pictures under the paths that listings name, and misbehaves where it is told to."""

import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Lock, Thread
from typing import Self

from bookcover_core.demo_data.faults import MOVED, Delivery, Fault, choose_response
from bookcover_core.errors import ServerError

# Seconds before a late answer, and between two bytes of one that drips.
_DELAY = 1.0
_DRIP = 0.1

_POLL_SECONDS = 0.05  # seconds between two looks whether the host is to end


class ImageHost(ThreadingTCPServer):
    """A host of pictures at 127.0.0.1, in threads of its own, for as long as its `with` block runs.

    Pictures and faults are by the raw (percent-encoded) path, as are `requests`, the requests so far; `answers` counts
    them by path and status, 0 for one that is broken off or never given. A port of 0 is any free one.
    """

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(
        self, pictures: Mapping[str, Path], faults: Mapping[str, Fault] | None = None, *, port: int = 0
    ) -> None:
        super().__init__(("127.0.0.1", port), _Conversation, bind_and_activate=False)
        self.pictures = pictures
        self.faults = dict(faults or {})
        self.stopping = Event()
        self.counting = Lock()
        self.open: set[socket.socket] = set()
        self.requests: Counter[str] = Counter()
        self.answers: Counter[tuple[str, int]] = Counter()

    @property
    def address(self) -> str:
        """Scheme, host and port: "http://127.0.0.1:40123"."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        try:
            self.server_bind()
            self.server_activate()
        except OSError as error:
            self.server_close()
            what = f"the demo's image host cannot listen ({error.strerror})"
            advice = "Leave the port to it, or end what listens there."
            raise ServerError(what, where=self.address, advice=advice) from error
        Thread(target=self.serve_forever, args=(_POLL_SECONDS,), name="image-host", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()
        for connection in list(self.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Conversation(StreamRequestHandler):
    server: ImageHost
    disable_nagle_algorithm = True

    def handle(self) -> None:
        self.server.open.add(self.connection)
        with suppress(ConnectionError, ValueError):
            while lines := [*takewhile(b"\r\n".__ne__, iter(self.rfile.readline, b""))]:
                head = b"".join(lines).decode("latin-1")
                method, path, _ = head.split(" ", 2)
                if not self._answer(method, path) or "connection: close" in head.lower():
                    break
        self.server.open.discard(self.connection)

    def _answer(self, method: str, path: str) -> bool:
        """Whether the connection still stands after the answer."""
        host = self.server
        with host.counting:
            host.requests[path] += 1
            is_first = host.requests[path] == 1
        answer = choose_response(host.faults.get(path), path, self._picture(path), first=is_first)
        delivery, body = (Delivery.WHOLE, b"") if method == "HEAD" else (answer.delivery, answer.body)
        unfinished = delivery in {Delivery.BROKEN, Delivery.SILENT, Delivery.HANG_UP}
        with host.counting:
            host.answers[path, 0 if unfinished else answer.status.value] += 1
        for piece in self._pieces(delivery, answer.head, body):
            self.wfile.write(piece)
            if host.stopping.is_set():
                return False
        return delivery in {Delivery.WHOLE, Delivery.LATE}

    def _pieces(self, delivery: Delivery, head: bytes, body: bytes) -> Iterator[bytes]:
        """What is sent of an answer, piece by piece."""
        match delivery:
            case Delivery.SILENT:
                self.server.stopping.wait()
            case Delivery.BROKEN:
                yield head + body[: len(body) // 2]
            case Delivery.DRIPPED:
                yield head
                for place in range(len(body)):
                    yield body[place : place + 1]
                    self.server.stopping.wait(_DRIP)
            case Delivery.ENDLESS:
                yield head
                while True:
                    yield body
            case Delivery.WHOLE | Delivery.LATE | Delivery.CLOSED:
                self.server.stopping.wait(_DELAY if delivery is Delivery.LATE else 0)
                yield head + body

    def _picture(self, path: str) -> bytes | None:
        file = self.server.pictures.get(path) or self.server.pictures.get(path.removeprefix(MOVED))
        try:
            return file.read_bytes() if file else None
        except OSError:
            return None
