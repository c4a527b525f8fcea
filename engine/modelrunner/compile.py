"""From nodes to SQL.

Owns rendering nodes with a database at hand: what `ref`, `source`, `this`, `config`, `is_incremental`, `run_query` and
`statement` mean while running, ephemeral models as common table expressions, and errors that name file and line.
Refuses to create anything: materialize.py and tests.py run what comes out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jinja2

from engine.modelrunner import external
from engine.modelrunner.adapter import Adapter, Api
from engine.modelrunner.context import Variables
from engine.modelrunner.database import Connection
from engine.modelrunner.defer import Deferral
from engine.modelrunner.generic_tests import arguments_of_test
from engine.modelrunner.jinja import ENVIRONMENT, MacroReturn, compile_text, line_of
from engine.modelrunner.nodes import Config, Node, Source
from engine.modelrunner.problems import NodeProblem, ParseProblem, nearest
from engine.modelrunner.project import Project
from engine.modelrunner.records import node_record
from engine.modelrunner.relation import Relation
from engine.modelrunner.result_table import ResultTable

CTE = "__dbt__cte__"
_HEAD = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_WITH = re.compile(r"with\b(?:\s+recursive\b)?", re.IGNORECASE)
_TYPES = (TypeError, ValueError, KeyError, AttributeError, IndexError, ZeroDivisionError)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A node's SQL: `body` as rendered, `sql` with the ephemeral models it uses in front."""

    body: str
    sql: str
    ctes: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class RunConfig:
    """`config` while running: the node's configuration; calls change nothing any more."""

    config: Config

    def __call__(self, *_: Any, **__: Any) -> str:
        return ""

    def get(self, name: str, default: Any = None, validator: Any = None) -> Any:
        value = self.config.get({"pre_hook": "pre-hook", "post_hook": "post-hook"}.get(name, name), default)
        return default if value is None and default is not None else value

    def require(self, name: str, validator: Any = None) -> Any:
        if name not in self.config:
            raise jinja2.TemplateRuntimeError(f"the configuration '{name}' is required")
        return self.config[name]

    def meta_get(self, name: str, default: Any = None, validator: Any = None) -> Any:
        return self.config.meta.get(name, default)

    def set(self, *_: Any) -> str:
        return ""

    def persist_relation_docs(self) -> bool:
        return bool((self.config.get("persist_docs") or {}).get("relation"))

    def persist_column_docs(self) -> bool:
        return bool((self.config.get("persist_docs") or {}).get("columns"))


class LazyGraph(Mapping[str, Any]):
    """`graph` of templates; made when a template looks into it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._made: dict[str, dict[str, Any]] = {}

    def __getitem__(self, key: str) -> Any:
        if key not in ("nodes", "sources", "exposures", "metrics", "groups"):
            raise KeyError(key)
        if key not in self._made:
            members: Mapping[str, Any] = {
                "nodes": self._project.nodes,
                "sources": self._project.sources,
                "exposures": self._project.exposures,
            }.get(key, {})
            self._made[key] = {uid: node_record(self._project, member) for uid, member in members.items()}
        return self._made[key]

    def __iter__(self) -> Any:
        return iter(("nodes", "sources", "exposures", "metrics", "groups"))

    def __len__(self) -> int:
        return 5


@dataclass(slots=True)
class Compiler:
    """Renders nodes of one project. Without a connection, `execute` is false and queries have no result.

    `incremental` decides `is_incremental()` for a node; `overrides` are further variables (the live loop's);
    `deferral` puts relations of an earlier state in place of those that are not here (`--defer`); `main` is what
    statements called `main` ran.
    """

    project: Project
    connection: Connection | None
    incremental: Callable[[Node], bool] = lambda _: False
    overrides: Mapping[str, Any] = field(default_factory=dict)
    deferral: Deferral | None = None
    selected: tuple[str, ...] = ()
    results: list[Any] = field(default_factory=list)
    main: dict[str, str] = field(default_factory=dict)
    _done: dict[str, Compiled] = field(default_factory=dict)
    _inlined: list[tuple[Node, str]] = field(default_factory=list)
    _graph: LazyGraph | None = None
    _known_places: tuple[int, list[tuple[str, str]]] | None = None

    def compile(self, node: Node) -> Compiled:
        """The SQL of a model, test, snapshot or analysis. NodeProblem says file and line."""
        known = self._done.get(node.unique_id)
        if known is not None and node.config.materialized == "ephemeral":
            return known
        context, ctes = self.context(node)
        if node.test is not None:
            self.guarded(node, lambda: self._arguments(node, context))
        body = self.render(node, node.raw_code, context)
        found = Compiled(body, with_ctes(body, ctes), tuple(ctes.items()))
        self._done[node.unique_id] = found
        if node.config.materialized == "ephemeral":
            self._inlined.append((node, found.sql))
        return found

    def inlined(self) -> list[tuple[Node, str]]:
        """The ephemeral models that were compiled since this was asked last, because others use them."""
        found, self._inlined = self._inlined, []
        return found

    def _arguments(self, node: Node, context: dict[str, Any]) -> None:
        assert node.test is not None
        context["_dbt_generic_test_kwargs"] = arguments_of_test(node.test.arguments, context, node.original_path)

    def compile_text(self, text: str, name: str = "inline") -> Compiled:
        """SQL given on the command line, which may use ref, source and macros."""
        node = self.operation(name, text)
        context, ctes = self.context(node, free=True)
        body = self.render(node, text, context)
        return Compiled(body, with_ctes(body, ctes), tuple(ctes.items()))

    def inline(self, text: str) -> Node:
        """A node for SQL of the command line, under the name that dbt gives it."""
        uid = f"sql_operation.{self.project.name}.inline_query"
        return replace(self.operation("inline", text), unique_id=uid, resource_type="sql_operation")

    def operation(self, name: str, text: str) -> Node:
        """A node for text that belongs to no file: hooks of the project, inline SQL, macros that are run."""
        target = self.project.target
        project = self.project.name
        return Node(
            f"operation.{project}.{name}", "operation", name, project, f"{name}.sql", "dbt_project.yml",
            self.project.folder, (project, name), text, "", target.database, target.schema, name, Config(),
        )  # fmt: skip

    def render(self, node: Node, text: str, context: dict[str, Any]) -> str:
        """The text of a template of this node. NodeProblem says file and line."""
        if "{" not in text:
            return text
        # Templates of a file keep their line numbers although a snapshot's text begins in the middle of it.
        source = "\n" * (node.line - 1) + text if node.resource_type == "snapshot" else text
        found = self.guarded(node, lambda: compile_text(source, node.original_path, ENVIRONMENT).render(context))
        return str(found)

    def guarded(self, node: Node, action: Callable[[], Any]) -> Any:
        """Run something that renders for this node; every error becomes a NodeProblem with file and line."""
        file = node.original_path
        try:
            return action()
        except MacroReturn as result:
            return result.value
        except jinja2.UndefinedError as error:
            name = str(error).split("'")[1] if "'" in str(error) else ""
            raise NodeProblem(f"{_place(error, node)}: {error}", hint=self.project.macros.suggest(name)) from error
        except jinja2.TemplateError as error:
            raise NodeProblem(f"{_place(error, node)}: {error}") from error
        except (NodeProblem, ParseProblem) as problem:
            if problem.sentence.startswith(file):
                raise
            raise NodeProblem(f"{_place(problem, node)}: {problem.sentence}", hint=problem.hint) from problem
        except _TYPES as error:
            raise NodeProblem(f"{_place(error, node)}: {type(error).__name__}: {error}") from error

    def _places(self) -> list[tuple[str, str]]:
        """(database, schema) of the selected nodes that leave a relation, sorted."""
        if self._known_places is None or self._known_places[0] != len(self.results):
            unmade = ("error", "fail", "skipped")
            failed = {told["node"]["unique_id"] for told in self.results if told["status"] in unmade}
            chosen = (self.project.nodes[uid] for uid in self.selected if uid in self.project.nodes)
            places = {
                (node.database, node.schema) for node in chosen if node.is_relational and node.unique_id not in failed
            }
            self._known_places = (len(self.results), sorted(places))
        return list(self._known_places[1])

    # The context ------------------------------------------------------------------------------------------------

    def relation(self, unique_id: str) -> Relation:
        """Where a node's or source's rows are."""
        member = self.project.member(unique_id)
        limit = 0 if self.project.flags.empty else None
        if isinstance(member, Source):
            file = external.location(member)
            return Relation(member.database, member.schema, member.identifier, None, limit, file)
        assert isinstance(member, Node)
        if self.deferral is not None:
            elsewhere = self.deferral.relation(member, self.selected, self.connection)
            if elsewhere is not None:
                return replace(elsewhere, limit=limit)
        return Relation(member.database, member.schema, member.alias, None, limit)

    def context(self, node: Node, *, free: bool = False) -> tuple[dict[str, Any], dict[str, str]]:
        """The context of a node, and the ephemeral models it turns out to use (filled while rendering)."""
        project = self.project
        context: dict[str, Any] = dict(project.general)
        ctes: dict[str, str] = {}
        named: dict[str, Any] = {}

        def ref(*arguments: Any, **_: Any) -> Any:
            package, name = (None, arguments[0]) if len(arguments) == 1 else (arguments[0], arguments[1])
            target = project.names.ref(name, package, node.package)
            if target is None:
                raise NodeProblem(
                    f"'{node.name}' depends on a node named '{name}' which was not found",
                    hint=nearest(str(name), project.names.nodes),
                )
            if not free and node.resource_type != "operation" and target.unique_id not in node.depends_on:
                raise NodeProblem(
                    f"ref('{name}') is only reached while running, so its place in the order is unknown",
                    hint=f"add the line  -- depends_on: {{{{ ref('{name}') }}}}",
                )
            if target.config.materialized == "ephemeral" and target.resource_type == "model":
                inner = self.compile(target)
                ctes.update(inner.ctes)
                ctes[CTE + target.name] = f" {CTE}{target.name} as (\n{inner.body}\n)"
                limit = 0 if project.flags.empty else None
                return Relation(None, None, CTE + target.name, "cte", limit, unquoted=frozenset({"identifier"}))
            return self.relation(target.unique_id)

        def source(source_name: str, table: str) -> Relation:
            found = project.names.source(source_name, table, node.package)
            if found is None:
                raise NodeProblem(
                    f"'{node.name}' depends on a source named '{source_name}.{table}' which was not found",
                    hint=nearest(f"{source_name}.{table}", [".".join(key) for key in project.names.sources]),
                )
            return self.relation(found.unique_id)

        def statement(
            name: str | None = None,
            fetch_result: bool = False,
            auto_begin: bool = True,
            language: str = "sql",
            caller: Any = None,
        ) -> str:
            sql = str(caller()) if caller is not None else ""
            if self.connection is None:
                return ""
            if name == "main":
                self.main[node.unique_id] = sql
            table = self.connection.query(sql).for_templates() if sql.strip() else ResultTable((), ())
            if name is not None:
                named[name] = Result(
                    [tuple(row) for row in table.rows] if fetch_result else [],
                    Response("OK", "OK", len(table) if fetch_result else -1),
                    table if fetch_result else ResultTable((), ()),
                )
            return ""

        def store_result(name: str, response: Any = None, agate_table: Any = None) -> str:
            rows = [tuple(row) for row in agate_table.rows] if isinstance(agate_table, ResultTable) else []
            named[name] = Result(rows, response, agate_table)
            return ""

        def store_raw_result(
            name: str, message: Any = None, code: Any = None, rows_affected: Any = None, agate_table: Any = None
        ) -> str:
            return store_result(name, Response(str(message), code, rows_affected), agate_table)

        def noop_statement(
            name: str | None = None, message: Any = None, code: Any = None, rows_affected: Any = None, res: Any = None,
            caller: Any = None,
        ) -> str:  # fmt: skip
            sql = str(caller()) if caller is not None else ""
            if name == "main":
                self.main[node.unique_id] = sql
            return store_raw_result(name, message, code, rows_affected, res) if name is not None else ""

        def load_result(name: str) -> Any:
            return named.get(name)

        builtins = {"ref": ref, "source": source, "config": RunConfig(node.config)}
        variables = {**project.variables.get(node.package, {}), **self.overrides}
        incremental = self.incremental(node)
        if self._graph is None:
            self._graph = LazyGraph(project)
        context.update(builtins)
        context.update(
            builtins=builtins,
            execute=self.connection is not None,
            var=Variables(variables, node.name, parsing=False),
            this=Relation(node.database, node.schema, node.alias),
            database=node.database,
            schema=node.schema,
            model=node_record(project, node),
            graph=self._graph,
            statement=statement,
            load_result=load_result,
            store_result=store_result,
            store_raw_result=store_raw_result,
            noop_statement=noop_statement,
            write=lambda *_: "",
            render=lambda text: self.render(node, str(text), context),
            api=Api,
            doc=lambda *_: "",
            sql="",
            compiled_code="",
            pre_hooks=[hook.for_templates(place) for place, hook in enumerate(node.config.hooks("pre-hook"))],
            post_hooks=[hook.for_templates(place) for place, hook in enumerate(node.config.hooks("post-hook"))],
            selected_resources=list(self.selected),
            results=self.results,
            schemas=sorted({schema for _, schema in self._places()}),
            database_schemas=self._places(),
        )  # fmt: skip
        adapter = Adapter(project.macros, project.packages, node.package, context, ENVIRONMENT, self.connection)
        context["adapter"] = adapter
        context["is_incremental"] = lambda: incremental
        project.macros.bind_into(context, node.package, ENVIRONMENT)
        context["context"] = context
        return context, ctes


@dataclass(frozen=True, slots=True)
class Response:
    """What the database said of a statement."""

    message: str
    code: Any = None
    rows_affected: Any = None

    def __str__(self) -> str:
        return self.message


class Result(Mapping[str, Any]):
    """What `load_result` gives: `data`, `response` and `table`, by attribute or by key."""

    __slots__ = ("data", "response", "table")

    def __init__(self, data: list[tuple[Any, ...]], response: Any, table: ResultTable | None) -> None:
        self.data = data
        self.response = response
        self.table = table

    def __getitem__(self, key: str) -> Any:
        if key not in self.__slots__:
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.__slots__)

    def __len__(self) -> int:
        return len(self.__slots__)


def _place(error: BaseException, node: Node) -> str:
    """`file:line`; a generic test stands where its property file names it."""
    return f"{node.original_path}:{node.line}" if node.test is not None else line_of(error, node.original_path)


def with_ctes(sql: str, ctes: Mapping[str, str]) -> str:
    """`sql` with common table expressions in front, joined to a `with` it already has."""
    if not ctes:
        return sql
    head = _HEAD.match(sql)
    start = head.end() if head else 0
    joined = ", ".join(ctes.values())
    found = _WITH.match(sql, start)
    if found:
        return f"{sql[: found.end()]}{joined}, {sql[found.end() :]}"
    return f"with{joined} {sql}"
