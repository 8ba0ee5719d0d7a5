"""Python modules as the tests of the project's rules see them."""

import ast
from collections.abc import Callable, Iterator


def nodes(
    tree: ast.Module, is_left_out: Callable[[ast.AST], bool] = lambda node: False
) -> Iterator[ast.AST]:
    """All nodes of a module in no particular order, without some and what is in them.

    As `ast.walk`, in a third of the time.
    """
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if is_left_out(node):
            continue
        yield node
        for value in vars(node).values():
            if isinstance(value, ast.AST):
                waiting.append(value)
            elif isinstance(value, list):
                waiting.extend(item for item in value if isinstance(item, ast.AST))
