"""From test definitions to nodes.

Owns the name, the identity and the SQL of generic tests. Refuses to read YAML (properties.py) and to evaluate
arguments (generic_tests.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.modelrunner.drafts import Draft
from engine.modelrunner.generic_tests import arguments_of_test, names_of_test
from engine.modelrunner.jinja import PARSE_ENVIRONMENT, compile_text, render_value
from engine.modelrunner.nodes import Node, TestDetails, merged
from engine.modelrunner.packages import Package
from engine.modelrunner.properties import TEST_CONFIG, TestDefinition

if TYPE_CHECKING:
    from engine.modelrunner.parse import Parser


@dataclass(frozen=True, slots=True)
class Attached:
    """What a test is attached to: its unique id, where the property file has it (`models.orders`, `sources.raw`).

    `tags` and `group` are what the test inherits.
    """

    unique_id: str
    file_key: str
    tags: tuple[str, ...] = ()
    group: str | None = None


def generic_test(
    parser: Parser,
    package: Package,
    definition: TestDefinition,
    reference: str,
    target_name: str,
    attached: Attached,
    prefix: str = "",
) -> Node:
    """The node of one generic test. `reference` is the tested member as Jinja."""
    where = f"{definition.file}:{definition.line}"
    macro = parser.macros.find(f"test_{definition.name}", definition.namespace, package.name)
    kind = f"{definition.namespace}_{prefix}{definition.name}" if definition.namespace else prefix + definition.name
    short, full = names_of_test(kind, target_name, definition.arguments)
    if definition.custom_name:
        short = full = definition.custom_name
    arguments = {**definition.arguments, "model": f"{{{{ get_where_subquery({reference}) }}}}"}
    # As in dbt, a test that does not exist is no reason to refuse the project: it fails when it is run.
    name = f"test_{definition.name}"
    call = f"{definition.namespace}.{name}" if definition.namespace else name
    file_fqn = package.inside(definition.file).parts[:-1]
    draft = Draft(
        "test",
        full,
        package,
        f"{short}.sql",
        definition.file,
        (package.name, *file_fqn, full),
        f"{{{{ {call}(**_dbt_generic_test_kwargs) }}}}",
        definition.line,
    )
    context = parser.reader.context(draft)

    def read() -> None:
        context["_dbt_generic_test_kwargs"] = arguments_of_test(arguments, context, where, parsing=True)
        if macro is not None:
            compile_text(draft.raw_code, definition.file, PARSE_ENVIRONMENT).render(context)

    parser.reader.guard(draft, read)
    config_given = render_value(dict(definition.config), parser.reader.yaml_context(package), where, parsing=True)
    config_given = _in_dbts_order(config_given)
    if short != full:
        config_given.setdefault("alias", short)
    draft.in_file = merged(draft.in_file, config_given)
    draft.said |= config_given
    draft.raw_code += _config_call(config_given)
    # As in dbt, what the package itself calls so is taken for the macro, even where a namespace says another.
    if (noted := parser.macros.find(f"test_{definition.name}", search=package.name) or macro) is not None:
        draft.macro_names.append(noted.unique_id)
        if noted.unique_id not in ("macro.dbt.test_unique", "macro.dbt.test_not_null"):
            # As in dbt, which reads all tests but the two simplest by calling them.
            draft.macro_names.append("macro.dbt.get_where_subquery")
    config = parser.configure(draft, {})
    metadata = {"name": definition.name, "namespace": definition.namespace, "kwargs": dict(arguments)}
    digest = hashlib.md5(f"{full}{_printed(metadata)!r}".encode(), usedforsecurity=False).hexdigest()[-10:]
    details = TestDetails(
        definition.name, definition.namespace, arguments, definition.column,
        attached.unique_id if not prefix else None, attached.file_key,
    )  # fmt: skip
    return parser.node(
        draft,
        f"test.{package.name}.{full}.{digest}",
        config,
        hashlib.sha256(b"").hexdigest(),
        description=definition.description,
        alias=short if short != full else None,
        test=details,
        patch_path=None,
        extra_tags=(*attached.tags, *definition.tags),
        inherited_group=attached.group,
    )


def _in_dbts_order(config: Mapping[str, Any]) -> dict[str, Any]:
    """What dbt names first stands first; what is None was not said."""
    said = {key: value for key, value in config.items() if value is not None}
    return {**{key: said[key] for key in TEST_CONFIG if key in said and key != "group"}, **said}


def _config_call(config: Mapping[str, Any]) -> str:
    """The configuration as dbt appends it to a test's code, which earlier manifests are compared with."""
    said = []
    for key, value in config.items():
        text = '"' + value.replace('"', '\\"') + '"' if isinstance(value, str) else str(value)
        said.append(f"{key}={text}")
    return f"{{{{ config({','.join(said)}) }}}}" if said else ""


def _printed(value: Any) -> Any:
    """Mappings in the order of their keys and everything else as text: what dbt makes a test's identity of."""
    if isinstance(value, Mapping):
        return {key: _printed(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_printed(item) for item in value]
    return str(value)
