"""A synthetic team that works like a real one and speaks real OTLP.

Owns the people, their habits, their repositories and the telemetry their agents would send. Refuses every shortcut into
the store: all of it goes through the ports and git hooks' doors that real developers use.
"""
