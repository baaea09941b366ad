"""Examines: the installation, how a client gets on with the luna that runs, and what Qwen answers to one's account."""
