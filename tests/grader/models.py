"""Checks of the models and of gradient descent: 1i and 1n."""

import functools

import numpy as np

from . import reference
from .checks import Trial, encode, generator
from .compare import Wrong, near, numbers, printed, require

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
    sizes = [(5, 2, 0), (4, 2, 0), (6, 3, 0)] if part == "1i" else [(5, 2, 3), (4, 2, 3), (6, 3, 4)]
    model = model_trial(part, sizes)
    model.checks = {"loss": functools.partial(loss, model), "gradient": functools.partial(gradient, model)}
    if part == "1i":
        return [model, descent_trial()]
    model.checks = {name: functools.partial(check, which=(0, 1)) for name, check in model.checks.items()}
    model.checks["another size"] = functools.partial(another_size, model)
    return [model, training_trial(part)]


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


def loss(trial, evidence, which=(0, 1, 2)):
    for i in which:
        for j in (1, 2):
            want = trial.wanted[i].seen[f"loss {j}"].array
            what = f"loss of {trial.texts[i]}, at the parameters number {j}"
            require(
                what, evidence.seen(i, f"loss {j}"), want, mistakes(trial.steps[i][1], j, f"loss {j}", want)
            )


def gradient(trial, evidence, which=(0, 1, 2)):
    """Of the right loss; where the student's is another, of that."""
    for i in which:
        for j in (1, 2):
            right = passes(loss_at, trial, evidence, i, j)
            if not right and i < 2:
                is_a_loss(trial, evidence, i)
            for m, letter in enumerate(LETTERS[trial.part], 1):
                name = f"gradient {j} {m}"
                want, known, limit = trial.wanted[i].seen[name].array, (), 1e-5
                what = f"{letter}.grad of the loss of {trial.texts[i]}, at the parameters number {j}"
                if right:
                    known = mistakes(trial.steps[i][1], j, name, want)
                else:
                    seen = evidence.seen(i, f"quotients {j} {m}")
                    what, want, limit = f"{what}, by this loss", numbers(what, seen, want.shape), 1e-4
                require(what, evidence.seen(i, name), want, known, limit)


def loss_at(trial, evidence, i, j):
    want = trial.wanted[i].seen[f"loss {j}"].array
    require("the loss", evidence.seen(i, f"loss {j}"), want)


def is_a_loss(trial, evidence, i):
    """A wrong loss, but one of the examples and of the parameters; one of these may be forgotten."""
    here, other = (
        float(numbers(f"{name} of {trial.texts[i]}", evidence.seen(i, name), ()))
        for name in ("loss 1", "loss elsewhere")
    )
    if here == other:
        raise Wrong(f"{trial.texts[i]}: the loss is the same for other examples")
    quotients = [evidence.seen(i, f"quotients 1 {m}").array for m in range(1, len(LETTERS[trial.part]) + 1)]
    if sum(array is None or not np.abs(array).max() > 1e-7 for array in quotients) > 1:
        raise Wrong(f"{trial.texts[i]}: the loss does not depend on its parameters")


def another_size(trial, evidence):
    """What is right for the sizes of the handout is right for others."""
    right = [check for check in (loss, gradient) if passes(check, trial, evidence, (0, 1))]
    for check in right:
        check(trial, evidence, (2,))
    if not right:
        raise Wrong("neither the loss nor its gradient is right for 3 hidden units")


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
    more, more_texts = handout_runs("1i")
    trial = Trial("1i", "backprop.py", steps + more, texts + more_texts)
    trial.checks = {
        "descent": functools.partial(descent, trial),
        "printed": functools.partial(final_loss, trial),
        "training": functools.partial(training, trial, 2),
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
    result, right = evidence.step(0), [float(wanted.seen["final loss"].array) for wanted in trial.wanted[:2]]
    own = [objective(*params) for i in (0, 1) if (params := ends(evidence, i))]
    lines = [line for line in result.output.splitlines() if "final" in line.lower()] or [result.output]
    found = printed("\n".join(lines))
    if not any(len(near(found, value, 1e-5, 1e-3)) for value in right + own):
        raise Wrong(f"{trial.texts[0]}: the final loss {right[1]:.3g} is not among what it printed")


def ends(evidence, i):
    """The parameters after step i, if they are numbers and others than at the start."""
    start = evidence.trial.steps[i][1]["start"]
    seen = evidence.steps[i].seen if i < len(evidence.steps) else {}
    found = [seen.get(f"parameter {m + 1}") for m in range(len(start))]
    if not all(end and end.array is not None and end.shape == () for end in found):
        return None
    found = [float(end.array) for end in found]
    return found if np.isfinite(found).all() and found != start else None


def moved(evidence, i, name):
    """Whether any parameter is another than at the start."""
    start = evidence.trial.steps[i][1]["start"]
    seen = [evidence.steps[i].seen.get(f"{name} {m + 1}") for m in range(len(start))]
    return any(
        end and end.array is not None and not np.array_equal(end.array, x) for end, x in zip(seen, start)
    )


def objective(p, q, r):
    """The function that actions.descent makes of nodes."""
    with np.errstate(over="ignore"):
        return float(np.sum(np.square([p * q - 1, p + 2 * r - 3, q * r])))


# the handout's own runs


def training_trial(part):
    steps, texts = handout_runs(part)
    trial = Trial(part, "backprop.py", steps, texts)
    trial.checks = {"training": functools.partial(training, trial, 0)}
    return trial


def handout_runs(part):
    steps, texts = [], []
    for name, (X, y), start, lr in TRAINING[part]:
        arguments = {"make": MAKE[part], "X": X, "y": y, "start": start, "lr": lr, "num_iters": 1000}
        steps.append(["train", encode(arguments)])
        texts.append(f"1000 iterations on the {name} dataset from the handout's start, learning rate {lr:g}")
    return steps, texts


def training(trial, i, evidence):
    """The handout's run. A wrong loss, or a wrong descent, is judged elsewhere, and costs no more here."""
    try:
        trained(trial, i, evidence)
    except Wrong:
        wanted = trial.wanted[i].seen
        right_model = passes(first_steps, trial, i, evidence, "plain", wanted)
        if right_model:
            excused = "descent" in trial.checks and not passes(descent, trial, evidence)
        else:
            excused = passes(first_steps, trial, i, evidence, "short", evidence.step(i).seen)
        if not excused or not trains(evidence, i):
            raise


def trained(trial, i, evidence):
    what, seen = trial.texts[i], trial.wanted[i].seen
    final = seen["final loss"].array
    require(f"loss after {what}", evidence.seen(i, "final loss"), final, tolerance=2e-3)
    for m, letter in enumerate(LETTERS[trial.part], 1):
        name = f"parameter {m}"
        require(f"{letter} after {what}", evidence.seen(i, name), seen[name].array, tolerance=1e-2)


def first_steps(trial, i, evidence, name, right):
    """The parameters after the first steps are those that plain steps lead to, whatever their shape."""
    for m in range(1, len(LETTERS[trial.part]) + 1):
        came = evidence.seen(i, f"{name} {m}")
        require(name, came, numbers(name, right.get(f"plain {m}"), came.shape))


def trains(evidence, i):
    """Whether any parameter moved, and the student's own loss with it, if it can be computed at the end."""
    first, final = (evidence.step(i).seen.get(f"{name} loss") for name in ("first", "final"))
    still = first and final and np.array_equal(first.array, final.array)
    return moved(evidence, i, "short") and not still


def passes(check, *arguments):
    try:
        check(*arguments)
    except Wrong:
        return False
    return True
