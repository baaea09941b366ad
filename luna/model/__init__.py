"""The vocabulary everybody shares: requests, events, errors, values. Imports msgspec and the standard library only."""
