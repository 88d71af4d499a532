"""Right, in an unusual way: each gets all 47 points."""

from case import Case
from clusters_cases import DISTANCES, MEANS, RETURN, STOP, clusters
from gradient_checks_cases import DIFFERENCE, MOVED, NUMERICAL, PRINTED, compare, first, second
from models_cases import LOG_P, STEP, TOTAL, both, descent, logistic, network

# a whole script in the manner of the starter: nothing is checked, gradients begin as zeros in the constructor
WHOLE = """
import argparse
import numpy as np
from scipy.special import expit

EPSILON = 1e-8
SIMPLE_DATASET = [(np.array([2.0, 2.0]), 1), (np.array([1.0, 0.0]), 1),
                  (np.array([1.0, 2.0]), -1), (np.array([0.0, -1.0]), -1)]
XOR_DATASET = [(np.array([0.0, 0.0]), -1), (np.array([1.0, 1.0]), -1),
               (np.array([1.0, 0.0]), 1), (np.array([0.0, 1.0]), 1)]


class Node(object):
    def compute_grad(self):
        self.grad = np.float64(1)
        for n in self.topo_order[::-1]:
            n.backward()


class InputNode(Node):
    def __init__(self, value, topo_order):
        self.value = value
        self.grad = np.zeros_like(value)
        self.topo_order = topo_order
        topo_order.append(self)
    def backward(self):
        pass


class AddNode(Node):
    def __init__(self, n1, n2):
        self.n1, self.n2 = n1, n2
        self.value = n1.value + n2.value
        self.grad = np.zeros_like(self.value)
        self.topo_order = n1.topo_order
        self.topo_order.append(self)
    def backward(self):
        self.n1.grad += self.grad
        self.n2.grad += self.grad


class MulNode(Node):
    def __init__(self, n1, n2):
        self.n1, self.n2 = n1, n2
        self.value = n1.value * n2.value
        self.grad = np.zeros_like(self.value)
        self.topo_order = n1.topo_order
        self.topo_order.append(self)
    def backward(self):
        self.n1.grad += self.grad * self.n2.value
        self.n2.grad += self.grad * self.n1.value


class OneChild(Node):
    def __init__(self, n, value):
        self.n, self.value = n, value
        self.grad = np.zeros_like(value)
        self.topo_order = n.topo_order
        self.topo_order.append(self)


class PowerNode(OneChild):
    def __init__(self, n, power):
        self.power = power
        super(PowerNode, self).__init__(n, n.value ** power)
    def backward(self):
        self.n.grad += self.grad * self.power * self.n.value ** (self.power - 1)


class ReluNode(OneChild):
    def __init__(self, n):
        super().__init__(n, np.maximum(n.value, 0))
    def backward(self):
        self.n.grad += self.grad * (self.n.value > 0)


class ConstantMulNode(OneChild):
    def __init__(self, n, a):
        self.a = a
        super().__init__(n, n.value * a)
    def backward(self):
        self.n.grad += self.grad * self.a


class LogNode(OneChild):
    def __init__(self, n):
        super().__init__(n, np.log(n.value))
    def backward(self):
        self.n.grad += self.grad / self.n.value


class SigmoidNode(OneChild):
    def __init__(self, n):
        super().__init__(n, expit(n.value))
    def backward(self):
        self.n.grad += self.grad * self.value * (1 - self.value)


class DotNode(Node):
    def __init__(self, n1, n2):
        self.n1, self.n2 = n1, n2
        self.value = np.dot(n1.value, n2.value)
        self.grad = np.zeros_like(self.value)
        self.topo_order = n1.topo_order
        self.topo_order.append(self)
    def backward(self):
        self.n1.grad += self.grad * self.n2.value
        self.n2.grad += self.grad * self.n1.value


class MVMulNode(Node):
    def __init__(self, M, v):
        self.M, self.v = M, v
        self.value = np.dot(M.value, v.value)
        self.grad = np.zeros_like(self.value)
        self.topo_order = M.topo_order
        self.topo_order.append(self)
    def backward(self):
        self.M.grad += np.outer(self.grad, self.v.value)
        self.v.grad += np.dot(self.grad, self.M.value)


def gradient_check_1(a_test, b_test, c_test):
    def graph(a_val, b_val, c_val):
        order = []
        a = InputNode(a_val, order)
        b = InputNode(b_val, order)
        c = InputNode(c_val, order)
        return a, b, c, AddNode(ConstantMulNode(SigmoidNode(DotNode(a, c)), -3), LogNode(DotNode(a, b)))
    a, b, c, f = graph(a_test, b_test, c_test)
    f.compute_grad()
    print("Computed value of f(a, b, c):", f.value)
    num_a = np.zeros(len(a_test))
    for i in range(len(a_test)):
        e = np.zeros(len(a_test))
        e[i] = EPSILON
        num_a[i] = (graph(a_test + e, b_test, c_test)[3].value - f.value) / EPSILON
    num_b = np.zeros(len(b_test))
    for i in range(len(b_test)):
        e = np.zeros(len(b_test))
        e[i] = EPSILON
        num_b[i] = (graph(a_test, b_test + e, c_test)[3].value - f.value) / EPSILON
    num_c = np.zeros(len(c_test))
    for i in range(len(c_test)):
        e = np.zeros(len(c_test))
        e[i] = EPSILON
        num_c[i] = (graph(a_test, b_test, c_test + e)[3].value - f.value) / EPSILON
    print("numerical", num_a, num_b, num_c)
    print("backprop ", a.grad, b.grad, c.grad)
    print("differences", max(abs(num_a - a.grad)), max(abs(num_b - b.grad)), max(abs(num_c - c.grad)))


def gradient_check_2(M_test, v_test):
    def graph(M_val, v_val):
        order = []
        M = InputNode(M_val, order)
        v = InputNode(v_val, order)
        return M, v, DotNode(ReluNode(MVMulNode(M, v)), v)
    M, v, f = graph(M_test, v_test)
    f.compute_grad()
    print("Computed value of f(M, v):", f.value)
    num_M = np.zeros_like(M_test)
    for i in range(M_test.shape[0]):
        for j in range(M_test.shape[1]):
            M_test[i][j] += EPSILON
            num_M[i][j] = (graph(M_test, v_test)[2].value - f.value) / EPSILON
            M_test[i][j] -= EPSILON
    num_v = np.zeros_like(v_test)
    for i in range(v_test.shape[0]):
        v_test[i] += EPSILON
        num_v[i] = (graph(M_test, v_test)[2].value - f.value) / EPSILON
        v_test[i] -= EPSILON
    print("numerical", num_M, num_v)
    print("backprop ", M.grad, v.grad)
    print("differences", np.abs(num_M - M.grad).max(), np.abs(num_v - v.grad).max())


def make_logistic_regression(dataset):
    def compute_loss(w_val, b_val):
        order = []
        w = InputNode(w_val, order)
        b = InputNode(b_val, order)
        total_loss = InputNode(np.float64(0), order)
        for x, y in dataset:
            s = AddNode(DotNode(InputNode(x, order), w), b)
            total_loss = AddNode(ConstantMulNode(LogNode(SigmoidNode(ConstantMulNode(s, y))), -1), total_loss)
        return (w, b), total_loss
    return compute_loss


def make_neural_network(dataset):
    def compute_loss(W_val, b_val, v_val, c_val):
        order = []
        W, b = InputNode(W_val, order), InputNode(b_val, order)
        v, c = InputNode(v_val, order), InputNode(c_val, order)
        total_loss = InputNode(np.float64(0), order)
        for x, y in dataset:
            h = ReluNode(AddNode(b, MVMulNode(W, InputNode(x, order))))
            s = AddNode(c, DotNode(h, v))
            total_loss = AddNode(total_loss, ConstantMulNode(LogNode(SigmoidNode(ConstantMulNode(s, y))), -1))
        return (W, b, v, c), total_loss
    return compute_loss


def gradient_descent(f, params, lr, num_iters):
    for i in range(num_iters):
        nodes, loss = f(*params)
        loss.compute_grad()
        if i % 100 == 0:
            print("iteration", i, "loss", loss.value)
        params[:] = [p - lr * n.grad for p, n in zip(params, nodes)]
    print("Final loss=" + str(loss.value))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("mode")
    parser.parse_args()
"""
WHOLE_KMEANS = """
import argparse
import sys
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image


def assign(X, centroids):
    distances = np.zeros((X.shape[0], len(centroids)))
    for j, c in enumerate(centroids):
        distances[:, j] = np.linalg.norm(X - c, axis=1)
    return np.argmin(distances, axis=1), np.min(distances, axis=1)


def kmeans(X, k):
    N, D = X.shape
    centroids = X[np.random.choice(np.arange(N), k, replace=False)]
    old_z = np.full(N, -1)
    z, d = assign(X, centroids)
    while not np.array_equal(z, old_z):
        for j in range(k):
            if np.sum(z == j) > 0:
                centroids[j] = np.mean(X[z == j], axis=0)
        old_z = z
        z, d = assign(X, centroids)
    return z, centroids, np.sum(d ** 2)


def cluster_image(k):
    pixels = np.array(Image.open("original.png"))[:, :, :3] / 255.0
    z, centroids, loss = kmeans(pixels.reshape(-1, 3), k)
    plt.imsave("compressed_k%d.png" % k, centroids[z].reshape(pixels.shape))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["basic", "image"])
    parser.add_argument("-k", type=int)
    parser.add_argument("--rng-seed", "-s", type=int, default=0)
    args = parser.parse_args()
    np.random.seed(args.rng_seed)
    cluster_image(args.k)
"""


def right(maker, id, why, *edits):
    """A description from another file, with all the points."""
    case = maker(id, (), why, *edits)
    case.lost = {}
    return case


def whole(id, why, *edits):
    text = WHOLE
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return Case(id, files={"backprop.py": text}, why=why)


def node(id, name, backward, why, forward=None):
    replace = {f"{name}.backward": backward} if backward else {}
    if forward:
        replace[f"{name}.value"] = f"self.value = {forward}"
    return Case(id, replace, why=why)


SCRIPTS = [
    Case(
        "imported-once",
        before="import builtins\nbuiltins.imports = getattr(builtins, 'imports', 0) + 1\n",
        after="\nif builtins.imports > 1:\n    del DotNode\n",
        why="right, but only for the first import of a process",
    ),
    whole("whole-script", "in the manner of the starter, from the first line to the last"),
    Case("whole-kmeans", files={"kmeans.py": WHOLE_KMEANS}, why="in the manner of the starter"),
    whole(
        "whole-standard-library",
        "imports of the standard library, type hints, a dataclass and prints on the way",
        (
            "import argparse\n",
            """from __future__ import annotations
import argparse, collections, copy, functools, itertools, math, os, random, re, sys, time, typing
from dataclasses import dataclass
from math import *
from typing import List

print("hello")

@dataclass
class Settings:
    lr: float = 0.1
""",
        ),
        (
            "def gradient_descent(f, params, lr, num_iters):",
            "def gradient_descent(f, params: List, lr: float, num_iters: int, verbose=True) -> None:",
        ),
    ),
    whole(
        "whole-gradients-replaced",
        "x = x + … for x += …, so that no array changes in place",
        (
            "self.M.grad += np.outer(self.grad, self.v.value)",
            "self.M.grad = self.M.grad + np.outer(self.grad, self.v.value)",
        ),
        (
            "self.v.grad += np.dot(self.grad, self.M.value)",
            "self.v.grad = self.v.grad + np.dot(self.grad, self.M.value)",
        ),
    ),
    whole(
        "whole-zeros-later",
        "gradients are zeroed by compute_grad, and none before",
        (
            "        self.grad = np.float64(1)\n",
            """        for n in self.topo_order:
            n.grad = 0.0 * n.value
        self.grad = np.float64(1)
""",
        ),
        (
            "        self.grad = np.zeros_like(value)\n        self.topo_order = topo_order\n",
            "        self.topo_order = topo_order\n",
        ),
    ),
    whole(
        "whole-prints",
        "prints at every node that is made",
        (
            "        self.n, self.value = n, value\n",
            "        self.n, self.value = n, value\n        print('made', value)\n",
        ),
    ),
]

NODES = [
    node(
        "outer-by-loops",
        "MVMulNode",
        """
        for i in range(len(self.grad)):
            for j in range(len(self.v.value)):
                self.M.grad[i, j] += self.grad[i] * self.v.value[j]
                self.v.grad[j] += self.M.value[i, j] * self.grad[i]
        """,
        "loops over small axes",
    ),
    node(
        "outer-by-einsum",
        "MVMulNode",
        """
        self.M.grad += np.einsum("i,j->ij", self.grad, self.v.value)
        self.v.grad += np.einsum("ij,i->j", self.M.value, self.grad)
        """,
        "einsum",
        'np.einsum("ij,j->i", M.value, v.value)',
    ),
    node(
        "outer-by-broadcasting",
        "MVMulNode",
        """
        self.M.grad = self.M.grad + self.grad.reshape(-1, 1) * self.v.value.reshape(1, -1)
        self.v.grad = self.v.grad + (self.M.value * self.grad[:, np.newaxis]).sum(axis=0)
        """,
        "broadcasting, and gradients that are replaced",
        "(M.value * v.value).sum(axis=1)",
    ),
    node("dot-by-sum", "DotNode", "", "the sum of products", "np.sum(n1.value * n2.value)"),
    node(
        "dot-by-loop",
        "DotNode",
        """
        for j in range(len(self.n1.value)):
            self.n1.grad[j] += self.grad * self.n2.value[j]
            self.n2.grad[j] += self.grad * self.n1.value[j]
        """,
        "a loop",
        "np.float64(sum(p * q for p, q in zip(n1.value, n2.value)))",
    ),
    node(
        "dot-into-arrays",
        "DotNode",
        """
        np.add(self.n1.grad, np.multiply(self.grad, self.n2.value), out=self.n1.grad)
        np.add(self.n2.grad, np.multiply(self.grad, self.n1.value), out=self.n2.grad)
        """,
        "numpy's functions with out=",
        "np.inner(n1.value, n2.value)",
    ),
    node(
        "sigmoid-by-exp",
        "SigmoidNode",
        "self.n.grad += self.grad * np.exp(-self.n.value) / (1 + np.exp(-self.n.value)) ** 2",
        "the formula in x",
        "1 / (1 + np.exp(-n.value))",
    ),
    node(
        "sigmoid-by-tanh",
        "SigmoidNode",
        "self.n.grad += self.grad * (self.value - self.value**2)",
        "σ(x) = (1 + tanh(x/2)) / 2",
        "(1 + np.tanh(n.value / 2)) / 2",
    ),
    node(
        "sigmoid-single-precision",
        "SigmoidNode",
        "self.n.grad += np.float32(self.grad) * self.value * (1 - self.value)",
        "float32 within its own rounding",
        "np.float32(sigmoid(n.value))",
    ),
    node(
        "log-by-math",
        "LogNode",
        "self.n.grad += self.grad * self.n.value ** -1",
        "a plain float",
        "__import__('math').log(n.value)",
    ),
    node(
        "log-guarded",
        "LogNode",
        "self.n.grad += self.grad / (self.n.value + 1e-12)",
        "a guard against log 0, far below what can be seen",
        "np.log(n.value + 1e-12)",
    ),
    Case(
        "log-with-helpers",
        {
            "LogNode.backward": """
                def backward(self):
                    self.pass_on(self.slope())

                def slope(self):
                    return 1 / self.n.value

                def pass_on(self, slope):
                    self.n.grad += self.grad * slope
            """
        },
        why="methods of its own",
    ),
]

CHECKS = [
    right(
        compare,
        "central-differences",
        "central differences with a step of their own, in place and restored",
        (
            MOVED,
            """
            kept = values[i][entry]
            values[i][entry] = kept + 1e-5
            above = f(*values)[1].value
            values[i][entry] = kept - 1e-5
            numerical[entry] = (above - f(*values)[1].value) / 2e-5
            values[i][entry] = kept
""",
        ),
    ),
    right(
        compare,
        "central-differences-at-epsilon",
        "central differences at EPSILON",
        (NUMERICAL, NUMERICAL.replace("output.value) / EPS", "below) / 2 / EPS")),
        (
            "moved[i][entry] += EPSILON",
            """moved[i][entry] -= EPSILON
            below = f(*moved)[1].value
            moved[i][entry] += 2 * EPSILON""",
        ),
    ),
    right(
        compare,
        "one-element-arrays",
        "a one-element array is stored into an entry: numpy takes it up to 2.3, and no newer one grades",
        (NUMERICAL, NUMERICAL.replace("f(*moved)[1].value", "np.array([f(*moved)[1].value])")),
    ),
    right(
        compare,
        "backward-differences",
        "backward differences",
        ("moved[i][entry] +=", "moved[i][entry] -="),
        ("/ EPSILON", "/ -EPSILON"),
    ),
    right(
        compare,
        "in-place-and-back",
        "+= and -= on what was given: restored up to rounding",
        (
            MOVED,
            """
            values[i][entry] += EPSILON
            numerical[entry] = (f(*values)[1].value - output.value) / EPSILON
            values[i][entry] -= EPSILON
""",
        ),
    ),
    right(
        compare,
        "four-decimals",
        "columns with four decimals",
        ("name, numerical)", "name, np.round(numerical, 4))"),
        ("name, backprop)", "name, np.round(backprop, 4))"),
    ),
    right(
        compare,
        "entries-one-by-one",
        "a line for each entry",
        (PRINTED[0], "for pair in zip(numerical.ravel(), backprop.ravel()): print('%.8f  %.8f' % pair)"),
        (PRINTED[1], "pass"),
    ),
    right(
        compare,
        "lists-of-scalars",
        "lists of numpy's numbers, which numpy 2 shows as np.float64(...)",
        ("name, numerical)", "name, list(numerical.ravel()))"),
        ("name, backprop)", "name, list(backprop.ravel()))"),
    ),
    right(
        compare,
        "scientific-notation",
        "1.23456789e+00",
        (PRINTED[0], "print(['%.8e' % x for x in numerical.ravel()])"),
        (PRINTED[1], "print(['%.8E' % x for x in backprop.ravel()])"),
    ),
    right(
        compare,
        "asserts-that-they-agree",
        "the difference is asserted to be small, also where backprop is made wrong on purpose",
        (PRINTED[2], f"{PRINTED[2]}; assert {DIFFERENCE} < 1e-7, 'the gradients differ'"),
    ),
    right(
        compare,
        "differences-first",
        "in another order, with all that was asked",
        ('print("Computed value of f:", output.value)', "pass"),
        (PRINTED[2], f"print('Max difference = {{:.3e}}; f = {{}}'.format({DIFFERENCE}, output.value))"),
    ),
    right(
        compare,
        "lists",
        "lists of floats",
        ("name, numerical)", "name, numerical.tolist())"),
        ("name, backprop)", "name, backprop.tolist())"),
    ),
    right(
        first,
        "three-sigmoids",
        "−3 σ as three terms, made before the log",
        (
            "AddNode(log, ConstantMulNode(sigmoid, -3))",
            "AddNode(ConstantMulNode(AddNode(sigmoid, AddNode(sigmoid, sigmoid)), -1), log)",
        ),
    ),
    right(
        first,
        "log-of-a-quotient",
        "log(aᵀb) as −log(1 / aᵀb)",
        ("LogNode(DotNode(a, b))", "ConstantMulNode(LogNode(PowerNode(DotNode(a, b), -1)), -1)"),
    ),
    right(
        second,
        "relu-by-rows",
        "the other way round",
        ("DotNode(v, ReluNode(MVMulNode(M, v)))", "DotNode(ReluNode(MVMulNode(M, v)), v)"),
    ),
]

MODELS = [
    right(
        both,
        "loss-of-minus",
        "σ(−s) = 1 − σ(s) in full for the label −1",
        (
            LOG_P,
            """
            p = SigmoidNode(score)
            if y == -1:
                p = AddNode(InputNode(np.float64(1), order), ConstantMulNode(p, -1))
            log_p = LogNode(p)""",
        ),
    ),
    right(
        both,
        "loss-from-zero",
        "a sum that begins with an input 0",
        ("total = None", "total = InputNode(np.float64(0), order)"),
    ),
    right(
        both,
        "log-of-product",
        "−log of the product of all probabilities",
        (LOG_P, LOG_P.replace("LogNode(", "(")),
        ("AddNode(total, log_p)", "MulNode(total, log_p)"),
        (TOTAL, "ConstantMulNode(LogNode(total), -1)"),
    ),
    right(
        both,
        "loss-as-softplus",
        "log(1 + exp(−m)) in a node of its own",
        (
            LOG_P,
            """
            class Softplus(type(score).__mro__[1]):
                def __init__(self, n):
                    self.n, self.grad, self.topo_order = n, np.float64(0), n.topo_order
                    self.value = np.logaddexp(0, n.value)
                    self.topo_order.append(self)
                def backward(self):
                    self.n.grad += self.grad * sigmoid(self.n.value)
            log_p = ConstantMulNode(Softplus(ConstantMulNode(score, -y)), -1)""",
        ),
    ),
    right(
        both,
        "labels-as-inputs",
        "y as a node, and MulNode",
        ("ConstantMulNode(score, y)", "MulNode(score, InputNode(np.float64(y), order))"),
    ),
    right(
        both, "examples-reversed", "the last example first", ("in dataset:", "in reversed(list(dataset)):")
    ),
    right(
        logistic,
        "label-into-example",
        "y x and y b",
        (
            "AddNode(DotNode(w, InputNode(x, order)), b)",
            "AddNode(DotNode(w, InputNode(y * x, order)), ConstantMulNode(b, y))",
        ),
        ("ConstantMulNode(score, y)", "score"),
    ),
    right(
        logistic,
        "unused-nodes",
        "nodes that lead nowhere",
        ("        total = None", "        PowerNode(AddNode(b, b), 2)\n        total = None"),
    ),
    right(
        network,
        "outputs-first",
        "the last layer's nodes are made first",
        (
            "        W, b, v, c = [InputNode(value, order) for value in (W_val, b_val, v_val, c_val)]",
            "        c, v, b, W = [InputNode(value, order) for value in (c_val, v_val, b_val, W_val)]",
        ),
    ),
    right(
        descent, "descent-in-place", "−= on the arrays of the list", (STEP, "params[j] -= lr * nodes[j].grad")
    ),
    right(
        descent,
        "descent-new-list",
        "all entries at once, in float32",
        (STEP, "params[j] = (params[j] - lr * nodes[j].grad).astype(np.float32)"),
    ),
    right(
        descent,
        "descent-final-loss-again",
        "the loss after the last update, in full",
        ("% loss.value", "% f(*params)[1].value"),
        ("=%f", "= %.16g"),
    ),
    right(
        descent,
        "descent-prints-all",
        "every iteration is printed, and the list returned",
        ("if i % 100 == 0:", "if True:"),
        ('    print("Final', "    print('params', params)\n    print(\"Final"),
    ),
    Case(
        "descent-while",
        {
            "gradient_descent": """
        iteration = 0
        while iteration < num_iters:
            nodes, total_loss = f(*params)
            total_loss.compute_grad()
            gradients = [node.grad for node in nodes]
            for index, gradient in enumerate(gradients):
                params[index] = np.subtract(params[index], np.multiply(lr, gradient))
            if not iteration % 100:
                print(f"{iteration:5d}: {total_loss.value}")
            iteration += 1
        print(f"Final loss={total_loss.value:.6f}")
        """
        },
        why="a while",
    ),
]

PLUS_PLUS = """
first = [np.random.randint(N)]
for _ in range(1, k):
    far = ((X[:, None] - X[first]) ** 2).sum(2).min(1)
    first.append(np.random.choice(N, p=far / far.sum()) if far.sum() else np.random.randint(N))
centroids = X[first]"""
DRAW = "centroids = X[np.random.choice(np.arange(N), k, replace=False)]"
KMEANS = [
    right(clusters, "z-int32", "z of another type", (RETURN, "return z.astype(np.int32), centroids, loss")),
    right(clusters, "z-uint8", "z of another type", (RETURN, "return z.astype(np.uint8), centroids, loss")),
    right(
        clusters, "z-list", "a list of ints", (RETURN, "return z.tolist(), centroids.tolist(), loss.item()")
    ),
    right(
        clusters, "z-objects", "an array of Python ints", (RETURN, "return z.astype(object), centroids, loss")
    ),
    right(clusters, "loss-float32", "loss as np.float32", (RETURN, "return z, centroids, np.float32(loss)")),
    right(
        clusters,
        "loss-0-d",
        "loss as an array without dimensions",
        (RETURN, "return [z, centroids, np.array(loss)]"),
    ),
    right(
        clusters,
        "centroids-sorted",
        "centroids in order, z renumbered",
        (RETURN, "order = np.lexsort(centroids.T)\nreturn order.argsort()[z], centroids[order], loss"),
    ),
    right(
        clusters,
        "centroids-float32",
        "float32 throughout",
        ("N = len(X)", "N, X = len(X), X.astype(np.float32)"),
    ),
    right(clusters, "first-examples", "begins at the first k examples", (DRAW, "centroids = X[:k].copy()")),
    right(
        clusters,
        "drawn-with-replacement",
        "the first centroids may be equal: a cluster stays empty",
        (DRAW, "centroids = X[np.random.randint(N, size=k)]"),
    ),
    right(
        clusters,
        "random-clusters",
        "begins at the means of random clusters",
        (
            DRAW,
            "z = np.random.permutation(np.arange(N) % k)\n"
            + MEANS.replace(" if (z == c).any() else centroids[c]", ""),
        ),
        ("z = None\n", ""),
    ),
    right(clusters, "far-apart", "begins at examples far apart", (DRAW, PLUS_PLUS.strip())),
    right(
        clusters,
        "own-generator",
        "a generator of its own, unseeded",
        (DRAW, "centroids = np.random.default_rng().choice(X, k, replace=False)"),
    ),
    right(
        clusters,
        "empty-redrawn",
        "an empty cluster gets a random example",
        ("else centroids[c] for", "else X[np.random.randint(N)] for"),
    ),
    right(
        clusters,
        "empty-to-the-farthest",
        "an empty cluster gets the example farthest from its centroid",
        ("else centroids[c] for", "else X[distances.min(1).argmax()] for"),
    ),
    right(
        clusters,
        "distances-by-product",
        "|x|² − 2 xᵀc + |c|²",
        (DISTANCES, "distances = (X**2).sum(1)[:, None] - 2 * X @ centroids.T + (centroids**2).sum(1)"),
    ),
    right(
        clusters,
        "distances-by-scipy",
        "cdist",
        (
            DISTANCES,
            "from scipy.spatial.distance import cdist\n    distances = cdist(X, centroids, 'sqeuclidean')",
        ),
    ),
    right(
        clusters,
        "distances-by-cluster",
        "a loop over the clusters, and a root",
        (
            DISTANCES,
            """distances = np.zeros((N, k))
    for c in range(k):
        distances[:, c] = np.sqrt(np.sum((X - centroids[c]) ** 2, axis=1))""",
        ),
        ("z].sum()", "z].dot(distances[np.arange(N), z])"),
    ),
    right(
        clusters,
        "means-by-product",
        "a matrix of zeros and ones",
        (
            MEANS,
            """member = np.eye(k)[z]
    count = member.sum(0)[:, None]
    centroids = np.where(count > 0, member.T @ X / np.maximum(count, 1), centroids)""",
        ),
    ),
    right(
        clusters,
        "means-by-bincount",
        "bincount",
        (
            MEANS,
            """count = np.bincount(z, minlength=k)[:, None]
    sums = np.stack([np.bincount(z, column, k) for column in X.T], 1)
    centroids = np.where(count > 0, sums / np.maximum(count, 1), centroids)""",
        ),
    ),
    right(
        clusters,
        "means-by-add-at",
        "np.add.at",
        (
            MEANS,
            """sums, count = np.zeros((k, X.shape[1])), np.zeros(k)
    np.add.at(sums, z, X)
    np.add.at(count, z, 1)
    count = count[:, None]
    centroids = np.where(count > 0, sums / np.maximum(count, 1), centroids)""",
        ),
    ),
    right(
        clusters,
        "until-centroids-stay",
        "ends when no centroid moves",
        (STOP, "if before is not None and np.allclose(last, centroids):"),
        ("    centroids =", "    last = centroids\n    centroids ="),
    ),
    right(
        clusters,
        "in-place-and-back-again",
        "X is shifted in place, and back at the end",
        ("N = len(X)", "N, middle = len(X), X.mean(0)\nX -= middle"),
        (RETURN, "X += middle\nreturn z, centroids + middle, loss"),
    ),
    right(
        clusters,
        "in-blocks",
        "distances in blocks of 1000 examples: a loop, but not over examples",
        (
            "distances.argmin(1)",
            "np.concatenate([distances[i : i + 1000].argmin(1) for i in range(0, N, 1000)])",
        ),
    ),
    right(
        clusters,
        "prints-every-pass",
        "prints",
        ("    before, z =", "    print('loss', distances.min(1).sum())\n    before, z ="),
    ),
    right(
        clusters,
        "means-in-a-dictionary",
        "a dictionary of clusters",
        (
            MEANS,
            """members = {c: X[z == c] for c in range(k)}
    old, centroids = centroids, np.zeros(centroids.shape)
    for c, rows in members.items():
        centroids[c] = rows.mean(axis=0) if len(rows) else old[c]""",
        ),
    ),
    Case(
        "kmeans-class",
        {
            "kmeans": """
            def kmeans(X, k, restarts=3, verbose=False):
                runs = [Clusters(X, k).fit() for _ in range(restarts)]
                return min(runs, key=lambda run: run[2])

            class Clusters:
                def __init__(self, X, k):
                    self.X, self.k = X, k
                    self.centroids = X[np.random.choice(len(X), k, replace=False)]

                def assign(self):
                    return np.sum((self.X[:, np.newaxis, :] - self.centroids[np.newaxis]) ** 2, axis=-1)

                def fit(self, z=None):
                    distances = self.assign()
                    new = np.argmin(distances, axis=1)
                    if z is not None and np.all(new == z):
                        return new, self.centroids, float(np.sum(np.min(distances, axis=1)))
                    for c in set(new):
                        self.centroids[c] = np.mean(self.X[new == c], axis=0)
                    return self.fit(new)
        """
        },
        why="a class with a method that calls itself, and the best of three runs",
    ),
]

CASES = {
    "unusual scripts": SCRIPTS,
    "unusual nodes": NODES,
    "unusual gradient checks": CHECKS,
    "unusual models": MODELS,
    "unusual k-means": KMEANS,
}
