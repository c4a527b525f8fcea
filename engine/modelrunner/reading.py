"""What a file means before there is a database.

Owns the context in which files, hooks and tests are rendered once to learn their references, their configuration and
the macros they call, and errors of that rendering with file and line. Refuses to make nodes: parse.py does.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import jinja2

from engine.modelrunner.adapter import Adapter, Api
from engine.modelrunner.context import Variables
from engine.modelrunner.drafts import CapturingConfig, Draft, called_macros
from engine.modelrunner.jinja import ENVIRONMENT, PARSE_ENVIRONMENT, MacroReturn, Macros, compile_text, line_of
from engine.modelrunner.packages import Package
from engine.modelrunner.problems import NodeProblem, ParseProblem
from engine.modelrunner.profile import Target
from engine.modelrunner.relation import Relation


class Reader:
    """Renders drafts. `general` is the context without a node (context.py)."""

    def __init__(
        self,
        packages: Mapping[str, Package],
        variables: Mapping[str, Mapping[str, Any]],
        macros: Macros,
        target: Target,
        general: Mapping[str, Any],
    ) -> None:
        self.packages = packages
        self.variables = variables
        self.macros = macros
        self.target = target
        self.general = general

    def yaml_context(self, package: Package) -> dict[str, Any]:
        variables = Variables(self.variables[package.name], package.name, parsing=False)
        return {**self.general, "var": variables}

    def context(self, draft: Draft) -> dict[str, Any]:
        """The context in which a file is read: no database, references are remembered."""
        context: dict[str, Any] = dict(self.general)

        def ref(*arguments: Any, **named: Any) -> Relation:
            if not 1 <= len(arguments) <= 2 or not all(isinstance(item, str) for item in arguments):
                raise ParseProblem(
                    f"ref() takes a model or a package and a model, not {arguments}", where=draft.original_path
                )
            if named:
                raise ParseProblem("model versions are not supported", where=draft.original_path)
            package, name = (None, arguments[0]) if len(arguments) == 1 else arguments
            draft.refs.append((package, name))
            return Relation(self.target.database, self.target.schema, name)

        def source(*arguments: Any) -> Relation:
            if len(arguments) != 2:
                raise ParseProblem(f"source() takes a source and a table, not {arguments}", where=draft.original_path)
            draft.source_refs.append((arguments[0], arguments[1]))
            return Relation(self.target.database, arguments[0], arguments[1])

        def statement(name: str | None = None, caller: Any = None, **_: Any) -> str:
            return ""

        builtins = {"ref": ref, "source": source, "config": CapturingConfig(draft)}
        context.update(builtins)
        context.update(
            builtins=builtins,
            execute=False,
            var=Variables(self.variables[draft.package.name], draft.name, parsing=True),
            this=Relation(self.target.database, self.target.schema, draft.name),
            database=self.target.database,
            schema=self.target.schema,
            model={
                "name": draft.name,
                "unique_id": draft.unique_id(),
                "alias": draft.name,
                "config": {},
                "fqn": list(draft.fqn),
                "path": draft.path,
                "original_file_path": draft.original_path,
                "resource_type": draft.resource_type,
                "package_name": draft.package.name,
                "columns": {},
                "description": "",
                "tags": [],
                "depends_on": {"nodes": [], "macros": []},
                "schema": self.target.schema,
                "database": self.target.database,
            },
            graph={"nodes": {}, "sources": {}, "exposures": {}, "metrics": {}, "groups": {}},
            is_incremental=lambda: False,
            statement=statement,
            load_result=lambda *_: None,
            store_result=lambda *_, **__: "",
            store_raw_result=lambda *_, **__: "",
            render=lambda text: text,
            api=Api,
            doc=lambda *_: "",
            sql="",
            compiled_code="",
            pre_hooks=[],
            post_hooks=[],
            selected_resources=[],
            noop_statement=statement,
            write=lambda *_: "",
        )
        # As in dbt, what a file calls may be missing until it is run, but not what a macro calls.
        adapter = Adapter(self.macros, self.packages, draft.package.name, context, ENVIRONMENT, None)
        context["adapter"] = adapter
        self.macros.bind_into(context, draft.package.name, ENVIRONMENT)
        context["context"] = context
        return context

    def render(self, draft: Draft) -> None:
        if draft.resource_type == "seed":
            return
        # The file name of the template is the path, so that errors and tracebacks carry it.
        source = "\n" * (draft.line - 1) + draft.raw_code
        template = compile_text(source, draft.original_path, PARSE_ENVIRONMENT)
        draft.macro_names.extend(self.called(source, draft.package.name))
        self.guard(draft, lambda: template.render(self.context(draft)))

    def capture(self, draft: Draft, texts: list[str]) -> None:
        """References and macros in hooks count as the node's own."""
        for text in texts:
            draft.macro_names.extend(self.called(text, draft.package.name))
            template = compile_text(text, draft.original_path, PARSE_ENVIRONMENT)
            self.guard(draft, functools.partial(template.render, self.context(draft)))

    def guard(self, draft: Draft, action: Any) -> None:
        try:
            action()
        except MacroReturn:
            pass
        except ParseProblem as problem:
            if problem.where:
                raise
            raise ParseProblem(problem.sentence, where=draft.original_path, hint=problem.hint) from problem
        except NodeProblem as problem:
            raise ParseProblem(problem.sentence, where=draft.original_path, hint=problem.hint) from problem
        except jinja2.TemplateError as error:
            raise ParseProblem(str(error), where=line_of(error, draft.original_path)) from error
        except (TypeError, ValueError, KeyError, AttributeError, IndexError, ZeroDivisionError) as error:
            raise ParseProblem(f"{type(error).__name__}: {error}", where=line_of(error, draft.original_path)) from error

    def called(self, source: str, package: str) -> list[str]:
        """Unique ids of the macros that a text may call."""
        return called_macros(source, package, self.macros)
