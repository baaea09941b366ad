"""Where a client may want its answer to end, and how much of that luna takes.

Owns what a token limit and stop sequences may be, the same on every protocol.
"""

from collections.abc import Collection

from luna.protocols.body import bad_field

MAX_STOPS = 64
MAX_STOP_LENGTH = 1000


def token_limit(*said: int | None) -> int | None:
    """The smallest of the limits. Zero and below is how some clients write "no limit"."""
    least: int | None = None
    for limit in said:
        if limit is not None and limit > 0 and (least is None or limit < least):
            least = limit
    return least


def stop_sequences(sequences: Collection[str], param: str) -> tuple[str, ...]:
    """Each once and none empty. Raises LunaError(BAD_REQUEST)."""
    if not sequences:
        return ()
    kept = tuple(dict.fromkeys(filter(None, sequences)))
    if len(kept) > MAX_STOPS or any(len(sequence) > MAX_STOP_LENGTH for sequence in kept):
        raise bad_field(param, f"may hold {MAX_STOPS} sequences of at most {MAX_STOP_LENGTH} characters each.")
    return kept
