"""What the project's pages share: the app around them, templates, the list of studies, and answers to what goes wrong.

    <study>/    a page, and below it what that page asks for
    -/          scripts and styles

All addresses in the pages are relative: an app can be mounted under any prefix.
"""

import getpass
import mimetypes
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import AfterValidator, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from bookcover_core.errors import BookcoverError, FailureError
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.study import Study, in_our_words
from deployments.pages.guard import JSON, Guard

# Windows' registry may say otherwise, and a browser runs no script of another type.
mimetypes.add_type("text/javascript", ".js")


def guarded_app(
    routes: Iterable[BaseRoute],
    *,
    hosts: Collection[str],
    token: str,
    bodies: Collection[str] = (JSON,),
    blobs: bool = False,
) -> Starlette:
    """An app of pages, with their scripts and styles, behind a `Guard`.

    Args:
        routes: The pages' own.
        hosts: Host and port, as the Host header names them, under which the pages are reached.
        token: What a request that changes something, or costs something, must bring.
        bodies: Media types that such a request may have.
        blobs: Whether the pages show pictures that the browser holds: see `Guard`.
    """
    static = Mount("/-", StaticFiles(packages=[("deployments.pages", "static")]))
    guard = Middleware(Guard, hosts=hosts, token=token, bodies=bodies, blobs=blobs)
    return Starlette(
        routes=[static, *routes],
        middleware=[guard],
        exception_handlers={BookcoverError: _tell, FileNotFoundError: _tell_of_lost_file, HTTPException: _refuse},
    )


def render(template: str, **values: object) -> Response:
    """The page that a template makes of `values`."""
    page = _templates().get_template(template).render(**values)
    return HTMLResponse(page, headers={"Cache-Control": "no-cache"})


def index(studies: Mapping[str, Study], title: str) -> Response:
    """The studies to choose from; with one alone, its page."""
    names = list(studies)
    if len(names) == 1:
        return RedirectResponse(f"{quote(names[0])}/", headers={"Cache-Control": "no-store"})
    return render("studies.html", names=names, title=title)


def find_study(studies: Mapping[str, Study], request: Request) -> Study:
    """The study that the address names.

    Raises:
        HTTPException: There is none of that name.
    """
    study = studies.get(request.path_params["study"])
    if study is None:
        raise HTTPException(404, "There is no such study.")
    return study


Line = Annotated[str, AfterValidator(lambda text: " ".join(text.split()))]
"""Text on one line."""


def user_name() -> str:
    """Name of the person at this machine; empty where the system has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


async def read_body(request: Request, most: int) -> bytes:
    """What a request brings.

    Raises:
        HTTPException: It is more than `most` bytes; the rest is not read.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise HTTPException(413, f"What was sent has more than {most:,} bytes.")
    return bytes(body)


def unprocessable(error: ValidationError) -> HTTPException:
    """What a request is refused with whose content is not as it must be: the first fault, and where it is."""
    fault = error.errors()[0]
    return HTTPException(422, f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}")


def error(status: int, reason: str) -> Response:
    """The answer to a request that cannot be met, as the pages' scripts read it."""
    return JSONResponse({"error": reason}, status_code=status)


@cache
def _templates() -> Environment:
    templates = Environment(loader=PackageLoader("deployments.pages"), autoescape=True, undefined=StrictUndefined)
    templates.globals["version"] = _assets_digest()
    return templates


def _assets_digest() -> str:
    """Changes when a script or style does, so that no browser goes on with an old one."""
    folder = files("deployments.pages") / "static"
    return digest_of(sorted((each.name, each.read_text("utf-8")) for each in folder.iterdir()))[:12]


def _tell(_: Request, told: Exception) -> Response:
    """The answer where an error of ours stopped the work: the input's fault, or the machine's."""
    return error(503 if isinstance(told, FailureError) else 409, str(told))


def _tell_of_lost_file(request: Request, error: Exception) -> Response:
    assert isinstance(error, FileNotFoundError)
    ours = in_our_words(error)
    if ours is None:
        raise error
    return _tell(request, ours)


def _refuse(_: Request, refused: Exception) -> Response:
    assert isinstance(refused, HTTPException)
    return error(refused.status_code, refused.detail)
