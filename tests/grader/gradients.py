"""Checks of the gradient checks, 1h and 1m, by what they print and by the graph that they make.

First as the student would run them. Then with backprop spoiled: all gradients of the inputs are multiplied
by a factor, and what is printed as backprop's must show it, what is printed as numerical must not. Then with
other values in some nodes, which moves a difference quotient, and no formula. A submission that refuses when
the two disagree, by raising or returning, shows nothing there, and loses nothing there.

A wrong f costs the point of the value. What follows from it is judged by the f of the student's own graph:
its gradients are difference quotients of the values that this graph has, taken from outside.
Numbers are found wherever they stand in the text.
"""

import functools

import numpy as np

from . import reference
from .checks import Trial, encode, generator
from .compare import Wrong, near, numbers, printed, show

FACTOR = -0.7
NUMERICAL = 1e-4  # what finite differences may be off, at any step that makes sense
SMALL = 2e-7  # the handout's 1e-7, and as much again for rounding
HANDOUT = {
    "1h": [[3.0, 2.0], [-2.0, 7.0], [1.0, -4.0]],
    "1m": [[[2.0, -1.0], [0.0, 3.0]], [1.0, -3.0]],
}
FUNCTION = {"1h": "gradient_check_1", "1m": "gradient_check_2"}
LETTERS = {"1h": "abc", "1m": "Mv"}
ALTERED = {"1h": ["LogNode", "SigmoidNode"], "1m": ["ReluNode", "MVMulNode"]}
AS_IT_IS, HIDDEN, SPOILED, OTHER_VALUES = range(4)  # the steps, and then the quotients to each of them
QUOTIENTS = {AS_IT_IS: 4, HIDDEN: 5, SPOILED: 5, OTHER_VALUES: 6}


def trials(part):
    handout, other, altered = HANDOUT[part], hidden(part), {"altered": ALTERED[part]}
    steps = [
        step("gradient_check", part, handout),
        step("gradient_check", part, other),
        step("gradient_check", part, other, factor=FACTOR),
        step("gradient_check", part, other, **altered),
        step("differences", part, handout, step=1e-5),
        step("differences", part, other, step=1e-5),
        step("differences", part, other, step=1e-5, **altered),
    ]
    made = Trial(part, "backprop.py", steps, [text(part, step[1]) for step in steps])
    checks = {"value": value, "backprop": backprop, "numerical": numerical, "difference": difference}
    made.checks = {name: functools.partial(looking, check, made) for name, check in checks.items()}
    made.checks["other numbers"] = functools.partial(looking, other_numbers, made)
    return [made]


def step(action, part, inputs, **more):
    return [action, encode({"function": FUNCTION[part], "arguments": inputs, **more})]


def text(part, arguments):
    return f"{FUNCTION[part]}({', '.join(show(v) for v in arguments['arguments'])})"


def hidden(part):
    """Inputs whose numbers can all be told apart in the text, and lie far from the kink of ReLU."""
    rng, d = generator(f"{part} 2"), 2
    while True:
        inputs = (
            [rng.normal(size=d) for _ in "abc"]
            if part == "1h"
            else [rng.normal(size=(d, d)), rng.normal(size=d)]
        )
        if part == "1h" and inputs[0] @ inputs[1] < 0.5:
            continue
        if part == "1m" and not (active(*inputs) and active(inputs[0].T, inputs[1])):
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
    """Whether ReLU lets some rows pass, and not all, and none is near the kink."""
    return 0 < np.sum(M @ v > 0) < len(v) and np.abs(M @ v).min() > 0.3


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


class Look:
    """What a step printed, and what was right to print there."""

    def __init__(self, trial, i, evidence):
        self.part, self.text, self.evidence, self.i = trial.part, trial.texts[i], evidence, i
        self.arguments = [np.array(value) for value in trial.steps[i][1]["arguments"]]
        self.f, self.gradients = truth(trial.part, self.arguments)
        self.own = self.f
        self.result = evidence.step(i)
        self.found = printed(self.result.output)
        seen = self.result.seen.get("f")
        if seen and seen.array is not None and seen.shape == ():
            self.own = float(seen.array)
        if i == OTHER_VALUES or not abs(self.own - self.f) <= 1e-6 * max(abs(self.f), 1):
            self.gradients = self.own_gradients(QUOTIENTS[i])

    def own_gradients(self, i):
        """Of the f that the student's graph computes."""
        names = [f"quotients {j + 1}" for j in range(len(self.arguments))]
        seen = [self.evidence.seen(i, name) for name in names]
        own = [numbers("f", came, x.shape) for came, x in zip(seen, self.arguments)]
        flat = [letter for letter, gradient in zip(LETTERS[self.part], own) if not gradient.any()]
        if flat and self.i != AS_IT_IS:
            raise Wrong(f"{self.text}: the f of its graph does not depend on {', '.join(flat)}")
        return own

    def shows(self, gradients, tolerance):
        """The name of the first input whose gradient is not all printed; nothing if all are."""
        for letter, gradient in zip(LETTERS[self.part], gradients):
            if not all(len(near(self.found, x, tolerance)) for x in gradient.ravel()):
                return letter
        return ""

    def refused(self):
        """Whether it ended before its time, since backprop and differences disagree."""
        as_it_is = printed(self.evidence.step(HIDDEN).output)
        return bool(self.result.error) or len(self.found) < len(as_it_is)

    def absent(self, column, letter):
        right = dict(zip(LETTERS[self.part], self.gradients))[letter]
        return f"{self.text}: the {column} gradient of {letter} is {show(right)}, but this was not printed"


SEE = " (to see it: multiply self.grad by −0.7 in InputNode.backward, and run it again)"
SEE_VALUES = " (to see it: put another value into a node of f, and run it again)"


def looking(check, trial, evidence):
    check(functools.cache(functools.partial(Look, trial, evidence=evidence)))


def value(look):
    for i in (AS_IT_IS, HIDDEN):
        here = look(i)
        if not len(near(here.found, here.f, 1e-5, 5e-3)):
            raise Wrong(f"{here.text}: f: {wrong_value(here)}")


def wrong_value(here):
    """What was printed as f, what it should be, and what known mistakes would have made of it."""
    lines = [line for line in here.result.output.splitlines() if "value" in line.lower()]
    found = printed(lines[0]) if lines else []
    if not len(found):
        return f"expected {here.f:.5g}, but this was not printed"
    came = found[-1, 0]
    known = [name for name, other in mistakes(here.part, here.arguments) if abs(other - came) < 1e-4]
    hint = f"; a graph with {known[0]} gives this" if known else ""
    return f"printed {came:.5g}, expected {here.f:.5g}{hint}"


def mistakes(part, inputs):
    if part == "1m":
        M, v = inputs
        yield "v without ReLU", v @ M @ v
        yield "ReLU of the whole", max(v @ M @ v, 0)
        yield "the transpose of M", v @ np.maximum(M.T @ v, 0)
        yield "Mv for v in both places", M @ v @ np.maximum(M @ v, 0)
        return
    a, b, c = inputs
    log, u = np.log(abs(a @ b)), 1 / (1 + np.exp(-(a @ c)))
    yield "+3 in place of −3", log + 3 * u
    yield "the factor 3 left out", log - u
    yield "no log", a @ b - 3 * u
    yield "no σ", log - 3 * (a @ c)
    yield "σ(bᵀc) in place of σ(aᵀc)", log - 3 / (1 + np.exp(-(b @ c)))
    yield "the terms reversed", 3 * u - log
    yield "the log alone", log
    yield "−3σ alone", -3 * u


def backprop(look):
    for i in (AS_IT_IS, HIDDEN):
        here = look(i)
        own_backprop(here)
        letter = here.shows(here.gradients, NUMERICAL)
        if letter:
            raise Wrong(here.absent("backprop", letter))
    here = look(SPOILED)
    letter = here.shows([FACTOR * gradient for gradient in here.gradients], NUMERICAL)
    if letter and not here.refused():
        raise Wrong(
            f"{here.text}: what is printed as the backprop gradient of {letter} is not {letter}.grad" + SEE
        )


def own_backprop(here):
    """The gradients in the graph are those of its own value."""
    for j, (letter, gradient) in enumerate(zip(LETTERS[here.part], here.gradients)):
        seen = here.result.seen.get(f"backprop {j + 1}")
        if seen is None:  # it does without compute_grad()
            continue
        came = numbers(f"{here.text}: {letter}.grad after compute_grad()", seen, gradient.shape)
        if np.abs(came - gradient).max() > NUMERICAL * max(np.abs(gradient).max(), 1):
            raise Wrong(
                f"{here.text}: {letter}.grad is {show(came)}, "
                f"but the f of this graph has the gradient {show(gradient)}"
            )


def numerical(look):
    for i in (AS_IT_IS, HIDDEN):
        here = look(i)
        letter = here.shows(here.gradients, NUMERICAL)
        if letter:
            raise Wrong(here.absent("numerical", letter))
    here = look(SPOILED)
    letter = here.shows(here.gradients, NUMERICAL)
    if letter and not here.refused():
        raise Wrong(f"{here.text}: the numerical gradient of {letter} follows {letter}.grad" + SEE)
    if not quotients(look(HIDDEN)):
        here = look(OTHER_VALUES)
        letter = here.shows(here.gradients, NUMERICAL)
        if letter and not here.refused():
            raise Wrong(
                f"{here.text}: the numerical gradient of {letter} stays when f changes: "
                "is it made of differences of f?" + SEE_VALUES
            )


def quotients(here):
    """Whether what is printed has the grain of a difference quotient, by EPSILON, of numbers as large as f.

    So it has if f is computed without the nodes, which is unusual, but no formula for the gradient.
    """
    seen = here.result.seen.get("EPSILON")
    if seen is None or seen.array is None or seen.shape != () or not 0 < seen.array < 0.01:
        return False
    for gradient in here.gradients:
        for x in gradient.ravel():
            found = near(here.found, x, NUMERICAL)
            grains = found * float(seen.array) * 2.0**53 / 2 ** np.floor(np.log2(abs(here.f)))
            off = np.abs(grains - np.rint(grains))
            if not np.any((off < 0.01) & ((np.abs(found - x) > 1e-13) | (x == 0))):
                return False
    return True


def difference(look):
    """Small as the handout says; or, where a column is wrong, the difference of what is printed."""
    here = look(AS_IT_IS)
    lines = [line for line in here.result.output.lower().splitlines() if "diff" in line]
    told = np.concatenate([printed(line)[:, 0] for line in lines] or [[]])
    found = told if len(told) else here.found[:, 0]
    small = SMALL * max(abs(here.own) / 5, 1)  # what rounding adds grows with f
    if np.sum(np.abs(found) < small) < len(here.gradients) or np.any(
        (np.abs(told) >= small) & (np.abs(told) < 1e-2)
    ):
        right = passes(numerical, look) and passes(own_backprop, here)
        if right or not all(consistent(here)):
            largest = f", not {np.max(np.abs(told)):.2g}" if len(told) else ""
            raise Wrong(f"{here.text}: the largest differences have to be printed, below 1e-7{largest}")
        return
    here = look(SPOILED)
    for letter, gradient in zip(LETTERS[here.part], here.gradients):
        want = np.max(np.abs(gradient)) * (1 - FACTOR)
        if not len(near(here.found, want, NUMERICAL, 1e-2)) and not here.refused():
            raise Wrong(
                f"{here.text}: what is printed is not the largest difference of the two gradients of {letter}"
                + SEE
            )


def consistent(here):
    """For each input, whether some numbers in a row differ from backprop's as it is printed."""
    for j, gradient in enumerate(here.gradients):
        seen = here.result.seen.get(f"backprop {j + 1}")
        right = gradient if seen is None else numbers("backprop", seen, gradient.shape)
        rows = [here.found[i : i + right.size, 0] for i in range(len(here.found) - right.size)]
        gaps = [np.max(np.abs(row - right.ravel())) for row in rows]
        yield any(gap > SMALL and len(near(here.found, gap, 1e-6, 1e-6)) for gap in gaps)


def passes(check, given):
    try:
        check(given)
    except Wrong:
        return False
    return True


def other_numbers(look):
    """What is right at the handout's numbers is right at others."""
    right = 0
    for name, column in (("f", own_f), ("backprop", own_backprop), ("gradients", own_gradients)):
        try:
            column(look(AS_IT_IS))
        except Wrong:
            continue
        right += 1
        try:
            column(look(HIDDEN))
        except Wrong as wrong:
            raise Wrong(f"right at the handout's numbers, not at others: {name}: {wrong}") from None
    if right < 2:
        raise Wrong(f"{look(AS_IT_IS).text}: too little is right at the handout's numbers")


def own_f(here):
    if not len(near(here.found, here.own, 1e-5, 5e-3)):
        raise Wrong(f"{here.text}: the value {here.own:.5g} of f is not among what it printed")


def own_gradients(here):
    letter = here.shows(here.gradients, NUMERICAL)
    if letter:
        raise Wrong(here.absent("numerical", letter))
