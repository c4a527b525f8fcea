"""The description of the API, made from the declarations.

Owns the OpenAPI 3.1 document of everything under /api: one operation per view, with its columns, filter fields and
sortable columns. Refuses hand-written facts that a declaration already holds.
"""

from __future__ import annotations

from typing import Any

from engine.api.query import FORMATS, LARGEST_LIMIT, LIMIT
from engine.api.series import described as series
from engine.api.views import VIEWS, Column, View
from engine.filters.fields import BY_NAME

_NULLABLE: dict[str, dict[str, Any]] = {
    "text": {"type": ["string", "null"]},
    "integer": {"type": ["integer", "null"]},
    "number": {"type": ["number", "null"]},
    "money": {"type": ["string", "null"], "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "description": "decimal US dollars"},
    "instant": {"type": ["string", "null"], "format": "date-time"},
    "day": {"type": ["string", "null"], "format": "date"},
    "boolean": {"type": ["boolean", "null"]},
    "texts": {"type": ["array", "null"], "items": {"type": "string"}},
    "integers": {"type": ["array", "null"], "items": {"type": "integer"}},
    "links": {
        "type": ["array", "null"],
        "items": {
            "type": "object",
            "properties": {
                "agent_type": {"type": ["string", "null"]},
                "session_id": {"type": ["string", "null"]},
                "confidence": {"type": ["number", "null"]},
                "method": {"type": ["string", "null"]},
            },
        },
    },
}


def column_schema(column: Column) -> dict[str, Any]:
    """The JSON schema of one column."""
    schema = dict(_NULLABLE[column.kind])
    schema["description"] = f"{column.help}; {schema['description']}" if "description" in schema else column.help
    return schema


def row_schema(view: View) -> dict[str, Any]:
    """The JSON schema of one row."""
    return {
        "type": "object",
        "properties": {column.name: column_schema(column) for column in view.shown},
        "required": [column.name for column in view.shown],
        "additionalProperties": False,
    }


def document(version: str) -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, Any] = {f"/api/v1/{view.name}": {"get": _operation(view)} for view in VIEWS.values()}
    paths["/api/v1/stream"] = {"get": _stream()}
    paths["/api/metrics/stream"] = {"get": {**_stream(), "operationId": "metrics_stream"}}
    paths["/api/v1/explain"] = {"get": _explain()}
    paths["/api/v1/status"] = {"get": _status()}
    paths["/api/metrics/query"] = series.path_item(_problems("401", "403", "422", "503"))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Agent Analytics", "version": version, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": {
                **{f"{view.name}_row": row_schema(view) for view in VIEWS.values()},
                "metadata": _metadata(),
                "problem": _problem(),
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
        "security": [{"bearer": []}, {"key": []}],
    }


def _operation(view: View) -> dict[str, Any]:
    fields = "; ".join(f"{name}: {BY_NAME[name].help}" for name in sorted(view.fields))
    parameters = [
        _parameter("filter", {"type": "string"}, f"Filter expression. Fields: {fields}"),
        _parameter("since", {"type": "string"}, "as the filter's since"),
        _parameter("until", {"type": "string"}, "as the filter's until"),
        _parameter(
            "sort",
            {"type": "string", "default": view.default_sort},
            f"Columns, - for descending, unknown last. Sortable: {', '.join(view.sortable)}",
        ),
        _parameter(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT},
            f"Rows; {LIMIT} for JSON when it is not given, all rows for CSV and Arrow",
        ),
        _parameter("cursor", {"type": "string"}, "`next_cursor` of the page before"),
        _parameter("format", {"type": "string", "enum": list(FORMATS), "default": "json"}, "format of the answer"),
    ]
    if view.groups:
        groups = {"type": "string", "enum": list(view.groups), "default": view.groups[0]}
        parameters.append(_parameter("by", groups, "what to group by"))
    page = {
        "type": "object",
        "properties": {
            "data": {"type": "array", "items": {"$ref": f"#/components/schemas/{view.name}_row"}},
            "metadata": {"$ref": "#/components/schemas/metadata"},
        },
        "required": ["data", "metadata"],
    }
    return {
        "operationId": view.name,
        "summary": view.help,
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "rows",
                "content": {
                    "application/json": {"schema": page},
                    "text/csv": {"schema": {"type": "string"}},
                    "application/vnd.apache.arrow.stream": {"schema": {"type": "string", "format": "binary"}},
                },
            },
            **_problems("400", "401", "403", "422", "503"),
        },
    }


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _problems(*statuses: str) -> dict[str, Any]:
    said = {
        "400": "the filter is wrong; column and length say where",
        "401": "no key, or none that is valid",
        "403": "the key may not read this",
        "404": "there is no such row or column",
        "422": "a parameter is wrong",
        "503": "not ready; Retry-After says when to ask again",
    }
    schema = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}
    return {status: {"description": said[status], "content": schema} for status in statuses}


def _stream() -> dict[str, Any]:
    resume = {
        "name": "Last-Event-ID",
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": "batch id of the last event received; `hello` tells whether it could be resumed",
    }
    return {
        "operationId": "stream",
        "summary": "Server-sent events: hello, change, heartbeat. A change says what to ask for again.",
        "parameters": [_parameter("filter", {"type": "string"}, "fields of sessions"), resume],
        "responses": {
            "200": {"description": "events", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
            **_problems("400", "401", "403"),
        },
    }


def _explain() -> dict[str, Any]:
    names = {"type": "string", "enum": list(VIEWS)}
    required = [
        {**_parameter("view", names, "the view of the number"), "required": True},
        {**_parameter("row", {"type": "string"}, _ROW), "required": True},
        {**_parameter("column", {"type": "string"}, "the column of the number"), "required": True},
    ]
    narrowing = [
        _parameter("by", {"type": "string"}, "the group of `costs`"),
        _parameter("filter", {"type": "string"}, "the filter under which the number was seen"),
        _parameter("since", {"type": "string"}, "as the filter's since"),
        _parameter("until", {"type": "string"}, "as the filter's until"),
    ]
    return {
        "operationId": "explain",
        "summary": "What stands behind a number: definition, SQL, model calls and their sum, prices, age.",
        "parameters": [*required, *narrowing],
        "responses": {
            "200": {"description": "explanation", "content": {"application/json": {"schema": {"type": "object"}}}},
            **_problems("400", "401", "403", "404", "422", "503"),
        },
    }


_ROW = "the row's key, of several columns with a blank between them; `unknown` for the group without one"


def _status() -> dict[str, Any]:
    return {
        "operationId": "status",
        "summary": "What the engine has and does.",
        "responses": {
            "200": {"description": "status", "content": {"application/json": {"schema": {"type": "object"}}}},
            **_problems("401", "403"),
        },
    }


def _metadata() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "total": {"type": "integer", "description": "rows on all pages"},
            "next_cursor": {"type": ["string", "null"]},
            "as_of": {"type": ["string", "null"], "format": "date-time"},
            "batch_id": {"type": "integer"},
            "query_ms": {"type": "number"},
            "cache_hit": {"type": "boolean"},
            "event_count": {"type": "integer", "description": "rows ever received; 0: nothing was"},
            "totals": {"type": "object", "description": "sums over all rows, where the view has them"},
        },
        "required": ["total", "next_cursor", "as_of", "query_ms", "cache_hit", "event_count"],
    }


def _problem() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "filter": {"type": "string", "description": "the filter that is wrong"},
            "column": {"type": "integer", "description": "1-based position of the first wrong character"},
            "length": {"type": "integer"},
            "caret": {"type": "string", "description": "the filter with carets under what is wrong"},
        },
        "required": ["type", "title", "status", "detail"],
    }
