"""What a database means by refusing.

Owns whether it is worth another try, and what may be told of it. Knows neither writes nor connections.
"""

from luna.state.store import errors


def may_pass(error: Exception) -> bool:
    """True for what is the database's state and not the write's fault."""
    if isinstance(error, (OSError, errors.OperationalError)):
        return True
    if isinstance(error, errors.DBAPIError) and error.connection_invalidated:
        return True
    words = str(getattr(error, "orig", error)).lower()
    return isinstance(error, errors.DatabaseError) and any(
        sign in words for sign in ("disk", "full", "read-only", "readonly")
    )


def reason(error: Exception) -> str:
    """The database's own words, without the statement and its values, which may be somebody's prompt."""
    if isinstance(error, OSError):
        return f"{type(error).__name__}: {error.strerror}"
    original = getattr(error, "orig", None)
    lines = str(original if original is not None else type(error).__name__).strip().splitlines()
    return f"{type(original or error).__name__}: {lines[0] if lines else ''}".rstrip(": ")
