"""In the form that students are given: right in many styles, and what a slip or a trick there costs.

Whatever stands outside the blanks is as in filled/, so arrays of length 2 and 2 by 2 stay what they are.
"""

import textwrap

from case import Case, filled, find


def source(script, name):
    """The text of a function of the right submission."""
    item = find(filled(script), name)
    return "\n".join(filled(script).split("\n")[item.lineno - 1 : item.end_lineno]) + "\n"


def cut(text, start, end):
    """What stands from one text up to another."""
    return text[text.index(start) : text.index(end)]


CHECKS = {"1h": source("backprop.py", "gradient_check_1"), "1m": source("backprop.py", "gradient_check_2")}
FILL = {part: cut(text, "    for i in range(2)", "    for name, node") for part, text in CHECKS.items()}
PRINT = '        print(f"    Max difference: {np.max(np.abs(numerical - node.grad))}")\n'
INPUTS = {
    "1h": "values, tables = [a_test, b_test, c_test], [a_numerical, b_numerical, c_numerical]",
    "1m": "values, tables = [M_test, v_test], [M_numerical, v_numerical]",
}


def checks(id, why, fill=None, edits=(), lost=None, says=()):
    """Both gradient checks with another filling; it finds the inputs as values, what it fills as tables."""
    made = {}
    for part, text in CHECKS.items():
        if fill:
            filling = f"{INPUTS[part]}\n{textwrap.dedent(fill).strip()}\n"
            text = text.replace(FILL[part], textwrap.indent(filling, "    "))
        for old, new in edits:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        made[f"gradient_check_{1 if part == '1h' else 2}"] = text
    return Case(id, made, dict.fromkeys(CHECKS, lost) if lost else {}, why, says=says, only=tuple(CHECKS))


def node(id, name, why, lost=None, says=(), **blanks):
    """A node with other blanks: value, grad, backward."""
    part = {"LogNode": "1b", "SigmoidNode": "1e", "DotNode": "1g", "MVMulNode": "1l"}[name]
    replace = {f"{name}.{blank}": text for blank, text in blanks.items()}
    built_on = "1m" if name == "MVMulNode" else "1h"
    return Case(id, replace, {part: lost} if lost else {}, why, says=says, only=(part, built_on, "1n"))


def function(id, name, why, *edits, lost=None, says=()):
    """A function of the right submission with other lines."""
    part = {"gradient_descent": "1i", "make_logistic_regression": "1i", "make_neural_network": "1n"}
    part = part.get(name, "2a")
    text = source("kmeans.py" if part == "2a" else "backprop.py", name)
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return Case(id, {name: text}, {part: lost} if lost else {}, why, says=says, only=(part,))


QUOTIENT = """
for table, value in zip(tables, values):
    for entry in np.ndindex(2, 2) if table.ndim == 2 else [(0,), (1,)]:
        kept = value[entry]
        value[entry] = kept + EPSILON
        table[entry] = (f(*values)[1].value - output.value) / EPSILON
        value[entry] = kept
"""
VALUE = "{output.value}"
FILLINGS = [
    checks("fill-in-place", "perturbs what was given, and puts it back", QUOTIENT),
    checks(
        "fill-plus-and-minus",
        "+= and -= on what was given",
        QUOTIENT.replace("value[entry] = kept + EPSILON", "value[entry] += EPSILON").replace(
            "value[entry] = kept\n", "value[entry] -= EPSILON\n"
        ),
    ),
    checks(
        "fill-central",
        "central differences",
        """
        for table, value in zip(tables, values):
            for entry in np.ndindex(table.shape):
                kept = value[entry]
                value[entry] = kept + 1e-5
                above = f(*values)[1].value
                value[entry] = kept - 1e-5
                table[entry] = (above - f(*values)[1].value) / 2e-5
                value[entry] = kept
        """,
    ),
    checks(
        "fill-backward",
        "backward differences",
        QUOTIENT.replace("kept + EPSILON", "kept - EPSILON").replace("/ EPSILON", "/ -EPSILON"),
    ),
    checks(
        "fill-copies",
        "a copy for each entry",
        """
        for n in range(len(values)):
            for entry, _ in np.ndenumerate(values[n]):
                moved = [np.copy(value) for value in values]
                moved[n][entry] += EPSILON
                tables[n][entry] = (f(*moved)[1].value - output.value) / EPSILON
        """,
    ),
    checks(
        "fill-unit-vectors",
        "rows of the identity as steps",
        """
        for n, value in enumerate(values):
            for i, step in enumerate(EPSILON * np.eye(value.size)):
                moved = values[:n] + [value + step.reshape(value.shape)] + values[n + 1:]
                tables[n].flat[i] = (f(*moved)[1].value - f(*values)[1].value) / EPSILON
        """,
    ),
    checks(
        "fill-helper",
        "a function of its own, and Python's floats",
        """
        def slope(n, entry):
            moved = [value.copy() for value in values]
            moved[n][entry] = moved[n][entry] + EPSILON
            return float(f(*moved)[1].value - output.value) / EPSILON

        for n in range(len(values)):
            for entry in np.ndindex(values[n].shape):
                tables[n][entry] = slope(n, entry)
        """,
    ),
    checks(
        "fill-while",
        "a while, and flat indices of 2 and 4",
        """
        for table, value in zip(tables, values):
            i = 0
            while i < table.size:
                value.flat[i] += EPSILON
                table.flat[i] = (f(*values)[1].value - output.value) / EPSILON
                value.flat[i] -= EPSILON
                i += 1
        """,
    ),
    Case(
        "fill-new-arrays",
        {
            "gradient_check_1": CHECKS["1h"].replace(
                FILL["1h"],
                """
    e0, e1, f0 = np.array([EPSILON, 0]), np.array([0, EPSILON]), output.value
    a_numerical = np.array([(f(a_test + e, b_test, c_test)[1].value - f0) / EPSILON for e in (e0, e1)])
    b_numerical = np.array([(f(a_test, b_test + e, c_test)[1].value - f0) / EPSILON for e in (e0, e1)])
    c_numerical = np.array([(f(a_test, b_test, c_test + e)[1].value - f0) / EPSILON for e in (e0, e1)])
""",
            )
        },
        why="new arrays, from comprehensions",
        only=("1h",),
    ),
    Case(
        "fill-without-the-graph",
        {
            "gradient_check_1": CHECKS["1h"].replace(
                FILL["1h"],
                """
    def g(a, b, c):
        return np.log(a.dot(b)) - 3 * sigmoid(a.dot(c))

    for i in range(2):
        e = np.zeros(2)
        e[i] = EPSILON
        a_numerical[i] = (g(a_test + e, b_test, c_test) - g(a_test, b_test, c_test)) / EPSILON
        b_numerical[i] = (g(a_test, b_test + e, c_test) - g(a_test, b_test, c_test)) / EPSILON
        c_numerical[i] = (g(a_test, b_test, c_test + e) - g(a_test, b_test, c_test)) / EPSILON
""",
            )
        },
        why="differences of f, written once more without nodes",
        only=("1h",),
    ),
    Case(
        "fill-unrolled",
        {
            "gradient_check_2": CHECKS["1m"].replace(
                FILL["1m"],
                """
    f0 = output.value
    M_numerical[0, 0] = (f(M_test + np.array([[EPSILON, 0], [0, 0]]), v_test)[1].value - f0) / EPSILON
    M_numerical[0, 1] = (f(M_test + np.array([[0, EPSILON], [0, 0]]), v_test)[1].value - f0) / EPSILON
    M_numerical[1, 0] = (f(M_test + np.array([[0, 0], [EPSILON, 0]]), v_test)[1].value - f0) / EPSILON
    M_numerical[1, 1] = (f(M_test + np.array([[0, 0], [0, EPSILON]]), v_test)[1].value - f0) / EPSILON
    v_numerical[0] = (f(M_test, v_test + np.array([EPSILON, 0]))[1].value - f0) / EPSILON
    v_numerical[1] = (f(M_test, v_test + np.array([0, EPSILON]))[1].value - f0) / EPSILON
""",
            )
        },
        why="entry by entry",
        only=("1m",),
    ),
]
PRINTS = [
    checks("prints-rounded", "f as in the handout", edits=[(VALUE, "{output.value:.3f}")]),
    checks(
        "prints-four-decimals",
        "numerical columns of four decimals",
        edits=[("{numerical}", "{np.round(numerical, 4)}")],
    ),
    checks(
        "raises-where-they-differ",
        "a check of its own, which raises when the grader spoils backprop",
        edits=[
            (
                PRINT,
                PRINT + "        if np.max(np.abs(numerical - node.grad)) > 2e-7:\n"
                "            raise ValueError(name)\n",
            )
        ],
    ),
    checks(
        "exits-where-they-differ",
        "the same, with sys.exit",
        edits=[
            (
                PRINT,
                PRINT + "        if np.max(np.abs(numerical - node.grad)) > 2e-7:\n            sys.exit(1)\n",
            )
        ],
    ),
    checks(
        "returns-where-they-differ",
        "the same, before anything of it is printed",
        edits=[
            (
                '        print(f"{name}.grad:")\n',
                "        if not np.allclose(numerical, node.grad, atol=1e-6):\n            return False\n"
                '        print(f"{name}.grad:")\n',
            )
        ],
    ),
    checks(
        "asserts-allclose",
        "numpy's own assertion",
        edits=[(PRINT, PRINT + "        np.testing.assert_allclose(numerical, node.grad, atol=1e-6)\n")],
    ),
    checks(
        "plots-them",
        "a plot",
        edits=[(PRINT, PRINT + "        plt.plot(numerical.ravel(), node.grad.ravel())\n")],
    ),
]

NODES = [
    node("log-start-int", "LogNode", "+= on 0 makes a float", grad="self.grad = 0"),
    node("log-start-float", "LogNode", "0.0", grad="self.grad = 0.0"),
    node("log-start-zeros-like", "LogNode", "zeros_like", grad="self.grad = np.zeros_like(self.value)"),
    node("sigmoid-start-array", "SigmoidNode", "without dimensions", grad="self.grad = np.array(0.0)"),
    node("dot-start-zeros", "DotNode", "zeros(())", grad="self.grad = np.zeros(())"),
    node("matrix-start-int", "MVMulNode", "0 for a vector: += makes one", grad="self.grad = 0"),
    node("matrix-start-like-value", "MVMulNode", "zeros_like", grad="self.grad = np.zeros_like(self.value)"),
    node(
        "sigmoid-clipped-far-out",
        "SigmoidNode",
        "a guard against overflow, at ±500",
        value="self.value = 1 / (1 + np.exp(-np.clip(n.value, -500, 500)))",
    ),
    node(
        "matrix-by-np-matrix",
        "MVMulNode",
        "np.matrix",
        value="self.value = np.asarray(np.matrix(M.value) * np.matrix(v.value).T).ravel()",
        backward="""
        g = np.matrix(self.grad).T
        self.M.grad += np.asarray(g * np.matrix(self.v.value))
        self.v.grad += np.asarray(np.matrix(self.M.value).T * g).reshape(-1)
        """,
    ),
    node(
        "matrix-by-reshape",
        "MVMulNode",
        "columns and rows",
        value="self.value = (M.value @ v.value.reshape(d, 1)).reshape(p)",
        backward="""
        self.M.grad += self.grad.reshape(-1, 1) @ self.v.value.reshape(1, -1)
        self.v.grad += (self.M.value.T @ self.grad.reshape(-1, 1)).flatten()
        """,
    ),
    node(
        "matrix-by-rows",
        "MVMulNode",
        "a loop over the rows",
        value="self.value = np.array([row @ v.value for row in M.value])",
        backward="""
        for i, g in enumerate(self.grad):
            self.M.grad[i] += g * self.v.value
            self.v.grad += g * self.M.value[i]
        """,
    ),
    node("dot-by-at", "DotNode", "@, and Python's float", value="self.value = float(n1.value @ n2.value)"),
]

TOTAL = "            total_loss = loss if total_loss is None else AddNode(total_loss, loss)\n"
LOSS = "loss = ConstantMulNode(LogNode(SigmoidNode(ConstantMulNode(score, y))), -1)"
STEP = "            params[i] = params[i] - lr * input_nodes[i].grad\n"
MODELS = [
    function(
        "own-class",
        "make_logistic_regression",
        "a node class of its own, in the blank",
        (
            LOSS,
            """class MinusNode(Node):
                def __init__(self, n):
                    self.n, self.topo_order = n, n.topo_order
                    self.value, self.grad = -n.value, 0.0
                    self.topo_order.append(self)

                def backward(self):
                    self.n.grad -= self.grad

            loss = MinusNode(LogNode(SigmoidNode(ConstantMulNode(score, y))))""",
        ),
    ),
    function(
        "two-branches",
        "make_neural_network",
        "a branch for each label",
        (
            LOSS,
            """if y > 0:
                p = SigmoidNode(score)
            else:
                p = AddNode(InputNode(np.float64(1), topo_order), ConstantMulNode(SigmoidNode(score), -1))
            loss = ConstantMulNode(LogNode(p), -1)""",
        ),
    ),
    function(
        "list-of-losses",
        "make_neural_network",
        "a list, added up at the end",
        ("        total_loss = None\n", "        losses = []\n"),
        (
            TOTAL,
            "            losses.append(loss)\n        total_loss = losses[0]\n"
            "        for loss in losses[1:]:\n            total_loss = AddNode(total_loss, loss)\n",
        ),
    ),
    function(
        "by-index",
        "make_logistic_regression",
        "indices, and prints",
        (
            "for x, y in dataset:\n",
            "for i in range(len(dataset)):\n            x, y = dataset[i][0], dataset[i][1]\n",
        ),
        (TOTAL, TOTAL + "            assert total_loss.value.shape == ()\n"),
    ),
    function(
        "steps-in-place",
        "gradient_descent",
        "−=",
        (STEP, "            params[i] -= lr * input_nodes[i].grad\n"),
    ),
    function(
        "steps-all-at-once",
        "gradient_descent",
        "a comprehension, from the nodes' values",
        (
            "        for i in range(len(params)):\n" + STEP,
            "        params[:] = [n.value - lr * n.grad for n in input_nodes]\n",
        ),
    ),
    function(
        "steps-in-three-lines",
        "gradient_descent",
        "gradients are collected first, and the curve is drawn",
        (
            "        for i in range(len(params)):\n" + STEP,
            "        plt.plot([t], [loss.value]) if t == 0 else None\n"
            "        grads = [np.array(n.grad, copy=True) for n in input_nodes]\n"
            "        for i, (p, g) in enumerate(zip(list(params), grads)):\n"
            "            params[i] = np.subtract(p, np.multiply(g, lr))\n",
        ),
    ),
]

DISTANCES = "distances = ((X[:, None] - centroids) ** 2).sum(2)"
STOP = "        if before is not None and (z == before).all():\n            break\n"
MEANS = "            if (z == j).any():\n                centroids[j] = X[z == j].mean(0)\n"
MAIN_LOOP = cut(source("kmeans.py", "kmeans"), "    z = None\n", "    return z")
PLAINEST = """
    while True:
        new = np.argmin(((X[:, None] - centroids) ** 2).sum(2), axis=1)
        if np.array_equal(new, z):
            break
        z = new
        for j in range(k):
            if np.any(z == j):
                centroids[j] = X[z == j].mean(axis=0)
    loss = ((X - centroids[z.astype(int)]) ** 2).sum()
    z = z.astype(int)
"""


def kmeans(id, why, *edits, lost=None, says=()):
    return function(id, "kmeans", why, *edits, lost=lost, says=says)


CLUSTERS = [
    kmeans("from-z-of-zeros", "the plainest loop over the z that is given", (MAIN_LOOP, PLAINEST)),
    kmeans(
        "z-filled-in-place",
        "the z that is given is filled, and made whole numbers at the end",
        (MAIN_LOOP, PLAINEST.replace("z = new", "z[:] = new").replace("z == j", "z == float(j)")),
    ),
    kmeans(
        "distances-column-by-column",
        "a loop over the clusters",
        (
            DISTANCES,
            "distances = np.empty((N, k))\n        for j in range(k):\n"
            "            distances[:, j] = np.linalg.norm(X - centroids[j], axis=1) ** 2",
        ),
    ),
    kmeans(
        "distances-by-einsum",
        "einsum",
        (
            DISTANCES,
            "gaps = X[:, None] - centroids\n        distances = np.einsum('nkd,nkd->nk', gaps, gaps)",
        ),
    ),
    kmeans("300-passes", "a cap that no run comes near", ("while True:", "for _ in range(300):")),
    kmeans(
        "until-the-loss-stays",
        "ends when the loss is exactly the same",
        (
            STOP,
            STOP.replace("(z == before).all()", "distances.min(1).sum() == loss")
            + "        loss = distances.min(1).sum()\n",
        ),
    ),
    kmeans(
        "new-centroids",
        "a new array for each pass, ended by np.allclose on z",
        ("(z == before).all()", "np.allclose(z, before)"),
        (
            "        for j in range(k):\n" + MEANS,
            "        means = [X[z == j].mean(0) if j in z else centroids[j] for j in range(k)]\n"
            "        centroids = np.vstack(means)\n",
        ),
    ),
    kmeans(
        "best-of-five",
        "restarts, of which the best counts",
        (
            "def kmeans(X, k):",
            "def kmeans(X, k, restarts=5):\n    if restarts > 1:\n"
            "        return min((kmeans(X, k, 1) for _ in range(restarts)), key=lambda run: run[2])",
        ),
    ),
    kmeans(
        "prints-and-asserts",
        "prints and asserts on the way",
        (STOP, STOP + "        print('loss', distances.min(1).sum())\n        assert z.max() < k\n"),
    ),
    kmeans(
        "map-over-clusters",
        "a map over the clusters is no loop over examples",
        (
            "        for j in range(k):\n" + MEANS,
            "        centroids = np.array(list(map(lambda j: X[z == j].mean(0) if (z == j).any() "
            "else centroids[j], range(k))))\n",
        ),
    ),
]
RIGHT = [
    *FILLINGS,
    *PRINTS,
    *NODES,
    *MODELS,
    *CLUSTERS,
]

SLIPS = [
    kmeans(
        "empty-to-nan-in-place",
        "the mean of no examples",
        (MEANS, "            centroids[j] = X[z == j].mean(0)\n"),
        lost=1,
        says=["a cluster is empty here: its mean is NaN"],
    ),
    node(
        "log-start-1",
        "LogNode",
        "1 for 0",
        1,
        ["self.grad has to start at zero"],
        grad="self.grad = np.float64(1)",
    ),
    node("sigmoid-start-missing", "SigmoidNode", "no gradient", 1, ["grad"], grad="pass"),
    node("dot-start-1", "DotNode", "1 for 0", 1, ["self.grad has to start at zero"], grad="self.grad = 1.0"),
    node("matrix-start-shape", "MVMulNode", "d entries for p", 1, grad="self.grad = np.zeros(d)"),
    node(
        "matrix-start-integers",
        "MVMulNode",
        "whole numbers, to which no float can be added",
        1,
        ["UFuncTypeError"],
        grad="self.grad = np.zeros(p, dtype=int)",
    ),
    node(
        "log-above-0.01",
        "LogNode",
        "log of max(x, 0.01)",
        1,
        value="self.value = np.log(np.maximum(n.value, 0.01))",
    ),
    node(
        "sigmoid-clipped-at-10",
        "SigmoidNode",
        "clipped at ±10",
        1,
        value="self.value = sigmoid(np.clip(n.value, -10, 10))",
        backward="self.n.grad += self.grad * sigmoid(self.n.value) * (1 - sigmoid(self.n.value))",
    ),
    function(
        "backprop-twice",
        "gradient_descent",
        "compute_grad resets nothing: called twice, it doubles",
        ("        loss.compute_grad()\n", "        loss.compute_grad()\n        loss.compute_grad()\n"),
        lost=2,
    ),
    checks(
        "formula-and-noise",
        "the closed formula plus 1e-9: no difference of f",
        """
        if len(values) == 3:
            x, y, z = values
            u = sigmoid(x.dot(z))
            made = [y / x.dot(y) - 3 * u * (1 - u) * z, x / x.dot(y), -3 * u * (1 - u) * x]
        else:
            on = M_test.dot(v_test) > 0
            made = [np.outer(v_test * on, v_test), M_test.dot(v_test) * on + M_test.T.dot(v_test * on)]
        for table, right in zip(tables, made):
            table[:] = right + 1e-9
        """,
        lost=2,
        says=["is it made of differences of f?"],
    ),
    checks(
        "backprop-again-and-noise",
        "a second backprop plus noise",
        """
        nodes, again = f(*values)
        again.compute_grad()
        for table, n in zip(tables, nodes):
            table[:] = n.grad + 1e-9
        """,
        lost=3,
        says=["follows a.grad"],
    ),
    kmeans(
        "two-clusters-and-far",
        "two clusters whatever k is, the other centroids far away",
        ("    z = None\n", "    centroids[2:] = 1e6\n    z = None\n"),
        lost=4,
        says=["of 3 clusters have examples"],
    ),
    kmeans(
        "two-clusters-and-copies",
        "two clusters whatever k is, the other centroids copies of the first",
        ("    return z", "    centroids[2:] = centroids[0]\n    return z"),
        ("distances.argmin(1)", "distances[:, :2].argmin(1)"),
        lost=4,
    ),
    kmeans(
        "one-sign",
        "stops when no centroid falls: it looks at one sign of the movement",
        (STOP, ""),
        ("        for j in range(k):\n", "        old = centroids.copy()\n        for j in range(k):\n"),
        (MEANS, MEANS + "        if np.max(old - centroids) < 1e-6:\n            break\n"),
        (
            "    loss = distances",
            "    distances = ((X[:, None] - centroids) ** 2).sum(2)\n    loss = distances",
        ),
        lost=4,
    ),
    kmeans(
        "map-over-examples",
        "a map of C's own function over the examples",
        ("distances.argmin(1)", "np.array(list(map(np.ndarray.argmin, distances)))"),
        lost=1,
        says=["through map"],
    ),
    kmeans(
        "vectorized",
        "np.vectorize is a loop",
        ("distances.argmin(1)", "np.vectorize(lambda i: distances[i].argmin())(np.arange(N))"),
        lost=1,
        says=["through np.vectorize"],
    ),
    kmeans(
        "along-axis",
        "np.apply_along_axis is a loop",
        ("distances.argmin(1)", "np.apply_along_axis(np.ndarray.argmin, 1, distances)"),
        lost=1,
        says=["through np.apply_along_axis"],
    ),
    kmeans(
        "compiled-elsewhere",
        "a loop in code compiled under another name",
        ("distances.argmin(1)", "assign(distances)"),
        (
            "    loss = None\n",
            "    loss = None\n    space = {'np': np}\n"
            "    text = 'def assign(d):\\n    return np.array([r.argmin() for r in d])'\n"
            "    exec(compile(text, 'x', 'exec'), space)\n"
            "    assign = space['assign']\n",
        ),
        lost=1,
        says=["a loop over examples"],
    ),
    kmeans(
        "tracer-off-and-on",
        "the tracer is switched off for the loop, and on again",
        ("distances.argmin(1)", "off_and_on(distances)"),
        (
            "    loss = None\n",
            "    loss = None\n\n    def off_and_on(d):\n        tracer = sys.gettrace()\n"
            "        sys.settrace(None)\n        found = np.array([row.argmin() for row in d])\n"
            "        sys.settrace(tracer)\n        return found\n\n",
        ),
        lost=1,
        says=["sys.settrace"],
    ),
    kmeans(
        "from-a-library",
        "a library's k-means",
        (
            MAIN_LOOP,
            "    from scipy.cluster.vq import kmeans2\n"
            "    centroids, z = kmeans2(X, centroids, 300, minit='matrix')\n"
            "    loss = ((X - centroids[z]) ** 2).sum()\n",
        ),
        lost=1,
        says=["the k-means is a library's"],
    ),
    kmeans(
        "100-passes-at-most",
        "a cap above every run of the handout",
        ("while True:", "for _ in range(100):"),
        lost=1,
    ),
    kmeans(
        "50-passes-at-most",
        "a cap that the handout's picture meets",
        ("while True:", "for _ in range(50):"),
        lost=2,
    ),
]

CASES = {"right in the starter's form": RIGHT, "slips and tricks in the starter's form": SLIPS}
