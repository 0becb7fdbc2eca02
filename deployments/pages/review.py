"""The review page: where a person looks at box-set candidates and decides (section 3.1).

The page is `templates/review.html` with `static/review.js` and `review.css`. It asks here for the state of a study's
review, in full and again whenever that has changed, and sends each decision at the moment it is made. What is decided
lies in the study's `curation/decisions.csv` and nowhere else, so that pages, processes and people can work at once.

    <study>/            the page
    <study>/state       what there is to decide, and what was decided (JSON)
    <study>/decisions   takes decisions (JSON)
    <study>/picture, <study>/small    the cover of ?book=<key>, as it came or small
"""

import logging
from collections.abc import Callable, Collection, Mapping
from threading import Lock
from typing import Any
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bookcover_core.curation.decisions import Decision, DecisionValue, append_decisions
from bookcover_core.curation.review_queue import ReviewItem, ReviewQueue, review_queue
from bookcover_core.errors import BookcoverError
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.study import Study
from deployments.pages import site
from deployments.pages.guard import make_token
from deployments.pages.pictures import SmallPictures, cacheable, send_cover

logger = logging.getLogger(__name__)

# Decisions in one request, at most: more than a grid shows on any screen.
_MOST_DECISIONS = 1_000

# Bytes of the decisions that are sent together: thousands of them.
_MOST_BYTES = 1024**2


class _Wanted(BaseModel):
    """A decision that a person made on the page."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(min_length=1)
    decision: DecisionValue
    why: site.Line = Field(default="", max_length=500)
    seen: Decision | None
    """What the page showed of the book when the person decided."""


class _Post(BaseModel):
    """What the page sends."""

    model_config = ConfigDict(extra="forbid")

    by: site.Line = Field(default="", max_length=100)
    decisions: list[_Wanted] = Field(min_length=1, max_length=_MOST_DECISIONS)


def review_app(
    studies: Mapping[str, Study],
    *,
    hosts: Collection[str],
    on_all_decided: Callable[[Study], None] | None = None,
    home: str = "",
) -> Starlette:
    """The review pages of some studies, as an app to serve or to mount.

    Args:
        studies: By name; looked up at every request, so that a mapping may grow.
        hosts: Host and port, as the Host header names them, under which the pages are reached (`guard.loopback_hosts`).
        on_all_decided: Called with the study when the last decision that it waits for was made, on the page or
            elsewhere while the page was looked at. Not called again for the same books.
        home: Where the start page is, from a study's page; empty: there is none.
    """
    review = _Review(studies, on_all_decided, home)
    routes = [
        Route("/", review.index),
        Route("/{study}/", review.page),
        Route("/{study}/state", review.state),
        Route("/{study}/decisions", review.decide, methods=["POST"]),
        Route("/{study}/picture", review.picture),
        Route("/{study}/small", review.small),
    ]
    return site.guarded_app(routes, hosts=hosts, token=review.token)


class _Review:
    """The answers of the review pages."""

    def __init__(self, studies: Mapping[str, Study], on_all_decided: Callable[[Study], None] | None, home: str) -> None:
        self.token = make_token()
        self._home = home
        self._studies = studies
        self._on_all_decided = on_all_decided
        self._small = SmallPictures()
        self._looking = Lock()
        self._waiting: set[str] = set()
        self._told: dict[str, frozenset[str]] = {}
        self._reviewer = site.user_name()

    def index(self, _: Request) -> Response:
        """The studies to choose from; with one alone, its page."""
        return site.index(self._studies, "Review")

    def page(self, request: Request) -> Response:
        """The page of one study; it asks for its content itself."""
        return site.render("review.html", study=self._study(request), home=self._home)

    def state(self, request: Request) -> Response:
        """All that the page shows, unless the browser has it already."""
        study = self._study(request)
        state: dict[str, Any] = {
            "token": self.token,
            "reviewer": self._reviewer,
            "goes_on": self._on_all_decided is not None,
            "problem": "",
            "unusable": 0,
            "coming": 0,
            "items": [],
        }
        task = None
        try:
            queue = self._look(study)
        except BookcoverError as error:
            state["problem"] = str(error)
        else:
            task = self._task(study, queue)
            state |= {
                "unusable": queue.unusable,
                "coming": queue.coming,
                "items": [_shown(each) for each in queue.items],
            }
        headers, known = cacheable(request, digest_of(state)[:32], forever=False)
        answer = known or JSONResponse(state, headers=headers)
        answer.background = task
        return answer

    async def decide(self, request: Request) -> Response:
        """What stands on each book now that these decisions are made, by key."""
        study = self._study(request)
        try:
            post = _Post.model_validate_json(await site.read_body(request, _MOST_BYTES))
        except ValidationError as error:
            raise site.unprocessable(error) from None
        return await run_in_threadpool(self._decide, study, post)

    def _decide(self, study: Study, post: _Post) -> Response:
        asked = {item.key for item in self._look(study).items}
        unknown = [each.key for each in post.decisions if each.key not in asked]
        if unknown:
            return site.error(404, f"Nobody is asked about {', '.join(unknown[:5])} any more.")
        wanted = [
            Decision(key=each.key, decision=each.decision, by=post.by or self._reviewer, why=each.why)
            for each in post.decisions
        ]
        standing = append_decisions(study, wanted, {each.key: each.seen for each in post.decisions})
        stands = {key: None if each is None else each.model_dump() for key, each in standing.items()}
        return JSONResponse({"stands": stands}, background=self._task(study, self._look(study)))

    def _look(self, study: Study) -> ReviewQueue:
        """The queue of a study, of which it is remembered that the study waits for somebody, if it does."""
        queue = review_queue(study)
        if queue.open:
            with self._looking:
                self._waiting.add(study.settings.name)
        return queue

    def _task(self, study: Study, queue: ReviewQueue) -> BackgroundTask | None:
        """What is to be done when the last book that a study waited for has been decided on."""
        name, needed = study.settings.name, frozenset(item.key for item in queue.items if item.needed)
        with self._looking:
            if queue.open or name not in self._waiting:
                return None
            self._waiting.remove(name)
            if self._on_all_decided is None or self._told.get(name) == needed:
                return None
            self._told[name] = needed
        logger.info("review: every candidate of %s is decided on", name)
        return BackgroundTask(self._on_all_decided, study)

    def picture(self, request: Request) -> Response:
        """A cover, byte for byte as it came."""
        return self._picture(request, None)

    def small(self, request: Request) -> Response:
        """A small JPEG of a cover."""
        return self._picture(request, self._small)

    def _picture(self, request: Request, small: SmallPictures | None) -> Response:
        study = self._study(request)
        key = request.query_params.get("book", "")
        item = next((item for item in self._look(study).items if item.key == key), None)
        if item is None:
            return site.error(404, "There is no such cover.")
        return send_cover(request, study, item.path, item.sha256, small)

    def _study(self, request: Request) -> Study:
        return site.find_study(self._studies, request)


def _shown(item: ReviewItem) -> dict[str, Any]:
    """A book, as JSON for the page."""
    start, end = item.match
    query = urlencode({"book": item.key, "version": item.sha256})
    return {
        "key": item.key,
        "title": [item.title[:start], item.title[start:end], item.title[end:]],
        "author": item.author,
        "genre": item.genre,
        "term": item.term,
        "read": item.read,
        "role": item.role,
        "kind": item.kind.value,
        "needed": item.needed,
        "url": item.url if urlsplit(item.url).scheme.lower() in {"http", "https"} else "",
        "picture": f"picture?{query}",
        "small": f"small?{query}",
        "decision": item.decision.model_dump() if item.decision else None,
    }
