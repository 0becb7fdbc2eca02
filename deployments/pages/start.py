"""The site of `bookcover serve`: a page to start from, and below it the pages of all studies in a folder.

/                   every study: how it stands, what to do next; it keeps itself up to date
studies             the part of that page that changes
retry               does a run again (JSON)
review/<study>/     the review page (`pages.review`)
judge/<study>/      the judging page (`pages.judge`)
browse/<study>/     the page of covers (`pages.browse`)
report/<study>/     the report (`pages.reports`)
compare/<name>/     studies side by side
"""

import json
import logging
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from uuid import UUID

import httpx
from prefect.exceptions import PrefectException
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from bookcover_core.curation.review_queue import find_open
from bookcover_core.errors import BookcoverError
from bookcover_core.families.systems import systems
from bookcover_core.models.model_cards import CARD
from bookcover_core.pipeline.study import Study, studies_in
from bookcover_core.pipeline.workspace import Workspace
from bookcover_core.settings import NAME
from bookcover_core.settings.toml_file import load_settings
from bookcover_core.training.preparation_choice import split_model_name
from deployments.pages import site
from deployments.pages.browse import browse_app
from deployments.pages.guard import make_token
from deployments.pages.judge import judge_app
from deployments.pages.reports import report_app
from deployments.pages.review import review_app
from deployments.report_command import COMPARED
from deployments.study_runs import StudyRun, begin_form, newest_runs, retry
from tasks.pages import outcome_in_words

logger = logging.getLogger(__name__)

HOME = "../../"
"""Where the start page is, from the pages of a study."""

# Links above a comparison, and above a report.
_HOME_LINK = {"All studies": HOME}
_COVERS = "../../browse/{name}/"
_REPORT_LINKS = _HOME_LINK | {
    "Its covers": _COVERS,
    "Confusion matrix, to see the covers of a cell": f"{_COVERS}#confusion",
}

# For so long a study is shown that could not be begun.
_RECENTLY = timedelta(days=1)

# Studies that need a person come first.
_ORDER = {"waits": 0, "failed": 1, "interrupted": 1, "running": 2, "queued": 3}


class StudiesIn(Mapping[str, Study]):
    """The studies in a folder, by name, as they are when somebody looks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, tuple[int, Study]] = {}
        self._reading = Lock()

    def __getitem__(self, name: str) -> Study:
        if not re.fullmatch(NAME, name):
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
        return (name for name, study in studies_in(self.folder).items() if isinstance(study, Study))

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True)
class Shown:
    """What the start page says of a study."""

    name: str
    run: StudyRun | None
    """Its newest run; None where the server knows none."""
    to_decide: int
    """Candidates that it waits for somebody to decide on."""
    has_candidates: bool
    """Whether there is something to review."""
    has_splits: bool
    """Whether its books are divided, and can be looked through."""
    can_judge: bool
    """Whether there is a trained model."""
    outcome: str
    """How well its best network does, in words; empty before the report."""
    reported: datetime | None
    """When its report was written; None before."""

    @classmethod
    def of(cls, study: Study, run: StudyRun | None) -> "Shown":
        """What there is of a study just now."""
        place, report = study.workspace, None
        with suppress(OSError):
            report = (place.report / "index.html").stat().st_mtime
        to_decide = 0
        if run is not None and run.state == "waits":
            with suppress(BookcoverError):
                to_decide = len(find_open(study))
        return cls(
            name=study.settings.name,
            run=run,
            to_decide=to_decide,
            has_candidates=(place.curation / "candidates.csv").is_file(),
            has_splits=place.splits.is_file(),
            can_judge=_can_judge(study),
            outcome=outcome_in_words(study.settings),
            reported=None if report is None else datetime.fromtimestamp(report, UTC),
        )

    @classmethod
    def to_begin(cls, name: str, run: StudyRun) -> "Shown":
        """A study that its run has not begun yet, or could not."""
        return cls(name, run, 0, has_candidates=False, has_splits=False, can_judge=False, outcome="", reported=None)

    @property
    def state(self) -> str:
        """How it stands, in a word that the page's style knows."""
        if self.run is None or (self.run.state == "finished" and not self.run.is_whole):
            return "finished" if self.reported else "begun"
        return self.run.state

    @property
    def words(self) -> str:
        """How it stands, for people."""
        return {
            "waits": f"waits for your decisions on {self.to_decide or 'its'} candidates",
            "queued": "waits for its turn",
            "begun": "begun, without a report yet",
            "interrupted": "interrupted: run it again to go on",
        }.get(self.state, self.state)

    @property
    def when(self) -> datetime | None:
        """Since when."""
        return self.run.when if self.run is not None else self.reported


@dataclass(frozen=True)
class Comparison:
    """Studies side by side, as the start page lists them."""

    name: str
    headline: str


def whole_site(
    studies: Mapping[str, Study],
    *,
    hosts: Collection[str],
    dashboard: str,
    folder: Path,
    on_all_decided: Callable[[Study], None],
) -> Starlette:
    """All pages of some studies, as one app."""
    start = _Start(studies, dashboard, folder)
    routes = [Route("/", start.page), Route("/studies", start.state), Route("/retry", start.retry, methods=["POST"])]

    def compared(name: str) -> Path | None:
        return folder / name if re.fullmatch(NAME, name) and (folder / name / COMPARED).is_file() else None

    return Starlette(
        routes=[
            Mount("/review", review_app(studies, hosts=hosts, on_all_decided=on_all_decided, home=HOME)),
            Mount("/judge", judge_app(studies, hosts=hosts, home=HOME)),
            Mount("/browse", browse_app(studies, hosts=hosts, home=HOME)),
            Mount(
                "/report",
                report_app(lambda name: _report(studies.get(name)), hosts=hosts, links=_REPORT_LINKS, covers=_COVERS),
            ),
            Mount("/compare", report_app(compared, hosts=hosts, links=_HOME_LINK)),
            Mount("/", site.guarded_app(routes, hosts=hosts, token=start.token)),
        ]
    )


def _report(study: Study | None) -> Path | None:
    return study.workspace.report if study is not None else None


class _Start:
    """The answers of the start page."""

    def __init__(self, studies: Mapping[str, Study], dashboard: str, folder: Path) -> None:
        self.token = make_token()
        self._studies = studies
        self._dashboard = dashboard
        self._folder = folder

    def page(self, _: Request) -> Response:
        """The whole page."""
        with suppress(httpx.HTTPError, PrefectException):
            return self._render("start.html", form=begin_form())
        return self._render("start.html", form="deployments")

    def state(self, _: Request) -> Response:
        """The part of it that changes, which its script asks for now and then."""
        return self._render("studies_now.html")

    async def retry(self, request: Request) -> Response:
        """Do the run again that is named."""
        try:
            run = UUID(json.loads(await request.body())["run"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return site.error(422, "This names no run.")
        await run_in_threadpool(retry, run)
        return Response(status_code=204)

    def _render(self, template: str, **values: object) -> Response:
        problem, runs = "", {}
        try:
            runs = dict(newest_runs())
        except (httpx.HTTPError, PrefectException) as error:
            logger.warning("start page: %r", error)
            problem = "The Prefect server does not answer just now: how studies stand is not known."
        refused = {name: each for name, each in studies_in(self._folder).items() if not isinstance(each, Study)}
        shown = [Shown.of(study, runs.pop(study.settings.root, None)) for study in self._studies.values()]
        recently = datetime.now(UTC) - _RECENTLY
        shown += [
            Shown.to_begin(folder.name, run)
            for folder, run in runs.items()
            if folder.parent == self._folder and folder.name not in refused
            if run.state != "finished" and run.when > recently
        ]
        return site.render(
            template,
            studies=sorted(shown, key=lambda each: _ORDER.get(each.state, len(_ORDER))),
            refused=refused,
            comparisons=_comparisons(self._folder),
            problem=problem,
            dashboard=self._dashboard,
            folder=self._folder,
            token=self.token,
            **values,
        )


def _can_judge(study: Study) -> bool:
    """Whether there is a trained model that may judge: no rule that never looks at a picture."""
    try:
        wanted = {system.name for system in systems(study.settings) if system.competes}
    except BookcoverError:
        return False
    files = study.workspace.models.glob(f"*/{CARD}")
    return any(split_model_name(file.parent.name)[0] in wanted for file in files)


def _comparisons(folder: Path) -> list[Comparison]:
    """The pages that put studies side by side, by name."""
    found = []
    for file in sorted(folder.glob(f"*/{COMPARED}")):
        with suppress(OSError, ValueError, KeyError):
            said = json.loads(file.read_bytes())
            found.append(Comparison(file.parent.name, f"{said['headline']} {said['sentence']}"))
    return found
