"""The reports of studies, over HTTP: a browser follows no link of the dashboard's to a file on the disk.

<name>/            the report
<name>/…           its figures and tables
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from html import escape
from pathlib import Path
from urllib.parse import parse_qsl, quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from bookcover_core.report.report_files import AREAS
from deployments.pages.guard import Guard, make_token

# The links from a report to other pages, in the report's own style; printed, and in the file itself, there are none.
_BAR = (
    "<style>@media print{{.home{{display:none}}}}</style>"
    '<p class="home" style="margin:0;padding:.7rem 1rem;font:.9375rem/1.5 system-ui,sans-serif">{links}</p>'
)


# What lies over a figure of a report and leads to covers; one that is scrolled on phones leads nowhere there.
_AREA_STYLE = (
    "<style>.leads{position:relative;width:fit-content;max-width:100%}.leads a{position:absolute}"
    ".leads a:hover{outline:2px solid currentColor;outline-offset:-1px}.leads .narrow{display:none}"
    "@media(max-width:40rem){.leads .wide{display:none}.leads .narrow{display:block}}"
    "@media print{.leads a{display:none}}</style>"
)


def report_app(
    find: Callable[[str], Path | None], *, hosts: Collection[str], links: Mapping[str, str], covers: str = ""
) -> Starlette:
    """The reports of some studies, as an app to serve or to mount.

    Args:
        find: The folder of the report of a study; None where there is no such study.
        hosts: As of `judge_app`.
        links: Words and addresses of the links above a report; `{name}` in an address stands for the study's name.
        covers: Address of the page of covers, to which rows and cells of figures lead; empty: there is none.
    """

    async def report(request: Request) -> Response:
        name, path = request.path_params["name"], request.path_params["path"]
        folder = find(name)
        if folder is None:
            raise HTTPException(404, "There is no such study.")
        if not (folder / "index.html").is_file():
            return HTMLResponse(f"{_bar(links, name)}<p>The study {name} has no report yet.</p>", status_code=404)
        if path in {"", "index.html"}:
            page = await run_in_threadpool(_read, folder, covers.format(name=quote(name)))
            return HTMLResponse(_with_bar(page, _bar(links, name)), headers={"Cache-Control": "no-cache"})
        return await StaticFiles(directory=folder).get_response(path, request.scope)

    async def refuse(_: Request, refused: Exception) -> Response:
        assert isinstance(refused, HTTPException)
        return HTMLResponse(f"<p>{refused.detail}</p>", status_code=refused.status_code)

    guard = Middleware(Guard, hosts=hosts, token=make_token(), reports=True)
    return Starlette(
        routes=[Route("/{name}/{path:path}", report)], middleware=[guard], exception_handlers={HTTPException: refuse}
    )


def _read(folder: Path, covers: str) -> str:
    """A report whose figures lead to `covers`, where it says what in them does."""
    page = (folder / "index.html").read_text("utf-8")
    file = folder / AREAS
    if not covers or not file.is_file():
        return page
    for figure, images in json.loads(file.read_bytes()).items():
        areas = "".join(_link(covers, image, *area) for image, told in images.items() for area in told)
        start = page.find(f'id="figure-{figure}"')
        begin, end = page.find("<button", start), page.find("</button>", start) + len("</button>")
        if 0 <= start < begin < end:
            page = f'{page[:begin]}<div class="leads">{page[begin:end]}{areas}</div>{page[end:]}'
    return page.replace("</head>", f"{_AREA_STYLE}</head>", 1)


def _link(covers: str, image: str, books: str, left: float, top: float, width: float, height: float) -> str:
    place = zip(("left", "top", "width", "height"), (left, top, width, height), strict=True)
    style = ";".join(f"{side}:{100 * share:.2f}%" for side, share in place)
    told = ", ".join(f"{name} {value}" for name, value in parse_qsl(books) if name not in {"model", "split"})
    title = f"Show these test books{': ' if told else ''}{told}"
    # What a mouse finds here, keys find in the table that the page of covers has.
    attributes = f'class="{escape(image)}" tabindex="-1" aria-hidden="true" style="{style}"'
    return f'<a href="{escape(f"{covers}?{books}")}" title="{escape(title)}" {attributes}></a>'


def _bar(links: Mapping[str, str], name: str) -> str:
    leads = (f'<a href="{address.format(name=quote(name))}">{words}</a>' for words, address in links.items())
    return _BAR.format(links=" · ".join(leads))


def _with_bar(page: str, bar: str) -> str:
    """A report with links to other pages, at the top of what it shows."""
    body = re.search(r"<body[^>]*>", page)
    at = body.end() if body else 0
    return f"{page[:at]}{bar}{page[at:]}"
