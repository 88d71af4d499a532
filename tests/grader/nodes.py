"""Checks of the nodes: 1b LogNode, 1e SigmoidNode, 1g DotNode, 1l MVMulNode."""

import functools

import numpy as np

from . import reference
from .checks import Trial, encode, generator
from .compare import Wrong, numbers, require

SCALAR_NODES = {"1b": ("LogNode", [0.3, 4.7, 31.0]), "1e": ("SigmoidNode", [-2.3, 0.6, 1.9])}


def trials(part):
    if part in SCALAR_NODES:
        kind, centres = SCALAR_NODES[part]
        return [scalar_node(part, kind, centres)]
    return [dot_node() if part == "1g" else matrix_node()]


def step(kind, inputs, nodes, upstream):
    """One graph: its step, and its text."""
    made = ", ".join(f"{kind}({', '.join(names)})" for names in nodes)
    where = ", ".join(
        f"{name} of shape {np.shape(value)}" if np.ndim(value) else f"{name} = {value:.3g}"
        for name, value in inputs.items()
    )
    arguments = {"inputs": inputs, "nodes": [[kind, names] for names in nodes], "upstream": upstream}
    return ["graph", encode(arguments)], f"{made} with {where}"


def node_trial(part, singles, doubles):
    """Single nodes are judged by value and gradient, pairs on the same inputs by what they add up."""
    plain = [([action, {**arguments, "upstream": []}], text) for (action, arguments), text in singles]
    steps, texts = zip(*plain, *singles, *doubles)
    n, trial = len(singles), Trial(part, "backprop.py", list(steps), list(texts))
    trial.checks = {
        "value": functools.partial(values, trial, range(n)),
        "gradient": lambda evidence: [f(trial, range(n, 2 * n), evidence) for f in (gradients, joined)],
        "used twice": functools.partial(gradients, trial, range(2 * n, len(steps))),
    }
    return trial


def values(trial, which, evidence):
    for i in which:
        want = trial.wanted[i].seen["value 1"].array
        known = [
            ("this is −1 times the value", -want),
            ("this is the logarithm to base 10", want / np.log(10)),
        ]
        require(f"value of {trial.texts[i]}", evidence.seen(i, "value 1"), want, known)


def gradients(trial, which, evidence):
    for i in which:
        arguments = trial.steps[i][1]
        wanted = {name: trial.wanted[i].seen[name].array for name in arguments["inputs"]}
        for name, want in wanted.items():
            what = (
                f"{name}.grad after backward() of {trial.texts[i]}, gradient {upstream(arguments)} from above"
            )
            require(what, evidence.seen(i, name), want, mistakes(name, wanted, arguments))


def joined(trial, which, evidence):
    """The node has appended itself to topo_order; else compute_grad passes it by."""
    for i in which:
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
    want, inputs, uses = wanted[name], arguments["inputs"], arguments["nodes"]
    yield "this is −1 times the gradient", -want
    yield "this is zero: backward() adds nothing here", 0 * want
    yield "this is twice the gradient", 2 * want
    yield "this is the transpose of the gradient", want.T
    for other, gradient in wanted.items():
        if other != name:
            yield f"this is the gradient of {other}", gradient
    if len(uses) == 1:
        yield from local_mistakes(uses[0][0], want, inputs, arguments["upstream"][0], name)
    for last in (0, -1):
        yield "this is one contribution alone: = instead of +=?", alone(name, arguments, last)


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


def alone(name, arguments, which):
    """The contribution of one place alone where the input is used."""
    uses = [(node, g) for node, g in zip(arguments["nodes"], arguments["upstream"]) if name in node[1]]
    node, g = uses[which]
    kind, names = node
    inputs, names = dict(arguments["inputs"]), list(names)
    if names.count(name) == 2:  # the same node as both children
        inputs["other"], names[1] = inputs[name], "other"
    alone = {"inputs": inputs, "nodes": [[kind, names]], "upstream": [g]}
    return reference.perform("backprop.py", ["graph", alone]).seen[name].array


def scalar_node(part, kind, centres):
    rng = generator(part)
    points = [x + 0.1 * rng.random() for x in centres]
    singles = [step(kind, {"x": x}, [["x"]], [rng.normal() + 2]) for x in points]
    doubles = [step(kind, {"x": points[1]}, [["x"], ["x"]], [0.7 + rng.random(), -2 - rng.random()])]
    return node_trial(part, singles, doubles)


def dot_node():
    rng = generator("1g")

    def inputs(length):
        return {name: rng.normal(size=length) for name in "abc"}

    def two(length):
        return {name: rng.normal(size=length) for name in "ab"}

    def g():
        return rng.normal() + 2

    singles = [step("DotNode", two(n), [["a", "b"]], [g()]) for n in (2, 3, 5)]
    pairs = [[["a", "b"], ["a", "c"]], [["a", "b"], ["c", "b"]], [["a", "b"], ["c", "a"]]]
    doubles = [step("DotNode", inputs(4), nodes, [g(), -g()]) for nodes in pairs]
    doubles.append(step("DotNode", {"a": rng.normal(size=3)}, [["a", "a"]], [g()]))
    return node_trial("1g", singles, doubles)


def matrix_node():
    rng = generator("1l")

    def inputs(p, d):
        return {"M": rng.normal(size=(p, d)), "v": rng.normal(size=d)}

    singles = [
        step("MVMulNode", inputs(p, d), [["M", "v"]], [rng.normal(size=p)])
        for p, d in [(3, 3), (2, 4), (4, 3)]
    ]
    doubles = [
        step("MVMulNode", inputs(3, 2), [["M", "v"], ["M", "v"]], [rng.normal(size=3), rng.normal(size=3)]),
        step(
            "MVMulNode",
            inputs(3, 2) | {"w": rng.normal(size=2)},
            [["M", "v"], ["M", "w"]],
            [rng.normal(size=3), rng.normal(size=3)],
        ),
        step(
            "MVMulNode",
            inputs(3, 2) | {"N": rng.normal(size=(4, 2))},
            [["M", "v"], ["N", "v"]],
            [rng.normal(size=3), rng.normal(size=4)],
        ),
    ]
    return node_trial("1l", singles, doubles)
