"""The built-in stages, one file each. Nobody imports this room: stages are found by name (`luna.core.registry`)."""
