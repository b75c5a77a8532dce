"""Reads each notebook of a directory and writes it unchanged into another, with the layers jupyter_server uses."""

import io
import logging
import sys
import warnings
from pathlib import Path

import nbformat

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
source, target = map(Path, sys.argv[1:3])
for file in sorted(source.glob("*.ipynb")):
    notebook = nbformat.reads(file.read_bytes().decode("utf-8"), as_version=4)
    out = io.StringIO()
    nbformat.write(notebook, out, version=nbformat.NO_CONVERT)
    (target / file.name).write_bytes(out.getvalue().encode("utf-8"))
