"""A browser at an app, without a network between them."""

import asyncio

import httpx

ORIGIN = "http://127.0.0.1:4280"


class Visitor:
    """A browser at an app, without a network between them."""

    def __init__(self, app):
        self._app = app

    def get(self, address, **options):
        return asyncio.run(self._ask("GET", address, options))

    def post(self, address, **options):
        return asyncio.run(self._ask("POST", address, options))

    async def _ask(self, method, address, options):
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, follow_redirects=True) as client:
            return await client.request(method, address, **options)
