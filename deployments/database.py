"""The database of a server of our own: SQLite, without losing events.

Prefect's transactions on SQLite begin as readers. One that then wants to write fails at once ("database is locked")
where another has written in between, however long SQLite may wait. The service that evaluates automations tries an
event four times within milliseconds, and drops it: a crashed run would never be taken up. So transactions say from
the beginning that they will write, and wait for one another. Sessions that only read begin none.
"""

from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext

from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.database.dependencies import temporary_database_config
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction


class PatientSqlite(AioSqliteConfiguration):
    """SQLite whose transactions take their turns."""

    @asynccontextmanager
    async def begin_transaction(
        self,
        session: AsyncSession,
        with_for_update: bool = False,  # noqa: ARG002 - Prefect's signature
    ) -> AsyncGenerator[AsyncSessionTransaction, None]:
        """A transaction that holds SQLite's only write lock from its beginning (BEGIN IMMEDIATE)."""
        async with super().begin_transaction(session, with_for_update=True) as transaction:
            yield transaction


def patient_database() -> AbstractContextManager[object]:
    """A block in which a Prefect server of this process uses `PatientSqlite`, unless another database is configured."""
    url = PREFECT_API_DATABASE_CONNECTION_URL.value()
    if url is None or not url.startswith("sqlite"):
        return nullcontext()
    return temporary_database_config(PatientSqlite(connection_url=url))
