"""SQLAlchemy's errors, to be caught by those who do not import it.

As long as nobody has imported the toolkit nothing can have raised them, and each name stands for no error at all.
`Refusal` is whatever keeps a database from its work: with no file to be had, not even the toolkit can be imported that
has the words for it.
"""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, OperationalError, SQLAlchemyError

    Refusal = (SQLAlchemyError, OSError)

__all__ = ["ArgumentError", "DBAPIError", "DatabaseError", "OperationalError", "Refusal", "SQLAlchemyError"]


def __getattr__(name: str) -> Any:
    if name == "Refusal":
        known = __getattr__("SQLAlchemyError")
        return (known, OSError) if known else (OSError,)
    if name not in __all__:
        raise AttributeError(name)
    return getattr(sys.modules.get("sqlalchemy.exc"), name, ())
