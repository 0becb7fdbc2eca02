"""Where the covers of a demo come from once the command that ran it has ended."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from bookcover_core.errors import ServerError
from bookcover_core.settings import StudySettings
from deployments.terminal import say

PUBLISHER = ".publisher"
"""Folder of the invented publisher, beside the demo's."""


@contextmanager
def covers_of_demos(studies: Iterable[StudySettings]) -> Iterator[None]:
    """Serve the covers of those studies that are demos where their settings look for them, while the block lasts.

    So a demo whose own command has ended can be retried, by whoever serves its home or runs it by name.
    """
    with ExitStack() as hosts:
        for settings in studies:
            folder = Path(settings.books.train_listing).parent.parent
            if folder.name != PUBLISHER:
                continue
            from bookcover_core.demo_data.catalogue import published  # noqa: PLC0415 - for demos alone
            from bookcover_core.demo_data.image_host import ImageHost  # noqa: PLC0415 - for demos alone

            catalogue, place = published(folder), urlsplit(next(iter(settings.covers.hosts.values()))[0])
            reason = "the demo of another version drew them"
            try:
                if catalogue is not None:
                    hosts.enter_context(ImageHost(catalogue.pictures, catalogue.faults, port=place.port or 0))
                    continue
            except ServerError as error:
                reason = error.what
            say(
                f"The covers of {settings.name} are not served at {place.netloc} ({reason}). If it lacks some,"
                " begin it anew: `bookcover demo`."
            )
        yield
