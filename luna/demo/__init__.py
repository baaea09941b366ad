"""A look-alike of chat.qwen.ai on loopback: what `luna serve --demo`, the tests and the benchmark talk to.

Knows nothing of luna's own side of the conversation: it imports `luna.model.ambient` and nothing else of luna.
"""
