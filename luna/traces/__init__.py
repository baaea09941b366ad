"""Traces for OpenTelemetry: one span for each flow, with what it spent its time on below.

Told after the flow is over, of what luna has measured anyway. Nothing here is imported unless traces are switched on.
"""
