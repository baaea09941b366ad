"""The gauntlet: every fault, at every point of a flow, on every protocol, and what is left afterwards."""
