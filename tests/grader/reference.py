"""The reference: what is right is computed from it, here, in the grader's own process."""

import ast
import functools
import importlib.util
import json
from pathlib import Path

from . import actions
from .limits import ROOT, Result


@functools.cache
def module(script):
    """The reference's script, imported under a name of its own."""
    spec = importlib.util.spec_from_file_location(f"reference_{Path(script).stem}", ROOT / script)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    made.print = lambda *args, **kwargs: None  # workers share one sys.stdout
    return actions.Names(str(ROOT / script), vars(made))


def perform(script, step, other=None):
    """What the step sees of the reference, with another gradient descent if one is given.

    An error is a fault of the grader.
    """
    names, seen, (action, arguments) = module(script), {}, step
    if other:
        names = actions.Names(names.path, {**names.names, "gradient_descent": other})
    actions.ACTIONS[action](names, seen, **arguments)
    return Result(json.loads(json.dumps({"seen": seen, "output": "", "error": None})))


@functools.cache
def source(more=()):
    """The source of the reference's node classes, of the names in more, and of what these use."""
    tree = ast.parse((ROOT / "backprop.py").read_text(encoding="utf-8"))
    defined = {name: item for item in tree.body for name in names(item)}
    wanted, queue = set(), [*actions.NODES, *more]
    while queue:
        name = queue.pop()
        if name in defined and name not in wanted:
            wanted.add(name)
            queue += [node.id for node in ast.walk(defined[name]) if isinstance(node, ast.Name)]
    kept = [item for item in tree.body if wanted & set(names(item))]
    return ast.unparse(ast.Module(kept, []))


def names(item):
    """The names that a statement at the top of a script defines."""
    if isinstance(item, (ast.FunctionDef, ast.ClassDef)):
        return [item.name]
    if isinstance(item, (ast.Import, ast.ImportFrom)):
        return [(alias.asname or alias.name).partition(".")[0] for alias in item.names]
    if isinstance(item, ast.Assign):
        return [target.id for target in item.targets if isinstance(target, ast.Name)]
    return []
