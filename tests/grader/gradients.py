"""Checks of the gradient checks, 1h and 1m, by what they print.

All gradients of the inputs are spoiled on purpose by a factor. Backprop's column must then show the spoiled
gradient, the numerical column the true one, and the difference printed must be that between the two. Numbers
are found wherever they stand in the text.
"""

import functools

import numpy as np

from . import reference
from .checks import Trial, encode, generator
from .compare import Wrong, near, printed, show

FACTOR = -0.7
NUMERICAL = 1e-4  # what finite differences may be off, at any step that makes sense
HANDOUT = {
    "1h": [[3.0, 2.0], [-2.0, 7.0], [1.0, -4.0]],
    "1m": [[[2.0, -1.0], [0.0, 3.0]], [1.0, -3.0]],
}
FUNCTION = {"1h": "gradient_check_1", "1m": "gradient_check_2"}
LETTERS = {"1h": "abc", "1m": "Mv"}


def trials(part):
    first = trial(part, [HANDOUT[part], hidden(part, 2)])
    first.checks = {
        "value": functools.partial(value, first, (0, 1)),
        "backprop": functools.partial(backprop, first, (1,)),
        "numerical": functools.partial(numerical, first, (1,)),
        "difference": functools.partial(difference, first, (1,)),
    }
    other = trial(part, [hidden(part, 3)])
    each = (value, backprop, numerical, difference)
    other.checks = {"another size": lambda evidence: [check(other, (0,), evidence) for check in each]}
    return [first, other]


def trial(part, inputs):
    steps = [
        ["gradient_check", encode({"function": FUNCTION[part], "arguments": x, "factor": FACTOR})]
        for x in inputs
    ]
    return Trial(
        part, "backprop.py", steps, [f"{FUNCTION[part]}({', '.join(show(v) for v in x)})" for x in inputs]
    )


def hidden(part, d):
    """Inputs whose numbers can all be told apart in the text, and lie far from the kink of ReLU."""
    rng = generator(f"{part} {d}")
    while True:
        inputs = (
            [rng.normal(size=d) for _ in "abc"]
            if part == "1h"
            else [rng.normal(size=(d, d)), rng.normal(size=d)]
        )
        if part == "1h" and inputs[0] @ inputs[1] < 0.5:
            continue
        if part == "1m" and not (np.abs(inputs[0] @ inputs[1]).min() > 0.3 and active(*inputs)):
            continue
        f, gradients = truth(part, inputs)
        told = [f] + [x * s for g in gradients for x in g.ravel() if x for s in (1, FACTOR)]
        told += [np.max(np.abs(g)) * (1 - FACTOR) for g in gradients]
        gaps = np.diff(np.sort(told))
        if gaps.min() > 0.02 and np.min(np.abs(told)) > 0.05 and telling(gradients):
            return inputs


def telling(gradients):
    """Whether the largest differences show what is wrong: a lost sign, rows for columns, a step too large."""
    largest = [np.unravel_index(np.abs(g).argmax(), g.shape) for g in gradients]
    signs = {np.sign(g[place]) for g, place in zip(gradients, largest)}
    if len(gradients) == 3:
        return len(signs) == 2
    (i, j), (row,) = largest  # in a row that ReLU lets pass, v counts twice
    return len(signs) == 2 and i != j and gradients[0][row].any()


def active(M, v):
    """Whether ReLU lets some rows pass, and not all."""
    return 0 < np.sum(M @ v > 0) < len(v)


@functools.cache
def _nodes():
    return reference.module("backprop.py")


def truth(part, inputs):
    """The value and the gradients of the handout's function, by the reference's nodes."""
    bp, topo_order = _nodes(), []
    x = [bp["InputNode"](np.array(value), topo_order) for value in inputs]
    if part == "1h":
        log = bp["LogNode"](bp["DotNode"](x[0], x[1]))
        output = bp["AddNode"](log, bp["ConstantMulNode"](bp["SigmoidNode"](bp["DotNode"](x[0], x[2])), -3))
    else:
        output = bp["DotNode"](x[1], bp["ReluNode"](bp["MVMulNode"](x[0], x[1])))
    output.compute_grad()
    return float(output.value), [node.grad for node in x]


def look(trial, i, evidence):
    """What step i printed, and what is true there."""
    result = evidence.step(i)
    f, gradients = truth(trial.part, trial.steps[i][1]["arguments"])
    return printed(result.output), f, gradients, trial.texts[i]


def value(trial, which, evidence):
    for i in which:
        found, f, _, what = look(trial, i, evidence)
        if not len(near(found, f, 1e-5)):
            raise Wrong(f"{what}: the value {show(f)} of f is not among what it printed")


def backprop(trial, which, evidence):
    for i in which:
        found, _, gradients, what = look(trial, i, evidence)
        for letter, gradient in zip(LETTERS[trial.part], gradients):
            spoiled = FACTOR * gradient
            if not all(len(near(found, x, 1e-5)) for x in spoiled.ravel()):
                raise Wrong(absent(what, f"the backprop gradient of {letter}", spoiled))


def numerical(trial, which, evidence):
    for i in which:
        found, _, gradients, what = look(trial, i, evidence)
        gaps = []
        for letter, gradient in zip(LETTERS[trial.part], gradients):
            for x in gradient.ravel():
                numbers = near(found, x, NUMERICAL)
                if not len(numbers):
                    raise Wrong(absent(what, f"the numerical gradient of {letter}", gradient))
                gaps.append(np.min(np.abs(numbers - x)))
        if max(gaps) < 1e-14:
            raise Wrong(
                f"{what}: the numerical gradient has no rounding error: is it made of differences of f?"
            )
        restored(trial, i, evidence)


def absent(what, name, right):
    spoiled = f"every input.grad multiplied by {FACTOR} at the end of backprop"
    return f"{what}, with {spoiled}: {name} is then {show(right)}, but this was not printed"


def restored(trial, i, evidence):
    """The arrays that were given hold what they held."""
    for j, given in enumerate(trial.steps[i][1]["arguments"]):
        array = evidence.seen(i, f"argument {j + 1}").array
        if array is None or array.shape != np.shape(given) or not np.all(np.abs(array - given) < 1e-10):
            name = LETTERS[trial.part][j]
            raise Wrong(f"{trial.texts[i]}: {name} is another after the call: perturbed and never restored?")


def difference(trial, which, evidence):
    for i in which:
        found, _, gradients, what = look(trial, i, evidence)
        for letter, gradient in zip(LETTERS[trial.part], gradients):
            want = np.max(np.abs(gradient)) * (1 - FACTOR)
            if not len(near(found, want, NUMERICAL, 1e-2)):
                raise Wrong(absent(what, f"the largest difference for {letter}", want))
