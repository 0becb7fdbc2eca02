"""The reports of studies, over HTTP: a browser follows no link of the dashboard's to a file on the disk.

<study>/            the report
<study>/…           its figures and tables
"""

from collections.abc import Collection, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from bookcover_core.pipeline.study import Study
from deployments.pages import site
from deployments.pages.guard import Guard, make_token


def report_app(studies: Mapping[str, Study], *, hosts: Collection[str]) -> Starlette:
    """The reports of some studies, as an app to serve or to mount.

    Args:
        studies: By name; looked up at every request, so that a mapping may grow.
        hosts: Host and port, as the Host header names them, under which the pages are reached (`guard.loopback_hosts`).
    """

    async def report(request: Request) -> Response:
        study = site.find_study(studies, request)
        folder = study.workspace.report
        if not (folder / "index.html").is_file():
            return HTMLResponse(f"<p>The study {study.settings.name} has no report yet.</p>", status_code=404)
        files = StaticFiles(directory=folder)
        return await files.get_response(request.path_params["path"] or "index.html", request.scope)

    async def refuse(_: Request, refused: Exception) -> Response:
        assert isinstance(refused, HTTPException)
        return HTMLResponse(f"<p>{refused.detail}</p>", status_code=refused.status_code)

    guard = Middleware(Guard, hosts=hosts, token=make_token(), reports=True)
    return Starlette(
        routes=[Route("/{study}/{path:path}", report)],
        middleware=[guard],
        exception_handlers={HTTPException: refuse},
    )
