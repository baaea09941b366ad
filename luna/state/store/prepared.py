"""Statements that every request runs.

Owns the short way of one to the driver: its text is made once, its values go in as they are, and rows come out as
tuples, which costs a fraction of SQLAlchemy's own way. For columns that the drivers read and write without help, as all
in `luna.state.store.tables` are: text, numbers, truth values, bytes. A statement whose text depends on its values (`IN`
a list) goes SQLAlchemy's way.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from luna.state.store import texts
from luna.state.store.local import Dialect as LocalDialect
from luna.state.store.sql import Connection, Executable, made

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

Way = tuple[str, Callable[[Any], Any] | None]
NO_WAY: Way = "", None


class Prepared:
    """One statement, for any connection. `columns`: those that rows give it, for one that inserts."""

    def __init__(self, statement: Executable, columns: Collection[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns
        self._texts: dict[str, _Text] = {}

    def __repr__(self) -> str:
        return f"<Prepared for {', '.join(sorted(self._texts)) or 'nothing yet'}>"

    def rows(self, connection: Connection, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """All rows of a select, for bound parameters by name. Raises DBAPIError."""
        text = self._text(connection.dialect)
        if not text.lasting:
            return [tuple(row) for row in connection.execute(self._statement, values)]
        cursor = cursor_of(connection)
        try:
            cursor.execute(text.sql, text.bound(values))
            found: list[tuple[Any, ...]] = cursor.fetchall()
        except connection.dialect.loaded_dbapi.Error as error:
            raise wrapped(text.sql, error, connection.dialect) from error
        finally:
            cursor.close()
        return found

    def write(self, connection: Connection, cursor: Any, rows: Sequence[Mapping[str, object]]) -> None:
        """Run it for each row. `cursor`: one of the driver's, of this connection. Raises DBAPIError."""
        text = self._text(connection.dialect)
        if not text.lasting:
            connection.execute(self._statement, [*rows])
            return
        try:
            if len(rows) == 1:
                cursor.execute(text.sql, text.bound(rows[0]))
            else:
                cursor.executemany(text.sql, [text.bound(row) for row in rows])
        except connection.dialect.loaded_dbapi.Error as error:
            raise wrapped(text.sql, error, connection.dialect) from error

    def way(self, dialect: "Dialect | LocalDialect") -> Way:
        """Its text, and what makes the values of a row; `NO_WAY` for one whose text depends on them."""
        text = self._text(dialect)
        return (text.sql, text.in_order or text.bound) if text.lasting else NO_WAY

    def order(self, dialect: "Dialect | LocalDialect") -> tuple[str, ...]:
        """The names of its values, in their order."""
        return self._text(dialect).order

    def _text(self, dialect: "Dialect | LocalDialect") -> "_Text":
        made = self._texts.get(dialect.name)
        if made is None:
            made = self._texts[dialect.name] = _Text(self._statement, self._columns, dialect)
        return made


class _Text:
    """It, as one dialect spells it."""

    __slots__ = ("_fixed", "in_order", "lasting", "order", "sql")

    def __init__(
        self, statement: Executable, columns: Collection[str] | None, dialect: "Dialect | LocalDialect"
    ) -> None:
        known = texts.find(statement, columns) if dialect.name == "sqlite" else None
        if known is not None:
            words, values = known
            self.sql, self.lasting, self.order = words.sql, True, words.order
            self._fixed: dict[str, Any] = {**words.fixed, **values}
        else:
            self._compile(statement, columns, dialect)
        given = frozenset(columns or ())
        # All that there is to be done for most: the values, in their order.
        self.in_order = itemgetter(*self.order) if len(self.order) > 1 and given.issuperset(self.order) else None

    def _compile(
        self, statement: Executable, columns: Collection[str] | None, dialect: "Dialect | LocalDialect"
    ) -> None:
        # For one row or many alike: what an insert made is never asked for.
        compiled: Any = made(statement).compile(
            dialect=_real(dialect), column_keys=None if columns is None else [*columns], for_executemany=True
        )
        self.sql = str(compiled)
        self.lasting = not (compiled.post_compile_params or compiled.literal_execute_params)
        self.order = tuple(compiled.positiontup or ())
        defaults = {column.key: column.default for column in compiled.insert_prefetch or ()}
        self._fixed = {**compiled.params, **{name: default.arg for name, default in defaults.items()}}

    def bound(self, values: Mapping[str, object]) -> Any:
        """The values as the driver takes them."""
        if self.in_order is not None:
            return self.in_order(values)
        if not self.order:
            return {**self._fixed, **values}  # by name, as PostgreSQL's driver has it
        fixed = self._fixed
        return [values[name] if name in values else fixed[name] for name in self.order]


def committed(connection: Connection) -> None:
    """Commit what was run on it, in either way. The drivers begin a transaction by themselves. Raises DBAPIError."""
    if connection.in_transaction():
        connection.commit()
        return
    try:
        connection.connection.commit()
    except connection.dialect.loaded_dbapi.Error as error:
        raise wrapped("COMMIT", error, connection.dialect) from error


def rolled_back(connection: Connection) -> None:
    """End what reading has begun without SQLAlchemy's knowledge. Raises DBAPIError."""
    try:
        connection.connection.rollback()
    except connection.dialect.loaded_dbapi.Error as error:
        raise wrapped("ROLLBACK", error, connection.dialect) from error


def cursor_of(connection: Connection) -> Any:
    """A cursor of the driver's."""
    return connection.connection.cursor()


def wrapped(sql: str, error: Exception, dialect: "Dialect | LocalDialect") -> Exception:
    """The error as SQLAlchemy would raise it, without the values."""
    from sqlalchemy.exc import DBAPIError  # brings the toolkit, now that something is wrong

    real = _real(dialect)
    return DBAPIError.instance(sql, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=real)


def _real(dialect: Any) -> "Dialect":
    real: Dialect = dialect.real if isinstance(dialect, LocalDialect) else dialect
    return real
