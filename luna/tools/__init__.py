"""The tool-call bridge: tools, calls and results as text on the way down, calls out of text on the way up. Pure."""
