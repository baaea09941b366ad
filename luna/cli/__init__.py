"""The `luna` command, one file per subcommand."""
