"""Changes the operators and the constants of a function, one at a time.

Left alone are the texts and the conditions of errors: a submission need not refuse bad input as the reference
does.
"""

import ast
import copy

SWAPS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Add,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def mutants(text, name):
    """For each change in the definition called name: its kind, and the script with it."""
    (item,) = (item for item in ast.parse(text).body if getattr(item, "name", None) == name)
    lines = text.split("\n")
    for node in walk(item):
        for kind, changed in others(node):
            mutant = ast.unparse(ast.fix_missing_locations(copy.deepcopy(item, {id(node): changed})))
            yield kind, "\n".join([*lines[: item.lineno - 1], mutant, *lines[item.end_lineno :]])


def others(node):
    """What may take the place of a node, and what kind of change that is."""
    if isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
        yield swap(node.op), ast.BinOp(node.left, SWAPS[type(node.op)](), node.right)
    elif isinstance(node, ast.AugAssign):
        yield swap(node.op) + " in place", ast.AugAssign(node.target, SWAPS[type(node.op)](), node.value)
        yield "assigned", ast.Assign([node.target], node.value)
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        changed = [SWAPS[type(node.ops[0])](), *node.ops[1:]]
        yield swap(node.ops[0]), ast.Compare(node.left, changed, node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield swap(node.op), ast.BoolOp(SWAPS[type(node.op)](), node.values)
    elif isinstance(node, ast.UnaryOp):
        yield f"no {type(node.op).__name__}", node.operand
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield "no transpose", node.value
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"not {node.value}", ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        yield f"{node.value} + 1", ast.Constant(node.value + 1)


def swap(op):
    return f"{type(op).__name__} to {SWAPS[type(op)].__name__}"


def walk(node):
    """All nodes below, but for what only leads to an error."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.If) or not any(isinstance(inner, ast.Raise) for inner in child.body):
            yield child
            yield from walk(child)
