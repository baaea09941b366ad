"""Statements that insert, or replace what is there, in each dialect's words."""

from typing import Any

from sqlalchemy import Executable, Table
from sqlalchemy.dialects import postgresql, sqlite


def sqlite_upsert(table: Table) -> Executable:
    """SQLite's."""
    return _upsert(sqlite.insert(table), table)


def postgresql_upsert(table: Table) -> Executable:
    """PostgreSQL's."""
    return _upsert(postgresql.insert(table), table)


def _upsert(statement: Any, table: Table) -> Executable:
    others = {column.name: statement.excluded[column.name] for column in table.c if not column.primary_key}
    made: Executable = statement.on_conflict_do_update(index_elements=[*table.primary_key.columns], set_=others)
    return made
