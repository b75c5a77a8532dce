"""Each example does what its README says, started with the very command that stands there."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import notebooks
import servers
from conftest import failed
from front_ends.jupyterlab import JupyterLab
from test_policies import REFUSED_CONSOLE, REFUSED_REQUEST, expect_readable, listing

EXAMPLES = Path(__file__).parents[2] / "examples"
CARGO_RUN = ["cargo", "run", "--release", "--"]

pytestmark = pytest.mark.ours


def command_of(example: str) -> list[str]:
    """The one command in the README of the example, without Cargo."""
    text = (EXAMPLES / example / "README.md").read_text()
    [command] = re.findall(r"^cargo .*$", text, re.MULTILINE)
    words = shlex.split(command)
    assert words[: len(CARGO_RUN)] == CARGO_RUN, command
    return words[len(CARGO_RUN) :]


@pytest.fixture
def example(request, tmp_path, artifacts):
    """Runs the example's command in a copy of the repository's `examples/`."""
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    command = [os.environ["ADRASTEA_TEST_BINARY"], *command_of(request.param)]
    command += ["--no-browser", "--allow-root", "--port=0", f"--IdentityProvider.token={servers.TOKEN}"]
    root = tmp_path / "examples" / request.param
    server = servers.launch(
        "adrastea", command, servers.surroundings(tmp_path), root, log=tmp_path / "server.log", cwd=tmp_path
    )
    yield server
    if failed(request.node):
        shutil.copy(server.log, artifacts / f"{request.node.name}.server.log")
    server.stop()


def test_every_example_has_a_test():
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    assert folders == {"read-only", "read-write", "temporary-notebook", "save-commands", "upload"}


def test_the_first_readme_names_the_same_commands():
    text = (EXAMPLES.parent / "README.md").read_text()
    for example in ("read-only", "read-write", "temporary-notebook"):
        assert shlex.join(CARGO_RUN + command_of(example)) in text


@pytest.mark.parametrize("example", ["read-only"], indirect=True)
def test_read_only_shows_the_notebook_and_runs_nothing(example, open_context):
    before = listing(example.root)
    context, watch = open_context(example)
    watch.tolerate(REFUSED_REQUEST, REFUSED_CONSOLE)
    lab = JupyterLab()
    notebook = lab.open_notebook(context, example, "prime-spiral.ipynb")
    notebook.expect_output("▀▄")
    expect_readable(lab.kernel_refused(notebook))
    notebook.expect_no_dialog()
    assert listing(example.root) == before


@pytest.mark.parametrize("example", ["read-write"], indirect=True)
def test_read_write_saves_text_and_runs_nothing(example, open_context):
    context, watch = open_context(example)
    watch.tolerate(REFUSED_REQUEST, REFUSED_CONSOLE)
    lab = JupyterLab()
    notebook = lab.open_notebook(context, example, "field-diary.ipynb")
    expect_readable(lab.kernel_refused(notebook))
    notebook.edit_markdown(2, "## Tuesday\n\nA kingfisher.")
    notebook.save()
    assert "A kingfisher." in (example.root / "field-diary.ipynb").read_text()


@pytest.mark.parametrize("example", ["temporary-notebook"], indirect=True)
def test_temporary_notebook_runs_and_stays_as_it_is(example, open_context):
    before = listing(example.root)
    context, watch = open_context(example)
    watch.tolerate(REFUSED_REQUEST, REFUSED_CONSOLE)
    notebook = JupyterLab().open_notebook(context, example, "dice.ipynb")
    for cell in (1, 2, 3):
        notebook.run_existing_cell(cell)
    notebook.expect_output("expected 7.0")
    expect_readable(notebook.save_refused())
    assert listing(example.root) == before


@pytest.mark.parametrize("example", ["save-commands"], indirect=True)
def test_save_commands_leave_out_outputs_and_refuse_passwords(example, open_context):
    file = example.root / "n.ipynb"
    notebooks.write(file, "print(6 * 7)")
    context, watch = open_context(example)
    watch.tolerate(r"^\d+ PUT /api/contents", r"^(console|script): ")
    notebook = JupyterLab().open_notebook(context, example, "n.ipynb")
    notebook.run_existing_cell(0)
    notebook.expect_output("42")
    notebook.save()
    cell = json.loads(file.read_text())["cells"][0]
    assert (cell["outputs"], cell["execution_count"]) == ([], None)
    before = file.read_bytes()
    notebook.type_into_first_cell("password = 1")
    assert "holds a password" in notebook.save_refused(status=400)
    assert file.read_bytes() == before


@pytest.mark.parametrize("example", ["upload"], indirect=True)
def test_upload_sends_a_file_and_says_its_digest(example, tmp_path):
    sent = tmp_path / "large.bin"
    sent.write_bytes(os.urandom(40 << 20))
    script = [sys.executable, EXAMPLES / "upload/upload.py", example.url, servers.TOKEN, sent, "large.bin"]
    said = subprocess.run(script, check=True, capture_output=True, text=True).stdout
    assert hashlib.sha256(sent.read_bytes()).hexdigest() in said
    assert (example.root / "large.bin").read_bytes() == sent.read_bytes()
    again = subprocess.run(script, capture_output=True, text=True)
    assert again.returncode != 0 and again.stderr.startswith("409 "), again.stderr
    subprocess.run([*script[:2], "--overwrite", *script[2:]], check=True)
    missing = subprocess.run([*script[:-1], "none/large.bin"], capture_output=True, text=True)
    assert missing.returncode != 0 and missing.stderr.startswith("404 "), missing.stderr
    assert "Traceback" not in again.stderr + missing.stderr
