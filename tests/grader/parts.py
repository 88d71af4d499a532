"""The graded parts: the one table of all that is fixed about a part and about a check.

To add a check, write a row in the part's `checks` below, and let a function of the module that `judged_by`
names put a function of the same name into the `checks` of one of its trials: it is given the evidence of the
run, and raises Wrong with the reason if the check is not passed. `points` is the handout's own sum for the
part: if that changes, it changes here too. The README's table is what `python3 tests/grader/parts.py` prints.

To add a node, write a part with `judged_by="nodes"`, and a function in nodes.py that draws the inputs and
calls node_trial; name the node in actions.NODES, so that it is lent to the parts that are built on it.

A check stands on something that the handout or the starter says (`rests_on`, in our words). One that stands
on nothing has an empty `rests_on`, and all of these in a part are worth one point together at the most.
"""

from typing import NamedTuple


class Check(NamedTuple):
    name: str
    points: int
    asks: str  # of the submission
    rests_on: str = ""  # what the handout or the starter says


class Part(NamedTuple):
    title: str
    points: int  # the handout's
    seconds: int  # of a run
    judged_by: str  # the module of the grader that makes the trials
    checks: list
    on_nodes: bool = False  # built on the nodes of other parts, which are lent where the student's are wrong
    file: str = "backprop.py"


NODE = [
    Check("value", 1, "the value, on the whole range of inputs", "the blank in `__init__` is the value"),
    Check(
        "gradient",
        1,
        "what `backward()` adds to its inputs",
        "`backward` is blank; the rule is derived before",
    ),
    Check(
        "in a graph",
        1,
        "compute_grad() brings every input the sum",
        "blank too: the starting gradient; it *adds*",
    ),
]


def gradient_check(point, f):
    return [
        Check("value", 1, "f is printed", f"f is given, and {f} at {point}"),
        Check(
            "backprop", 1, "backprop's gradients are printed", "each input's gradient computed with backprop"
        ),
        Check("numerical", 2, "difference quotients of f are printed", "each input's numerical gradient"),
        Check("difference", 1, "the largest difference is printed", "the two differ by less than 1e-7"),
        Check(
            "other numbers",
            1,
            "what is right there is right elsewhere",
            "a, b, c (M, v) are arguments, in R²",
        ),
    ]


PARTS = {
    "1b": Part("LogNode", 3, 6, "nodes", NODE),
    "1e": Part("SigmoidNode", 3, 6, "nodes", NODE),
    "1g": Part("DotNode", 3, 6, "nodes", NODE),
    "1h": Part(
        "gradient_check_1",
        6,
        8,
        "gradients",
        gradient_check("a = (3, 2), b = (−2, 7), c = (1, −4)", "2.059"),
        on_nodes=True,
    ),
    "1i": Part(
        "make_logistic_regression, gradient_descent",
        7,
        10,
        "models",
        [
            Check("loss", 2, "the loss on hidden examples", "the loss is the sum of −log P(y given x)"),
            Check("gradient", 1, "the gradients of the loss", "(w, b) and total_loss are nodes of one graph"),
            Check(
                "descent",
                2,
                "the steps on a function of our own",
                "x − lr times its gradient, num_iters times",
            ),
            Check("printed", 1, "the loss at the end", "prints the final loss"),
            Check("training", 1, "the handout's own run", "on simple, the final loss is roughly 0.014"),
        ],
        on_nodes=True,
    ),
    "1l": Part("MVMulNode", 3, 6, "nodes", NODE),
    "1m": Part(
        "gradient_check_2",
        6,
        8,
        "gradients",
        gradient_check("M = [[2, −1], [0, 3]], v = (1, −3)", "5"),
        on_nodes=True,
    ),
    "1n": Part(
        "make_neural_network",
        6,
        10,
        "models",
        [
            Check("loss", 2, "the loss on hidden examples", "two layers with a ReLU between, the loss of 1i"),
            Check(
                "gradient",
                2,
                "the gradients of the loss",
                "(W, b, v, c) and total_loss are nodes of one graph",
            ),
            Check("another size", 1, "more hidden units, longer examples"),
            Check("training", 1, "the handout's own run", "on xor, the final loss is roughly 0.019"),
        ],
        on_nodes=True,
    ),
    "2a": Part(
        "kmeans",
        10,
        15,
        "clusters",
        [
            Check(
                "assignments",
                2,
                "each example is with its nearest centroid",
                "z: the cluster of each example",
            ),
            Check(
                "means", 2, "each centroid is the mean of its cluster", "centroids: the means of the clusters"
            ),
            Check("loss", 2, "the loss of z and centroids", "loss: the sum of the squared distances"),
            Check(
                "convergence",
                1,
                "both, where it takes up to 74 passes",
                "until the assignments stop changing",
            ),
            Check("to the end", 1, "both, where it takes 116", "until the assignments stop changing"),
            Check("empty clusters", 1, "no NaN where a cluster is empty"),
            Check("no loop", 1, "what Python does is no more for more examples", "no loop over examples"),
        ],
        file="kmeans.py",
    ),
}

POINTS = {part: {check.name: check.points for check in row.checks} for part, row in PARTS.items()}
CHECKS = [(part, check) for part in PARTS for check in POINTS[part]]
TITLES = {part: row.title for part, row in PARTS.items()}
FILES = {part: row.file for part, row in PARTS.items()}
MAXIMUM = {part: sum(POINTS[part].values()) for part in PARTS}
TOTAL = sum(MAXIMUM.values())
ON_NODES = [part for part, row in PARTS.items() if row.on_nodes]
SECONDS = {"import": 10} | {part: row.seconds for part, row in PARTS.items()}


def table():
    """The README's table; parts whose checks are the same share their rows."""
    yield "| part | check | points | what it asks | what that rests on |"
    yield "| --- | --- | --- | --- | --- |"
    shared = {}
    for part, row in PARTS.items():
        for check in row.checks:
            shared.setdefault(check, []).append(part)
    for check, parts in shared.items():
        rests_on = check.rests_on or "nothing that the handout says: 1 point at the most"
        yield f"| {', '.join(parts)} | {check.name} | {check.points} | {check.asks} | {rests_on} |"


if __name__ == "__main__":
    print(*table(), sep="\n")
