"""An image host on loopback: serves pictures under the paths that listings name, and misbehaves where it is told to."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Self

from bookcover_core.demo_data.faults import MOVED, Delivery, Fault, choose_response
from bookcover_core.errors import ServerError

# Seconds before a late answer, and between two bytes of one that drips.
_DELAY = 1.0
_DRIP = 0.1


class ImageHost:
    """A host of pictures at 127.0.0.1, in a thread of its own, for as long as its `with` block runs.

    Pictures and faults are by the raw (percent-encoded) path, as are `requests`, the requests so far; `answers` counts
    them by path and status, 0 for one that is broken off or never given. A port of 0 is any free one.
    """

    def __init__(
        self, pictures: Mapping[str, Path], faults: Mapping[str, Fault] | None = None, *, port: int = 0
    ) -> None:
        self._pictures = pictures
        self._faults = dict(faults or {})
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="image-host", daemon=True)
        self._listening = threading.Event()
        self._stop = asyncio.Event()
        self._failure: OSError | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.requests: Counter[str] = Counter()
        self.answers: Counter[tuple[str, int]] = Counter()

    @property
    def address(self) -> str:
        """Scheme, host and port: "http://127.0.0.1:40123"."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.wait()
        if self._failure is not None:
            raise ServerError(
                f"the demo's image host cannot listen ({self._failure.strerror})",
                where=self.address,
                advice="Leave the port to it, or end what listens there.",
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            server = await asyncio.start_server(self._converse, "127.0.0.1", self._port, backlog=512)
        except OSError as error:
            self._failure = error
            self._listening.set()
            return
        self._port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._stop.wait()
        server.close()
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = asyncio.current_task()
        assert conversation is not None
        self._open[conversation] = writer
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, path, _ = head.split("\r\n", 1)[0].split(" ", 2)
                self.requests[path] += 1
                if not await self._answer(writer, path, with_body=method != "HEAD"):
                    return
                if "connection: close" in head.lower():
                    return
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            return
        finally:
            writer.close()
            del self._open[conversation]

    async def _answer(self, writer: asyncio.StreamWriter, path: str, *, with_body: bool) -> bool:
        """Whether the connection still stands after the answer."""
        answer = choose_response(self._faults.get(path), path, self._picture(path), first=self.requests[path] == 1)
        delivery, body = (answer.delivery, answer.body) if with_body else (Delivery.WHOLE, b"")
        unfinished = delivery in {Delivery.BROKEN, Delivery.SILENT, Delivery.HANG_UP}
        self.answers[path, 0 if unfinished else answer.status.value] += 1
        async for piece in self._pieces(delivery, answer.head, body):
            writer.write(piece)
            await writer.drain()
            if self._stop.is_set():
                return False
        if delivery is Delivery.BROKEN:
            writer.transport.abort()
        return delivery in {Delivery.WHOLE, Delivery.LATE}

    async def _pieces(self, delivery: Delivery, head: bytes, body: bytes) -> AsyncIterator[bytes]:
        """What is sent of an answer, piece by piece."""
        match delivery:
            case Delivery.SILENT:
                await self._stop.wait()
            case Delivery.LATE:
                await asyncio.sleep(_DELAY)
                yield head + body
            case Delivery.BROKEN:
                yield head + body[: len(body) // 2]
            case Delivery.DRIPPED:
                yield head
                for place in range(len(body)):
                    yield body[place : place + 1]
                    await asyncio.sleep(_DRIP)
            case Delivery.ENDLESS:
                yield head
                while True:
                    yield body
            case Delivery.WHOLE | Delivery.CLOSED:
                yield head + body

    def _picture(self, path: str) -> bytes | None:
        file = self._pictures.get(path) or self._pictures.get(path.removeprefix(MOVED))
        try:
            return file.read_bytes() if file else None
        except OSError:
            return None
