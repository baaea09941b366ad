"""From files to a snapshot: YAML with positions, diagnostics, schemas, compilation, watching; and the settings."""
