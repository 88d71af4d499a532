#!/bin/bash
# Gradescope runs this once, as root on Ubuntu 22.04, when it builds the image.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y python3-venv
# not below /autograder, which is closed to student code, and not in the system's Python, which the harness uses
/usr/bin/python3 -m venv /opt/grader
/opt/grader/bin/pip install -r /autograder/source/requirements.txt
/opt/grader/bin/python -c "import matplotlib.pyplot" # its list of fonts takes a while, once
