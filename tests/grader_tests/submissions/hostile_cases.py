"""Broken and hostile submissions. What is not touched keeps its points, whatever the rest does."""

import textwrap

from case import BODIES, ROOT, Case, filled, starter
from grader.parts import FILES as FILE_OF
from grader.parts import MAXIMUM, PARTS

NOTHING = {part: MAXIMUM[part] for part in PARTS if FILE_OF[part] == "backprop.py"}  # is left of it
SPOILED = {
    "1b": MAXIMUM["1b"]
}  # a log node that never comes to an end; the parts that are built on it pass with another


def log(after="", before=""):
    """The body of LogNode.backward: the right rule, with something after or before it."""
    rule = "\nself.n.grad += self.grad / self.n.value\n"
    return {
        "LogNode.backward": "import contextlib, os, sys\n"
        + textwrap.dedent(before)
        + rule
        + textwrap.dedent(after)
    }


def at_import(id, text, why, lost=NOTHING, **more):
    return Case(id, after=f"\nimport os, sys\n{text}\n", lost=lost, why=why, **more)


FILES = [
    Case("starter", starter(BODIES), MAXIMUM, "untouched", says=["NotImplementedError"]),
    *[
        Case(f"starter-{part}", starter([part]), {part: MAXIMUM[part]}, "one part untouched")
        for part in BODIES
    ],
    Case(
        "no-backprop",
        files={"backprop.py": None},
        lost=NOTHING,
        why="missing",
        says=["there is no backprop.py"],
    ),
    Case(
        "no-kmeans",
        files={"kmeans.py": None},
        lost={"2a": MAXIMUM["2a"]},
        why="missing",
        says=["there is no kmeans.py"],
    ),
    Case(
        "nested",
        files={"backprop.py": None, "hw/1/backprop.py": filled("backprop.py")},
        why="one folder down",
    ),
    Case(
        "nested-twice",
        files={"backprop.py": None, "a/backprop.py": filled("backprop.py"), "b/backprop.py": "x"},
        lost=NOTHING,
        why="two of a name: which one counts is not for the grader to say",
        says=["several backprop.py: a/backprop.py, b/backprop.py"],
    ),
    Case(
        "renamed",
        files={"backprop.py": None, "backprop (1).py": filled("backprop.py")},
        why="right: another name, but the only one",
    ),
    Case(
        "empty-file",
        files={"kmeans.py": ""},
        lost={"2a": MAXIMUM["2a"]},
        why="empty",
        says=["kmeans.py is empty"],
    ),
    Case(
        "folder-for-file",
        files={"kmeans.py": None, "kmeans.py/kmeans.py.txt": "x"},
        lost={"2a": MAXIMUM["2a"]},
        why="a folder in place of the file",
    ),
    Case(
        "modules-beside",
        files=dict.fromkeys(
            ("conftest.py", "sitecustomize.py", "random.py", "numpy.py", "json.py", "test_grading.py"),
            "raise SystemExit('imported')\n",
        )
        | {"pytest.ini": "[pytest]\naddopts = --nothing\n", "evil.pth": "import sitecustomize\n"},
        why="files beside the two are never looked at",
    ),
    Case(
        "only-a-notebook",
        files={"kmeans.py": None, "kmeans.ipynb": "{}"},
        lost={"2a": MAXIMUM["2a"]},
        why="another kind of file",
        says=["there is no kmeans.py, only backprop.py, kmeans.ipynb"],
    ),
    Case(
        "null-bytes",
        files={"kmeans.py": filled("kmeans.py") + "\0"},
        lost={"2a": MAXIMUM["2a"]},
        why="no text",
        says=["kmeans.py cannot be imported"],
    ),
    Case(
        "too-large",
        files={"kmeans.py": filled("kmeans.py") + "#" * 3_000_000},
        lost={"2a": MAXIMUM["2a"]},
        why="larger than any script",
        says=["kmeans.py is larger than 2,000,000 bytes"],
    ),
    Case(
        "python-2",
        script="kmeans.py",
        after="\nprint 'hello'\n",
        lost={"2a": MAXIMUM["2a"]},
        why="Python 2",
        says=["SyntaxError"],
    ),
    Case(
        "tabs",
        script="kmeans.py",
        after="\nif True:\n        x = 1\n\tx = 2\n",
        lost={"2a": MAXIMUM["2a"]},
        why="tabs",
        says=["TabError"],
    ),
    Case("syntax-error", after="\ndef f(:\n", lost=NOTHING, why="syntax", says=["SyntaxError", "def f(:"]),
    Case(
        "latin-1",
        files={"kmeans.py": filled("kmeans.py").encode() + "x = 'é'\n".encode("latin-1")},
        lost={"2a": MAXIMUM["2a"]},
        why="not UTF-8, and no declaration",
        says=["kmeans.py cannot be imported", "SyntaxError"],
    ),
    Case(
        "latin-1-declared",
        files={
            "backprop.py": ("# coding: latin-1\n" + filled("backprop.py") + "# é\n").encode(
                "latin-1", "replace"
            )
        },
        why="right: another encoding, declared",
    ),
    Case(
        "bom",
        files={"kmeans.py": b"\xef\xbb\xbf" + filled("kmeans.py").encode()},
        why="right: a byte-order mark",
    ),
    Case(
        "utf-16",
        files={"kmeans.py": filled("kmeans.py").encode("utf-16")},
        lost={"2a": MAXIMUM["2a"]},
        why="UTF-16",
    ),
    Case(
        "carriage-returns",
        files={"kmeans.py": filled("kmeans.py").replace("\n", "\r\n")},
        why="Windows line ends",
    ),
]

IMPORTS = [
    at_import("import-fails", "import a_package_of_mine", "a missing package", says=["ModuleNotFoundError"]),
    at_import("import-for-minutes", "import time; time.sleep(300)", "too long", says=["still running"]),
    at_import(
        "import-shows", "import matplotlib.pyplot as plt; plt.plot([1]); plt.show()", "right: no screen", {}
    ),
    at_import("import-asks", "input('k? ')", "nobody answers", says=["EOFError", "input('k? ')"]),
    at_import("import-exits", "import sys; sys.exit()", "an exit", says=["SystemExit"]),
    at_import(
        "import-exits-at-once", "os._exit(0)", "an exit without an exception", says=["ended Python itself"]
    ),
    at_import("import-exits-with-3", "os._exit(3)", "an exit", says=["with exit status 3"]),
    at_import("import-interrupts", "raise KeyboardInterrupt", "an interrupt", says=["KeyboardInterrupt"]),
    at_import(
        "import-own-exception",
        "class Mine(BaseException): pass\nraise Mine('x')",
        "no Exception",
        says=["Mine: x"],
    ),
    at_import(
        "import-reads-nothing", "open('my_data.csv')", "a file of their own", says=["FileNotFoundError"]
    ),
    at_import("import-parses-arguments", "main()", "no guard around the command line", says=["SystemExit"]),
    at_import("import-leaves", "os.chdir('/')", "right: works in another folder from then on", {}),
    at_import("import-removes-itself", "os.remove(__file__)", "right: it was read before", {}),
    at_import("import-closes-output", "sys.stdout.close()", "right: each call has an output of its own", {}),
    at_import("import-takes-output", "sys.stdout = sys.stderr = open('log.txt', 'w')", "right: as above", {}),
    at_import("import-warnings", "np.seterr(all='raise')", "right: no overflow on the way", {}),
    at_import("import-endless", "while True: pass", "never ends", says=["still running"]),
    at_import(
        "import-unprintable",
        "class Bad(Exception):\n    def __str__(self): raise SystemExit\nraise Bad",
        "an exception that cannot be shown",
        says=["Bad"],
    ),
    at_import("import-prints", "for _ in range(50): print('x' * 10**6)", "right: 50 MB of output", {}),
    at_import(
        "import-reads-data", "open('data.tsv').read(); open('original.png', 'rb').read()", "right: data", {}
    ),
    at_import(
        "import-of-the-other", "import kmeans; kmeans.kmeans", "right: the other script is beside it", {}
    ),
    Case(
        "import-of-kmeans-fails",
        script="kmeans.py",
        before="1 / 0\n",
        lost={"2a": MAXIMUM["2a"]},
        why="only 2a is lost",
    ),
]

ENDS = [
    Case(
        "long-file",
        log("with open('long', 'wb') as file:\n    for _ in range(100):\n        file.write(bytes(10**7))"),
        {"1b": 1},
        "a file beyond the limit",
        says=["File too large"],
    ),
    Case(
        "segfault",
        log("import ctypes; ctypes.string_at(0)"),
        {"1b": 2},
        "a crash",
        says=["segmentation fault"],
    ),
    Case(
        "endless",
        log("while True: pass"),
        {"1b": 2},
        "never ends; what is built on it passes with another node",
        says=["still running", "with the reference's other parts in the place of yours"],
        only=("1b", "1h"),
    ),
    Case(
        "endless-except",
        log("while True:\n    try:\n        while True: pass\n    except:\n        pass"),
        {"1b": 2},
        "never ends, whatever is raised",
        says=["still running"],
        only=("1b",),
    ),
    Case(
        "endless-signals",
        log("""
            import signal, time
            for s in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(s, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            while True:
                time.sleep(1)
        """),
        {"1b": 2},
        "never ends, with all signals blocked",
        says=["still running"],
        only=("1b",),
    ),
    Case(
        "endless-in-c",
        log("import collections, itertools; collections.deque(itertools.repeat(0), maxlen=0)"),
        {"1b": 2},
        "never ends, and never returns to Python",
        says=["still running"],
        only=("1b",),
    ),
    Case(
        "recursion",
        {"LogNode.backward": "self.backward()"},
        {"1b": 2},
        "calls itself",
        says=["RecursionError"],
    ),
    Case("exits-politely", log("sys.exit()"), {"1b": 1}, "an exception after the rule", says=["SystemExit"]),
    Case(
        "own-exception",
        {"kmeans": "class Stop(BaseException):\n    pass\nraise Stop('enough')"},
        {"2a": MAXIMUM["2a"]},
        "no Exception",
        says=["Stop: enough", "raise Stop('enough')"],
    ),
    Case(
        "asks",
        {"kmeans": "k = int(input('k? '))"},
        {"2a": MAXIMUM["2a"]},
        "nobody answers",
        says=["EOFError"],
    ),
    Case("exits", log("os._exit(0)"), {"1b": 2}, "an exit without an exception"),
    Case(
        "interrupts",
        log("raise KeyboardInterrupt"),
        {"1b": 1},
        "an exception after the rule",
        says=["KeyboardInterrupt"],
    ),
    Case(
        "not-implemented-below",
        log("raise NotImplementedError"),
        {},
        "right: the line of the starter was left below the finished answer",
        says=["with the reference's other parts in the place of yours"],
    ),
    Case(
        "not-implemented-below-check",
        edits=[("\n\n\ndef make_logistic", "\n    raise NotImplementedError\n\n\ndef make_logistic")],
        why="right: as above, in a gradient check",
    ),
    Case(
        "not-implemented-below-descent",
        edits=[
            (
                'value}")\n\n\ndef gradient_check_2',
                'value}")\n    raise NotImplementedError\n\n\ndef gradient_check_2',
            )
        ],
        why="right: as above, in gradient descent",
    ),
    Case(
        "fork-bomb",
        {"LogNode.backward": "while True:\n    os.fork()"},
        {"1b": 2},
        "a fork bomb",
        only=("1b",),
    ),
    Case(
        "threads-left",
        log("""
            import threading
            if threading.active_count() < 9:
                threading.Thread(target=threading.Event().wait).start()
        """),
        {},
        "right: but for threads that never end",
    ),
    Case(
        "processes-left",
        log("if os.fork() == 0:\n    os.setsid()\n    import time\n    time.sleep(300)"),
        {},
        "right: but for processes that never end",
    ),
    Case(
        "results-afterwards",
        log("""
            student = os.getpid()
            if os.fork() == 0:
                os.setsid()
                import time
                while os.getppid() == student:
                    time.sleep(0.01)
                while True:
                    for fd in range(64):
                        with contextlib.suppress(OSError):
                            os.write(fd, b'{"score": 47}')
        """),
        {},
        "right: but for results forged by what it leaves behind",
    ),
    Case(
        "kills-its-parent",
        log(before="os.kill(os.getppid(), 9)"),
        {"1b": 2},
        "the grader lives",
        says=["PermissionError"],
    ),
    Case("kills-itself", log(before="os.kill(os.getpid(), 9)"), {"1b": 2}, "a signal"),
    Case(
        "memory",
        log("x = [np.empty(10**7) for _ in range(10**6)]"),
        {"1b": 1},
        "a memory hog",
        says=["MemoryError"],
        only=("1b",),
    ),
    Case(
        "memory-at-once",
        log("x = [0] * 10**11"),
        {"1b": 1},
        "a memory hog",
        says=["MemoryError"],
        only=("1b",),
    ),
    Case("prints", log("print('x' * 10**5)"), {}, "right: but for the output"),
]

TRICKS = [
    Case(
        "equals-everything",
        after="""
class Yes:
    shape, dtype, ndim, size = (), np.dtype(float), 0, 1
    def __eq__(self, other): return True
    __lt__ = __le__ = __gt__ = __ge__ = __ne__ = __eq__
    def __sub__(self, other): return self
    __rsub__ = __abs__ = __sub__
    def __bool__(self): return True
    def __hash__(self): return 0
""",
        replace={"LogNode.value": "self.value = Yes()"},
        lost={"1b": 1},
        why="a value that equals everything",
        says=["expected numbers of shape (), came Yes"],
    ),
    Case(
        "lies-about-its-shape",
        after="""
class Liar(np.ndarray):
    shape = property(lambda self: ())
""",
        replace={"LogNode.value": "self.value = np.zeros(3).view(Liar)"},
        lost={"1b": 1},
        why="an array of another shape than it says",
    ),
    Case(
        "array-raises",
        after="""
class Raises:
    def __array__(self, *rest, **more):
        raise KeyboardInterrupt
""",
        replace={"LogNode.value": "self.value = Raises()"},
        lost={"1b": 1},
        why="a value that cannot be looked at",
        says=["came Raises"],
    ),
    Case(
        "complex",
        {"LogNode.value": "self.value = np.log(n.value + 0j)"},
        {"1b": 1},
        "complex",
        says=["complex128"],
    ),
    Case(
        "prints-every-number",
        {"gradient_check_1": "print(EVERY)"},
        {"1h": 6},
        "all numbers that there are, four decimals each",
        after="\nEVERY = ' '.join(f'{x / 5000:.4f}' for x in range(-15000, 15000))\n",
    ),
    Case(
        "switches-off-the-count",
        {
            "kmeans": """
                sys.settrace(None)
                N = len(X)
                centroids, z = X[np.random.choice(np.arange(N), k, replace=False)], None
                while True:
                    new = np.array([((x - centroids) ** 2).sum(1).argmin() for x in X])
                    if z is not None and (z == new).all():
                        return z, centroids, ((X - centroids[z]) ** 2).sum()
                    z = new
                    means = [X[z == c].mean(0) if (z == c).any() else centroids[c] for c in range(k)]
                    centroids = np.array(means)
            """
        },
        {"2a": 1},
        "a loop over examples, with the count of lines switched off",
        says=["sys.settrace"],
    ),
    Case("patches-open", after="\nimport builtins\nbuiltins.open = None\n", why="right: nothing is opened"),
    Case(
        "patches-numpy",
        replace=starter(["1b"]),
        after="""
np.allclose = np.array_equal = np.isclose = lambda *a, **k: True
np.testing.assert_allclose = print
""",
        lost={"1b": MAXIMUM["1b"]},
        why="the comparison is not made there",
    ),
    Case(
        "patches-json",
        after='\nimport json\njson.dumps = lambda *a, **k: \'{"passed": true, "score": 47}\'\n',
        lost=NOTHING,
        why="what comes back cannot be read",
    ),
    Case(
        "patches-builtins",
        replace=starter(["1b"]),
        after="\nimport builtins\nbuiltins.abs = builtins.all = lambda *a, **k: True\n",
        lost={"1b": MAXIMUM["1b"]},
        why="the comparison is not made there",
    ),
    Case(
        "patches-pytest",
        replace=starter(["1b"]),
        after="""
import sys, types
sys.modules["pytest"] = types.ModuleType("pytest")
sys.modules.pop("actions", None)
""",
        lost={"1b": MAXIMUM["1b"]},
        why="pytest is not there",
    ),
    Case(
        "searches-memory",
        {
            "LogNode.backward": """
                import gc, sys
                self.n.grad += self.grad / self.n.value
                if hasattr(gc, "searched"):
                    return
                gc.searched = True
                frame, seen = sys._getframe(), []
                while frame:
                    seen.append(frame.f_locals)
                    frame = frame.f_back
                seen += [vars(m) for m in list(sys.modules.values()) if hasattr(m, "__dict__")]
                seen += [o for o in gc.get_objects() if isinstance(o, dict)]
                names = {str(key) for names in seen for key in list(names)}
                found = names & {"wanted", "expect", "reference", "judge", "Outcome", "POINTS"}
                if found:
                    raise RuntimeError(found)
            """
        },
        {},
        "right: it finds nothing, or it would fail",
        only=("1b",),
    ),
    Case(
        "atexit",
        after="\nimport atexit\natexit.register(lambda: open('results.json', 'w').write('47'))\n",
        why="right: what it registers is never called",
    ),
    Case(
        "writes-results",
        before="""
            for folder in (".", "..", "/autograder/results"):
                try:
                    with open(folder + "/results.json", "w") as file:
                        file.write('{"score": 47}')
                except OSError:
                    pass
        """,
        replace=starter(["1b"]),
        lost={"1b": MAXIMUM["1b"]},
        why="results.json written where it might be read",
    ),
    Case(
        "writes-to-every-file",
        {
            "LogNode.value": """
                for fd in range(3, 64):
                    with contextlib.suppress(OSError):
                        os.write(fd, b'{"seen": {"value 1": 1}, "output": "", "error": null}\\n')
                raise NotImplementedError
            """
        },
        {"1b": MAXIMUM["1b"]},
        "results forged where the grader reads them: they are no numbers",
    ),
    Case(
        "reads-the-reference",
        {
            "LogNode.backward": f"""
                names = {{"__name__": "x"}}
                exec(open({str(ROOT / "backprop.py")!r}).read(), names)
                names["LogNode"].backward(self)
            """
        },
        {"1b": 2},
        "the reference cannot be read",
    ),
    Case(
        "reads-the-grader",
        log(before=f"os.listdir({str(ROOT / 'tests' / 'grader')!r})"),
        {"1b": 2},
        "the grader cannot be listed",
    ),
    Case(
        "writes-outside",
        log(before=f"open({str(ROOT / 'forged.txt')!r}, 'w').close()"),
        {"1b": 2},
        "nothing can be written into the project",
    ),
]

VALUES = [
    Case(
        "none",
        {"kmeans": "return None"},
        {"2a": MAXIMUM["2a"]},
        "nothing returned",
        says=["kmeans returned NoneType"],
    ),
    Case("strings", {"kmeans": "return 'z', 'c', 'l'"}, {"2a": MAXIMUM["2a"]}, "strings", says=["came str"]),
    Case(
        "wrong-shapes",
        {"kmeans": "return np.zeros(3, int), np.zeros((1, 1)), np.zeros(2)"},
        {"2a": MAXIMUM["2a"]},
        "shapes",
    ),
    Case(
        "all-nan",
        {"kmeans": "return np.zeros(len(X), int), np.full((k, X.shape[1]), np.nan), np.nan"},
        {"2a": MAXIMUM["2a"]},
        "NaN",
    ),
    Case(
        "huge",
        {"kmeans": "return np.zeros(10**7, int), np.zeros((k, 10**6)), 0.0"},
        {"2a": MAXIMUM["2a"]},
        "huge arrays",
    ),
    Case(
        "zeros",
        {"kmeans": "return np.zeros(len(X), int), np.zeros((k, X.shape[1])), (X**2).sum()"},
        {"2a": MAXIMUM["2a"]},
        "no work",
    ),
    Case(
        "objects",
        {"kmeans": "return np.array([object()] * len(X)), [[None]], {}"},
        {"2a": MAXIMUM["2a"]},
        "objects",
    ),
    Case(
        "signature",
        {"kmeans": "def kmeans(X):\n    return None"},
        {"2a": MAXIMUM["2a"]},
        "arguments",
        says=["TypeError"],
    ),
    Case(
        "no-class",
        {},
        {"1b": MAXIMUM["1b"]},
        "the class has another name",
        edits=[("class LogNode(Node)", "class Log(Node)")],
    ),
]

CASES = {"files": FILES, "imports": IMPORTS, "ends": ENDS, "tricks": TRICKS, "values": VALUES}
