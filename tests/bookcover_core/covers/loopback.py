"""A small image host on loopback that misbehaves as it is told, and remembers what it was asked."""

import asyncio
import io
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


def picture(kind: str = "JPEG", size: tuple[int, int] = (90, 120), colour: object = (180, 40, 60), **options) -> bytes:
    """A cover of one colour."""
    mode = options.pop("mode", "RGB")
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, kind, **options)
    return file.getvalue()


def reply(status: int = 200, body: bytes = b"", *, length: int | None = None, **headers: str) -> Reply:
    """An answer as HTTP has it; `length` may lie about the body's."""

    async def send(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body) if length is None else length}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()
        if length is not None and length != len(body):
            writer.close()

    return send


def without_length(body: bytes) -> Reply:
    """An answer whose end is the end of the connection."""

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    return send


def reset(after: bytes = b"") -> Reply:
    """A connection that is reset, at once or in the middle of a body."""

    async def send(writer: asyncio.StreamWriter) -> None:
        if after:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + after)
            await writer.drain()
            await asyncio.sleep(0.02)
        # A linger time of zero makes the close a reset.
        writer.get_extra_info("socket").setsockopt(1, 13, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return send


def endless(piece: bytes, pause: float) -> Reply:
    """A body that goes on for ever, piece by piece."""

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return send


async def hang(writer: asyncio.StreamWriter) -> None:
    """No answer at all."""
    await asyncio.sleep(60)


@dataclass
class Asked:
    target: str
    headers: dict[str, str]
    connection: int
    at: float


@dataclass
class LoopbackHost:
    """The host, running in a thread of its own between `start` and `stop`."""

    replies: dict[str, list[Reply]] = field(default_factory=dict)
    """Replies by target; the last one is given for ever."""
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    otherwise: Reply = field(default_factory=lambda: reply(404))
    most_in_flight: int = 0
    tls: Path | None = None
    """Key and certificate; none: plain http."""

    def add(self, target: str, *replies: Reply) -> str:
        """The address of a target with these replies."""
        self.replies[target] = list(replies)
        return f"http://127.0.0.1:{self.port}{target}"

    def count(self, target: str) -> int:
        return sum(asked.target == target for asked in self.asked)

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._in_flight = 0
        ready = threading.Event()
        context = None
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.tls)

        async def serve() -> None:
            server = await asyncio.start_server(self._talk, "127.0.0.1", self.port, ssl=context, backlog=512)
            self.port = server.sockets[0].getsockname()[1]
            self._server = server
            ready.set()

        self._loop.create_task(serve())
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def stop(self) -> None:
        async def end() -> None:
            self._server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("peername")[1]
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                first, *lines = head.decode("latin-1").strip().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                target = first.split(" ")[1]
                self.asked.append(Asked(target, headers, connection, self._loop.time()))
                replies = self.replies.get(target, [self.otherwise])
                self._in_flight += 1
                self.most_in_flight = max(self.most_in_flight, self._in_flight)
                try:
                    await (replies.pop(0) if len(replies) > 1 else replies[0])(writer)
                finally:
                    self._in_flight -= 1
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
