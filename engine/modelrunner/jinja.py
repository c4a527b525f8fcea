"""Jinja as dbt uses it: a sandbox, macros that can `return`, blocks of one file.

Owns the environments, the search for top-level blocks (macro, test, materialization, snapshot, docs), macros as
callables, and native rendering of values in YAML. Refuses to know what a model is or to reach the file system: text
and context come in, text or a value goes out.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import jinja2
import jinja2.nativetypes
import jinja2.nodes
import jinja2.parser
import jinja2.sandbox

from engine.errors import ModelError
from engine.modelrunner.problems import ParseProblem, nearest, template_line

PREFIX = "macro__"
# Where a context names itself, so that a macro that is called finds it.
ROOT = "__context__"
HAS_JINJA = re.compile(r"\{[{%#]")


class MacroReturn(BaseException):
    """`return(value)` in a macro; not an Exception, so that nothing on the way mistakes it for an error."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class _Parser(jinja2.parser.Parser):
    """Renames macros, so that one macro reaches another through the context, where `return` is caught."""

    def parse_macro(self) -> jinja2.nodes.Macro:
        node = super().parse_macro()
        node.name = PREFIX + node.name
        return node

    def parse_signature(self, node: jinja2.nodes.Macro | jinja2.nodes.CallBlock) -> None:
        """Jinja's own, plus dbt's optional type annotations, which are read over."""
        arguments = node.args = []
        defaults = node.defaults = []
        self.stream.expect("lparen")
        while self.stream.current.type != "rparen":
            if arguments:
                self.stream.expect("comma")
            argument = self.parse_assign_target(name_only=True)
            argument.set_ctx("param")
            if self.stream.skip_if("colon"):
                self.parse_expression()
            if self.stream.skip_if("assign"):
                defaults.append(self.parse_expression())
            elif defaults:
                self.fail("non-default argument follows default argument")
            arguments.append(argument)
        self.stream.expect("rparen")


class Environment(jinja2.sandbox.SandboxedEnvironment):
    """The sandboxed environment of models, macros and hooks."""

    def __init__(self, undefined: type[jinja2.Undefined] = jinja2.Undefined) -> None:
        super().__init__(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"], undefined=undefined)
        # As in dbt these convert values in YAML (below), and leave SQL alone.
        self.filters.update(dict.fromkeys(("as_bool", "as_number", "as_native", "as_text"), _unchanged))
        self.filters["is_list"] = _is_list

    def _parse(self, source: str, name: str | None, filename: str | None) -> jinja2.nodes.Template:
        return _Parser(self, source, name, filename).parse()


class NativeEnvironment(Environment):
    """The environment of values in YAML: a lone expression keeps its type."""

    code_generator_class = jinja2.nativetypes.NativeCodeGenerator

    def __init__(self, undefined: type[jinja2.Undefined] = jinja2.Undefined) -> None:
        super().__init__(undefined)
        self.filters.update(as_bool=as_bool, as_number=as_number, as_native=as_native, as_text=as_text)

    @staticmethod
    def concat(values: Iterable[Any]) -> Any:
        parts = list(values)
        if len(parts) == 1:
            return parts[0]
        return "".join(str(part) for part in parts)


class _NativeTemplate(jinja2.nativetypes.NativeTemplate):
    environment_class = NativeEnvironment  # type: ignore[assignment]


NativeEnvironment.template_class = _NativeTemplate


class Tolerant(jinja2.Undefined):
    """Undefined while a project is read: a macro that needs a database may be called on nothing."""

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, _: Any) -> Any:
        return self


def _unchanged(value: Any) -> Any:
    return value


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def as_bool(value: Any) -> bool:
    """dbt's filter: the text of a boolean as one."""
    if isinstance(value, bool):
        return value
    found = str(value).strip().lower()
    if found not in ("true", "false"):
        raise jinja2.TemplateRuntimeError(f"could not convert {value!r} to a boolean")
    return found == "true"


def as_number(value: Any) -> int | float:
    """dbt's filter: the text of a number as one."""
    try:
        number = ast.literal_eval(str(value).strip())
    except (ValueError, SyntaxError):
        number = None
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise jinja2.TemplateRuntimeError(f"could not convert {value!r} to a number")
    return number


def as_native(value: Any) -> Any:
    """dbt's filter: the text of a Python literal as its value."""
    try:
        return ast.literal_eval(value) if isinstance(value, str) else value
    except (ValueError, SyntaxError):
        return value


def as_text(value: Any) -> str:
    """dbt's filter: text, whatever it looks like."""
    return "" if value is None else str(value)


ENVIRONMENT = Environment()
PARSE_ENVIRONMENT = Environment(undefined=Tolerant)
NATIVE = NativeEnvironment()
NATIVE_PARSE = NativeEnvironment(undefined=Tolerant)


@dataclass(frozen=True, slots=True)
class Block:
    """A top-level block: its kind, the words after the kind, the text between the tags, and the whole with tags."""

    kind: str
    head: str
    body: str
    text: str
    line: int

    @property
    def name(self) -> str:
        found = re.match(r"\s*([A-Za-z_]\w*)", self.head)
        return found.group(1) if found else ""


_TAG = re.compile(
    r"\{#.*?#\}"
    r"|\{\{(?:[^}'\"]|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|\}(?!\}))*\}\}"
    r"|\{%[-+]?\s*(?P<word>\w+)(?P<rest>(?:[^%'\"]|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|%(?!\}))*?)[-+]?%\}",
    re.DOTALL,
)
BLOCKS = ("macro", "test", "data_test", "materialization", "snapshot", "docs")


def blocks(source: str, where: str, kinds: Iterable[str] = BLOCKS) -> list[Block]:
    """The top-level blocks of `kinds` in a file, in order; ParseProblem when one does not end."""
    wanted = frozenset(kinds)
    found: list[Block] = []
    opened: re.Match[str] | None = None
    raw = False
    for tag in _TAG.finditer(source):
        word = tag.group("word")
        if word is None:
            continue
        if raw:
            raw = word != "endraw"
        elif word == "raw":
            raw = True
        elif opened is None:
            if word in wanted:
                opened = tag
        elif word == "end" + opened.group("word"):
            kind = opened.group("word")
            line = source.count("\n", 0, opened.start()) + 1
            found.append(
                Block(
                    kind,
                    opened.group("rest").strip(),
                    source[opened.end() : tag.start()],
                    source[opened.start() : tag.end()],
                    line,
                )
            )
            opened = None
    if opened is not None:
        line = source.count("\n", 0, opened.start()) + 1
        kind = opened.group("word")
        raise ParseProblem(f"the {kind} block does not end", where=f"{where}:{line}", hint=f"add {{% end{kind} %}}")
    return found


@dataclass(slots=True)
class Macro:
    """One macro: `name` as it is called (a test's is `test_<name>`), `text` as written, compiled when first called.

    `properties` is what a property file says of it besides its description: arguments, meta, docs.
    """

    name: str
    package: str
    text: str
    source: str
    path: str
    line: int
    description: str = ""
    arguments: tuple[str, ...] = ()
    patch_path: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    _templates: dict[int, jinja2.Template] = field(default_factory=dict)

    @property
    def unique_id(self) -> str:
        return f"macro.{self.package}.{self.name}"

    def template(self, environment: Environment) -> jinja2.Template:
        """The compiled macro for `environment`; ParseProblem when its Jinja is wrong."""
        found = self._templates.get(id(environment))
        if found is None:
            found = compile_text("\n" * (self.line - 1) + self.source, self.path, environment)
            self._templates[id(environment)] = found
        return found

    def bind(self, context: dict[str, Any], environment: Environment) -> BoundMacro:
        return BoundMacro(self, context, environment)


class BoundMacro:
    """A macro that can be called from a template; `return` ends it with a value of any type."""

    __slots__ = ("context", "environment", "macro")

    def __init__(self, macro: Macro, context: dict[str, Any], environment: Environment) -> None:
        self.macro = macro
        self.context = context
        self.environment = environment

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        module = self.macro.template(self.environment).make_module(self.context, shared=True)
        try:
            return getattr(module, PREFIX + self.macro.name)(*arguments, **named)
        except MacroReturn as value:
            return value.value


class FreeMacro:
    """A macro that finds its node's context in the template that calls it.

    Hundreds of macros are put into the context of each of hundreds of nodes, so none is bound before it is called.
    """

    __slots__ = ("environment", "macro")

    def __init__(self, macro: Macro, environment: Environment) -> None:
        self.macro = macro
        self.environment = environment

    @jinja2.pass_context
    def __call__(self, template: jinja2.runtime.Context, *arguments: Any, **named: Any) -> Any:
        return BoundMacro(self.macro, template.parent[ROOT], self.environment)(*arguments, **named)


def called_from(context: Mapping[str, Any], name: str, package: str | None = None) -> Callable[..., Any] | None:
    """What templates of this context call by this name, for calls from Python; None when there is nothing."""
    found = (context.get(package) or {} if package else context).get(name)
    return BoundMacro(found.macro, context[ROOT], found.environment) if isinstance(found, FreeMacro) else found


@functools.lru_cache(maxsize=4096)
def compile_text(source: str, filename: str, environment: Environment) -> jinja2.Template:
    """A template whose errors name `filename`; ParseProblem for wrong syntax."""
    try:
        code = environment.compile(source, filename, filename)
    except jinja2.TemplateSyntaxError as error:
        raise ParseProblem(f"{error.message}", where=f"{filename}:{error.lineno}", hint="correct the Jinja") from error
    return environment.template_class.from_code(environment, code, environment.globals.copy())


def macros_in(source: str, package: str, path: str) -> list[Macro]:
    """The macros of a file: macros, generic tests (`test_<name>`) and materializations."""
    found = []
    for block in blocks(source, path, ("macro", "test", "data_test", "materialization")):
        if block.kind == "macro":
            name, text = block.name, block.text
        elif block.kind in ("test", "data_test"):
            name = "test_" + block.name
            text = re.sub(r"^(\{%[-+]?\s*)(?:data_)?test(\s+)", rf"\1macro\2{'test_'}", block.text, count=1)
            text = re.sub(r"end(?:data_)?test(\s*[-+]?%\})$", r"endmacro\1", text)
        else:
            adapter = re.search(r"adapter\s*=\s*['\"](\w+)['\"]", block.head)
            name = f"materialization_{block.name}_{adapter.group(1) if adapter else 'default'}"
            text = re.sub(r"^(\{%[-+]?\s*)materialization\s.*?([-+]?%\})", rf"\1macro {name}() \2", block.text, count=1)
            text = re.sub(r"endmaterialization(\s*[-+]?%\})$", r"endmacro\1", text)
        if not name:
            raise ParseProblem(f"a {block.kind} without a name", where=f"{path}:{block.line}")
        signature = re.match(r"\s*[\w]+\s*\((.*)\)\s*$", block.head, re.DOTALL)
        arguments = tuple(re.findall(r"(?:^|,)\s*(\w+)", signature.group(1))) if signature else ()
        found.append(Macro(name, package, block.text, text, path, block.line, arguments=arguments))
    return found


class Macros:
    """All macros of a project by package; `dbt` holds the runner's own."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.by_package: dict[str, dict[str, Macro]] = {}
        self._free: dict[tuple[int, int], dict[str, Mapping[str, FreeMacro]]] = {}

    def add(self, macro: Macro) -> None:
        """ParseProblem when the package already has a macro of that name."""
        known = self.by_package.setdefault(macro.package, {})
        if macro.name in known:
            other = known[macro.name]
            raise ParseProblem(
                f"macro '{macro.name}' is already defined in {other.path}:{other.line}",
                where=f"{macro.path}:{macro.line}",
                hint="rename one of them",
            )
        known[macro.name] = macro

    def all(self) -> Iterable[Macro]:
        for known in self.by_package.values():
            yield from known.values()

    def find(self, name: str, package: str | None = None, search: str | None = None) -> Macro | None:
        """The macro that `name` means: in `package`, else in the caller's package, the root project, dbt."""
        order = [package] if package else [search, self.root, "dbt"]
        for candidate in order:
            if candidate is not None and (found := self.by_package.get(candidate, {}).get(name)) is not None:
                return found
        return None

    def bind_into(self, context: dict[str, Any], package: str, environment: Environment) -> None:
        """Puts every macro into the context, under its name and under its package, as dbt resolves them."""
        key = (id(environment), sum(map(len, self.by_package.values())))
        if key not in self._free:
            self._free[key] = {
                owner: MappingProxyType({name: FreeMacro(macro, environment) for name, macro in known.items()})
                for owner, known in self.by_package.items()
            }
        free = self._free[key]
        for owner in ("dbt", self.root, package):
            context.update(free.get(owner, {}))
        context.update(free)
        context[ROOT] = context

    def suggest(self, name: str) -> str | None:
        """The nearest known macro, as a hint."""
        return nearest(name, {macro.name for macro in self.all()})


def render(source: str, context: dict[str, Any], filename: str, environment: Environment = ENVIRONMENT) -> str:
    """The text of a template; errors carry `filename`. Templates without Jinja are returned as they are."""
    if not HAS_JINJA.search(source):
        return source
    return str(compile_text(source, filename, environment).render(context))


def render_value(value: Any, context: Mapping[str, Any], where: str, *, parsing: bool = False) -> Any:
    """A YAML value with its strings rendered; a lone expression keeps its type. ParseProblem names `where`."""
    if isinstance(value, str):
        if not HAS_JINJA.search(value):
            return value
        try:
            # Compiled under no name: the same expression stands in hundreds of tests, and `where` is told below.
            return compile_text(value, "", NATIVE_PARSE if parsing else NATIVE).render(dict(context))
        except MacroReturn as result:
            return result.value
        except jinja2.TemplateError as error:
            raise ParseProblem(str(error), where=where) from error
        except ModelError as problem:
            raise ParseProblem(problem.sentence, where=where, hint=problem.hint) from problem
        except ParseProblem as problem:
            if problem.where is not None and not problem.where.startswith(":"):
                raise
            sentence = problem.sentence.removeprefix(f"{problem.where}: ")
            raise ParseProblem(sentence, where=where, hint=problem.hint) from problem
    if isinstance(value, Mapping):
        return {key: render_value(item, context, where, parsing=parsing) for key, item in value.items()}
    if isinstance(value, list):
        return [render_value(item, context, where, parsing=parsing) for item in value]
    return value


def line_of(error: BaseException, filename: str) -> str:
    """`file:line` of an error raised inside a template."""
    line = template_line(error, filename)
    return f"{filename}:{line}" if line else filename


Callback = Callable[..., Any]
