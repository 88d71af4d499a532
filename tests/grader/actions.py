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
import warnings
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
SHORT = 30  # iterations
ENDLESS = 150_000  # lines
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
    """Put classes and functions of the source in the place of the submission's own; they ask the grader."""
    made = {"__name__": "lent", "ask": module.ask}
    exec(compile(source, "lent", "exec"), made)
    module.names.update((name, made[name]) for name in names)


def graph(module, seen, inputs, nodes, upstream, value=None):
    """Make the nodes, (class, names of inputs), on the inputs; call backward(), last first, if asked to."""
    leaves, made = made_nodes(module, seen, inputs, nodes)
    if not upstream:
        return
    for leaf in leaves.values():
        leaf.grad = np.zeros(np.shape(leaf.value))[()]
    try:
        for node, g in zip(reversed(made), reversed(upstream)):
            node.grad = np.array(g)[()]
            if value is not None:
                node.value = np.float64(value)
            with contextlib.suppress(NotImplementedError):  # one left below a finished rule
                node.backward()
    finally:
        seen.update((name, plain(leaf.grad)) for name, leaf in leaves.items())


def made_nodes(module, seen, inputs, nodes):
    """The input nodes by name, and the nodes on them."""
    topo_order = []
    leaves = {name: module["InputNode"](np.array(value)[()], topo_order) for name, value in inputs.items()}
    made = [module[kind](*(leaves[name] for name in names)) for kind, names in nodes]
    for i, node in enumerate(made):
        seen[f"value {i + 1}"] = plain(getattr(node, "value", None))
    return leaves, made


def compute_grad(module, seen, inputs, nodes, weights, upstream):
    """The nodes in the middle of a graph: each is used twice, with two weights; compute_grad() of the sum."""
    leaves, made = made_nodes(module, seen, inputs, nodes)
    topo_order, total = next(iter(leaves.values())).topo_order, None
    for node, pair in zip(made, weights):
        node.backward = finished(node.backward)
        came = plain(getattr(node, "value", None))
        if "data" not in came or came["shape"] != list(np.shape(pair[0])):  # which is judged elsewhere
            node.value = np.zeros(np.shape(pair[0]))[()]
        for weight in pair:
            term = module["MulNode"](node, module["InputNode"](np.array(weight)[()], topo_order))
            total = term if total is None else module["AddNode"](total, term)
    output = total if np.ndim(total.value) == 0 else entries_summed(module["InputNode"], total)
    try:
        output.compute_grad()
    finally:
        seen.update((name, plain(leaf.grad)) for name, leaf in leaves.items())
        for i, node in enumerate(made):
            seen[f"places {i + 1}"] = plain(sum(n is node for n in topo_order))


def finished(backward):
    """A rule, without the NotImplementedError that was left below it."""

    def rule():
        with contextlib.suppress(NotImplementedError):
            backward()

    return rule


def entries_summed(input_node, n):
    """A node of our own, which the starter has not: the sum of the entries of a vector."""

    class SumNode(input_node):
        def __init__(self):
            self.value, self.grad, self.topo_order = np.float64(np.sum(n.value)), np.float64(0), n.topo_order
            n.topo_order.append(self)

        def backward(self):
            n.grad += self.grad * np.ones(np.shape(n.value))

    return SumNode()


def gradient_check(module, seen, function, arguments, factor=1, altered=()):
    """Call a gradient check, and note the value and the gradients that its graph has after backprop.

    Inputs multiply their gradient by the factor; the nodes named in altered have another value than they
    should: then backprop and differences disagree.
    """
    arrays = [np.array(value) for value in arguments]

    def broken(self):
        self.grad = self.grad * factor

    seen["EPSILON"] = plain(module.names.get("EPSILON"))
    options = np.printoptions(precision=17, threshold=sys.maxsize, linewidth=10**6, suppress=False)
    spoiled = mock.patch.object(module["InputNode"], "backward", broken)
    with (
        spoiled if factor != 1 else contextlib.nullcontext(),
        options,
        watched(module, arrays, altered) as noted,
    ):
        try:
            module[function](*arrays)
        finally:
            seen.update((name, plain(value)) for name, value in noted.items())


def differences(module, seen, function, arguments, step, altered=()):
    """The difference quotients of the value that the graph of a gradient check has, from outside."""
    arrays = [np.array(value) for value in arguments]

    def f():
        with watched(module, arrays, altered) as noted, contextlib.suppress(Exception, SystemExit):
            module[function](*(array.copy() for array in arrays))
        return float(noted.get("f", np.nan))

    for i, array in enumerate(arrays):
        quotients = np.zeros(array.shape)
        for entry in np.ndindex(array.shape):
            middle = array[entry]
            array[entry] = middle + step
            above = f()
            array[entry] = middle - step
            quotients[entry] = (above - f()) / (2 * step)
            array[entry] = middle
        seen[f"quotients {i + 1}"] = plain(quotients)


@contextlib.contextmanager
def watched(module, arrays, altered):
    """What the first compute_grad() on a graph with the arrays as inputs leaves there: f, and gradients."""
    noted, inputs = {}, module["InputNode"]
    base = next(cls for cls in inputs.__mro__ if "compute_grad" in vars(cls))
    original, kept = base.compute_grad, {name: module[name] for name in altered}
    given = [array.copy() for array in arrays]

    def compute_grad(self):
        original(self)
        if "f" in noted:
            return
        leaves = [node for node in self.topo_order if isinstance(node, inputs)]
        for i, array in enumerate(given):
            same = [leaf for leaf in leaves if np.asarray(leaf.value).tolist() == array.tolist()]
            for leaf in same:
                noted.setdefault(f"backprop {i + 1}", leaf.grad)
        noted["f"] = self.value

    module.names.update((name, other_value(cls)) for name, cls in kept.items())
    try:
        with mock.patch.object(base, "compute_grad", compute_grad):
            yield noted
    finally:
        module.names.update(kept)


def other_value(cls):
    """The class of nodes, but with y + y²/4 for the value y, and the rule as it was."""

    class Altered(cls):
        def __init__(self, *children):
            super().__init__(*children)
            self.value = self.value + 0.25 * self.value * self.value

    return Altered


def loss(module, seen, make, X, y, points):
    """The loss of a model and its gradients at several points, from the one function that it returns.

    And the difference quotients of this loss, taken from outside, and its value for other examples.
    """
    compute_loss = module[make](examples(X, y))
    for i, point in enumerate(points):
        nodes, total = compute_loss(*numbers(point))
        seen[f"loss {i + 1}"] = plain(total.value)
        total.compute_grad()
        for j, node in enumerate(nodes):
            seen[f"gradient {i + 1} {j + 1}"] = plain(node.grad)
    for i, point in enumerate(points):
        for j in range(len(point)):
            seen[f"quotients {i + 1} {j + 1}"] = plain(quotients(compute_loss, numbers(point), j))
    other = module[make](examples(np.array(X) + 1, [-label for label in y]))
    seen["loss elsewhere"] = plain(other(*numbers(points[0]))[1].value)


def numbers(point):
    return [np.array(value, dtype=float)[()] for value in point]


def quotients(compute_loss, point, j, step=1e-5):
    """By the entries of argument j."""
    middle = np.array(point[j])
    found = np.zeros(middle.shape)
    for entry in np.ndindex(middle.shape):
        for sign in (1, -1):
            moved = middle.copy()
            moved[entry] += sign * step
            total = compute_loss(*point[:j], moved[()], *point[j + 1 :])[1]
            found[entry] += sign * total.value / (2 * step)
    return found


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
    """Train a model by the submission's own gradient descent; and the first steps, by it and without it."""
    f = module[make](examples(X, y))
    seen["first loss"] = plain(f(*numbers(start))[1].value)
    try:
        descend(module, seen, f, numbers(start), lr, num_iters)
    finally:
        params = numbers(start)
        with contextlib.suppress(Exception, SystemExit):
            module["gradient_descent"](f, params, lr, SHORT)
        seen.update((f"short {i + 1}", plain(value)) for i, value in enumerate(params))
        params = numbers(start)
        for _ in range(SHORT):
            nodes, total = f(*params)
            total.compute_grad()
            params = [value - lr * node.grad for value, node in zip(params, nodes)]
        seen.update((f"plain {i + 1}", plain(value)) for i, value in enumerate(params))


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


def kmeans_within_reason(module, seen, X, k, seed):
    """Cluster X, but for no more lines than any k-means takes for a few hundred examples."""
    count = 0

    def line(frame, event, argument):
        nonlocal count
        count += 1
        if count > ENDLESS:
            raise RuntimeError(f"kmeans went on after {ENDLESS} lines")
        return line if frame.f_code.co_filename == module.path else None

    def warned(message, *rest, **more):
        if "invalid value" in str(message) or "empty" in str(message):
            seen["empty mean"] = plain(1)

    with warnings.catch_warnings(), mock.patch.object(warnings, "showwarning", warned):
        warnings.simplefilter("default")
        sys.settrace(line)
        try:
            kmeans(module, seen, X, k, seed)
        finally:
            sys.settrace(None)


def lines(module, seen, X, k, seed):
    """Cluster X, and count what Python does: lines, wherever they stand, calls of functions, also of C's.

    Functions that numpy or map call for each element are counted under that name.
    """
    count, words, library, switched, enough = 0, {}, set(), 0, 10_000 + 60 * len(X)

    def line(frame, event, argument):
        nonlocal count
        count += 1
        if count > enough:  # to tell a loop; the rest is done sooner without counting
            stop()
        path = frame.f_code.co_filename.replace(os.sep, "/")
        library.update(name for name in ("sklearn/cluster", "scipy/cluster") if name in path)
        return line

    def call_of_c(frame, event, argument):
        nonlocal count
        count += event == "c_call"

    def counted(word, function):
        def called(*arguments, **more):
            nonlocal count
            count, words[word] = count + 1, words.get(word, 0) + 1
            return function(*arguments, **more)

        return called

    def through(word, original):
        return lambda function, *rest, **more: original(counted(word, function), *rest, **more)

    def stop():
        module.hooked = lambda event, arguments: None
        sys.settrace(None)
        sys.setprofile(None)

    def hook(event, arguments):
        nonlocal switched
        switched += event in ("sys.settrace", "sys.setprofile")

    if not hasattr(module, "hooked"):
        sys.addaudithook(lambda event, arguments: module.hooked(event, arguments))
    replaced = [(name, getattr(np, name)) for name in ("vectorize", "apply_along_axis", "frompyfunc")]
    with contextlib.ExitStack() as stack:
        for name, original in replaced:
            stack.enter_context(mock.patch.object(np, name, through(f"np.{name}", original)))
        if "map" not in module.names:
            stack.enter_context(mock.patch.dict(module.names, {"map": through("map", map)}))
        module.hooked = lambda event, arguments: None
        sys.setprofile(call_of_c)
        sys.settrace(line)
        module.hooked = hook
        try:
            kmeans(module, seen, X, k, seed)
        finally:
            stop()
    if switched:
        raise RuntimeError("the count of executed lines was switched off (sys.settrace)")
    seen["lines"] = plain(count)
    seen.update((f"calls {word}", plain(times)) for word, times in words.items() if times > 100)
    for name in library:
        seen["library"] = {"type": name, "dtype": "", "shape": []}


ALL = (
    load,
    replace,
    graph,
    compute_grad,
    gradient_check,
    differences,
    loss,
    descent,
    train,
    kmeans,
    kmeans_within_reason,
    lines,
)
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
        self.path, self.names, self.ask = path, names, None

    def __getitem__(self, name):
        if name not in self.names:
            raise AttributeError(f"{os.path.basename(self.path)} defines no {name}")
        return self.names[name]
