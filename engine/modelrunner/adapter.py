"""The objects `adapter` and `api` of templates.

Owns dispatch of macros by prefix and the questions that templates may ask the database. Without a connection (while a
project is read) every question has an empty answer, as in dbt. Refuses everything beyond DuckDB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.modelrunner import incremental, materialize
from engine.modelrunner.context import RaisedByTemplate
from engine.modelrunner.database import Connection
from engine.modelrunner.jinja import BoundMacro, Environment, Macros
from engine.modelrunner.nodes import quoted
from engine.modelrunner.packages import Package
from engine.modelrunner.relation import Column, Relation
from engine.modelrunner.result_table import ResultTable
from engine.modelrunner.snapshots import hard_deletes

PREFIXES = ("duckdb__", "default__")


class Adapter:
    """`adapter` of one node's context."""

    def __init__(
        self,
        macros: Macros,
        packages: Mapping[str, Package],
        caller: str,
        context: dict[str, Any],
        environment: Environment,
        connection: Connection | None,
    ) -> None:
        self._macros = macros
        self._packages = packages
        self._caller = caller
        self._context = context
        self._environment = environment
        self._connection = connection

    def dispatch(self, macro_name: str, macro_namespace: str | None = None, packages: Any = None) -> BoundMacro:
        """The macro `duckdb__<name>` or `default__<name>` from the first package that has one."""
        if "." in macro_name:
            raise RaisedByTemplate(f"in adapter.dispatch('{macro_name}'): pass the namespace as the second argument")
        root = self._packages[self._macros.root]
        order: Sequence[str | None] = (None,)
        if macro_namespace is not None:
            configured = root.search_order(macro_namespace)
            if configured:
                order = configured
            elif macro_namespace in self._packages and macro_namespace != "dbt":
                order = (self._macros.root, macro_namespace)
        for package in order:
            for prefix in PREFIXES:
                found = self._macros.find(prefix + macro_name, package, self._caller)
                if found is not None:
                    return found.bind(self._context, self._environment)
        hint = self._macros.suggest(f"default__{macro_name}")
        raise RaisedByTemplate(
            f"no macro named '{macro_name}' found by adapter.dispatch; looked for "
            + ", ".join(f"'{prefix}{macro_name}'" for prefix in PREFIXES)
            + (f"; {hint}" if hint else "")
        )

    def type(self) -> str:
        return "duckdb"

    def quote(self, identifier: str) -> str:
        return quoted(str(identifier))

    def quote_as_configured(self, identifier: str, _: str = "identifier") -> str:
        return quoted(str(identifier))

    def get_relation(self, database: Any = None, schema: Any = None, identifier: Any = None) -> Relation | None:
        if self._connection is None:
            return None
        return self._connection.relation(
            str(database or self._connection.database), str(schema or "main"), str(identifier)
        )

    def load_relation(self, relation: Relation) -> Relation | None:
        return self.get_relation(relation.database, relation.schema, relation.identifier)

    def get_columns_in_relation(self, relation: Relation) -> list[Column]:
        return [] if self._connection is None else self._connection.columns(relation)

    def get_column_schema_from_query(self, sql: str, *_: Any) -> list[Column]:
        return [] if self._connection is None else self._connection.columns_of_query(sql)

    def get_missing_columns(self, from_relation: Relation, to_relation: Relation) -> list[Column]:
        known = {column.name.lower() for column in self.get_columns_in_relation(to_relation)}
        return [column for column in self.get_columns_in_relation(from_relation) if column.name.lower() not in known]

    def list_relations_without_caching(self, schema_relation: Relation) -> list[Relation]:
        if self._connection is None:
            return []
        database = schema_relation.database or self._connection.database
        wanted = (schema_relation.schema or "").lower()
        return [
            Relation(database, schema, name, kind)
            for (schema, name), kind in self._connection.relations(database).items()
            if schema == wanted
        ]

    def list_relations(self, database: str, schema: str) -> list[Relation]:
        return self.list_relations_without_caching(Relation(database, schema, None))

    def check_schema_exists(self, database: str, schema: str) -> bool:
        if self._connection is None:
            return False
        return (
            self._connection.one(
                "select 1 from duckdb_schemas()"
                " where lower(database_name) = lower(?) and lower(schema_name) = lower(?)",
                [database, schema],
            )
            is not None
        )

    def create_schema(self, relation: Relation) -> str:
        if self._connection is not None and relation.schema:
            self._connection.create_schema(relation.database or self._connection.database, relation.schema)
        return ""

    def drop_schema(self, relation: Relation) -> str:
        if self._connection is not None:
            self._connection.execute(f"drop schema if exists {relation.without_identifier()} cascade")
        return ""

    def drop_relation(self, relation: Relation | None) -> str:
        if self._connection is not None and relation is not None:
            existing = self.load_relation(relation)
            if existing is not None:
                self._connection.drop(existing)
        return ""

    def rename_relation(self, from_relation: Relation, to_relation: Relation) -> str:
        if self._connection is not None:
            kind = "view" if to_relation.is_view or from_relation.is_view else "table"
            self._connection.execute(f"alter {kind} {from_relation} rename to {quoted(to_relation.identifier or '')}")
        return ""

    def truncate_relation(self, relation: Relation) -> str:
        if self._connection is not None:
            self._connection.execute(f"truncate {relation}")
        return ""

    def execute(self, sql: str, auto_begin: bool = False, fetch: bool = False, limit: Any = None) -> Any:
        if self._connection is None:
            return ("", ResultTable((), ()))
        table = self._connection.query(str(sql)).for_templates()
        return ("OK", table if fetch else ResultTable((), ()))

    def add_query(self, sql: str, *_: Any, **__: Any) -> Any:
        return self.execute(sql)

    def already_exists(self, schema: str, name: str) -> bool:
        return self.get_relation(None, schema, name) is not None

    def quote_seed_column(self, column: str, quote_config: Any = None) -> str:
        return str(column) if quote_config is False else quoted(str(column))

    def get_columns_in_table(self, schema: str, identifier: str) -> list[Column]:
        return self.get_columns_in_relation(Relation(None, schema, identifier))

    def index_name(self, relation: Relation, index: Mapping[str, Any]) -> str:
        return materialize.index_sql(relation, index).split('"')[1]

    def persist_docs(self) -> str:
        return ""

    def valid_incremental_strategies(self) -> list[str]:
        return list(incremental.STRATEGIES)

    def strategy_sql(self, strategy: str, arguments: Mapping[str, Any]) -> str:
        """The runner's own statements of a strategy, for macros that build on them."""
        config = self._context["config"]
        what = incremental.Upsert(
            str(arguments["target_relation"]),
            str(arguments["temp_relation"]),
            tuple(arguments["dest_columns"]),
            arguments.get("unique_key"),
            incremental.predicates_of(arguments.get("incremental_predicates")),
            getattr(config, "config", {}),
            str(self._context["model"].get("original_file_path", "")),
        )
        return ";\n".join(incremental.statements(strategy, what))

    def get_incremental_strategy_macro(self, model_context: Mapping[str, Any], strategy: str) -> Any:
        name = f"get_incremental_{strategy.replace('+', '_')}_sql"
        found = model_context.get(name)
        if found is None:
            raise RaisedByTemplate(f"no incremental strategy '{strategy}': there is no macro {name}")
        return found

    def get_hard_deletes_behavior(self, config: Any) -> str:
        return hard_deletes(config)

    def expand_target_column_types(self, *_: Any, **__: Any) -> str:
        return ""

    def commit(self) -> str:
        return ""

    def is_ducklake(self, *_: Any) -> bool:
        return False

    def disable_transactions(self) -> bool:
        return False

    def warn_once(self, message: Any) -> str:
        return str(self._context["exceptions"].warn(message))

    def escape_sql_string(self, value: Any) -> str:
        return str(value).replace("'", "''")

    def is_motherduck(self) -> bool:
        return False

    def cache_added(self, *_: Any) -> str:
        return ""


class Api:
    """`api`: the classes that templates make relations and columns with."""

    Relation = Relation
    Column = Column
