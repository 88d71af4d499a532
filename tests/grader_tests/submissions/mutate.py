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


def mutants(text, names):
    """For each change in the definitions called names: what it makes of a line, and the script with it."""
    tree, said = ast.parse(text), {}
    for index, item in enumerate(tree.body):
        if getattr(item, "name", None) in names:
            for statement, place, changed in changes(item):
                what = f"{item.name}: {shown(put(statement, place, changed))}"
                said[what] = said.get(what, 0) + 1
                body = [*tree.body[:index], put(item, place, changed), *tree.body[index + 1 :]]
                mark = f" #{said[what]}" if said[what] > 1 else ""
                yield what + mark, ast.unparse(ast.fix_missing_locations(ast.Module(body, [])))


def shown(statement):
    """The statement on a line, without the statements inside it."""
    return ast.unparse(ast.fix_missing_locations(statement)).split("\n")[0]


def put(item, place, changed):
    """A copy of a piece of the tree with one node in place of another."""
    return copy.deepcopy(item, {id(place): changed})


def changes(item):
    """Triples: a statement, a node in it, what takes its place."""
    for statement, node in walk(item, item):
        for changed in others(node):
            yield statement, node, changed


def others(node):
    """What may take the place of a node."""
    if isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
        yield ast.BinOp(node.left, SWAPS[type(node.op)](), node.right)
    elif isinstance(node, ast.AugAssign):
        yield ast.AugAssign(node.target, SWAPS[type(node.op)](), node.value)
        yield ast.Assign([node.target], node.value)
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        yield ast.Compare(node.left, [SWAPS[type(node.ops[0])](), *node.ops[1:]], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(SWAPS[type(node.op)](), node.values)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value
    elif isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
        yield ast.Constant(not node.value if isinstance(node.value, bool) else node.value + 1)


def walk(node, statement):
    """All nodes below, each with the statement that it is in, but for what only leads to an error."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.If) or not any(isinstance(inner, ast.Raise) for inner in child.body):
            within = child if isinstance(child, ast.stmt) else statement
            yield within, child
            yield from walk(child, within)


def used(text, name):
    """The names of the definitions at the top of a script that the one called name comes to use."""
    defined = {item.name: item for item in ast.parse(text).body if hasattr(item, "name")}
    found, queue = [], [name]
    while queue:
        name = queue.pop(0)
        if name in defined and name not in found:
            found.append(name)
            inside = [node for node in ast.walk(defined[name]) if isinstance(node, ast.Name)]
            own = {node.id for node in inside if isinstance(node.ctx, ast.Store)}
            queue += [node.id for node in inside if node.id not in own]
    return found
