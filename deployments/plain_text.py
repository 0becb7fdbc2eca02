"""Text of strangers on a terminal, such as titles, in what commands print and in their logs.

A terminal would obey a control character; here it is spelled out.
"""

from collections.abc import Iterable
from logging import LogRecord

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from bookcover_core.errors import spell_controls


class PlainConsole(Console):
    """A console that gives no command but its own."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The pieces of what is printed."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(spell_controls(segment.text), segment.style)


class PlainRecord(LogRecord):
    """A record of the log (`logging.setLogRecordFactory`)."""

    def getMessage(self) -> str:  # noqa: N802 - the name is logging's
        """The message."""
        return spell_controls(super().getMessage())
