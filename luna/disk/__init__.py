"""Private files: written whole or not at all, for their owner only."""
