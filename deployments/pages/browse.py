"""The page of covers: every book of a study with what its systems say of it, and where people mark wrong labels.

The page is `templates/browse.html` with `static/browse.js` and `browse.css`. Its address holds the filter
(`book_table.BookFilter`), so that a link leads to the covers of a genre, or of one cell of the confusion matrix.

    <study>/            the page
    <study>/books       a page of the wanted books (JSON)
    <study>/table.csv   all of them
    <study>/confusion   test books by true and predicted genre (JSON); ?model=
    <study>/book        all that is known of ?book=<key> (JSON)
    <study>/near        the covers most like it (JSON)
    <study>/mark        takes a mark on a label (JSON)
    <study>/picture, <study>/small, <study>/seen    the cover; small; under its heat map (?model=)
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from threading import Lock
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bookcover_core.curation.label_marks import LabelMark, LabelVerdict, read_marks, save_mark
from bookcover_core.errors import BookcoverError
from bookcover_core.inference.similar_covers import CoverIndex, likeness_doubt
from bookcover_core.models.model_cards import UNTRAINED, is_untrained, read_card
from bookcover_core.pipeline.study import Study
from bookcover_core.training.features import load_features
from bookcover_core.visualisation.network_insight import INSIGHT, GradCamExample, read_insight
from deployments.pages import site
from deployments.pages.book_table import PAGE, BookFilter, BookTable, as_csv, stamps
from deployments.pages.guard import make_token
from deployments.pages.pictures import SmallPictures, cacheable, send_cover

# Covers most like one that are shown.
_NEAR = 8

# Studies whose tables are kept in memory: 57,000 books take some 100 MB.
_MOST_TABLES = 3

# Bytes of a mark, at most.
_MOST_BYTES = 16 * 1024


class _Post(BaseModel):
    """A mark that a person made on the page."""

    model_config = ConfigDict(extra="forbid")

    key: str
    verdict: LabelVerdict
    genre: site.Line = Field(default="", max_length=200)
    note: site.Line = Field(default="", max_length=2_000)
    who: site.Line = Field(default="", max_length=100)
    seen: LabelMark | None
    """What the page showed of the book when the person made it."""


def browse_app(studies: Mapping[str, Study], *, hosts: Collection[str], home: str = "") -> Starlette:
    """The pages of the covers of some studies, as an app to serve or to mount; see `judge_app`."""
    page = _Browse(studies, home)
    routes = [
        Route("/", page.index),
        Route("/{study}/", page.page),
        Route("/{study}/books", page.books),
        Route("/{study}/table.csv", page.table),
        Route("/{study}/confusion", page.confusion),
        Route("/{study}/book", page.book),
        Route("/{study}/near", page.near),
        Route("/{study}/mark", page.mark, methods=["POST"]),
        Route("/{study}/picture", page.picture),
        Route("/{study}/small", page.small),
        Route("/{study}/seen", page.seen),
    ]
    return site.guarded_app(routes, hosts=hosts, token=page.token)


class _Browse:
    """The answers of the pages of covers."""

    def __init__(self, studies: Mapping[str, Study], home: str) -> None:
        self.token = make_token()
        self._home = home
        self._studies = studies
        self._small = SmallPictures()
        self._tables: OrderedDict[str, tuple[tuple[Any, ...], BookTable, CoverIndex]] = OrderedDict()
        self._reading = Lock()

    def index(self, _: Request) -> Response:
        """The studies to choose from; with one alone, its page."""
        return site.index(self._studies, "Covers")

    def page(self, request: Request) -> Response:
        """The page of one study, with the choices of its filters; it asks for the covers itself."""
        study, problem, table = self._study(request), "", None
        try:
            table = self._open(study)[0]
        except BookcoverError as error:
            problem = str(error)
        return site.render(
            "browse.html",
            study=study,
            home=self._home,
            token=self.token,
            user=site.user_name(),
            table=table,
            problem=problem,
            has_report=(study.workspace.report / "index.html").is_file(),
        )

    def books(self, request: Request) -> Response:
        """A page of the wanted books, and how many there are."""
        wanted, table, marks, found = self._find(request)
        last = max(1, -(-len(found) // PAGE))
        page = min(wanted.page, last)
        shown = found.iloc[(page - 1) * PAGE : page * PAGE]
        rows = [_shown(book) | {"mark": _told(marks.get(book["key"]))} for book in shown.to_dict("records")]
        said = {"model": table.system(wanted.model), "total": len(found), "page": page, "pages": last, "books": rows}
        return JSONResponse(said, headers={"Cache-Control": "no-store"})

    def table(self, request: Request) -> Response:
        """All wanted books, as CSV; with the mark by which spreadsheets know UTF-8."""
        _, _, marks, found = self._find(request)
        headers = {"Content-Disposition": 'attachment; filename="covers.csv"', "Cache-Control": "no-store"}
        return Response(f"\ufeff{as_csv(found, marks)}", media_type="text/csv", headers=headers)

    def confusion(self, request: Request) -> Response:
        """Test books by true genre and predicted genre."""
        table, _ = self._open(self._study(request))
        model = table.system(request.query_params.get("model", ""))
        counts = table.confusion(model).tolist()
        return JSONResponse({"model": model, "genres": table.genres, "counts": counts})

    def book(self, request: Request) -> Response:
        """All that is known of one book."""
        study, table, book = self._book(request)
        said = {
            "url": book.url if urlsplit(book.url).scheme.lower() in {"http", "https"} else "",
            "systems": list(table.probabilities(book.key)),
            "words": table.words.get(book.key, ""),
            "seen": [
                {"title": title, "picture": f"seen?{urlencode({'book': book.key, 'model': model})}"}
                for model, title, _ in _heat_maps(study, book.key)
            ],
            "mark": _told(read_marks(study).get(book.key)),
        }
        return JSONResponse(_shown(book) | said, headers={"Cache-Control": "no-store"})

    def near(self, request: Request) -> Response:
        """The covers most like one, by the features of the best frozen network whose features the study has."""
        study, table, book = self._book(request)
        _, index = self._open(study)
        places = {each.key: place for place, each in enumerate(index.books)}
        for model in table.answers if book.key in places else ():
            card = read_card(study.workspace.models / model)
            if card.is_frozen and not index.why_not(card):
                own = np.array([places[book.key]])
                features = load_features(study, card.backbone, card.preparation)[own]
                [found] = index.nearest(card, features, _NEAR, [book.sha256])
                near = [table.books.loc[each.key] for each in found if each.key in table.books.index]
                return JSONResponse({"books": [_shown(each) for each in near], "doubt": likeness_doubt(card)})
        return JSONResponse({"books": [], "doubt": ""})

    async def mark(self, request: Request) -> Response:
        """What stands on a book now that a mark is made."""
        study = self._study(request)
        try:
            post = _Post.model_validate_json(await site.read_body(request, _MOST_BYTES))
        except ValidationError as error:
            raise site.unprocessable(error) from None
        return await run_in_threadpool(self._mark, study, post)

    def _mark(self, study: Study, post: _Post) -> Response:
        table, _ = self._open(study)
        if post.key not in table.books.index or post.genre not in {"", *table.genres}:
            return site.error(404, "There is no such book, or no such genre.")
        values = post.model_dump(exclude={"seen"}) | {"who": post.who or site.user_name()}
        return JSONResponse({"mark": _told(save_mark(study, LabelMark(**values), post.seen))})

    def picture(self, request: Request) -> Response:
        """A cover, byte for byte as it came."""
        study, _, book = self._book(request)
        return send_cover(request, study, book.path, book.sha256)

    def small(self, request: Request) -> Response:
        """A small JPEG of a cover."""
        study, _, book = self._book(request)
        return send_cover(request, study, book.path, book.sha256, self._small)

    def seen(self, request: Request) -> Response:
        """What a network saw in a cover, where the study has made that picture."""
        study, _, book = self._book(request)
        for model, _, each in _heat_maps(study, book.key):
            file = (study.workspace.root / each.picture).resolve()
            if model == request.query_params.get("model") and file.is_relative_to(study.workspace.root.resolve()):
                headers, _ = cacheable(request, f"{file.stat().st_mtime_ns}", forever=False)
                return Response(file.read_bytes(), media_type="image/png", headers=headers)
        return site.error(404, "There is no such picture.")

    def _find(self, request: Request) -> tuple[BookFilter, BookTable, Mapping[str, LabelMark], pd.DataFrame]:
        study = self._study(request)
        try:
            wanted = BookFilter.model_validate({name: value for name, value in request.query_params.items() if value})
        except ValidationError as error:
            raise site.unprocessable(error) from None
        (table, _), marks = self._open(study), read_marks(study)
        return wanted, table, marks, table.find(wanted, marks)

    def _book(self, request: Request) -> tuple[Study, BookTable, Any]:
        study = self._study(request)
        table, _ = self._open(study)
        key = request.query_params.get("book", "")
        if key not in table.books.index:
            raise HTTPException(404, "There is no such book.")
        return study, table, table.judged(table.system(request.query_params.get("model", ""))).loc[key]

    def _open(self, study: Study) -> tuple[BookTable, CoverIndex]:
        """The table of a study, read anew where one of its files has changed."""
        now, name = stamps(study), study.settings.name
        with self._reading:
            if name not in self._tables or self._tables[name][0] != now:
                self._tables[name] = now, BookTable(study), CoverIndex(study)
            self._tables.move_to_end(name)
            if len(self._tables) > _MOST_TABLES:
                self._tables.popitem(last=False)
            return self._tables[name][1:]

    def _study(self, request: Request) -> Study:
        return site.find_study(self._studies, request)


def _shown(book: Any) -> dict[str, Any]:
    """A book, as JSON for the page."""
    names = ("key", "title", "author", "genre", "published", "split", "predicted", "suggested", "term", "twins")
    query = urlencode({"book": book["key"], "version": book["sha256"]})
    return {name: book.get(name, "") for name in names} | {
        "confidence": float(book["confidence"]) if book.get("predicted") else None,
        "picture": f"picture?{query}",
        "small": f"small?{query}",
    }


def _told(mark: LabelMark | None) -> dict[str, Any] | None:
    return mark.model_dump() if mark else None


def _heat_maps(study: Study, key: str) -> list[tuple[str, str, GradCamExample]]:
    """Model, title and picture of the heat maps of a book's cover."""
    found = []
    for file in sorted(study.workspace.visualisation.glob(f"*/{INSIGHT}")):
        model = file.parent.name
        insight = read_insight(study.workspace, model)
        title = f"{insight.title}{UNTRAINED if is_untrained(study.workspace.models / model) else ''}"
        found += [(model, title, each) for each in insight.seen if each.key == key]
    return found
