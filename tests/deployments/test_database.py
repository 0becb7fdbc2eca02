"""Tests of the database of a server of our own."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy
from prefect.server.database.dependencies import provide_database_interface, temporary_database_config
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, temporary_settings

from deployments.database import PatientSqlite, patient_database


async def count_side_by_side(config: PatientSqlite, count: int) -> None:
    """Let so many transactions read a number and, a while later, write the next one."""
    engine = await config.engine()

    async def count_up() -> None:
        session = await config.session(engine)
        async with session, config.begin_transaction(session):
            number = await session.scalar(sqlalchemy.text("SELECT number FROM numbers"))
            await asyncio.sleep(0.05)
            await session.execute(sqlalchemy.text(f"UPDATE numbers SET number = {number + 1}"))

    await asyncio.gather(*(count_up() for _ in range(count)))
    await engine.dispose()


def test_transactions_that_read_and_then_write_take_turns(tmp_path: Path):
    file = tmp_path / "numbers.db"
    with sqlite3.connect(file) as connection:
        connection.executescript("CREATE TABLE numbers (number INTEGER); INSERT INTO numbers VALUES (0);")
    asyncio.run(count_side_by_side(PatientSqlite(connection_url=f"sqlite+aiosqlite:///{file}"), 4))
    assert sqlite3.connect(file).execute("SELECT number FROM numbers").fetchall() == [(4,)]


@pytest.mark.parametrize(
    ("url", "is_patient"),
    [("sqlite+aiosqlite:///prefect.db", True), ("postgresql+asyncpg://a@localhost/prefect", False)],
)
def test_a_server_uses_it_unless_another_database_is_configured(url: str, is_patient: bool):
    with (
        temporary_database_config(None),
        temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: url}),
        patient_database(),
    ):
        assert isinstance(provide_database_interface().database_config, PatientSqlite) is is_patient
