"""Descriptions of submissions, and how one is made from the reference.

A description says what is replaced in the reference, the points that this must get, and why:

    Case("log-assigns", {"LogNode.backward": "self.n.grad = self.grad / self.n.value"},
         {"1b": 2}, "= for +=: seen where x is used twice")

* Its id is unique. `replace` maps names in the reference (a function, a class, or a method as Class.method)
  to the new text. A text that begins with `def`, `class` or `@` takes the place of the whole definition;
  any other is the new body. It is dedented, and indented as its place needs.
* `edits` are (old, new): a text that stands exactly once in backprop.py or kmeans.py, and what replaces it.
* `files` maps file names to whole contents (str or bytes), or to None for a file that is missing. Any name
  may be given ("conftest.py", "sub/backprop.py"); only the two scripts are ever looked at.
* `before` and `after` are texts put at the start and the end of the script that `script` names.
* `points` are the parts that do not get full points, with what they get. Everything else gets all its
  points.
* `says` are texts that must stand in the reasons of the parts that lose points.
* `only` are the parts that are graded, where grading all would take long.
* `why` is a word on what is wrong, or on why it is right.

Names of the reference that a text uses (self.n, self.n1, self.M, expit, InputNode ...) are those of the
scripts in the root. Write a wrong rule from scratch in the manner of the starter rather than by many edits.
"""

import ast
import functools
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
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
    points: dict = field(default_factory=dict)
    why: str = ""
    edits: tuple = ()
    files: dict = field(default_factory=dict)
    script: str = "backprop.py"
    before: str = ""
    after: str = ""
    says: tuple = ()
    only: tuple = ()


@functools.cache
def reference(script):
    return (ROOT / script).read_text(encoding="utf-8")


def make(case):
    """The files of the submission: names to bytes."""
    texts = {script: reference(script) for script in SCRIPTS}
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
    item = next(filter(None, (find(reference(script), name) for script in SCRIPTS)))
    if isinstance(item, ast.FunctionDef):
        return [name]
    return [f"{name}.{method.name}" for method in item.body if isinstance(method, ast.FunctionDef)]


def find(text, name):
    """The definition called name, a function, a class or Class.method; None if there is none."""
    body = ast.parse(text).body
    for part in name.split("."):
        item = next((item for item in body if getattr(item, "name", None) == part), None)
        body = item.body if item else []
    return item


def replaced(text, name, new):
    """The text with another definition, or another body, under the name."""
    item, lines = find(text, name), text.split("\n")
    if new.startswith(("def ", "class ", "@")):
        first, indent = min([item.lineno, *(d.lineno for d in item.decorator_list)]), item.col_offset
    else:
        first, indent = item.body[0].lineno, item.body[0].col_offset
    return "\n".join([*lines[: first - 1], textwrap.indent(new, " " * indent), *lines[item.end_lineno :]])
