"""Time series of metrics: `/api/metrics/query`.

Owns the registry of metrics, reading a question and answering it. Refuses metrics that are not in the registry.
"""
