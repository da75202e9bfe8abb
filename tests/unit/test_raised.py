"""Who raises one exception object again and again keeps every request alive that ever ran into it."""

import ast
from pathlib import Path

import divebell


def test_every_exception_is_made_where_it_is_raised():
    source = Path(divebell.__file__).parent
    again = [
        f"{file.relative_to(source)}:{node.lineno}"
        for file in source.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and node.exc.id.isupper()
    ]
    assert again == []
