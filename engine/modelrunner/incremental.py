"""How new rows get into an incremental model's table.

Owns the statements of each strategy (append, delete+insert, merge with all of dbt-duckdb's settings) and the changes of
columns that `on_schema_change` asks for. Refuses strategies it does not know, unless the project brings a macro
`get_incremental_<name>_sql`, and merge settings that contradict each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.modelrunner.database import Connection
from engine.modelrunner.nodes import Node, quoted
from engine.modelrunner.problems import NodeProblem, nearest
from engine.modelrunner.relation import Column, Relation

STRATEGIES = ("append", "delete+insert", "merge")
SCHEMA_CHANGES = ("ignore", "append_new_columns", "sync_all_columns", "fail")
STAGED = "__dbt_tmp"
_TEXTS = ("merge_update_condition", "merge_insert_condition")
_LISTS = ("merge_on_using_columns", "merge_update_columns", "merge_exclude_columns", "merge_returning_columns")
_MAPPINGS = ("merge_update_set_expressions",)
Macro = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Upsert:
    """What a strategy works on: `columns` are written, `keys` say which rows are the same."""

    target: str
    staged: str
    columns: tuple[Column, ...]
    keys: str | Sequence[str] | None
    predicates: tuple[str, ...]
    config: Mapping[str, Any]
    where: str

    @property
    def listed(self) -> str:
        return ", ".join(column.quoted for column in self.columns)


def predicates_of(value: Any) -> tuple[str, ...]:
    """`incremental_predicates`: one condition or several."""
    return () if not value else (value,) if isinstance(value, str) else tuple(str(item) for item in value)


def statements(strategy: str, what: Upsert) -> list[str]:
    """The statements that bring the staged rows into the target. NodeProblem for an unknown strategy."""
    match strategy:
        case "append":
            return [_insert(what)]
        case "delete+insert" | "default":
            return [*_delete(what), _insert(what)]
        case "merge":
            return [_merge(what)]
    hint = nearest(strategy, STRATEGIES) or f"use one of {', '.join(STRATEGIES)}"
    raise NodeProblem(
        f"{what.where}: no incremental strategy '{strategy}' for duckdb",
        hint=f"{hint}, or write the macro get_incremental_{strategy}_sql",
    )


def _insert(what: Upsert) -> str:
    return f"insert into {what.target} ({what.listed}) select {what.listed} from {what.staged}"


def _delete(what: Upsert) -> list[str]:
    """Rows whose key comes again. As in dbt, NULL is no key, and a key may be an expression."""
    if not what.keys:
        return []
    extra = list(what.predicates)
    if isinstance(what.keys, str):
        where = [f"({what.keys}) in (select ({what.keys}) from {what.staged})", *extra]
        return [f"delete from {what.target} where {' and '.join(where)}"]
    same = [f"{what.staged}.{key} = DBT_INCREMENTAL_TARGET.{key}" for key in what.keys]
    matched = " and ".join([*same, *extra])
    return [f"delete from {what.target} as DBT_INCREMENTAL_TARGET using {what.staged} where ({matched})"]


# Merge --------------------------------------------------------------------------------------------------------------


def _merge(what: Upsert) -> str:
    _check_merge(what)
    clauses: Mapping[str, Any] = what.config.get("merge_clauses") or {}
    matched = clauses.get("when_matched", [_usual_update(what)])
    unmatched = clauses.get("when_not_matched", [_usual_insert(what)])
    parts = [
        f"merge into {what.target} as DBT_INTERNAL_DEST using {what.staged} as DBT_INTERNAL_SOURCE {_join(what)}",
        *(f"when matched{_condition(clause)} then {_action(clause, what)}" for clause in matched),
        *(f"when not matched{_by(clause)}{_condition(clause)} then {_action(clause, what)}" for clause in unmatched),
    ]
    if returning := what.config.get("merge_returning_columns"):
        parts.append(f"returning {', '.join(returning)}")
    return "\n".join(parts)


def _join(what: Upsert) -> str:
    using = what.config.get("merge_on_using_columns")
    if using:
        extra = f" on ({') and ('.join(what.predicates)})" if what.predicates else ""
        return f"using ({', '.join(using)}){extra}"
    keys = [what.keys] if isinstance(what.keys, str) else list(what.keys or ())
    same = [f"DBT_INTERNAL_SOURCE.{key} = DBT_INTERNAL_DEST.{key}" for key in keys] or ["false"]
    return f"on ({') and ('.join([*same, *what.predicates])})"


def _usual_update(what: Upsert) -> Mapping[str, Any]:
    config = what.config
    chosen = {
        "include": config.get("merge_update_columns") or [],
        "exclude": config.get("merge_exclude_columns") or [],
        "set_expressions": config.get("merge_update_set_expressions") or {},
    }
    mode = "explicit" if any(chosen.values()) else "by_name"
    return {"action": "update", "condition": config.get("merge_update_condition"), "mode": mode, "update": chosen}


def _usual_insert(what: Upsert) -> Mapping[str, Any]:
    return {"action": "insert", "condition": what.config.get("merge_insert_condition"), "mode": "by_name"}


def _by(clause: Mapping[str, Any]) -> str:
    return f" by {str(clause['by']).lower()}" if clause.get("by") else ""


def _condition(clause: Mapping[str, Any]) -> str:
    given = clause.get("condition")
    if not given:
        return ""
    return f" and {given}" if isinstance(given, str) else f" and ({') and ('.join(given)})"


_MODES = {
    ("update", "by_name"): "update by name",
    ("update", "by_position"): "update by position",
    ("update", "star"): "update set *",
    ("insert", "by_name"): "insert by name",
    ("insert", "by_position"): "insert by position",
    ("insert", "star"): "insert *",
}


def _action(clause: Mapping[str, Any], what: Upsert) -> str:
    action, mode = str(clause.get("action")), clause.get("mode")
    match action:
        case "delete":
            return "delete"
        case "do_nothing":
            return "do nothing"
        case "error":
            told = str(clause.get("error_message") or "").replace("'", "''")
            return f"error '{told}'" if told else "error"
        case "update" if mode == "explicit" or "set_expressions" in clause:
            return f"update set {_assignments(clause, what)}"
        case "insert" if mode == "explicit":
            given = clause.get("insert") or {}
            return f"insert ({', '.join(given.get('columns') or ())}) values ({', '.join(given.get('values') or ())})"
    # Without a mode dbt writes nothing, and DuckDB says that something is missing.
    return _MODES.get((action, str(mode)), "")


def _assignments(clause: Mapping[str, Any], what: Upsert) -> str:
    if clause.get("mode") != "explicit":
        return ", ".join(f"{name} = {expression}" for name, expression in clause["set_expressions"].items())
    chosen = clause.get("update") or {}
    expressions: Mapping[str, str] = chosen.get("set_expressions") or {}
    names = [
        name
        for name in update_columns(chosen.get("include"), chosen.get("exclude"), what.columns)
        if name.replace('"', "") not in expressions
    ]
    return ", ".join(
        [
            *(f"{name} = {text}" for name, text in expressions.items()),
            *(f"{n} = DBT_INTERNAL_SOURCE.{n}" for n in names),
        ]
    )


def update_columns(
    include: Sequence[str] | None, exclude: Sequence[str] | None, columns: Sequence[Column]
) -> list[str]:
    """The quoted columns that a merge updates. NodeProblem when both lists are given."""
    if include and exclude:
        raise NodeProblem("both merge_update_columns and merge_exclude_columns are set", hint="keep one of them")
    if include:
        return [quoted(name) for name in include]
    unwanted = {name.lower() for name in exclude or ()}
    return [column.quoted for column in columns if column.name.lower() not in unwanted]


def _check_merge(what: Upsert) -> None:
    config, problems = what.config, []
    problems += [f"{key} must be text" for key in _TEXTS if not isinstance(config.get(key) or "", str)]
    problems += [f"{key} must be a list of texts" for key in _LISTS if not _is_list_of_texts(config.get(key) or [])]
    problems += [f"{key} must be a mapping" for key in _MAPPINGS if not isinstance(config.get(key) or {}, Mapping)]
    clauses = config.get("merge_clauses")
    if clauses is not None:
        problems += _problems_of_clauses(clauses)
        unread = [
            key
            for key in (*_TEXTS, *_LISTS, *_MAPPINGS)
            if config.get(key) and key not in ("merge_on_using_columns", "merge_returning_columns")
        ]
        if unread:
            problems.append(f"merge_clauses leaves {', '.join(unread)} without effect")
    if problems:
        raise NodeProblem(f"{what.where}: {'; '.join(problems)}", hint="correct the model's config")


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _problems_of_clauses(clauses: Any) -> list[str]:
    if not isinstance(clauses, Mapping):
        return ["merge_clauses must be a mapping"]
    kinds = [kind for kind in ("when_matched", "when_not_matched") if kind in clauses]
    if not kinds:
        return ["merge_clauses must have when_matched or when_not_matched"]
    found = []
    for kind in kinds:
        items = clauses[kind]
        if not isinstance(items, list | tuple) or not items or not all(isinstance(item, Mapping) for item in items):
            found.append(f"merge_clauses.{kind} must be a list of mappings")
    return found


# Columns ------------------------------------------------------------------------------------------------------------


def changed_columns(node: Node, connection: Connection, staged: Relation, target: Relation) -> list[Column]:
    """The columns to write, after the target's columns were changed as `on_schema_change` says."""
    old = connection.columns_of(target)
    mode = str(node.config.get("on_schema_change") or "ignore")
    if mode == "ignore" or mode not in SCHEMA_CHANGES:
        return old
    new = connection.columns_of(Relation("temp", "main", staged.identifier))
    known = {column.name.lower(): column for column in old}
    wanted = {column.name.lower(): column for column in new}
    added = [column for column in new if column.name.lower() not in known]
    removed = [column for column in old if column.name.lower() not in wanted]
    retyped = [column for column in new if known.get(column.name.lower(), column).dtype != column.dtype]
    if not (added or removed or retyped):
        return new
    if mode == "fail":
        raise NodeProblem(
            f"{node.original_path}: the columns of the query and of {target} differ"
            f" (added {_names(added)}, removed {_names(removed)}, other type {_names(retyped)})",
            hint="run with --full-refresh, or set on_schema_change to append_new_columns or sync_all_columns",
        )
    for column in added:
        connection.execute(f"alter table {target} add column {column.quoted} {column.dtype}")
    if mode == "sync_all_columns":
        for column in removed:
            connection.execute(f"alter table {target} drop column {column.quoted}")
        for column in retyped:
            connection.execute(f"alter table {target} alter column {column.quoted} type {column.dtype}")
    return new


def _names(columns: Sequence[Column]) -> str:
    return ", ".join(column.name for column in columns) or "none"
