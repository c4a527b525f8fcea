"""The OpenAPI description of `/api/metrics/query`, made from the registry.

Owns the two operations and the schema of a point. Refuses facts that the registry already holds.
"""

from __future__ import annotations

from typing import Any

from engine.api.series.question import LARGEST_LIMIT, LIMIT, MOST_VALUES
from engine.api.series.registry import AGGREGATIONS, METRICS, OPERATORS, TAGS

NAMES = {"type": "string", "enum": [metric.name for metric in METRICS]}
INSTANT = {"type": "string", "description": "ISO 8601, or 24h, 7d, today; a day means its beginning"}
COUNT = {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": LIMIT}
AGGREGATION = {"type": "string", "enum": list(AGGREGATIONS), "default": "raw"}


def path_item(problems: dict[str, Any]) -> dict[str, Any]:
    """GET and POST of the path; `problems` are the refusals of a read."""
    responses = {"200": {"description": "points, oldest first", "content": _json(_body())}, **problems}
    return {
        "get": {
            "operationId": "series",
            "summary": "Time series of metrics.",
            "parameters": [
                {**_parameter("start", INSTANT), "required": True},
                _parameter("end", INSTANT),
                _parameter("metric", _many(NAMES)),
                _parameter("filter", _many({"type": "string", "description": "field:op:value"})),
                _parameter("aggregation", AGGREGATION),
                _parameter("group_by", _many({"type": "string", "enum": list(TAGS)})),
                _parameter("limit", COUNT),
            ],
            "responses": responses,
        },
        "post": {
            "operationId": "series_posted",
            "summary": "Time series of metrics, asked with an object.",
            "requestBody": {"required": True, "content": _json(_question())},
            "responses": responses,
        },
    }


def _question() -> dict[str, Any]:
    value = {"anyOf": [{"type": "string"}, _many({"type": "string"})]}
    held = {
        "type": "object",
        "required": ["field", "op", "value"],
        "properties": {
            "field": {"type": "string", "enum": list(TAGS)},
            "op": {"type": "string", "enum": list(OPERATORS)},
            "value": value,
        },
        "additionalProperties": False,
    }
    span = {
        "type": "object",
        "required": ["start"],
        "properties": {"start": INSTANT, "end": INSTANT},
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "required": ["timeRange"],
        "properties": {
            "timeRange": span,
            "metrics": _many(NAMES),
            "filters": {"type": "array", "items": held},
            "aggregation": AGGREGATION,
            "groupBy": _many({"type": "string", "enum": list(TAGS)}),
            "limit": COUNT,
        },
        "additionalProperties": False,
    }


def _body() -> dict[str, Any]:
    figure = {"type": ["number", "string"], "description": "money is a decimal string"}
    point = {
        "type": "object",
        "properties": {
            "time": {"type": "string", "format": "date-time"},
            "metric": NAMES,
            "value": figure,
            "count": {"type": "integer"},
            **dict.fromkeys(("min", "max", "p50", "p95"), figure),
            "tags": {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
        },
    }
    metadata = {
        "type": "object",
        "properties": {
            "totalPoints": {"type": "integer"},
            "aggregation": AGGREGATION,
            "cacheHit": {"type": "boolean"},
            "queryTime": {"type": "number", "description": "milliseconds"},
        },
    }
    return {
        "type": "object",
        "required": ["data", "metadata"],
        "properties": {"data": {"type": "array", "items": point}, "metadata": metadata},
    }


def _many(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "maxItems": MOST_VALUES}


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
