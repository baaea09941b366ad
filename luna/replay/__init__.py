"""Runs recordings through today's configuration, offline. Imports everything below the server, and no server."""
