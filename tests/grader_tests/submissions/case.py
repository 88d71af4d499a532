"""Descriptions of submissions, and how one is made from a right one.

The right one is in filled/: the form that students are given, with its blanks filled in. A description says
what is replaced in it, the points that this must lose, and why:

    Case("log-assigns", {"LogNode.backward": "self.n.grad = self.grad / self.n.value"},
         {"1b": 1}, "= for +=: seen where x is used twice")

* Its id is unique. `replace` maps names in the right one to the new text: a function, a class, a method as
  Class.method, or as Class.value and Class.grad the two assignments of a node's __init__ that are blanks. A
  text that begins with `def`, `class` or `@` takes the place of the whole definition; any other is the new
  body, or takes the place of the assignment. It is dedented, and indented as its place needs.
* `edits` are (old, new): a text that stands exactly once in backprop.py or kmeans.py, and what replaces it.
* `files` maps file names to whole contents (str or bytes), or to None for a file that is missing. Any name
  may be given ("conftest.py", "sub/backprop.py"); only the two scripts are ever looked at.
* `before` and `after` are texts put at the start and the end of the script that `script` names.
* `lost` are the points that parts lose. Everything else gets all its points.
* `says` are texts that must stand in the reasons of the parts that lose points.
* `only` are the parts that are graded, where grading all would take long.
* `why` is a word on what is wrong, or on why it is right.

Names that a text uses (self.n, self.n1, self.M, sigmoid, InputNode ...) are those of the scripts in filled/.
"""

import ast
import functools
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FILLED = Path(__file__).resolve().parent / "filled"
SCRIPTS = ("backprop.py", "kmeans.py")
BODIES = {  # what a student writes for each part: functions, and all methods of classes
    "1b": ["LogNode"],
    "1e": ["SigmoidNode"],
    "1g": ["DotNode"],
    "1h": ["gradient_check_1"],
    "1i": ["make_logistic_regression", "gradient_descent"],
    "1l": ["MVMulNode"],
    "1m": ["gradient_check_2"],
    "1n": ["make_neural_network"],
    "2a": ["kmeans"],
}


@dataclass
class Case:
    id: str
    replace: dict = field(default_factory=dict)
    lost: dict = field(default_factory=dict)
    why: str = ""
    edits: tuple = ()
    files: dict = field(default_factory=dict)
    script: str = "backprop.py"
    before: str = ""
    after: str = ""
    says: tuple = ()
    only: tuple = ()


@functools.cache
def filled(script):
    return (FILLED / script).read_text(encoding="utf-8")


def make(case):
    """The files of the submission: names to bytes."""
    texts = {script: filled(script) for script in SCRIPTS}
    for name, text in case.replace.items():
        script = next(script for script in SCRIPTS if find(texts[script], name))
        texts[script] = replaced(texts[script], name, textwrap.dedent(text).strip("\n"))
    for old, new in case.edits:
        (script,) = (script for script in SCRIPTS if old in texts[script])
        assert texts[script].count(old) == 1, (
            f"{case.id}: {old!r} stands {texts[script].count(old)} times in {script}"
        )
        texts[script] = texts[script].replace(old, new)
    texts[case.script] = textwrap.dedent(case.before) + texts[case.script] + textwrap.dedent(case.after)
    files = texts | case.files
    return {
        name: text if isinstance(text, bytes) else text.encode()
        for name, text in files.items()
        if text is not None
    }


def starter(parts):
    """The replacements that empty what a student writes for these parts."""
    names = [name for part in parts for name in BODIES[part]]
    return {inner: "raise NotImplementedError" for name in names for inner in bodies(name)}


def bodies(name):
    """The name of a function, or the names of the methods of a class."""
    item = next(filter(None, (find(filled(script), name) for script in SCRIPTS)))
    if isinstance(item, ast.FunctionDef):
        return [name]
    return [f"{name}.{method.name}" for method in item.body if isinstance(method, ast.FunctionDef)]


def find(text, name):
    """The definition called name, a function, a class or Class.method; None if there is none."""
    body = ast.parse(text).body
    for part in name.split("."):
        item = next((item for item in body if getattr(item, "name", None) == part), None)
        item = item or assignment(body, part)
        body = getattr(item, "body", [])
    return item


def assignment(methods, name):
    """The statement self.name = ... in __init__, if these are methods of which one has it."""
    start = [item for item in methods if getattr(item, "name", None) == "__init__"]
    found = [item for item in start[0].body if isinstance(item, ast.Assign)] if start else []
    return next((item for item in found if ast.unparse(item.targets[0]) == f"self.{name}"), None)


def replaced(text, name, new):
    """The text with another definition, or another body, under the name."""
    item, lines = find(text, name), text.split("\n")
    if isinstance(item, ast.Assign):
        first, indent = item.lineno, item.col_offset
    elif new.startswith(("def ", "class ", "@")):
        first, indent = min([item.lineno, *(d.lineno for d in item.decorator_list)]), item.col_offset
    else:
        first, indent = item.body[0].lineno, item.body[0].col_offset
    return "\n".join([*lines[: first - 1], textwrap.indent(new, " " * indent), *lines[item.end_lineno :]])
