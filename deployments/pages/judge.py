"""The judging page: where a person gives a cover and sees what a network of a study says of it.

The page is `templates/judge.html` with `static/judge.js` and `judge.css`. A picture is sent here, judged in memory and
forgotten: nothing that people give is ever written to disk.

    <study>/            the page
    <study>/state       the models that can judge, and how often each is right (JSON)
    <study>/judge       takes a picture; gives the verdict (JSON); ?model=, ?name=
    <study>/explain     takes a picture; gives it under a veil (`visualisation.grad_cam`, JPEG); ?model=, ?genre=
    <study>/fetch       takes an address (JSON); gives the picture that lies there
    <study>/small       a small JPEG of the study's cover ?book=<key>
"""

import io
import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.covers.urls import parse_address
from bookcover_core.errors import BookcoverError
from bookcover_core.inference.answers import CoverVerdict, StudyCover, Unreadable
from bookcover_core.inference.cover_sources import CoverFetcher, CoverInput
from bookcover_core.inference.model_choice import candidates, choose, describe
from bookcover_core.listings.books import BookText
from bookcover_core.pipeline.study import Study
from deployments.pages import site
from deployments.pages.guard import BYTES, JSON, make_token
from deployments.pages.pictures import SmallPictures, for_browsers, send_cover

if TYPE_CHECKING:
    from bookcover_core.inference.judge_covers import Judge, Judged

logger = logging.getLogger(__name__)

# Most probable genres, and covers most like it, that the page shows.
_TOP = 5
_NEAR = 6

# Characters of a name, a title or an author, at most.
_LONGEST_TEXT = 500

# Judges that are kept loaded: to go to and fro between models is quick.
_MOST_JUDGES = 3

# Of the veiled cover: it is looked at, not kept.
_QUALITY = 88


# Bytes of a request that names an address.
_LONGEST_ADDRESS = 64 * 1024


class _Asked(BaseModel):
    """An address that a picture is wanted from."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field(min_length=1, max_length=4_000)


def judge_app(studies: Mapping[str, Study], *, hosts: Collection[str], home: str = "") -> Starlette:
    """The judging pages of some studies, as an app to serve or to mount.

    Networks are loaded when a page is opened, not before.
    """
    page = _Page(studies, home)
    routes = [
        Route("/", page.index),
        Route("/{study}/", page.page),
        Route("/{study}/state", page.state),
        Route("/{study}/judge", page.judge, methods=["POST"]),
        Route("/{study}/explain", page.explain, methods=["POST"]),
        Route("/{study}/fetch", page.fetch, methods=["POST"]),
        Route("/{study}/small", page.small),
    ]
    return site.guarded_app(routes, hosts=hosts, token=page.token, bodies=(JSON, BYTES), blobs=True)


class _Page:
    """The answers of the judging pages."""

    def __init__(self, studies: Mapping[str, Study], home: str) -> None:
        self.token = make_token()
        self._home = home
        self._studies = studies
        self._small = SmallPictures()
        self._judges: OrderedDict[tuple[Any, ...], Judge] = OrderedDict()
        self._loading = Lock()

    def index(self, _: Request) -> Response:
        """The studies to choose from; with one alone, its page."""
        return site.index(self._studies, "Judge a cover")

    def page(self, request: Request) -> Response:
        """The page of one study; it asks for its content itself."""
        return site.render("judge.html", study=self._study(request), home=self._home)

    def state(self, request: Request) -> Response:
        """The models that can judge; the best is loaded meanwhile, so that it is ready for the first cover."""
        study = self._study(request)
        state: dict[str, Any] = {
            "token": self.token,
            "models": [],
            "problem": "",
            "most_bytes": study.settings.covers.max_bytes,
        }
        try:
            choose(study)
            state["models"] = [
                describe(study, each).model_dump() | {"measured": describe(study, each).measured}
                for each in candidates(study)
                if not (each.earlier or each.missing)
            ]
        except BookcoverError as error:
            state["problem"] = str(error)
        else:
            Thread(target=self._warm_up, args=(study,), name="loads-judge", daemon=True).start()
        return JSONResponse(state, headers={"Cache-Control": "no-store"})

    def _warm_up(self, study: Study) -> None:
        try:
            self._judge_of(study, "")
        except BookcoverError as error:
            logger.warning("judge: %s", error)  # said again to whoever asks for a verdict

    async def judge(self, request: Request) -> Response:
        """The verdict on the picture that is sent."""

        def answer(_: "Judge", judged: "Judged") -> Response:
            return JSONResponse(_shown(judged.verdict))

        return await self._about_picture(request, answer, near=_NEAR)

    async def explain(self, request: Request) -> Response:
        """The picture that is sent, with a veil over what did not speak for a genre."""
        genre = request.query_params.get("genre", "")

        def answer(judge: "Judge", judged: "Judged") -> Response:
            try:
                explained = judge.explain(judged, genre)
            except KeyError:
                return site.error(404, "There is no such genre.")
            output = io.BytesIO()
            explained.save(output, "JPEG", quality=_QUALITY)
            return Response(output.getvalue(), media_type="image/jpeg", headers={"Cache-Control": "no-store"})

        return await self._about_picture(request, answer, near=0)

    async def _about_picture(
        self, request: Request, answer: "Callable[[Judge, Judged], Response]", *, near: int
    ) -> Response:
        """What `answer` makes of the picture that is sent, once it is judged; or why it cannot be."""
        study = self._study(request)
        body = await site.read_body(request, study.settings.covers.max_bytes)
        model = request.query_params.get("model", "")
        said = {name: request.query_params.get(name, "")[:_LONGEST_TEXT] for name in ("name", "title", "author")}
        cover = CoverInput(said["name"] or "the cover", body, BookText(said["title"], said["author"]))

        def work() -> Response:
            judge = self._judge_of(study, model)
            [judged] = judge.judge_covers([cover], top=_TOP, near=near)
            if isinstance(judged, Unreadable):
                return _unreadable(judged.outcome, judged.reason)
            return answer(judge, judged)

        return await run_in_threadpool(work)

    async def fetch(self, request: Request) -> Response:
        """The picture at an address that a person gives."""
        study = self._study(request)
        try:
            asked = _Asked.model_validate_json(await site.read_body(request, _LONGEST_ADDRESS))
            address = parse_address(asked.address)
        except ValidationError as error:
            return site.error(422, error.errors()[0]["msg"])
        except ValueError as error:
            return site.error(422, f"{str(error)[:1].upper()}{str(error)[1:]}.")

        def work() -> Response:
            fetcher = CoverFetcher(study.settings.covers)
            try:
                content, found = fetcher.fetch(address)
            finally:
                fetcher.close()
            if found.outcome not in {CoverOutcome.OK, CoverOutcome.PLACEHOLDER}:
                return _unreadable(found.outcome, found.detail)
            shown, media_type = for_browsers(content)
            return Response(shown, media_type=media_type, headers={"Cache-Control": "no-store"})

        return await run_in_threadpool(work)

    def small(self, request: Request) -> Response:
        """A small JPEG of a cover of the study."""
        study = self._study(request)
        key = request.query_params.get("book", "")
        for judge in self._loaded(study):
            if book := judge.index.find(key):
                return send_cover(request, study, book.path, book.sha256, self._small)
        return site.error(404, "There is no such cover.")

    def _judge_of(self, study: Study, model: str) -> "Judge":
        """The judge whose model is called so, loaded unless it is already; anew where it has been trained since."""
        from bookcover_core.inference.judge_covers import Judge  # noqa: PLC0415 - imports TensorFlow

        with self._loading:
            chosen = choose(study, model)
            digests = tuple(tuple(sorted(card.digests.items())) for card in chosen.members)
            name = (study.workspace.root, chosen.name, chosen.shares, digests)
            if name not in self._judges:
                self._judges[name] = Judge(study, chosen)
            self._judges.move_to_end(name)
            if len(self._judges) > _MOST_JUDGES:
                _, oldest = self._judges.popitem(last=False)
                oldest.close()
            return self._judges[name]

    def _loaded(self, study: Study) -> list["Judge"]:
        return [judge for name, judge in reversed(list(self._judges.items())) if name[0] == study.workspace.root]

    def _study(self, request: Request) -> Study:
        return site.find_study(self._studies, request)


# What is said of a picture that cannot be judged.
_SAID = {
    CoverOutcome.MISSING: "There is no picture",
    CoverOutcome.NOT_AN_IMAGE: "This is no picture that can be read",
    CoverOutcome.TRUNCATED: "This picture is cut short",
    CoverOutcome.TOO_LARGE: "This picture is too large",
    CoverOutcome.REFUSED: "This address is not asked",
    CoverOutcome.FAILED: "The picture cannot be had just now",
}


def _unreadable(outcome: CoverOutcome | None, reason: str) -> Response:
    if outcome is None:
        return site.error(422, f"{reason}.")
    said = _SAID.get(outcome, "This cannot be judged")
    return site.error(422, f"{said}: {reason}." if reason else f"{said}.")


def _shown(verdict: CoverVerdict) -> dict[str, Any]:
    """A verdict, as JSON for the page."""
    return verdict.model_dump() | {
        "nearest": [book.model_dump() | {"small": _small(book)} for book in verdict.nearest],
        "known": verdict.known and verdict.known.model_dump(),
    }


def _small(book: StudyCover) -> str:
    return f"small?{urlencode({'book': book.key, 'version': book.sha256})}"
