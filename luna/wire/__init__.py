"""Recordings: frames, redaction, the recorder, the folder they live in, reading and comparing. Imports `luna.model` only."""
