"""The headless engine: takes telemetry in, stores it, models it, and answers questions about it over HTTP."""

__version__ = "0.1.0"
