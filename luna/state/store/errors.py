"""SQLAlchemy's errors, to be caught by those who do not import it.

As long as nobody has imported the toolkit nothing can have raised them, and each name stands for no error at all.
"""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, OperationalError, SQLAlchemyError

__all__ = ["ArgumentError", "DBAPIError", "DatabaseError", "OperationalError", "SQLAlchemyError"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    return getattr(sys.modules.get("sqlalchemy.exc"), name, ())
