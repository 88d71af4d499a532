"""Where several processes share the tests, each outcome is reported, and so is a process that is lost."""

import sys
from pathlib import Path

import pytest
from pace import finish

CONFTEST = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pace import run_in_parallel as pytest_runtestloop
"""
MODULES = {
    "test_one.py": "def test_right(): pass\ndef test_wrong(): assert 2 + 2 == 5, 'told in full'\n",
    "test_two.py": "import pytest\npytestmark = pytest.mark.apart\n"
    "@pytest.mark.parametrize('n', range(5))\ndef test_many(n):\n    print(n)\n    assert n != 3\n",
    "test_three.py": "import pytest\n@pytest.fixture(scope='module')\ndef broken(): 1 / 0\n"
    "def test_fixture(broken): pass\n@pytest.mark.skip\ndef test_left_out(): pass\n",
}


def run(folder, *options, **modules):
    for name, text in {"conftest.py": CONFTEST, "pytest.ini": "[pytest]\nmarkers = apart", **modules}.items():
        (folder / name).write_text(text)
    (done,) = finish([["-m", "pytest", "-p", "no:cacheprovider", *options]], folder)
    return done


@pytest.mark.parametrize("option", ["-q", "-v"])
def test_each_outcome_is_reported(option, tmp_path):
    done = run(tmp_path, option, **MODULES)
    assert done.returncode == 1
    assert "2 failed, 5 passed, 1 skipped, 1 error" in done.stdout
    assert "told in full" in done.stdout and "ZeroDivisionError" in done.stdout


def test_x_stops(tmp_path):
    done = run(tmp_path, "-x", **MODULES)
    assert done.returncode == 1 and "stopping after 1 failures" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it takes pytest with it")
def test_a_test_that_ends_its_process_is_a_failure(tmp_path):
    done = run(tmp_path, **{"test_end.py": "import os\ndef test_end(): os._exit(0)\n"}, **MODULES)
    assert done.returncode == 1 and "the process of test_end.py::test_end has ended" in done.stdout
