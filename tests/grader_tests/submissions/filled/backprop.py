"""A right submission in the form that students are given, its blanks filled in as plainly as can be."""

import argparse
import sys

import matplotlib.pyplot as plt  # noqa: F401
import numpy as np
from scipy.special import expit as sigmoid

EPSILON = 1e-8

SIMPLE_DATASET = [
    (np.array([2.0, 2.0]), 1),
    (np.array([1.0, 0.0]), 1),
    (np.array([1.0, 2.0]), -1),
    (np.array([0.0, -1.0]), -1),
]
XOR_DATASET = [
    (np.array([0.0, 0.0]), -1),
    (np.array([1.0, 1.0]), -1),
    (np.array([1.0, 0.0]), 1),
    (np.array([0.0, 1.0]), 1),
]


class Node:
    def compute_grad(self):
        self.grad = np.float64(1)
        for node in reversed(self.topo_order):
            node.backward()


class InputNode(Node):
    def __init__(self, value, topo_order):
        self.value = value
        self.grad = np.zeros(np.shape(value)) if np.ndim(value) else np.float64(0)
        self.topo_order = topo_order
        self.topo_order.append(self)

    def backward(self):
        pass


class AddNode(Node):
    def __init__(self, n1, n2):
        self.n1, self.n2 = n1, n2
        self.topo_order = n1.topo_order
        self.topo_order.append(self)
        self.value = n1.value + n2.value
        self.grad = np.zeros(self.value.shape) if self.value.shape else np.float64(0)

    def backward(self):
        self.n1.grad += self.grad
        self.n2.grad += self.grad


class MulNode(Node):
    def __init__(self, n1, n2):
        self.n1, self.n2 = n1, n2
        self.topo_order = n1.topo_order
        self.topo_order.append(self)
        self.value = n1.value * n2.value
        self.grad = np.float64(0)

    def backward(self):
        self.n1.grad += self.grad * self.n2.value
        self.n2.grad += self.grad * self.n1.value


class PowerNode(Node):
    def __init__(self, n, power):
        self.n, self.power = n, power
        self.topo_order = n.topo_order
        self.topo_order.append(self)
        self.value = n.value**power
        self.grad = np.float64(0)

    def backward(self):
        self.n.grad += self.grad * self.power * self.n.value ** (self.power - 1)


class ReluNode(Node):
    def __init__(self, n):
        self.n = n
        self.topo_order = n.topo_order
        self.topo_order.append(self)
        self.value = np.maximum(n.value, 0)
        self.grad = np.zeros(self.value.shape) if self.value.shape else np.float64(0)

    def backward(self):
        self.n.grad += self.grad * (self.n.value > 0)


class ConstantMulNode(Node):
    def __init__(self, n, a):
        self.n, self.a = n, a
        self.topo_order = n.topo_order
        self.topo_order.append(self)
        self.value = a * n.value
        self.grad = np.float64(0)

    def backward(self):
        self.n.grad += self.grad * self.a


class LogNode(Node):
    def __init__(self, n):
        self.n = n
        self.topo_order = n.topo_order
        self.topo_order.append(self)
        self.value = np.log(n.value)
        self.grad = np.float64(0)

    def backward(self):
        self.n.grad += self.grad / self.n.value


class SigmoidNode(Node):
    def __init__(self, n):
        self.n = n
        self.topo_order = n.topo_order
        self.topo_order.append(self)
        self.value = sigmoid(n.value)
        self.grad = np.float64(0)

    def backward(self):
        self.n.grad += self.grad * self.value * (1 - self.value)


class DotNode(Node):
    def __init__(self, n1, n2):
        self.n1, self.n2 = n1, n2
        self.topo_order = n1.topo_order
        self.topo_order.append(self)
        self.value = np.dot(n1.value, n2.value)
        self.grad = np.float64(0)

    def backward(self):
        self.n1.grad += self.grad * self.n2.value
        self.n2.grad += self.grad * self.n1.value


class MVMulNode(Node):
    def __init__(self, M, v):
        p, d = M.value.shape
        self.M, self.v = M, v
        self.topo_order = M.topo_order
        self.topo_order.append(self)
        self.value = np.dot(M.value, v.value)
        self.grad = np.zeros(p)

    def backward(self):
        self.M.grad += np.outer(self.grad, self.v.value)
        self.v.grad += np.dot(self.M.value.T, self.grad)


def gradient_check_1(a_test, b_test, c_test):
    def f(a_val, b_val, c_val):
        topo_order = []
        a = InputNode(a_val, topo_order)
        b = InputNode(b_val, topo_order)
        c = InputNode(c_val, topo_order)
        output = AddNode(LogNode(DotNode(a, b)), ConstantMulNode(SigmoidNode(DotNode(a, c)), -3))
        return (a, b, c), output

    (a, b, c), output = f(a_test, b_test, c_test)
    print(f"Computed value of f(a_test, b_test, c_test): {output.value}")
    output.compute_grad()
    a_numerical, b_numerical, c_numerical = np.zeros(2), np.zeros(2), np.zeros(2)
    for i in range(2):
        step = np.zeros(2)
        step[i] = EPSILON
        a_numerical[i] = (f(a_test + step, b_test, c_test)[1].value - output.value) / EPSILON
        b_numerical[i] = (f(a_test, b_test + step, c_test)[1].value - output.value) / EPSILON
        c_numerical[i] = (f(a_test, b_test, c_test + step)[1].value - output.value) / EPSILON
    for name, node, numerical in (("a", a, a_numerical), ("b", b, b_numerical), ("c", c, c_numerical)):
        print(f"{name}.grad:")
        print(f"    Numerically: {numerical}")
        print(f"    By backprop: {node.grad}")
        print(f"    Max difference: {np.max(np.abs(numerical - node.grad))}")


def make_logistic_regression(dataset):
    def compute_loss(w_val, b_val):
        topo_order = []
        w = InputNode(w_val, topo_order)
        b = InputNode(b_val, topo_order)
        total_loss = None
        for x, y in dataset:
            score = AddNode(DotNode(w, InputNode(x, topo_order)), b)
            loss = ConstantMulNode(LogNode(SigmoidNode(ConstantMulNode(score, y))), -1)
            total_loss = loss if total_loss is None else AddNode(total_loss, loss)
        return (w, b), total_loss

    return compute_loss


def gradient_descent(f, params, lr, num_iters):
    for t in range(num_iters):
        input_nodes, loss = f(*params)
        if t % 100 == 0:
            print(f"Iteration {t}: loss={loss.value}")
        loss.compute_grad()
        for i in range(len(params)):
            params[i] = params[i] - lr * input_nodes[i].grad
    print(f"Final loss={loss.value}")


def gradient_check_2(M_test, v_test):
    def f(M_val, v_val):
        topo_order = []
        M = InputNode(M_val, topo_order)
        v = InputNode(v_val, topo_order)
        output = DotNode(v, ReluNode(MVMulNode(M, v)))
        return (M, v), output

    (M, v), output = f(M_test, v_test)
    print(f"Computed value of f(M_test, v_test): {output.value}")
    output.compute_grad()
    M_numerical, v_numerical = np.zeros((2, 2)), np.zeros(2)
    for i in range(2):
        for j in range(2):
            step = np.zeros((2, 2))
            step[i, j] = EPSILON
            M_numerical[i, j] = (f(M_test + step, v_test)[1].value - output.value) / EPSILON
        step = np.zeros(2)
        step[i] = EPSILON
        v_numerical[i] = (f(M_test, v_test + step)[1].value - output.value) / EPSILON
    for name, node, numerical in (("M", M, M_numerical), ("v", v, v_numerical)):
        print(f"{name}.grad:")
        print(f"    Numerically: {numerical}")
        print(f"    By backprop: {node.grad}")
        print(f"    Max difference: {np.max(np.abs(numerical - node.grad))}")


def make_neural_network(dataset):
    def compute_loss(W_val, b_val, v_val, c_val):
        topo_order = []
        W = InputNode(W_val, topo_order)
        b = InputNode(b_val, topo_order)
        v = InputNode(v_val, topo_order)
        c = InputNode(c_val, topo_order)
        total_loss = None
        for x, y in dataset:
            hidden = ReluNode(AddNode(MVMulNode(W, InputNode(x, topo_order)), b))
            score = AddNode(DotNode(v, hidden), c)
            loss = ConstantMulNode(LogNode(SigmoidNode(ConstantMulNode(score, y))), -1)
            total_loss = loss if total_loss is None else AddNode(total_loss, loss)
        return (W, b, v, c), total_loss

    return compute_loss


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["grad_check_1", "grad_check_2", "logreg", "neural"])
    parser.add_argument("-d", "--dataset", choices=["simple", "xor"])
    args = parser.parse_args(sys.argv[1:])
    if args.mode == "grad_check_1":
        gradient_check_1(np.array([3.0, 2.0]), np.array([-2.0, 7.0]), np.array([1.0, -4.0]))
    if args.mode == "grad_check_2":
        gradient_check_2(np.array([[2.0, -1.0], [0.0, 3.0]]), np.array([1.0, -3.0]))
    dataset = {"simple": SIMPLE_DATASET, "xor": XOR_DATASET}.get(args.dataset)
    if args.mode == "logreg":
        params = [np.zeros(2), np.float64(0)]
        gradient_descent(make_logistic_regression(dataset or SIMPLE_DATASET), params, 1.0, 1000)
    if args.mode == "neural":
        W = np.array([[-0.01, 0.07], [0.17, 0.0], [-0.04, -0.11]])
        b, v, c = np.array([-0.02, -0.14, 0.05]), np.array([0.05, 0.14, 0.12]), np.float64(-0.02)
        gradient_descent(make_neural_network(dataset or XOR_DATASET), [W, b, v, c], 0.1, 1000)


if __name__ == "__main__":
    main()
