"""Wrong nodes: 1b, 1e, 1g, 1l. The parts that are built on them lose nothing."""

from case import Case

PART = {"LogNode": "1b", "SigmoidNode": "1e", "DotNode": "1g", "MVMulNode": "1l"}
BUILT_ON = {"LogNode": "1h", "SigmoidNode": "1h", "DotNode": "1h", "MVMulNode": "1m"}
WHOLE = (
    "log-sign",
    "sigmoid-sign",
    "dot-sign",
    "matrix-sign",
)  # graded in every part, to save time for the others


def graded(id, node):
    return () if id in WHOLE else (PART[node], BUILT_ON[node])


def rule(id, node, text, lost, why, *says):
    """A wrong backward()."""
    return Case(id, {f"{node}.backward": text}, {PART[node]: lost}, why, says=says, only=graded(id, node))


def value(id, node, text, lost, why, *says):
    """A wrong value; where backward() does not use it, only the point of the value is lost."""
    text = text.replace("return ", "self.value = ")
    return Case(id, {f"{node}.value": text}, {PART[node]: lost}, why, says=says, only=graded(id, node))


JOINED = """
class LogNode:
    def __init__(self, n):
        self.n, self.topo_order = n, n.topo_order
        self.value, self.grad = np.log(n.value), np.zeros_like(n.value)
        self.topo_order.append(self)

    def backward(self):
        self.n.grad += self.grad / self.n.value
"""
JOIN = "        self.topo_order.append(self)\n"
LOG = [
    rule(
        "log-assigns",
        "LogNode",
        "self.n.grad = self.grad / self.n.value",
        1,
        "= for +=: seen only where x is used twice",
        "this is one contribution alone: = instead of +=?",
    ),
    rule(
        "log-starts-anew",
        "LogNode",
        """
        self.n.grad = np.zeros_like(self.n.value)
        self.n.grad += self.grad / self.n.value
        """,
        1,
        "= for +=, in two steps",
        "= instead of +=?",
    ),
    rule(
        "log-sign",
        "LogNode",
        "self.n.grad -= self.grad / self.n.value",
        1,
        "the sign of the rule",
        "this is −1 times the gradient",
        "with the reference's other parts in the place of yours",
    ),
    rule(
        "log-without-g",
        "LogNode",
        "self.n.grad += 1 / self.n.value",
        1,
        "a missing factor",
        "the gradient from above is left out",
    ),
    rule(
        "log-multiplies",
        "LogNode",
        "self.n.grad += self.grad * self.n.value",
        1,
        "x for 1 / x",
        "this is g x: the rule divides by x",
    ),
    rule(
        "log-divides-by-its-value",
        "LogNode",
        "self.n.grad += self.grad / self.value",
        1,
        "log x for x",
        "this is g / log(x): the rule divides by x itself",
    ),
    rule(
        "log-doubled",
        "LogNode",
        "self.n.grad += 2 * self.grad / self.n.value",
        1,
        "a factor",
        "twice the gradient",
    ),
    rule(
        "log-of-base-10-rule",
        "LogNode",
        "self.n.grad += self.grad / self.n.value / np.log(10)",
        1,
        "a factor",
    ),
    rule(
        "log-squares-x",
        "LogNode",
        "self.n.grad += self.grad / self.n.value**2",
        1,
        "the derivative of the rule",
    ),
    rule(
        "log-to-itself",
        "LogNode",
        "self.grad += self.grad / self.n.value",
        2,
        "the child gets nothing",
        "adds nothing",
    ),
    rule("log-passes-on", "LogNode", "self.n.grad += self.grad", 1, "no local derivative"),
    rule(
        "log-empty", "LogNode", "pass", 2, "backward() is empty", "this is zero: backward() adds nothing here"
    ),
    rule(
        "log-misspelt",
        "LogNode",
        "self.n.grad += self.gard / self.n.value",
        2,
        "an exception",
        "AttributeError",
    ),
    value(
        "log-base-10",
        "LogNode",
        "return np.log10(n.value)",
        1,
        "another logarithm",
        "the logarithm to base 10",
    ),
    value("log-base-2", "LogNode", "return np.log2(n.value)", 1, "another logarithm"),
    value("log-of-1-plus-x", "LogNode", "return np.log1p(n.value)", 1, "log(1 + x)"),
    value("log-negative", "LogNode", "return -np.log(n.value)", 1, "a sign", "this is −1 times the value"),
    value("log-whole-numbers", "LogNode", "return np.float64(int(np.log(n.value)))", 1, "rounded"),
    value(
        "log-shifted",
        "LogNode",
        "return np.log(n.value + 1e-3)",
        1,
        "a shift against log 0, too large to be right",
    ),
    value("log-no-value", "LogNode", "np.log(n.value)", 1, "nothing is stored", "came NoneType"),
    value("log-of-the-handout", "LogNode", "return np.log(8.0)", 1, "aᵀb of the handout, whatever comes"),
    value(
        "log-imprecise",
        "LogNode",
        "return np.float64(np.float16(np.log(n.value)))",
        1,
        "three digits: less than any arithmetic that a student needs",
    ),
    Case(
        "log-clipped",
        {
            "LogNode.value": "self.value = np.log(np.maximum(n.value, 1))",
            "LogNode.backward": "self.n.grad += self.grad / np.maximum(self.n.value, 1)",
        },
        {"1b": 2},
        "right at the handout's points, where x is 8; wrong below 1",
    ),
    Case(
        "log-not-in-the-list",
        {"LogNode": JOINED.replace(JOIN, "")},
        {"1b": 1},
        "it never joins topo_order: compute_grad passes it by",
        says=["the node stands 0 times in its topo_order"],
    ),
    Case(
        "log-twice-in-the-list",
        {"LogNode": JOINED.replace(JOIN, 2 * JOIN)},
        {"1b": 1},
        "it joins topo_order twice: its gradient counts twice",
        says=["the node stands 2 times in its topo_order"],
    ),
]

SIGMOID = [
    rule(
        "sigmoid-assigns",
        "SigmoidNode",
        "self.n.grad = self.grad * self.value * (1 - self.value)",
        1,
        "= for +=",
        "= instead of +=?",
    ),
    rule(
        "sigmoid-sign",
        "SigmoidNode",
        "self.n.grad += self.grad * self.value * (self.value - 1)",
        1,
        "a sign",
        "−1 times",
    ),
    rule(
        "sigmoid-u",
        "SigmoidNode",
        "self.n.grad += self.grad * self.value",
        1,
        "a factor",
        "the factor 1 − u is missing",
    ),
    rule(
        "sigmoid-1-u",
        "SigmoidNode",
        "self.n.grad += self.grad * (1 - self.value)",
        1,
        "a factor",
        "the factor u is missing",
    ),
    rule(
        "sigmoid-x",
        "SigmoidNode",
        "self.n.grad += self.grad * self.n.value * (1 - self.n.value)",
        1,
        "x for u",
        "this is g x (1 − x)",
    ),
    rule(
        "sigmoid-without-g",
        "SigmoidNode",
        "self.n.grad += self.value * (1 - self.value)",
        1,
        "a factor",
        "is left out",
    ),
    rule(
        "sigmoid-g-squared",
        "SigmoidNode",
        "self.n.grad += self.grad**2 * self.value * (1 - self.value)",
        1,
        "a factor",
    ),
    rule(
        "sigmoid-like-tanh",
        "SigmoidNode",
        "self.n.grad += self.grad * (1 - self.value**2)",
        1,
        "the rule of tanh",
    ),
    rule(
        "sigmoid-of-u",
        "SigmoidNode",
        "u = sigmoid(self.value)\nself.n.grad += self.grad * u * (1 - u)",
        1,
        "σ taken twice",
    ),
    rule(
        "sigmoid-brackets",
        "SigmoidNode",
        "self.n.grad += self.grad * self.value * 1 - self.value",
        1,
        "no brackets",
    ),
    value("sigmoid-of-minus-x", "SigmoidNode", "return sigmoid(-n.value)", 1, "σ(−x): u (1 − u) is the same"),
    value("sigmoid-of-2x", "SigmoidNode", "return sigmoid(2 * n.value)", 1, "σ(2x), and the rule with its u"),
    value("sigmoid-tanh", "SigmoidNode", "return np.tanh(n.value)", 1, "tanh, and the rule with its u"),
    value(
        "sigmoid-step", "SigmoidNode", "return np.float64(n.value > 0)", 2, "a step, and the rule with its u"
    ),
]

DOT = [
    rule(
        "dot-first-assigned",
        "DotNode",
        "self.n1.grad = self.grad * self.n2.value\nself.n2.grad += self.grad * self.n1.value",
        1,
        "= for +=, in the first child only",
        "= instead of +=?",
    ),
    rule(
        "dot-second-assigned",
        "DotNode",
        "self.n1.grad += self.grad * self.n2.value\nself.n2.grad = self.grad * self.n1.value",
        1,
        "= for +=, in the second child only",
        "= instead of +=?",
    ),
    rule(
        "dot-of-itself",
        "DotNode",
        """
        self.n1.grad += self.grad * self.n2.value
        if self.n2 is not self.n1:
            self.n2.grad += self.grad * self.n1.value
        """,
        1,
        "the same node as both children counts once",
        "= instead of +=?",
    ),
    rule(
        "dot-from-old-gradients",
        "DotNode",
        """
        first, second = self.n1.grad, self.n2.grad
        self.n1.grad = first + self.grad * self.n2.value
        self.n2.grad = second + self.grad * self.n1.value
        """,
        1,
        "= for += in disguise: what the first line adds is lost where both are one node",
    ),
    rule(
        "dot-own-values",
        "DotNode",
        "self.n1.grad += self.grad * self.n1.value\nself.n2.grad += self.grad * self.n2.value",
        1,
        "the gradient of the wrong child",
        "this is the gradient of b",
    ),
    rule(
        "dot-second-forgotten",
        "DotNode",
        "self.n1.grad += self.grad * self.n2.value",
        1,
        "one child",
        "adds nothing here",
    ),
    rule(
        "dot-sign",
        "DotNode",
        "self.n1.grad += self.grad * self.n2.value\nself.n2.grad -= self.grad * self.n1.value",
        2,
        "the sign of the second",
        "this is −1 times the gradient",
    ),
    rule(
        "dot-without-g",
        "DotNode",
        "self.n1.grad += self.n2.value\nself.n2.grad += self.n1.value",
        1,
        "a factor",
        "is left out",
    ),
    rule(
        "dot-value-for-g",
        "DotNode",
        "self.n1.grad += self.value * self.n2.value\nself.n2.grad += self.value * self.n1.value",
        1,
        "the value in the place of the gradient",
    ),
    rule(
        "dot-of-two",
        "DotNode",
        """
        for j in range(2):
            self.n1.grad[j] += self.grad * self.n2.value[j]
            self.n2.grad[j] += self.grad * self.n1.value[j]
        """,
        1,
        "right for the handout's vectors, which have two entries",
    ),
    value(
        "dot-no-sum",
        "DotNode",
        "return n1.value * n2.value",
        1,
        "the products",
        "expected shape (), came shape (2,)",
    ),
    value(
        "dot-outer",
        "DotNode",
        "return np.outer(n1.value, n2.value)",
        1,
        "the outer product",
        "expected shape ()",
    ),
    value("dot-mean", "DotNode", "return (n1.value * n2.value).mean()", 1, "the mean for the sum"),
    value(
        "dot-first-two",
        "DotNode",
        "return n1.value[0] * n2.value[0] + n1.value[1] * n2.value[1]",
        1,
        "two entries only",
    ),
]

OUTER = "self.M.grad += np.outer(self.grad, self.v.value)\n"
TRANSPOSED = "self.v.grad += self.M.value.T.dot(self.grad)\n"
MATRIX = [
    rule(
        "matrix-not-transposed",
        "MVMulNode",
        OUTER + "self.v.grad += self.M.value.dot(self.grad)",
        2,
        "M for its transpose: a square matrix would run, with a wrong gradient",
        "the transpose of M is missing",
    ),
    rule(
        "matrix-outer-reversed",
        "MVMulNode",
        "self.M.grad += np.outer(self.v.value, self.grad)\n" + TRANSPOSED,
        2,
        "v gᵀ for g vᵀ: a square matrix would run, with a wrong gradient",
        "this is the transpose",
    ),
    rule(
        "matrix-assigned",
        "MVMulNode",
        OUTER.replace("+=", "=") + TRANSPOSED,
        1,
        "= for +=",
        "= instead of +=?",
    ),
    rule(
        "vector-assigned",
        "MVMulNode",
        OUTER + TRANSPOSED.replace("+=", "="),
        1,
        "= for +=",
        "= instead of +=?",
    ),
    rule(
        "matrix-sign",
        "MVMulNode",
        OUTER.replace("+=", "-=") + TRANSPOSED,
        1,
        "a sign",
        "−1 times the gradient",
    ),
    rule(
        "vector-sign",
        "MVMulNode",
        OUTER + TRANSPOSED.replace("+=", "-="),
        1,
        "a sign",
        "−1 times the gradient",
    ),
    rule("matrix-forgotten", "MVMulNode", TRANSPOSED, 1, "one child", "adds nothing here"),
    rule("vector-forgotten", "MVMulNode", OUTER, 1, "one child", "adds nothing here"),
    rule(
        "matrix-without-g",
        "MVMulNode",
        "self.M.grad += np.outer(np.ones(len(self.grad)), self.v.value)\n" + TRANSPOSED,
        1,
        "a factor: with ones from above it would be right",
    ),
    rule(
        "vector-without-g", "MVMulNode", OUTER + "self.v.grad += self.M.value.sum(0)", 1, "a factor, as above"
    ),
    rule(
        "matrix-columns-scaled",
        "MVMulNode",
        "self.M.grad += self.grad * self.v.value\n" + TRANSPOSED,
        2,
        "no outer product",
    ),
    rule(
        "matrix-diagonal",
        "MVMulNode",
        "np.fill_diagonal(self.M.grad, self.M.grad.diagonal() + (self.grad[:2] * self.v.value[:2]).sum())\n"
        + TRANSPOSED,
        1,
        "the diagonal only",
    ),
    rule(
        "vector-from-value",
        "MVMulNode",
        OUTER + "self.v.grad += self.M.value.T.dot(self.value)",
        1,
        "the value for g",
    ),
    rule(
        "matrix-doubled",
        "MVMulNode",
        2 * OUTER + TRANSPOSED,
        1,
        "a line pasted twice",
        "this is twice the gradient",
    ),
    rule(
        "matrix-2-by-2",
        "MVMulNode",
        """
        for i in range(2):
            for j in range(2):
                self.M.grad[i, j] += self.grad[i] * self.v.value[j]
                self.v.grad[j] += self.M.value[i, j] * self.grad[i]
        """,
        1,
        "right for the handout's matrix, which is 2 by 2",
    ),
    value(
        "matrix-from-the-left",
        "MVMulNode",
        "return v.value.dot(M.value)",
        3,
        "vᵀM: of the shapes asked, a square one alone",
    ),
    value("matrix-no-sum", "MVMulNode", "return M.value * v.value", 1, "the products", "expected shape"),
    value(
        "matrix-and-relu",
        "MVMulNode",
        "return np.maximum(M.value.dot(v.value), 0)",
        1,
        "ReLU is a node of its own",
    ),
    value(
        "matrix-summed",
        "MVMulNode",
        "return M.value.dot(v.value).sum()",
        1,
        "a number for a vector",
        "expected shape",
    ),
    value(
        "matrix-column",
        "MVMulNode",
        "return M.value.dot(v.value[:, None])",
        1,
        "a column",
        "expected shape (3,), came shape (3, 1)",
    ),
]

CASES = {"LogNode": LOG, "SigmoidNode": SIGMOID, "DotNode": DOT, "MVMulNode": MATRIX}
