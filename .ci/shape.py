"""Check the shape of the code: prints what is over one of `LIMITS`.

    python .ci/shape.py (part of make lint)

Ruff checks the columns of Python and the complexity of functions; this checks what it can't.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

LIMITS = {"file": 350, "function": 40, "columns": 100, "patterns": 60}
PACKAGES = ("index", "rag", "ui")  # each may import those before it
CODE = (".py", ".js", ".css", ".html")


def main() -> int:
    """Print each finding; the exit status is 1 where there is one."""
    paths = [path for name in PACKAGES for path in sorted(Path(name).rglob("*")) if wanted(path)]
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    trees = {path: ast.parse(text) for path, text in texts.items() if path.suffix == ".py"}
    lines = sum(len(text.splitlines()) for text in texts.values())
    patterns = sum(is_pattern(node) for tree in trees.values() for node in ast.walk(tree))
    imports = python_imports(trees) | script_imports(texts)
    found = [*long_files(texts), *wide_lines(texts), *long_functions(trees)]
    found += [*upward(imports), *circles(imports)]
    if patterns > LIMITS["patterns"]:
        found.append(f"{patterns} calls of re: at most {LIMITS['patterns']}")
    print(*found, f"{lines} lines, {patterns} calls of re, {len(found)} findings", sep="\n")
    return 1 if found else 0


def wanted(path: Path) -> bool:
    """Whether a path is source code."""
    return path.suffix in CODE and "__pycache__" not in path.parts


def long_files(texts: dict[Path, str]) -> Iterator[str]:
    """Files with too many lines."""
    for path, text in texts.items():
        if (count := len(text.splitlines())) > LIMITS["file"]:
            yield f"{path}: {count} lines, at most {LIMITS['file']}"


def wide_lines(texts: dict[Path, str]) -> Iterator[str]:
    """Lines of Python and of the page's scripts with too many columns."""
    for path, text in texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > LIMITS["columns"] and path.suffix in (".py", ".js"):
                yield f"{path}:{number}: {len(line)} columns, at most {LIMITS['columns']}"


def long_functions(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Functions whose body, docstring apart, has too many lines."""
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                count = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
                if count > LIMITS["function"]:
                    yield f"{path}:{node.lineno}: {node.name} has {count} lines, at most 40"


def is_pattern(node: ast.AST) -> bool:
    """Whether a node calls a function of `re`."""
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Attribute) and getattr(called.value, "id", "") == "re"


def python_imports(trees: dict[Path, ast.Module]) -> dict[str, set[str]]:
    """What each module of the packages imports of them, imports inside functions too."""
    names = {module_name(path): tree for path, tree in trees.items()}
    found: dict[str, set[str]] = {}
    for name, tree in names.items():
        asked = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                asked |= {each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                inner = {f"{node.module}.{each.name}" for each in node.names}
                asked |= {each for each in inner if each in names} or {node.module}
        found[name] = {each for each in asked if each in names and each != name}
    return found


def module_name(path: Path) -> str:
    """The dotted name of a module's file."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def script_imports(texts: dict[Path, str]) -> dict[str, set[str]]:
    """What each script of the page imports."""
    return {
        path.as_posix(): {
            str(PurePosixPath(path.parent.as_posix()) / name)
            for name in re.findall(r'from "\./([\w.]+)"', text)
        }
        for path, text in texts.items()
        if path.suffix == ".js"
    }


def upward(imports: dict[str, set[str]]) -> Iterator[str]:
    """Imports from a lower package to a higher one; only the entry point `rag.__main__` may."""
    for name, asked in imports.items():
        for other in asked:
            place, above = (
                PACKAGES.index(each.split(".")[0].split("/")[0]) for each in (name, other)
            )
            if above > place and name != "rag.__main__":
                yield f"{name} imports {other}, which is above it"


def circles(imports: dict[str, set[str]]) -> Iterator[str]:
    """Circles of imports, each once."""
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> Iterator[str]:
        if name in way:
            yield f"circle: {' > '.join([*way[way.index(name) :], name])}"
        elif name not in done:
            for other in sorted(imports.get(name, ())):
                yield from walk(other, [*way, name])
            done.add(name)

    for name in imports:
        yield from walk(name, [])


if __name__ == "__main__":
    sys.exit(main())
