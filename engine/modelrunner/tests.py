"""Data tests: a query that must give no rows, and what it means when it does.

Owns the query around a test (limit, fail_calc, thresholds), severities, and keeping failing rows when asked. Refuses
to decide what a failing test stops: runner.py does.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.modelrunner.database import Connection
from engine.modelrunner.nodes import Node
from engine.modelrunner.problems import NodeProblem
from engine.modelrunner.relation import Relation


@dataclass(frozen=True, slots=True)
class Verdict:
    """`pass`, `warn` or `fail`, the number that decided, and the SQL that was asked."""

    status: str
    failures: int
    message: str | None
    sql: str


def stores_failures(node: Node, flag: bool | None) -> str | None:
    """`table` or `view` when failing rows are kept, else None."""
    kind = node.config.get("store_failures_as")
    if kind == "ephemeral":
        return None
    wanted = node.config.get("store_failures")
    if kind is None and not (flag if wanted is None else wanted):
        return None
    if kind not in (None, "table", "view"):
        raise NodeProblem(f"{node.original_path}: store_failures_as is '{kind}'", hint="use table, view or ephemeral")
    return kind or "table"


def keeps_rows(node: Node, flag: bool | None) -> bool:
    """Whether the failing rows of a test are kept; a wrong setting counts as such."""
    try:
        return stores_failures(node, flag) is not None
    except NodeProblem:
        return True


def run(
    node: Node,
    sql: str,
    connection: Connection,
    *,
    store_failures: bool | None = None,
    warn_error: bool = False,
    answer: tuple[int, bool, bool] | None = None,
) -> Verdict:
    """Ask the database, unless the `answer` is known already. NodeProblem when the test's SQL is wrong."""
    limit = node.config.get("limit")
    limited = f"select * from (\n{sql}\n) as model_limit_subq" + (f"\nlimit {int(limit)}" if limit is not None else "")
    kind = stores_failures(node, store_failures)
    if kind is not None:
        target = Relation(node.database, node.schema, node.alias)
        with connection.transaction():
            connection.create_schema(node.database, node.schema)
            existing = connection.relation(node.database, node.schema, node.alias)
            if existing is not None:
                connection.drop(existing)
            connection.execute(f"create {kind} {target} as (\n{limited}\n)")
        limited = f"select * from {target}"
    asked = question(node, limited)
    row = connection.one(asked) if answer is None else answer
    if row is None or row[0] is None:
        raise NodeProblem(f"test '{node.name}' returned no number of failures", hint="fail_calc must give one number")
    failures, warns, fails = int(row[0]), _truth(row[1]), _truth(row[2])
    severity = str(node.config.get("severity", "ERROR")).upper()
    error_if, warn_if = node.config.get("error_if", "!= 0"), node.config.get("warn_if", "!= 0")
    plural = "result" if failures == 1 else "results"
    if severity == "ERROR" and fails:
        return Verdict("fail", failures, f"Got {failures} {plural}, configured to fail if {error_if}", asked)
    if warns:
        if warn_error:
            return Verdict("fail", failures, f"Got {failures} {plural}, configured to fail if {warn_if}", asked)
        return Verdict("warn", failures, f"Got {failures} {plural}, configured to warn if {warn_if}", asked)
    return Verdict("pass", 0, None, asked)


def question(node: Node, sql: str) -> str:
    """The query that counts the failures and compares them with the thresholds."""
    count = node.config.get("fail_calc") or "count(*)"
    warn_if = node.config.get("warn_if") or "!= 0"
    error_if = node.config.get("error_if") or "!= 0"
    return (
        f"select\n  {count} as failures,\n  {count} {warn_if} as should_warn,\n  {count} {error_if} as should_error\n"
        f"from (\n{sql}\n) dbt_internal_test"
    )


def _truth(value: object) -> bool:
    return value.strip().lower() == "true" if isinstance(value, str) else bool(value)
