"""Zip what Gradescope needs: python3 tests/gradescope/make_zip.py [FILE]

Prints the number of points to type into Gradescope, where the file is uploaded as the autograder of a
programming assignment.
"""

import argparse
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from grader.parts import TOTAL  # noqa: E402

AT_ROOT = ("setup.sh", "run_autograder")
FILES = ("backprop.py", "kmeans.py", "requirements.txt", "data/data.tsv", "original.png", "tests/grade.py")
WHEN = (2020, 1, 1, 0, 0, 0)  # of every file, so that the same project gives the same zip


def contents():
    """Names in the zip, and where each is from."""
    files = {name: ROOT / "tests" / "gradescope" / name for name in AT_ROOT}
    files |= {name: ROOT / name for name in FILES}
    return files | {
        f"tests/grader/{path.name}": path for path in sorted((ROOT / "tests" / "grader").glob("*.py"))
    }


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message}\n")


def main():
    parser = Parser(prog="make_zip.py", description=__doc__.split("\n")[0])
    parser.add_argument(
        "file", nargs="?", type=Path, default="autograder.zip", help="default: %(default)s, which is replaced"
    )
    path = Path(parser.parse_args().file)
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, source in contents().items():
                entry = zipfile.ZipInfo(name, WHEN)
                entry.external_attr = (0o755 if name in AT_ROOT else 0o644) << 16
                data = source.read_bytes()
                archive.writestr(entry, data.replace(b"\r\n", b"\n") if name in AT_ROOT else data)
    except OSError as error:
        parser.error(f"cannot write {path}: {error.strerror}")
    print(f"{path}: {len(contents())} files, {path.stat().st_size / 1000:.0f} kB")
    print(f"Autograder points to type into Gradescope: {TOTAL}")


if __name__ == "__main__":
    main()
