"""The code that a stage's outcome depends on, computed from its source.

From a stage's function, names are followed to the functions, classes and constants of the core that they stand for, and
from there on. What is reached is digested by module, without comments, docstrings, annotations of functions, log lines,
progress and the words of errors: a change in a function changes the digests of exactly the stages that can reach it.

To read the whole core takes a second and a half: what was read of a module is kept beside its bytecode.
"""

import ast
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from typing import Self

from bookcover_core.errors import BookcoverError
from bookcover_core.pipeline.workspace import write_bytes

_CORE = "bookcover_core"

NOT_MEANING = {
    "bookcover_core.__init__": "the front door",
    "bookcover_core.version": "the version of the whole",
    "bookcover_core.errors": "names and words of errors",
    "bookcover_core.pipeline": "runs stages and records what they did",
    "bookcover_core.settings": "the values of the settings that count stand in each key",
    "bookcover_core.covers.download_progress": "counts outcomes and shows progress",
    "bookcover_core.models.machine_info": "describes the machine, for people",
}
"""Modules and packages whose code changes no outcome, each with the reason."""

# Objects whose calls only inform people, and calls that only do so.
_LOGGERS = {"logger", "logging"}
_PROGRESS = {"progress"}

# Decorators that declare: what they say counts as settings and inputs, or not at all.
_DECLARATIONS = {"stage"}

_Symbol = tuple[str, str]
"""Module, and the name of a definition in it."""


@dataclass
class _Module:
    """One source file: its definitions, and where its names come from."""

    code: dict[str, list[str]] = field(default_factory=dict)
    """Normalised source of each definition. That of the empty name runs whenever the module is imported."""
    names: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)
    """What each definition names: "load", or "features.load" as ("features", "load")."""
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Module and name behind each imported name; the name is empty where it is the module itself."""

    @classmethod
    def kept(cls, file: Path, key: str) -> Self | None:
        """What was read of a module under this key; None where it was not, or of other sources."""
        try:
            stored = json.loads(file.read_bytes())
            if stored["key"] != key:
                return None
            names = {name: {tuple(path) for path in paths} for name, paths in stored["names"].items()}
            return cls(stored["code"], names, {name: (origin, of) for name, (origin, of) in stored["imports"].items()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def keep(self, file: Path, key: str) -> None:
        """Keep what was read, where that can be written."""
        names = {name: sorted(paths) for name, paths in self.names.items()}
        content = {"key": key, "code": self.code, "names": names, "imports": self.imports}
        with suppress(OSError, BookcoverError):
            write_bytes(file, json.dumps(content).encode())


def code_of(*symbols: str) -> dict[str, str]:
    """SHA-256, by module, of all code that `symbols`, functions or classes as "module:name", can reach.

    `ModuleNotFoundError` or `KeyError` where there is no such module or name.
    """
    reached: dict[str, set[str]] = {}
    for module, name in sorted(_reachable(frozenset(_split(each) for each in symbols))):
        reached.setdefault(module, set()).add(name)
    return {module: _digest(_read(module), names) for module, names in reached.items()}


def _split(symbol: str) -> _Symbol:
    module, _, name = symbol.partition(":")
    if name not in _read(module).code:
        raise KeyError(symbol)
    return module, name


def _digest(module: _Module, names: set[str]) -> str:
    digest = hashlib.sha256()
    for name in sorted(names):
        for text in module.code[name]:
            digest.update(f"{name}\n{text}\n".encode())
    return digest.hexdigest()


@cache
def _reachable(start: frozenset[_Symbol]) -> frozenset[_Symbol]:
    found: set[_Symbol] = set()
    waiting = list(start)
    while waiting:
        module, name = symbol = waiting.pop()
        if symbol in found:
            continue
        found.add(symbol)
        source = _read(module)
        if "" in source.code:
            waiting.append((module, ""))
        for path in source.names[name]:
            waiting += _resolve(module, path)
    return frozenset(found)


def _resolve(module: str, path: tuple[str, ...]) -> Iterator[_Symbol]:
    """The definitions that a name in `module` stands for: none where it is a local name or comes from a library."""
    if not _counts(module):
        return
    source = _read(module)
    if not path:  # the module itself is handed on: all of it may be used
        yield from ((module, each) for each in source.code)
    elif path[0] in source.code:
        yield module, path[0]
    elif path[0] in source.imports:
        origin, name = source.imports[path[0]]
        yield from _resolve(origin, (name, *path[1:]) if name else path[1:])
    elif _file(f"{module}.{path[0]}") is not None:
        yield from _resolve(f"{module}.{path[0]}", path[1:])


def _counts(module: str) -> bool:
    """Whether the code of `module` can change an outcome."""
    return module.split(".", maxsplit=1)[0] == _CORE and not any(
        module == each or module.startswith(f"{each}.") for each in NOT_MEANING
    )


@cache
def _file(module: str) -> Path | None:
    """The file of a module, found without importing anything but its topmost package; None where there is none."""
    top, *below = module.split(".")
    spec = find_spec(top)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder).joinpath(*below)
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if file.is_file():
                return file
    return Path(spec.origin) if spec is not None and spec.origin is not None and not below else None


@cache
def _read(module: str) -> _Module:
    file = _file(module)
    if file is None:
        raise ModuleNotFoundError(module)
    source = file.read_bytes()
    # Another Python writes the same code in other words.
    key = hashlib.sha256(b"\0".join([source, _own_source(), module.encode(), sys.version.encode()])).hexdigest()
    place = Path(cache_from_source(str(file))).with_suffix(".code.json")
    read = _Module.kept(place, key)
    if read is None:
        read = _parse(module, file, source)
        if not sys.dont_write_bytecode:
            read.keep(place, key)
    return read


@cache
def _own_source() -> bytes:
    return Path(__file__).read_bytes()


def _parse(module: str, file: Path, source: bytes) -> _Module:
    tree = ast.parse(source)
    read = _Module()
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in _live(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                local = alias.asname or alias.name.split(".")[0]
                read.imports[local] = (alias.name if alias.asname else local, "")
        elif isinstance(node, ast.ImportFrom):
            origin = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            origin = ".".join(filter(None, [origin, node.module]))
            read.imports |= {alias.asname or alias.name: (origin, alias.name) for alias in node.names}
    errors = {name for name, (origin, _) in read.imports.items() if origin == f"{_CORE}.errors"}
    # Names of the core's own, which may do anything where they decorate: put a function into a table, say.
    known = {name for name, (origin, _) in read.imports.items() if origin.split(".", maxsplit=1)[0] == _CORE}
    known |= {name for statement in tree.body for name in _defined(statement)}
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom) or _is_for_types(statement):
            continue
        plain = _Plain(errors).visit(statement)
        if plain is None:
            continue
        text, names = ast.unparse(plain), set(_names(plain))
        for name in _defined(statement) | _at_import(plain, known):
            read.code.setdefault(name, []).append(text)
            read.names.setdefault(name, set()).update(names)
    return read


def _live(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only the type checker sees."""
    for child in ast.iter_child_nodes(tree):
        if not _is_for_types(child):
            yield child
            yield from _live(child)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _at_import(statement: ast.AST, known: set[str]) -> set[str]:
    """The empty name for a statement that does more at import than define: a loop, or one that `known` decorate."""
    decorators = [path[0] for each in getattr(statement, "decorator_list", ()) for path in _names(each)]
    works = isinstance(statement, ast.If | ast.For | ast.While | ast.With | ast.Try)
    return {""} if works or known.intersection(decorators) else set()


def _defined(statement: ast.stmt) -> set[str]:
    """Names that a statement of a module defines; the empty name where it defines none, and works by being run."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    found = {
        node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    } | {
        node.name
        for node in ast.walk(statement)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    return found or {""}


def _names(tree: ast.AST) -> Iterator[tuple[str, ...]]:
    """Names that a piece of code reads, with the attributes that follow each."""
    if isinstance(tree, ast.Attribute):
        path = [tree.attr]
        inner = tree.value
        while isinstance(inner, ast.Attribute):
            path.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            yield (inner.id, *reversed(path))
            return
    if isinstance(tree, ast.Name):
        yield (tree.id,)
    for child in ast.iter_child_nodes(tree):
        yield from _names(child)


class _Plain(ast.NodeTransformer):
    """Leaves out of code what changes no outcome, the words of the project's `errors` among it."""

    def __init__(self, errors: set[str]) -> None:
        self._errors = errors

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        """A function or coroutine without docstring, annotations and declaration."""
        node.returns = None
        arguments = node.args
        for each in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]:
            if each is not None:
                each.annotation = None
        node.decorator_list = [each for each in node.decorator_list if not _declares(each)]
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - what the transformer looks for

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """A node whose block is not empty where something was left out of it."""
        super().generic_visit(node)
        if isinstance(node, ast.stmt) and getattr(node, "body", None) == []:
            node.body = [ast.Pass()]  # type: ignore[attr-defined] # it has one
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Nothing for a docstring, a log line or a report of progress."""
        value = node.value
        if isinstance(value, ast.Constant) or (isinstance(value, ast.Call) and _informs(value.func)):
            return None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """A field of a model without its description."""
        if isinstance(node.func, ast.Name) and node.func.id == "Field":
            node.keywords = [each for each in node.keywords if each.arg != "description"]
        return self.generic_visit(node)

    def visit_Import(self, node: ast.stmt) -> None:
        """Nothing: what is imported counts where it is used."""

    visit_ImportFrom = visit_Import  # noqa: N815 - as above

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        """Nothing for the module's logger."""
        if [ast.unparse(target) for target in node.targets] == ["logger"]:
            return None
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """An error of the project's without its words."""
        error = node.exc
        if isinstance(error, ast.Call) and isinstance(error.func, ast.Name) and error.func.id in self._errors:
            return ast.copy_location(ast.Raise(exc=error.func, cause=None), node)
        return self.generic_visit(node)


def _declares(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func) in _DECLARATIONS


def _informs(function: ast.expr) -> bool:
    """Whether a call only tells people something: `logger.info(…)`, `study.progress(…)`, `progress(…)`."""
    if isinstance(function, ast.Attribute):
        return function.attr in _PROGRESS or (isinstance(function.value, ast.Name) and function.value.id in _LOGGERS)
    return isinstance(function, ast.Name) and function.id in _PROGRESS
