"""Checks of the models and of gradient descent: 1i and 1n."""

import functools

import numpy as np

from . import reference
from .checks import Trial, encode, generator
from .compare import Wrong, near, printed, require

MAKE = {"1i": "make_logistic_regression", "1n": "make_neural_network"}
LETTERS = {"1i": ["w", "b"], "1n": ["W", "b", "v", "c"]}
XOR = ([[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]], [-1, -1, 1, 1])
SIMPLE = ([[2.0, 2.0], [1.0, 0.0], [1.0, 2.0], [0.0, -1.0]], [1, 1, -1, -1])
START = [[[-0.01, 0.07], [0.17, 0.0], [-0.04, -0.11]], [-0.02, -0.14, 0.05], [0.05, 0.14, 0.12], -0.02]
TRAINING = {  # the handout's own runs: dataset, start, learning rate
    "1i": [("simple", SIMPLE, [[0.0, 0.0], 0.0], 1.0)],
    "1n": [("xor", XOR, START, 0.1)],
}


def trials(part):
    if part == "1i":
        model = model_trial(part, [(5, 2, 0), (4, 2, 0), (6, 3, 0)])
        model.checks = {
            "loss": functools.partial(loss, model),
            "gradient": functools.partial(gradient, model),
        }
        return [model, descent_trial(), training_trial(part)]
    model, other = model_trial(part, [(5, 2, 3), (4, 2, 3)]), model_trial(part, [(6, 3, 4)])
    model.checks = {"loss": functools.partial(loss, model), "gradient": functools.partial(gradient, model)}
    other.checks = {"another size": lambda evidence: (loss(other, evidence), gradient(other, evidence))}
    return [model, other, training_trial(part)]


# the loss and its gradients, at given parameters


def model_trial(part, sizes):
    """For each (examples, length of x, hidden units) a dataset of its own, and two sets of parameters."""
    rng, steps, texts = generator(f"{part} {sizes}"), [], []
    for n, d, p in sizes:
        X, y = rng.normal(size=(n, d)), rng.choice([-1, 1], n)
        y[:2] = 1, -1
        points = [parameters(rng, X, p) for _ in range(2)]
        steps.append(["loss", encode({"make": MAKE[part], "X": X, "y": y, "points": points})])
        texts.append(f"{MAKE[part]} on {n} examples of length {d}" + (f" with {p} hidden units" if p else ""))
    return Trial(part, "backprop.py", steps, texts)


def parameters(rng, X, p):
    """Of p hidden units, or none; drawn until some scores are positive, and some negative."""
    d = X.shape[1]
    while True:
        point = [rng.normal(size=size) for size in ([(p, d), p, p, ()] if p else [d, ()])]
        hidden = np.maximum(X @ point[0].T + point[1], 0) if p else X
        score = hidden @ point[-2] + point[-1]
        if score.min() < -0.1 and score.max() > 0.1:
            return point


def loss(trial, evidence):
    for i, step in enumerate(trial.steps):
        for j in (1, 2):
            want = trial.wanted[i].seen[f"loss {j}"].array
            what = f"loss of {trial.texts[i]}, at the parameters number {j}"
            require(what, evidence.seen(i, f"loss {j}"), want, mistakes(step[1], j, f"loss {j}", want))


def gradient(trial, evidence):
    for i, step in enumerate(trial.steps):
        for j in (1, 2):
            for m, letter in enumerate(LETTERS[trial.part], 1):
                name = f"gradient {j} {m}"
                want = trial.wanted[i].seen[name].array
                what = f"{letter}.grad of the loss of {trial.texts[i]}, at the parameters number {j}"
                require(what, evidence.seen(i, name), want, mistakes(step[1], j, name, want))


def mistakes(arguments, j, name, want):
    """What known mistakes would have made of the number called name."""
    n, X, y, points = len(arguments["y"]), arguments["X"], arguments["y"], arguments["points"]
    yield "this is −1 times the right one", -want
    yield "this is the mean; the handout asks for the sum", want / n
    yield "this is half of the right one", want / 2
    yield "this is twice the right one", want * 2

    def instead(X=X, y=y, points=points):
        step = ["loss", encode({"make": arguments["make"], "X": X, "y": y, "points": points})]
        return reference.perform("backprop.py", step).seen[name].array

    yield "the labels have changed sign", instead(y=[-label for label in y])
    yield "every label counts as +1", instead(y=[1 for _ in y])
    if len(points[0]) == 2:
        zero = [instead(X=[X[i]], y=[y[i]]) for i in range(n) if y[i] > 0]
        rest = [instead(X=[np.zeros(len(X[0]))], y=[1], points=[[point[0], 0.0] for point in points])] * (
            n - len(zero)
        )
        yield "the labels are taken as 0 and 1; they are −1 and +1", sum(zero) + sum(rest) * (name[0] == "l")
    yield "the last example alone counts", instead(X=X[-1:], y=y[-1:])
    yield "the first example alone counts", instead(X=X[:1], y=y[:1])
    yield "the bias b is left out", instead(points=[[p[0], 0 * np.array(p[1]), *p[2:]] for p in points])
    if len(X[0]) == 2:
        yield "this is for the handout's simple dataset, not for the one given", instead(*SIMPLE)
        yield "this is for the handout's xor dataset, not for the one given", instead(*XOR)
    if len(points[0]) == 4:
        yield "the bias c is left out", instead(points=[[*p[:3], 0.0] for p in points])
        yield (
            "the hidden bias counts twice",
            instead(points=[[p[0], 2 * np.array(p[1]), *p[2:]] for p in points]),
        )


# gradient descent on a function of our own


def descent_trial():
    rng = generator("descent")
    arguments = {"start": 1 + 0.3 * rng.random(3), "lr": 0.02 + 0.01 * rng.random(), "num_iters": 7}
    steps = [["descent", encode({**arguments, "num_iters": n})] for n in (7, 6)]
    texts = [f"gradient_descent(f, params, lr, {n}) on a function f of three numbers" for n in (7, 6)]
    trial = Trial("1i", "backprop.py", steps, texts)
    trial.checks = {
        "descent": functools.partial(descent, trial),
        "printed": functools.partial(final_loss, trial),
    }
    return trial


def descent(trial, evidence):
    require(f"number of parameters after {trial.texts[0]}", evidence.seen(0, "number of parameters"), 3)
    for i in range(3):
        name = f"parameter {i + 1}"
        known = [(text, seen[name].array) for text, seen in other_descents(trial.steps[0])]
        known.append(("the entries of the list params were not replaced", trial.steps[0][1]["start"][i]))
        want = trial.wanted[0].seen[name].array
        require(f"params[{i}] after {trial.texts[0]}", evidence.seen(0, name), want, known)


def other_descents(step):
    """What known mistakes would have found."""

    def changed(more=None, **changes):
        return reference.perform("backprop.py", [step[0], {**step[1], **changes}], more).seen

    lr, n = step[1]["lr"], step[1]["num_iters"]
    yield "this goes up the gradient: the sign of the update is wrong", changed(lr=-lr)
    yield "this is one iteration too few", changed(num_iters=n - 1)
    yield "this is one iteration too many", changed(num_iters=n + 1)
    yield "this is a single iteration", changed(num_iters=1)
    yield "the learning rate is doubled", changed(lr=2 * lr)
    yield "the parameters are updated one after another, each with a loss of its own", changed(in_turn)


def in_turn(f, params, lr, num_iters):
    """Gradient descent as it should not be."""
    for i in list(range(len(params))) * num_iters:
        nodes, total = f(*params)
        total.compute_grad()
        params[i] = nodes[i].value - lr * nodes[i].grad


def final_loss(trial, evidence):
    """The loss at the end is printed, before or after the last update: the right one, or its own."""
    result, right = evidence.step(0), [float(wanted.seen["final loss"].array) for wanted in trial.wanted]
    own = [objective(*params) for i in (0, 1) if (params := moved(evidence, i))]
    lines = [line for line in result.output.splitlines() if "final" in line.lower()] or [result.output]
    found = printed("\n".join(lines))
    if not any(len(near(found, value, 1e-5, 1e-3)) for value in right + own):
        raise Wrong(f"{trial.texts[0]}: the final loss {right[1]:.3g} is not among what it printed")


def moved(evidence, i):
    """The parameters after step i, if they are numbers and others than at the start."""
    start = evidence.trial.steps[i][1]["start"]
    seen = evidence.steps[i].seen if i < len(evidence.steps) else {}
    ends = [seen.get(f"parameter {m + 1}") for m in range(len(start))]
    if not all(end and end.array is not None and end.shape == () for end in ends):
        return None
    ends = [float(end.array) for end in ends]
    return ends if np.isfinite(ends).all() and ends != start else None


def objective(p, q, r):
    """The function that actions.descent makes of nodes."""
    with np.errstate(over="ignore"):
        return float(np.sum(np.square([p * q - 1, p + 2 * r - 3, q * r])))


# the handout's own runs


def training_trial(part):
    steps, texts = [], []
    for name, (X, y), start, lr in TRAINING[part]:
        arguments = {"make": MAKE[part], "X": X, "y": y, "start": start, "lr": lr, "num_iters": 1000}
        steps.append(["train", encode(arguments)])
        texts.append(f"1000 iterations on the {name} dataset from the handout's start, learning rate {lr:g}")
    trial = Trial(part, "backprop.py", steps, texts)
    trial.checks = {"training": functools.partial(training, trial)}
    return trial


def training(trial, evidence):
    for i, what in enumerate(trial.texts):
        seen = trial.wanted[i].seen
        final = seen["final loss"].array
        require(f"loss after {what}", evidence.seen(i, "final loss"), final, tolerance=2e-3)
        for m, letter in enumerate(LETTERS[trial.part], 1):
            name = f"parameter {m}"
            require(f"{letter} after {what}", evidence.seen(i, name), seen[name].array, tolerance=1e-2)
