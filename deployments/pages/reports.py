"""The reports of studies, over HTTP: a browser follows no link of the dashboard's to a file on the disk.

<name>/            the report
<name>/…           its figures and tables
"""

import re
from collections.abc import Callable, Collection
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from deployments.pages.guard import Guard, make_token

# The link from a report to the start page, in the report's own style; printed, it is left out.
_BACK = (
    "<style>@media print{{.home{{display:none}}}}</style>"
    '<p class="home" style="margin:0;padding:.7rem 1rem;font:.9375rem/1.5 system-ui,sans-serif">'
    '<a href="{home}">All studies</a></p>'
)


def report_app(find: Callable[[str], Path | None], *, hosts: Collection[str], home: str) -> Starlette:
    """The reports of some studies, as an app to serve or to mount."""

    async def report(request: Request) -> Response:
        name, path = request.path_params["name"], request.path_params["path"]
        folder = find(name)
        if folder is None:
            raise HTTPException(404, "There is no such study.")
        if not (folder / "index.html").is_file():
            link = _BACK.format(home=home)
            return HTMLResponse(f"{link}<p>The study {name} has no report yet.</p>", status_code=404)
        if path in {"", "index.html"}:
            page = await run_in_threadpool((folder / "index.html").read_text, "utf-8")
            return HTMLResponse(_with_link(page, home), headers={"Cache-Control": "no-cache"})
        return await StaticFiles(directory=folder).get_response(path, request.scope)

    async def refuse(_: Request, refused: Exception) -> Response:
        assert isinstance(refused, HTTPException)
        return HTMLResponse(f"<p>{refused.detail}</p>", status_code=refused.status_code)

    guard = Middleware(Guard, hosts=hosts, token=make_token(), reports=True)
    return Starlette(
        routes=[Route("/{name}/{path:path}", report)], middleware=[guard], exception_handlers={HTTPException: refuse}
    )


def _with_link(page: str, home: str) -> str:
    """A report with a link to the start page, at the top of what it shows."""
    body = re.search(r"<body[^>]*>", page)
    at = body.end() if body else 0
    return f"{page[:at]}{_BACK.format(home=home)}{page[at:]}"
