"""Rewriting: properties that mutmut reaches; it leaves what is decorated alone."""

import ast


def opened(source: str) -> str:
    """Write each `@property def name` of a class as a plain method with `name = property(...)`.

    The code means what it meant; the method may then be mutated.
    """
    lines = source.splitlines(keepends=True)
    for method in sorted(_properties(ast.parse(source)), key=lambda each: -each.lineno):
        decorator, head, end = method.decorator_list[0].lineno, method.lineno, method.end_lineno
        assert end is not None, "what was parsed has an end"
        indent = " " * method.col_offset
        lines.insert(end, f"\n{indent}{method.name} = property(_read_{method.name})\n")
        lines[head - 1] = lines[head - 1].replace(
            f"def {method.name}(", f"def _read_{method.name}("
        )
        del lines[decorator - 1]
    return "".join(lines)


def _properties(tree: ast.Module) -> list[ast.FunctionDef]:
    return [
        item
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for item in node.body
        if isinstance(item, ast.FunctionDef)
        and [ast.unparse(decorator) for decorator in item.decorator_list] == ["property"]
    ]
