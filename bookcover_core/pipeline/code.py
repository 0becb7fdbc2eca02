"""The code that a stage's outcome depends on, computed from its source.

From a stage's function, names are followed to the functions, classes and constants of the core that they stand for, and
from there on. What is reached is digested by module, without comments, docstrings, annotations of functions, log lines,
progress and the words of errors. To read the whole core takes a second and a half: it is kept beside the bytecode.
"""

import ast
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.util import cache_from_source, find_spec, resolve_name
from pathlib import Path
from typing import Any, NamedTuple

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

_LOGGERS = {"logger", "logging"}

_DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)  # what statements of a module define by their name

_Symbol = tuple[str, str]
"""Module, and the name of a definition in it."""


class _Module(NamedTuple):
    """One source file: its definitions, and where its names come from."""

    code: dict[str, list[str]]
    """Normalised source of each definition. That of the empty name runs whenever the module is imported."""
    names: dict[str, list[str]]
    """What each definition names, such as "load" or "features.load"."""
    imports: dict[str, list[str]]
    """Module and name behind each imported name; the name is empty where it is the module itself."""


def code_of(symbol: str) -> dict[str, str]:
    """SHA-256, by module, of all code that `symbol`, a function or class as "module:name", can reach.

    `ModuleNotFoundError` or `KeyError` where there is no such module or name.
    """
    module, _, name = symbol.partition(":")
    if name not in _read(module).code:
        raise KeyError(symbol)
    digests: dict[str, Any] = defaultdict(hashlib.sha256)
    for reached, each in sorted(_reachable((module, name))):
        for text in _read(reached).code[each]:
            digests[reached].update(f"{each}\n{text}\n".encode())
    return {reached: digest.hexdigest() for reached, digest in digests.items()}


@cache
def _reachable(start: _Symbol) -> frozenset[_Symbol]:
    found: set[_Symbol] = set()
    waiting = [start]
    while waiting:
        module, name = symbol = waiting.pop()
        if symbol in found:
            continue
        found.add(symbol)
        source = _read(module)
        if "" in source.code:
            waiting.append((module, ""))
        for path in source.names[name]:
            waiting += _resolve(module, path.split("."))
    return frozenset(found)


def _resolve(module: str, path: list[str]) -> Iterator[_Symbol]:
    """The definitions that a name in `module` stands for: none where it is a local name or comes from a library."""
    below = f"{module}."
    if not below.startswith(f"{_CORE}.") or any(below.startswith(f"{each}.") for each in NOT_MEANING):
        return
    source = _read(module)
    if not path:  # the module itself is handed on: all of it may be used
        yield from ((module, each) for each in source.code)
    elif path[0] in source.code:
        yield module, path[0]
    elif path[0] in source.imports:
        origin, name = source.imports[path[0]]
        yield from _resolve(origin, [name, *path[1:]] if name else path[1:])
    elif _file(below + path[0]) is not None:
        yield from _resolve(below + path[0], path[1:])


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
    return None


@cache
def _read(module: str) -> _Module:
    file = _file(module)
    if file is None:
        raise ModuleNotFoundError(module)
    source = file.read_bytes()
    # Another Python, or another of these modules, writes the same code in other words.
    about = [source, Path(__file__).read_bytes(), module.encode(), sys.version.encode()]
    key = hashlib.sha256(b"\0".join(about)).hexdigest()
    place = Path(cache_from_source(str(file))).with_suffix(".code.json")
    with suppress(OSError, ValueError):
        kept, *content = json.loads(place.read_bytes())
        if kept == key:
            return _Module(*content)
    read = _parse(module, file, source)
    if not sys.dont_write_bytecode:
        with suppress(OSError, BookcoverError):
            write_bytes(place, json.dumps([key, *read]).encode())
    return read


def _parse(module: str, file: Path, source: bytes) -> _Module:
    plainly = _Plain(module if file.name == "__init__.py" else module.rpartition(".")[0])
    code: dict[str, list[str]] = {}
    names: dict[str, list[str]] = {}
    for statement in ast.parse(source).body:
        plain = plainly.visit(statement)
        if plain is None:
            continue
        # One that the core's own decorates may do anything: be put into a table, say.
        decorators = [name.partition(".")[0] for each in getattr(plain, "decorator_list", ()) for name in _names(each)]
        works = any(name in code or plainly.is_own(name) for name in decorators)
        works |= isinstance(plain, ast.If | ast.For | ast.While | ast.With | ast.Try)
        for name in _defined(plain) | ({""} if works else set()):
            code.setdefault(name, []).append(ast.unparse(plain))
            names.setdefault(name, []).extend(_names(plain))
    return _Module(code, {name: sorted(set(found)) for name, found in names.items()}, plainly.imports)


def _defined(statement: ast.stmt) -> set[str]:
    """Names that a statement of a module defines; the empty name where it defines none, and works by being run."""
    nodes = [statement] if isinstance(statement, _DEFINITION) else list(ast.walk(statement))
    found = {node.name for node in nodes if isinstance(node, _DEFINITION)}
    found |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return found or {""}


def _names(tree: ast.AST) -> Iterator[str]:
    """Names that a piece of code reads, with the attributes that follow each."""
    inner, path = tree, []
    while isinstance(inner, ast.Attribute):
        path.append(inner.attr)
        inner = inner.value
    if isinstance(inner, ast.Name):
        yield ".".join([inner.id, *reversed(path)])
        return
    for child in ast.iter_child_nodes(tree):
        yield from _names(child)


class _Plain(ast.NodeTransformer):
    """Leaves out of the statements of a module in `package` what changes no outcome, and keeps what it imports."""

    def __init__(self, package: str) -> None:
        self.imports: dict[str, list[str]] = {}
        self._package = package

    def is_own(self, name: str) -> bool:
        """Whether a name is imported from the core."""
        return f"{self.imports.get(name, [''])[0]}.".startswith(f"{_CORE}.")

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """A node whose block is not empty where something was left out of it."""
        super().generic_visit(node)
        if isinstance(node, ast.stmt) and getattr(node, "body", None) == []:
            node.body = [ast.Pass()]  # type: ignore[attr-defined] # it has one
        return node

    def visit_Import(self, node: ast.Import) -> None:
        """Nothing: what is imported counts where it is used."""
        for alias in node.names:
            local = alias.asname or alias.name.split(".")[0]
            self.imports[local] = [alias.name if alias.asname else local, ""]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Nothing, likewise."""
        origin = resolve_name("." * node.level + (node.module or ""), self._package)
        self.imports |= {alias.asname or alias.name: [origin, alias.name] for alias in node.names}

    def visit_If(self, node: ast.If) -> ast.AST | None:
        """Nothing for what only the type checker sees."""
        return None if "TYPE_CHECKING" in ast.unparse(node.test) else self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        """A function or coroutine without its declaration as a stage: that counts as settings and inputs, or not."""
        node.returns = None
        node.decorator_list = [each for each in node.decorator_list if not ast.unparse(each).startswith("stage(")]
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - what the transformer looks for

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """An argument without its annotation."""
        node.annotation = None
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Nothing for a docstring, nor for `logger.info(…)`, `warn_once(…)`, `study.progress(…)` and `progress(…)`."""
        value = node.value
        path = ast.unparse(value.func).split(".") if isinstance(value, ast.Call) else []
        informs = path[-1:] in (["progress"], ["warn_once"]) or (len(path) == 2 and path[0] in _LOGGERS)
        return None if informs or isinstance(value, ast.Constant) else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """A field of a model without its description."""
        if isinstance(node.func, ast.Name) and node.func.id == "Field":
            node.keywords = [each for each in node.keywords if each.arg != "description"]
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        """Nothing for the module's logger."""
        return None if ast.unparse(node.targets[0]) == "logger" else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """An error of the project's without its words."""
        error = node.exc
        if isinstance(error, ast.Call) and self.imports.get(ast.unparse(error.func), [""])[0] == f"{_CORE}.errors":
            return ast.copy_location(ast.Raise(exc=error.func, cause=None), node)
        return self.generic_visit(node)
