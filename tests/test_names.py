"""A name stands for one thing: no two modules of the core are called alike, and no two classes."""

import ast
from collections import Counter
from pathlib import Path

CORE = Path(__file__).parents[1] / "bookcover_core"


def twice(names: list[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)


def test_no_two_modules_of_the_core_share_a_name():
    """Whoever reads a module's name in a log, or looks for it, means one file."""
    assert twice([file.stem for file in CORE.rglob("*.py") if file.stem != "__init__"]) == []


def test_no_two_classes_of_the_core_share_a_name():
    """Private ones, which never leave their module, may."""
    classes = [
        node.name
        for file in CORE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert twice(classes) == []


def test_a_name_that_stands_twice_is_found():
    """Each is told once."""
    assert twice(["a", "b", "a", "a", "c", "c"]) == ["a", "c"]
