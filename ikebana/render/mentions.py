"""Where the source of a package names the members of an enumeration, and what for.

Pure functions of source text; reference pages that are generated from the code stand on them.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_NAMED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Mention:
    """A place that names ``member``: in which module, and in which class or function.

    ``made`` tells that something is made of the member there; other places only ask for it.
    """

    member: str
    module: str
    place: str
    made: bool


def mentions(
    sources: Mapping[str, str], enum: str, makers: frozenset[str], field: str = ""
) -> tuple[Mention, ...]:
    """Return all mentions of ``enum`` in these modules' sources, each place once, in order.

    Something is made of what is given to one of the ``makers``, functions or methods, and of what
    an attribute called ``field`` becomes.  A local name given to a maker stands for what the same
    function assigns to it.
    """
    found: list[Mention] = []
    for module, text in sources.items():
        for place, body in _bodies(ast.parse(text)):
            nodes = [node for statement in body for node in ast.walk(statement)]
            made = {id(one) for one in _made(nodes, makers, field)}
            found += [
                Mention(node.attr, module, place, id(node) in made)
                for node in nodes
                if isinstance(node, ast.Attribute) and _name(node.value) == enum
            ]
    return tuple(dict.fromkeys(found))


def _bodies(tree: ast.Module) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Yield the statements of the module, of each class and of each function, with its name."""
    todo: list[tuple[str, list[ast.stmt]]] = [("", tree.body)]
    while todo:
        place, body = todo.pop(0)
        yield place, [one for one in body if not isinstance(one, _NAMED)]
        inner = [one for one in body if isinstance(one, _NAMED)]
        todo += [(f"{place}.{one.name}".lstrip("."), one.body) for one in inner]


def _made(nodes: list[ast.AST], makers: frozenset[str], field: str) -> Iterator[ast.expr]:
    """Yield the expressions that something is made of."""
    wanted = {field} - {""}
    for node in nodes:
        if isinstance(node, ast.Call) and _name(node.func) in makers:
            for value in (one for argument in node.args for one in _values(argument)):
                yield value
                if isinstance(value, ast.Name):
                    wanted.add(value.id)
    for node in nodes:
        if isinstance(node, ast.Assign):
            pairs = [pair for target in node.targets for pair in _pairs(target, node.value)]
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            pairs = [(node.target, node.value)]
        else:
            continue
        for target, assigned in pairs:
            if _name(target) in wanted:
                yield from _values(assigned)


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        yield from zip(target.elts, value.elts, strict=False)
    else:
        yield target, value


def _values(node: ast.expr) -> Iterator[ast.expr]:
    """Yield what an expression may be."""
    if isinstance(node, ast.IfExp):
        yield from _values(node.body)
        yield from _values(node.orelse)
    else:
        yield node


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
