"""What can be done with a submission's module: each action calls it with given inputs and notes what it saw.

The child runs these on a student's module, the grader runs the very same on the reference to know what is
right: nothing here knows an answer. An action adds to `seen` as it goes, so an exception leaves the rest.
"""

import base64
import contextlib
import importlib.util
import io
import os
import random
import sys
import traceback
from unittest import mock

import numpy as np

NODES = [
    "InputNode",
    "AddNode",
    "MulNode",
    "PowerNode",
    "ReluNode",
    "ConstantMulNode",
    "LogNode",
    "SigmoidNode",
    "DotNode",
    "MVMulNode",
]
KEPT = 200_000  # characters of output; what comes after is dropped
LARGEST = 8_000_000  # bytes of an array that is handed back


def load(module, seen):
    """Import the script. No assert of backprop.py counts: it may say that a difference is small, and backprop
    is made wrong on purpose."""
    name = os.path.basename(module.path).removesuffix(".py")
    spec = importlib.util.spec_from_file_location(name, module.path)
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    source, optimize = spec.loader.get_data(module.path), int(name == "backprop")
    exec(compile(source, module.path, "exec", dont_inherit=True, optimize=optimize), vars(made))
    module.names = vars(made)


def replace(module, seen, source, names):
    """Put classes and functions of the source in the place of the submission's own."""
    made = {"__name__": "reference"}
    exec(compile(source, "reference", "exec"), made)
    module.names.update((name, made[name]) for name in names)


def graph(module, seen, inputs, nodes, upstream):
    """Make the nodes, (class, names of inputs), on the inputs; call backward(), last first, if asked to."""
    topo_order = []
    leaves = {name: module["InputNode"](np.array(value)[()], topo_order) for name, value in inputs.items()}
    made = [module[kind](*(leaves[name] for name in names)) for kind, names in nodes]
    for i, node in enumerate(made):
        seen[f"value {i + 1}"] = plain(node.value)
        seen[f"places {i + 1}"] = plain(sum(n is node for n in getattr(node, "topo_order", ())))
    if not upstream:
        return
    for leaf in leaves.values():
        leaf.grad = np.zeros(np.shape(leaf.value))[()]
    try:
        for node, g in zip(reversed(made), reversed(upstream)):
            node.grad = np.array(g)[()]
            with contextlib.suppress(NotImplementedError):  # one left below a finished rule
                node.backward()
    finally:
        seen.update((name, plain(leaf.grad)) for name, leaf in leaves.items())


def gradient_check(module, seen, function, arguments, factor=1):
    """Call a gradient check. Backprop is made wrong: inputs multiply their gradient by the factor."""
    arrays = [np.array(value) for value in arguments]

    def broken(self):
        self.grad = self.grad * factor

    options = np.printoptions(precision=17, threshold=sys.maxsize, linewidth=10**6, suppress=False)
    with mock.patch.object(module["InputNode"], "backward", broken), options:
        try:
            module[function](*arrays)
        finally:
            seen.update((f"argument {i + 1}", plain(array)) for i, array in enumerate(arrays))


def loss(module, seen, make, X, y, points):
    """The loss of a model and its gradients at several points, from the one function that it returns."""
    compute_loss = module[make](examples(X, y))
    for i, point in enumerate(points):
        nodes, total = compute_loss(*(np.array(value)[()] for value in point))
        seen[f"loss {i + 1}"] = plain(total.value)
        total.compute_grad()
        for j, node in enumerate(nodes):
            seen[f"gradient {i + 1} {j + 1}"] = plain(node.grad)


def descent(module, seen, start, lr, num_iters):
    """Gradient descent on (p q - 1)² + (p + 2 r - 3)² + (q r)², made of the nodes that the starter brings."""

    def f(*values):
        topo_order = []
        p, q, r = (module["InputNode"](value, topo_order) for value in values)
        one, three = (module["InputNode"](np.float64(value), topo_order) for value in (-1, -3))
        add, mul, power, times = (module[f"{name}Node"] for name in ("Add", "Mul", "Power", "ConstantMul"))
        first, second = add(mul(p, q), one), add(add(p, times(r, 2)), three)
        return (p, q, r), add(add(power(first, 2), power(second, 2)), power(mul(q, r), 2))

    descend(module, seen, f, [np.float64(value) for value in start], lr, num_iters)


def train(module, seen, make, X, y, start, lr, num_iters):
    """Train a model by the submission's own gradient descent."""
    f = module[make](examples(X, y))
    descend(module, seen, f, [np.array(value)[()] for value in start], lr, num_iters)


def descend(module, seen, f, params, lr, num_iters):
    try:
        with contextlib.suppress(NotImplementedError):  # as above
            module["gradient_descent"](f, params, lr, num_iters)
    finally:
        seen["number of parameters"] = plain(len(params))
        seen.update((f"parameter {i + 1}", plain(value)) for i, value in enumerate(params))
    seen["final loss"] = plain(f(*params)[1].value)


def examples(X, y):
    return [(np.array(x), int(label)) for x, label in zip(X, y)]


def kmeans(module, seen, X, k, seed):
    """Cluster a copy of X."""
    np.random.seed(seed)
    random.seed(seed)
    result = module["kmeans"](np.array(X), k)
    try:
        z, centroids, loss = result
    except (TypeError, ValueError):
        raise TypeError(f"kmeans returned {type(result).__name__}, not z, centroids, loss") from None
    seen.update({"z": plain(z), "centroids": plain(centroids), "loss": plain(loss)})


def lines(module, seen, X, k, seed):
    """Cluster X, and count the lines of the submission that are executed, and the Python functions called."""
    count, path = 0, module.path

    def line(frame, event, argument):
        nonlocal count
        count += event == "line"
        return line

    def call(frame, event, argument):
        nonlocal count
        count += 1
        return line if frame.f_code.co_filename == path else None

    sys.settrace(call)
    try:
        kmeans(module, seen, X, k, seed)
        counted = sys.gettrace() is call
    finally:
        sys.settrace(None)
    if not counted:
        raise RuntimeError("the count of executed lines was switched off (sys.settrace)")
    seen["lines"] = plain(count)


ALL = (load, replace, graph, gradient_check, loss, descent, train, kmeans, lines)
ACTIONS = {action.__name__: action for action in ALL}


def perform(module, step):
    """Do one step, (action, arguments), with the module. Returns {"seen", "output", "error"}, all JSON."""
    seen, capture, error = {}, Capped(), None
    stream = io.TextIOWrapper(capture, encoding="utf-8", errors="backslashreplace", write_through=True)
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        try:
            action, arguments = step
            ACTIONS[action](module, seen, **arguments)
        except BaseException as exception:  # also SystemExit, KeyboardInterrupt and what a student derives
            error = describe(exception, module.path)
    return {"seen": seen, "output": capture.text(), "error": error}


def describe(exception, path):
    """An exception as text, with the last line of the submission that it went through."""
    here = [f for f in traceback.extract_tb(exception.__traceback__) if f.filename == path]
    where = {"line": here[-1].lineno, "code": (here[-1].line or "")[:200]} if here else {}
    if isinstance(exception, SyntaxError) and exception.filename == path:
        where = {"line": exception.lineno, "code": (exception.text or "").strip()[:200]}
    try:
        text = exception.msg if isinstance(exception, SyntaxError) else str(exception)
    except BaseException:
        text = "(its message cannot be read)"
    return {"type": type(exception).__name__[:80], "text": str(text)[:500], **where}


def plain(value):
    """A value as JSON: an array of numbers by its bytes; of anything else only the name of its type."""
    kind = type(value).__name__[:80]
    try:
        array = np.asarray(value)
        if array.dtype == object:  # of Python's own numbers, perhaps
            array = np.asarray(array.tolist())
        if array.dtype.kind not in "biuf" or array.nbytes > LARGEST:
            return {"type": kind, "dtype": str(array.dtype)[:40], "shape": [int(n) for n in array.shape]}
        array = array.astype(array.dtype.newbyteorder("<"))
        data = base64.b64encode(array.tobytes()).decode()
        return {"type": kind, "dtype": array.dtype.str, "shape": [int(n) for n in array.shape], "data": data}
    except BaseException:
        return {"type": kind, "dtype": "unreadable", "shape": []}


class Capped(io.RawIOBase):
    """Standard output that keeps the first KEPT bytes and drops the rest."""

    def __init__(self):
        self.kept = bytearray()

    def writable(self):
        return True

    def fileno(self):
        return 1

    def write(self, data):
        self.kept += bytes(data[: max(0, KEPT - len(self.kept))])
        return len(data)

    def text(self):
        return self.kept.decode("utf-8", "replace")


class Names:
    """The names of a submission's module, live; one that is missing is an error that says so."""

    def __init__(self, path, names=None):
        self.path, self.names = path, names

    def __getitem__(self, name):
        if name not in self.names:
            raise AttributeError(f"{os.path.basename(self.path)} defines no {name}")
        return self.names[name]
