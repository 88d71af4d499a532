"""Checks of the nodes: 1b LogNode, 1e SigmoidNode, 1g DotNode, 1l MVMulNode.

The value and the rule are judged on a node alone, its gradient set from outside. What only a graph shows,
that the gradient starts at zero, that what comes from several sides adds up, and that the node stands in
topo_order once, is judged by the student's own rule: a wrong one costs the point of the gradient, no other.
"""

import functools

import numpy as np

from . import reference
from .checks import Trial, encode, generator
from .compare import Wrong, numbers, require

SCALAR_NODES = {  # on the range where every right formula is good to the tolerance
    "1b": ("LogNode", [0.3, 4.7, 31.0, 2e4, 2e-3, 3e-6]),
    "1e": ("SigmoidNode", [-2.3, 0.6, 1.9, -12.0, 11.0, -25.0, 25.0]),
}
STEP = 1e-4  # of x, of the difference quotients of the student's own value


def trials(part):
    if part in SCALAR_NODES:
        return [scalar_node(part, *SCALAR_NODES[part])]
    return [dot_node() if part == "1g" else matrix_node()]


def step(kind, inputs, nodes, upstream, **more):
    """One graph: its step, and its text."""
    made = ", ".join(f"{kind}({', '.join(names)})" for names in nodes)
    where = ", ".join(
        f"{name} of shape {np.shape(value)}" if np.ndim(value) else f"{name} = {value:.3g}"
        for name, value in inputs.items()
    )
    arguments = {"inputs": inputs, "nodes": [[kind, names] for names in nodes], "upstream": upstream, **more}
    return ["graph", encode(arguments)], f"{made} with {where}"


def node_trial(part, singles, graphs, more=()):
    """Of single nodes, and of graphs; each node of a graph also alone, with the same gradient from above."""
    steps, texts, names = [], [], {}

    def add(name, made):
        names.setdefault(name, []).extend(range(len(steps), len(steps) + len(made)))
        steps.extend(step for step, _ in made)
        texts.extend(text for _, text in made)

    add("value", [([action, {**arguments, "upstream": []}], text) for (action, arguments), text in singles])
    add("gradient", singles)
    for kind, inputs, nodes, weights in graphs:
        one = step(kind, inputs, nodes, [np.sum(pair, 0) for pair in weights], weights=encode(weights))
        add("graph", [(["compute_grad", one[0][1]], one[1])])
        add("alone", [step(kind, *apart(inputs, names), [np.sum(w, 0)]) for names, w in zip(nodes, weights)])
    for name, made in more:
        add(name, made)
    trial = Trial(part, "backprop.py", steps, texts)
    trial.names = names
    trial.checks = {
        "value": functools.partial(values, trial),
        "gradient": functools.partial(rule, trial),
        "in a graph": functools.partial(in_a_graph, trial),
    }
    return trial


def apart(inputs, names):
    """The inputs of one node, with a second input in place of one that it has twice, and the node."""
    own, names = {name: inputs[name] for name in names}, list(names)
    if len(names) == 2 and names[0] == names[1]:
        own["other"], names[1] = own[names[0]], "other"
    return own, [names]


def tolerance(inputs):
    """Near the pole of the logarithm a guard against zero, below 1e-7, is no mistake."""
    x = inputs.get("x", 1)
    return 2e-2 if 0 < x < 1e-4 else 1e-5


def values(trial, evidence):
    for i in trial.names["value"]:
        want = trial.wanted[i].seen["value 1"].array
        known = [
            ("this is −1 times the value", -want),
            ("this is the logarithm to base 10", want / np.log(10)),
        ]
        limit = tolerance(trial.steps[i][1]["inputs"])
        require(f"value of {trial.texts[i]}", evidence.seen(i, "value 1"), want, known, limit)


def rule(trial, evidence):
    """What backward() adds: right; or right for the value that the student's node has, if that is wrong."""
    try:
        gradients(trial, trial.names["gradient"], evidence)
    except Wrong as wrong:
        for other in (in_u, of_own_value):
            try:
                return other(trial, evidence)
            except Wrong:
                pass
        raise wrong from None


def gradients(trial, which, evidence):
    for i in which:
        arguments = trial.steps[i][1]
        wanted = {name: trial.wanted[i].seen[name].array for name in arguments["inputs"]}
        for name, want in wanted.items():
            what = (
                f"{name}.grad after backward() of {trial.texts[i]}, gradient {upstream(arguments)} from above"
            )
            known, limit = mistakes(name, wanted, arguments), tolerance(arguments["inputs"])
            require(what, evidence.seen(i, name), want, known, limit)


def in_u(trial, evidence):
    """The rule in u alone: the node was given another value before backward()."""
    if "in u" not in trial.names:
        raise Wrong("this rule is not in the value of the node")
    for i in trial.names["in u"]:
        arguments = trial.steps[i][1]
        u, g = arguments["value"], arguments["upstream"][0]
        require("x.grad", evidence.seen(i, "x"), g * u * (1 - u))


def of_own_value(trial, evidence):
    """The derivative of the value that the node has, by differences."""
    for i, j in zip(trial.names["gradient"], trial.names.get("around", ())):
        arguments = trial.steps[i][1]
        x, g = arguments["inputs"]["x"], arguments["upstream"][0]
        above, below = (float(numbers("value", evidence.seen(j, f"value {n}"), ())) for n in (1, 2))
        if abs(above - below) < 1e-9 < 1e-4 < abs(x) < 10:
            raise Wrong("the value does not depend on x")
        want = g * (above - below) / (2 * STEP * abs(x))
        require("x.grad", evidence.seen(i, "x"), want, tolerance=2e-2 if abs(want) < 1e-3 else 1e-4)
    if "around" not in trial.names:
        raise Wrong("not looked at")


def in_a_graph(trial, evidence):
    """compute_grad() on a graph in which the nodes stand in the middle, and inputs have several uses.

    Each input's gradient must be the sum of what the nodes add alone, whatever that is.
    """
    alone = iter(trial.names["alone"])
    for i in trial.names["graph"]:
        joined(trial, i, evidence)
        arguments = trial.steps[i][1]
        shares = [
            (names, *own_shares(trial, next(alone), names, evidence)) for _, names in arguments["nodes"]
        ]
        for name in arguments["inputs"]:
            parts = [share[name] for _, share, _ in shares if name in share]
            want = np.sum(parts, axis=0)
            what = f"{name}.grad after compute_grad(), where {trial.texts[i]}"
            require(what, evidence.seen(i, name), want, graph_mistakes(name, want, parts, shares))
    if not any(np.any(share) for _, own, _ in shares for share in own.values()):
        raise Wrong(f"backward() of {trial.texts[i]} adds nothing to any input")


def own_shares(trial, i, names, evidence):
    """What the node alone adds to each of its inputs, and what it would add for one more from above."""
    seen = {name: evidence.seen(i, name) for name in trial.steps[i][1]["inputs"]}
    share = {
        name: numbers(f"{name}.grad of {trial.texts[i]}", value, np.shape(trial.steps[i][1]["inputs"][name]))
        for name, value in seen.items()
    }
    if "other" in share:
        share[names[0]] = share[names[0]] + share.pop("other")
    arguments = dict(trial.steps[i][1])
    arguments["upstream"] = [(np.array(arguments["upstream"][0]) + 1).tolist()]
    more = reference.perform("backprop.py", ["graph", arguments]).seen
    more = {name: more[name].array - trial.wanted[i].seen[name].array for name in more if name in seen}
    if "other" in more:
        more[names[0]] = more[names[0]] + more.pop("other")
    return share, more


def graph_mistakes(name, want, parts, shares):
    yield "this is zero: compute_grad() never came to the node", 0 * want
    if any(list(names) == [name, name] for names, _, _ in shares):
        yield "this is what one of its places brings: = instead of +=?", want / 2
    if len(parts) > 1:
        for part in parts:
            yield "this is one contribution alone: = instead of +=?", part
    yield (
        "a gradient that starts at 1 gives this: self.grad has to start at zero",
        want + np.sum([more[name] for _, _, more in shares if name in more], axis=0),
    )
    yield "this is twice the sum", 2 * want


def joined(trial, i, evidence):
    """The node has appended itself to topo_order; else compute_grad passes it by."""
    times = int(numbers("places", evidence.seen(i, "places 1"), ()))
    if times != 1:
        raise Wrong(
            f"{trial.texts[i]}: the node stands {times} times in its topo_order, not once: "
            "compute_grad() calls backward() of what stands there"
        )


def upstream(arguments):
    shapes = {np.shape(g) for g in arguments["upstream"]}
    if shapes == {()}:
        return " and ".join(f"{g:.3g}" for g in arguments["upstream"])
    return f"of shape {shapes.pop()}"


def mistakes(name, wanted, arguments):
    """What known mistakes would have made of the gradient with respect to the input called name."""
    want, inputs = wanted[name], arguments["inputs"]
    yield "this is −1 times the gradient", -want
    yield "this is zero: backward() adds nothing here", 0 * want
    yield "this is twice the gradient", 2 * want
    yield "this is the transpose of the gradient", want.T
    for other, gradient in wanted.items():
        if other != name:
            yield f"this is the gradient of {other}", gradient
    yield from local_mistakes(arguments["nodes"][0][0], want, inputs, arguments["upstream"][0], name)


def local_mistakes(kind, want, inputs, g, name):
    value = np.array(inputs[name])
    yield "the gradient from above is left out", want / g if np.ndim(g) == 0 else np.inf * want
    if kind == "SigmoidNode":
        u = 1 / (1 + np.exp(-value))
        yield "this is g u: the factor 1 − u is missing", g * u
        yield "this is g (1 − u): the factor u is missing", g * (1 - u)
        yield "this is g x (1 − x): the rule is in u, the value of the node", g * value * (1 - value)
    if kind == "LogNode":
        yield "this is g x: the rule divides by x", g * value
        yield "this is g / log(x): the rule divides by x itself", g / np.log(value)
    if kind == "MVMulNode" and name == "v":
        M = np.array(inputs["M"])
        yield (
            "this is M g: the transpose of M is missing",
            M @ np.array(g)[: M.shape[1]] if M.shape[0] == M.shape[1] else 0,
        )


def scalar_node(part, kind, centres):
    rng = generator(part)
    points = [x * (1 + 0.03 * rng.random()) for x in centres]
    singles = [step(kind, {"x": x}, [["x"]], [rng.normal() + 2]) for x in points]
    pair = rng.normal(size=(2, 2)) + 2
    graphs = [(kind, {"x": points[1]}, [["x"], ["x"]], pair * [[1, 2], [-1, -2]])]
    around = [{"x": x + STEP * abs(x), "y": x - STEP * abs(x)} for x in points]
    more = [("around", [step(kind, inputs, [["x"], ["y"]], []) for inputs in around])]
    if kind == "SigmoidNode":
        u = 0.2 + 0.5 * rng.random()
        more.append(("in u", [step(kind, {"x": points[0]}, [["x"]], [1.7], value=u)]))
    return node_trial(part, singles, graphs, more)


def dot_node():
    rng = generator("1g")

    def inputs(names, length, scale=1.0):
        return {name: scale * rng.normal(size=length) for name in names}

    singles = [
        step("DotNode", inputs("ab", n, scale), [["a", "b"]], [rng.normal() + 2])
        for n, scale in ((2, 1), (3, 1), (5, 1), (3, 1e3), (4, 1e-2))
    ]
    pairs = [[["a", "b"], ["a", "c"]], [["a", "b"], ["c", "b"]], [["a", "b"], ["c", "a"]]]
    weights = rng.normal(size=(2, 2)) + [[1, 2], [-1, -2]]
    graphs = [("DotNode", inputs("abc", 4), nodes, weights) for nodes in pairs]
    graphs.append(("DotNode", inputs("a", 3), [["a", "a"]], weights[:1]))
    return node_trial("1g", singles, graphs)


def matrix_node():
    rng = generator("1l")

    def inputs(p, d, scale=1.0, **more):
        shapes = {"M": (p, d), "v": d, **more}
        return {name: scale * rng.normal(size=shape) for name, shape in shapes.items()}

    singles = [
        step("MVMulNode", inputs(p, d, scale), [["M", "v"]], [rng.normal(size=p)])
        for p, d, scale in ((3, 3, 1), (2, 4, 1), (4, 3, 1), (3, 2, 1e2))
    ]
    twice = [[["M", "v"], ["M", "v"]], [["M", "v"], ["M", "w"]], [["M", "v"], ["N", "v"]]]
    graphs = [
        ("MVMulNode", inputs(3, 2, w=2, N=(3, 2)), nodes, rng.normal(size=(2, 2, 3))) for nodes in twice
    ]
    for _, given, nodes, _ in graphs:
        for name in set(given) - {name for names in nodes for name in names}:
            del given[name]
    return node_trial("1l", singles, graphs)
