"""The reports of studies, over HTTP: a browser follows no link of the dashboard's to a file on the disk.

<name>/            the report
<name>/…           its figures and tables
"""

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from deployments.pages.guard import Guard, make_token

# The links from a report to other pages, in the report's own style; printed, and in the file itself, there are none.
_BAR = (
    "<style>@media print{{.home{{display:none}}}}</style>"
    '<p class="home" style="margin:0;padding:.7rem 1rem;font:.9375rem/1.5 system-ui,sans-serif">{links}</p>'
)


def report_app(find: Callable[[str], Path | None], *, hosts: Collection[str], links: Mapping[str, str]) -> Starlette:
    """The reports of some studies, as an app to serve or to mount.

    Args:
        find: The folder of the report of a study; None where there is no such study.
        hosts: As of `judge_app`.
        links: Words and addresses of the links above a report; `{name}` in an address stands for the study's name.
    """

    async def report(request: Request) -> Response:
        name, path = request.path_params["name"], request.path_params["path"]
        folder = find(name)
        if folder is None:
            raise HTTPException(404, "There is no such study.")
        if not (folder / "index.html").is_file():
            return HTMLResponse(f"{_bar(links, name)}<p>The study {name} has no report yet.</p>", status_code=404)
        if path in {"", "index.html"}:
            page = await run_in_threadpool((folder / "index.html").read_text, "utf-8")
            return HTMLResponse(_with_bar(page, _bar(links, name)), headers={"Cache-Control": "no-cache"})
        return await StaticFiles(directory=folder).get_response(path, request.scope)

    async def refuse(_: Request, refused: Exception) -> Response:
        assert isinstance(refused, HTTPException)
        return HTMLResponse(f"<p>{refused.detail}</p>", status_code=refused.status_code)

    guard = Middleware(Guard, hosts=hosts, token=make_token(), reports=True)
    return Starlette(
        routes=[Route("/{name}/{path:path}", report)], middleware=[guard], exception_handlers={HTTPException: refuse}
    )


def _bar(links: Mapping[str, str], name: str) -> str:
    leads = (f'<a href="{address.format(name=quote(name))}">{words}</a>' for words, address in links.items())
    return _BAR.format(links=" · ".join(leads))


def _with_bar(page: str, bar: str) -> str:
    """A report with links to other pages, at the top of what it shows."""
    body = re.search(r"<body[^>]*>", page)
    at = body.end() if body else 0
    return f"{page[:at]}{bar}{page[at:]}"
