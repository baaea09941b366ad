"""Codecs: each client protocol in its own files, all of them pure. Imports `luna.model` only."""
