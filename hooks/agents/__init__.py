"""Each agent's own settings: one module per agent, pure functions from a file's bytes to its new bytes.

Owns what a coding agent must be told so that it sends telemetry and calls our session hook. Refuses to touch files
(`changes.py` does) and to overrule a user who already sends telemetry elsewhere.
"""
