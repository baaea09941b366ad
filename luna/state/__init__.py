"""Services that outlive every snapshot: accounts, credentials, keys, turns. Knows no client protocol and no stage."""
