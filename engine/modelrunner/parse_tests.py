"""From test definitions to nodes.

Owns the name, the identity and the SQL of generic tests. Refuses to read YAML (properties.py) and to evaluate
arguments (generic_tests.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.modelrunner.drafts import Draft
from engine.modelrunner.generic_tests import arguments_of_test, names_of_test
from engine.modelrunner.jinja import PARSE_ENVIRONMENT, compile_text, render_value
from engine.modelrunner.nodes import Node, TestDetails, merged
from engine.modelrunner.packages import Package
from engine.modelrunner.properties import TestDefinition

if TYPE_CHECKING:
    from engine.modelrunner.parse import Parser


def generic_test(
    parser: Parser,
    package: Package,
    definition: TestDefinition,
    reference: str,
    target_name: str,
    attached: str,
    prefix: str = "",
) -> Node:
    """The node of one generic test. `reference` is the tested member as Jinja, `attached` its unique id."""
    where = f"{definition.file}:{definition.line}"
    macro = parser.macros.find(f"test_{definition.name}", definition.namespace, package.name)
    kind = prefix + definition.name
    kind = f"{definition.namespace}_{kind}" if definition.namespace else kind
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
    draft.in_file = merged(draft.in_file, config_given)
    if macro is not None:
        draft.macro_names.append(macro.unique_id)
    config = parser.configure(draft, {})
    metadata = {"name": definition.name, "namespace": definition.namespace, "kwargs": dict(arguments)}
    digest = hashlib.md5((full + repr(_hashable(metadata))).encode(), usedforsecurity=False).hexdigest()[-10:]
    details = TestDetails(definition.name, definition.namespace, arguments, definition.column, attached)
    return parser.node(
        draft,
        f"test.{package.name}.{full}.{digest}",
        config,
        hashlib.sha256(b"").hexdigest(),
        description=definition.description,
        alias=short if short != full else None,
        test=details,
        patch_path=None,
    )


def _hashable(value: Any) -> Any:
    """What dbt takes the hash of: every scalar as text, keys in order."""
    if isinstance(value, Mapping):
        return {key: _hashable(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_hashable(item) for item in value]
    return str(value)
