"""The nodes, and a descent, that are lent to parts that are built on them, where the student's are wrong.

They behave as those that students are given: nothing is checked, an input keeps the very array that
it was given, gradients start when a node is made, and compute_grad() resets none of them.
"""

import numpy as np
from scipy.special import expit


class Node:
    grad_like_value = False  # else a plain zero, also for arrays, where += makes an array of it

    def join(self, topo_order, value):
        self.topo_order, self.value = topo_order, value
        shape = np.shape(value)
        self.grad = np.zeros(shape) if shape and self.grad_like_value else np.float64(0)
        topo_order.append(self)

    def compute_grad(self):
        self.grad = np.float64(1)
        for node in reversed(self.topo_order):
            node.backward()

    def backward(self):
        pass


class InputNode(Node):
    grad_like_value = True

    def __init__(self, value, topo_order):
        self.join(topo_order, value)


class AddNode(Node):
    grad_like_value = True

    def __init__(self, n1, n2):
        self.n1, self.n2 = n1, n2
        self.join(n1.topo_order, n1.value + n2.value)

    def backward(self):
        self.n1.grad += self.grad
        self.n2.grad += self.grad


class MulNode(Node):
    def __init__(self, n1, n2):
        self.n1, self.n2 = n1, n2
        self.join(n1.topo_order, n1.value * n2.value)

    def backward(self):
        self.n1.grad += self.grad * self.n2.value
        self.n2.grad += self.grad * self.n1.value


class PowerNode(Node):
    def __init__(self, n, power):
        self.n, self.power = n, power
        self.join(n.topo_order, n.value**power)

    def backward(self):
        self.n.grad += self.grad * self.power * self.n.value ** (self.power - 1)


class ReluNode(Node):
    grad_like_value = True

    def __init__(self, n):
        self.n = n
        self.join(n.topo_order, np.maximum(n.value, 0))

    def backward(self):
        self.n.grad += self.grad * (self.n.value > 0)


class ConstantMulNode(Node):
    def __init__(self, n, a):
        self.n, self.a = n, a
        self.join(n.topo_order, a * n.value)

    def backward(self):
        self.n.grad += self.grad * self.a


class LogNode(Node):
    def __init__(self, n):
        self.n = n
        self.join(n.topo_order, np.log(n.value))

    def backward(self):
        self.n.grad += self.grad / self.n.value


class SigmoidNode(Node):
    def __init__(self, n):
        self.n = n
        self.join(n.topo_order, expit(n.value))

    def backward(self):
        self.n.grad += self.grad * self.value * (1 - self.value)


class DotNode(MulNode):
    def __init__(self, n1, n2):
        self.n1, self.n2 = n1, n2
        self.join(n1.topo_order, np.dot(n1.value, n2.value))


class MVMulNode(Node):
    grad_like_value = True

    def __init__(self, M, v):
        self.M, self.v = M, v
        self.join(M.topo_order, np.dot(M.value, v.value))

    def backward(self):
        self.M.grad += np.outer(self.grad, self.v.value)
        self.v.grad += np.dot(self.M.value.T, self.grad)


def gradient_descent(f, params, lr, num_iters):
    for _ in range(num_iters):
        nodes, loss = f(*params)
        loss.compute_grad()
        params[:] = [value - lr * node.grad for value, node in zip(params, nodes)]
