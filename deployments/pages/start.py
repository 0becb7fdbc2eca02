"""The site of `bookcover serve`: a page to start from, and below it the pages of all studies in a folder.

/                   what there is, and where
review/<study>/     the review page (`pages.review`)
judge/<study>/      the judging page (`pages.judge`)
report/<study>/     the report (`pages.reports`)
"""

import logging
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from bookcover_core.errors import BookcoverError
from bookcover_core.inference.model_choice import candidates
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace
from bookcover_core.settings.toml_file import load_settings
from deployments.pages import site
from deployments.pages.guard import make_token
from deployments.pages.judge import judge_app
from deployments.pages.reports import report_app
from deployments.pages.review import review_app

logger = logging.getLogger(__name__)

# What a study may be called (`settings.StudySettings.name`): no other name is looked up on the disk.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class StudiesIn(Mapping[str, Study]):
    """The studies in a folder, by name, as they are when somebody looks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, tuple[int, Study]] = {}
        self._reading = Lock()

    def __getitem__(self, name: str) -> Study:
        if not _NAME.fullmatch(name):
            raise KeyError(name)
        file = Workspace(self.folder / name).settings
        try:
            changed = file.stat().st_mtime_ns
            with self._reading:
                if name not in self._read or self._read[name][0] != changed:
                    self._read[name] = changed, Study(load_settings(self.folder / name))
                return self._read[name][1]
        except (OSError, BookcoverError) as error:
            if file.exists():
                logger.warning("%s: %s", name, error)
            raise KeyError(name) from error

    def __iter__(self) -> Iterator[str]:
        names = sorted(file.parent.name for file in self.folder.glob("*/settings.json"))
        return (name for name in names if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True)
class Shown:
    """What the start page says of a study."""

    name: str
    has_candidates: bool
    """Whether there is something to review."""
    models: int
    """Trained models that can judge."""
    has_report: bool

    @classmethod
    def of(cls, study: Study) -> "Shown":
        """What there is of a study just now."""
        return cls(
            name=study.settings.name,
            has_candidates=(study.workspace.curation / "candidates.csv").is_file(),
            models=sum(not each.earlier for each in candidates(study)),
            has_report=(study.workspace.report / "index.html").is_file(),
        )


def whole_site(
    studies: Mapping[str, Study],
    *,
    hosts: Collection[str],
    dashboard: str,
    folder: Path,
    on_all_decided: Callable[[Study], None],
) -> Starlette:
    """All pages of some studies, as one app.

    Args:
        studies: By name; looked up at every request, so that a mapping may grow.
        hosts: Host and port, as the Host header names them, under which the pages are reached (`guard.loopback_hosts`).
        dashboard: Address of Prefect's dashboard.
        folder: Where the studies lie.
        on_all_decided: See `pages.review.review_app`.
    """

    def start(_: Request) -> Response:
        shown = [Shown.of(study) for study in studies.values()]
        return site.render("start.html", studies=shown, dashboard=dashboard, folder=folder)

    return Starlette(
        routes=[
            Mount("/review", review_app(studies, hosts=hosts, on_all_decided=on_all_decided)),
            Mount("/judge", judge_app(studies, hosts=hosts)),
            Mount("/report", report_app(studies, hosts=hosts)),
            Mount("/", site.guarded_app([Route("/", start)], hosts=hosts, token=make_token())),
        ]
    )
