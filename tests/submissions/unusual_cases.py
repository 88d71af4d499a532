"""Right, in an unusual way: each gets all 47 points."""

from case import Case

CASES = [
    Case(
        "outer-by-loops",
        {
            "MVMulNode.backward": """
                for i in range(len(self.grad)):
                    for j in range(len(self.v.value)):
                        self.M.grad[i, j] += self.grad[i] * self.v.value[j]
                        self.v.grad[j] += self.M.value[i, j] * self.grad[i]
            """
        },
        {},
        "loops over small axes",
    ),
    Case(
        "central-differences",
        {
            "numerical_gradient": """
                def numerical_gradient(f, values, i):
                    gradient = np.zeros(np.shape(values[i]))
                    for entry in np.ndindex(gradient.shape):
                        kept = values[i][entry]
                        values[i][entry] = kept + 1e-5
                        above = f(*values)[1].value
                        values[i][entry] = kept - 1e-5
                        gradient[entry] = (above - f(*values)[1].value) / 2e-5
                        values[i][entry] = kept
                    return gradient
            """
        },
        {},
        "central differences with a step of its own, in place and restored",
    ),
]
