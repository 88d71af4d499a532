"""Wrong nodes: 1b, 1e, 1g, 1l. The parts that are built on them lose nothing."""

from case import Case

CASES = [
    Case(
        "log-assigns",
        {"LogNode.backward": "self.n.grad = self.grad / self.n.value"},
        {"1b": 2},
        "= for +=: seen only where x is used twice",
        says=["one contribution alone: = instead of +=?"],
    ),
    Case(
        "log-sign",
        {"LogNode.backward": "self.n.grad -= self.grad / self.n.value"},
        {"1b": 1},
        "the sign of the rule",
        says=["this is −1 times the gradient", "with the reference's other parts in the place of yours"],
    ),
    Case(
        "dot-second-child-assigned",
        {
            "DotNode.backward": """
                self.n1.grad += self.grad * self.n2.value
                self.n2.grad = self.grad * self.n1.value
            """
        },
        {"1g": 2},
        "= for +=, in the second child only",
        says=["="],
    ),
    Case(
        "matrix-not-transposed",
        {
            "MVMulNode.backward": """
                self.M.grad += np.outer(self.grad, self.v.value)
                self.v.grad += self.M.value.dot(self.grad)
            """
        },
        {"1l": 1},
        "M for its transpose: a square matrix would run, with a wrong gradient",
        says=["the transpose of M is missing"],
    ),
]
