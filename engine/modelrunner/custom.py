"""What a project brings instead of the runner's own: materializations and incremental strategies written in Jinja.

Owns the search for them in dbt's order and running a materialization in one transaction. Refuses materializations that
do not say which relations they made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.modelrunner.database import Connection
from engine.modelrunner.jinja import ENVIRONMENT, BoundMacro, Macro, Macros
from engine.modelrunner.materialize import MATERIALIZATIONS, Materialized
from engine.modelrunner.nodes import Node
from engine.modelrunner.problems import NodeProblem

# Those that dbt-duckdb writes for DuckDB alone; a project's `default` does not replace them.
_SPECIFIC = ("table", "incremental")


def materialization(node: Node, macros: Macros) -> Macro | None:
    """The project's own materialization of a node, or None. As in dbt, packages do not replace the usual ones."""
    kind = node.config.materialized
    own = kind in MATERIALIZATIONS
    packages = [macros.root, *(name for name in macros.by_package if name not in (macros.root, "dbt"))]
    for adapter in ("duckdb", "default"):
        if own and adapter == "default" and kind in _SPECIFIC:
            continue
        for package in packages[:1] if own else packages:
            found = macros.by_package.get(package, {}).get(f"materialization_{kind}_{adapter}")
            if found is not None:
                return found
    return None


def replacement(name: str, node: Node, macros: Macros, context: Callable[[], dict[str, Any]]) -> BoundMacro | None:
    """The project's macro of this name, or what it brings for dispatch; None where only the runner has one."""
    for candidate in (name, f"duckdb__{name}", f"default__{name}"):
        found = macros.find(candidate, search=node.package)
        if found is not None and found.package != "dbt":
            return found.bind(context(), ENVIRONMENT)
    return None


def run(
    node: Node, macro: Macro, sql: str, connection: Connection, context: dict[str, Any], main: Mapping[str, str]
) -> Materialized:
    """Run a materialization; `main` is filled with what its statement called `main` ran."""
    context.update(sql=sql, compiled_code=sql, model={**context["model"], "compiled_code": sql, "compiled_sql": sql})
    with connection.transaction():
        made = macro.bind(context, ENVIRONMENT)()
        if not isinstance(made, Mapping) or "relations" not in made:
            raise NodeProblem(
                f"the materialization '{node.config.materialized}' does not say what it made",
                hint="end it with  {{ return({'relations': [this]}) }}",
            )
        if node.unique_id not in main:
            raise NodeProblem(
                f"the materialization '{node.config.materialized}' ran no statement called 'main'",
                hint="{% call statement('main') %} … {% endcall %}",
            )
    return Materialized(None, main[node.unique_id])
