"""The views: one declaration each.

Owns, per view, its SQL file, the columns it shows with their kinds, where it answers each filter field, its key and its
order. Routes, filters, sorting, exports and OpenAPI are made from these declarations. Refuses
to run anything: answers.py asks the questions.
"""

from __future__ import annotations

from engine.api.views.coverage import COVERAGE, SESSION_SOURCES, TRUST
from engine.api.views.declaration import SORTABLE, Column, Kind, Scope, View, sql
from engine.api.views.groups import AGENTS, COSTS, DEVELOPERS, MODELS, PROJECTS
from engine.api.views.money import RECONCILIATION
from engine.api.views.rows import COMMITS, REQUESTS, SESSIONS, TOOLS

VIEWS: dict[str, View] = {
    view.name: view
    for view in (
        *(SESSIONS, REQUESTS, TOOLS, COMMITS, COSTS, RECONCILIATION),
        *(COVERAGE, SESSION_SOURCES, TRUST),
        *(DEVELOPERS, AGENTS, PROJECTS, MODELS),
    )
}

__all__ = ["SORTABLE", "VIEWS", "Column", "Kind", "Scope", "View", "sql"]
