"""The machine: flows, stages, chains, the engine, routing and snapshots. Imports `luna.model` and anyio only."""
