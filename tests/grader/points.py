"""The points of every check, by part: the one place where they stand. The sums are the handout's."""

POINTS = {
    "1b": {"value": 1, "gradient": 1, "used twice": 1},
    "1e": {"value": 1, "gradient": 1, "used twice": 1},
    "1g": {"value": 1, "gradient": 1, "used twice": 1},
    "1h": {"value": 1, "backprop": 1, "numerical": 2, "difference": 1, "another size": 1},
    "1i": {"loss": 2, "gradient": 1, "descent": 2, "printed": 1, "training": 1},
    "1l": {"value": 1, "gradient": 1, "used twice": 1},
    "1m": {"value": 1, "backprop": 1, "numerical": 2, "difference": 1, "another size": 1},
    "1n": {"loss": 1, "gradient": 3, "another size": 1, "training": 1},
    "2a": {"assignments": 2, "means": 2, "loss": 2, "convergence": 2, "empty clusters": 1, "no loop": 1},
}
TITLES = {
    "1b": "LogNode",
    "1e": "SigmoidNode",
    "1g": "DotNode",
    "1h": "gradient_check_1",
    "1i": "make_logistic_regression, gradient_descent",
    "1l": "MVMulNode",
    "1m": "gradient_check_2",
    "1n": "make_neural_network",
    "2a": "kmeans",
}
PARTS = list(POINTS)
CHECKS = [(part, check) for part in PARTS for check in POINTS[part]]
FILES = {part: "kmeans.py" if part == "2a" else "backprop.py" for part in PARTS}
MAXIMUM = {part: sum(POINTS[part].values()) for part in PARTS}
TOTAL = sum(MAXIMUM.values())
