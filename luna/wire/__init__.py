"""Recordings: frames, redaction, the recorder, the folder, reading and comparing. Imports `luna.model` only."""
