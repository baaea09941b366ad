"""Outgoing HTTP: the only room that knows httpcore. Imports `luna.model` and `luna.wire`."""
