"""Notebooks of packages and of our own, each once; some of them again in the older versions of the format."""

import copy
import hashlib
import logging
import warnings
import zipfile

import nbformat

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")

# Every so many notebooks of a package are also put down as nbformat 3 and 2.
DOWNGRADE_EACH = 8


def collect(wheels, fixtures, target):
    seen = set()
    for wheel in sorted(wheels.glob("*.whl")):
        package = wheel.name.split("-")[0]
        with zipfile.ZipFile(wheel) as archive:
            members = sorted(name for name in archive.namelist() if name.endswith(".ipynb"))
            for number, member in enumerate(members):
                put(target, f"real-{package}-{number:03}.ipynb", archive.read(member), seen)
    for file in sorted(fixtures.glob("*.ipynb")):
        put(target, f"fixture-{file.name}", file.read_bytes(), seen)
    for file in sorted(target.glob("real-*.ipynb"))[::DOWNGRADE_EACH]:
        downgrade(file, target, seen)


def put(target, name, content, seen):
    digest = hashlib.sha256(content).digest()
    if digest not in seen:
        seen.add(digest)
        (target / name).write_bytes(content)


def downgrade(file, target, seen):
    try:
        notebook = nbformat.reads(file.read_bytes().decode("utf-8"), as_version=4)
        for version in 3, 2:
            old = nbformat.convert(copy.deepcopy(notebook), version)
            text = nbformat.versions[version].writes_json(old)
            put(target, f"old-{version}-{file.name}", text.encode("utf-8"), seen)
    except Exception:
        # Some are made to be unreadable.
        return
