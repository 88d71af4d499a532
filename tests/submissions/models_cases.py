"""Wrong models and wrong gradient descent: 1i, 1n."""

from case import Case

CASES = [
    Case(
        "descent-goes-up",
        {},
        {"1i": 4},
        "the sign of the update",
        edits=[("node.value - lr * node.grad", "node.value + lr * node.grad")],
        says=["the sign of the update is wrong"],
    ),
    Case(
        "losses-averaged",
        {},
        {"1i": 3, "1n": 0},
        "the mean for the sum, in the helper of both models",
        edits=[("ConstantMulNode(total, -1)", "ConstantMulNode(total, -1 / len(dataset))")],
        says=["this is the mean; the handout asks for the sum"],
    ),
]
