"""Broken and hostile submissions."""

from case import BODIES, Case, starter

NOTHING = dict.fromkeys([*BODIES][:-1], 0)  # every part of backprop.py

CASES = [
    Case("starter", starter(BODIES), dict.fromkeys(BODIES, 0), "untouched", says=["NotImplementedError"]),
    Case(
        "no-backprop",
        files={"backprop.py": None},
        points=NOTHING,
        why="one file is missing",
        says=["there is no backprop.py"],
    ),
    Case("syntax-error", after="\ndef f(:\n", points=NOTHING, why="a syntax error", says=["SyntaxError"]),
    Case(
        "exit-at-import",
        before="import os; os._exit(0)\n",
        points=NOTHING,
        why="ends at import",
        says=["ended Python itself"],
    ),
    Case(
        "endless-import",
        after="\nwhile True: pass\n",
        points=NOTHING,
        why="never ends",
        says=["still running"],
    ),
    Case(
        "fork-bomb",
        {"LogNode.backward": "import os\nwhile True:\n    os.fork()"},
        {"1b": 1},
        "a fork bomb in one node",
    ),
]
