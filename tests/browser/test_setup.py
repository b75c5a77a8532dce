"""The first command of the README, with a real Python and a real pip: a machine that has neither front end nor kernel."""

import os
import shutil
import sys
from pathlib import Path

import pytest

import servers
from conftest import failed
from front_ends.jupyterlab import JupyterLab

# Downloading and unpacking two hundred megabytes.
SETUP_TIMEOUT_S = 600
# pip needs its own settings to reach an index, whatever else is kept from the server.
KEPT_FOR_PIP = ("PIP_", "SSL_", "REQUESTS_", "HTTP", "http", "NO_PROXY", "no_proxy")

pytestmark = pytest.mark.ours


@pytest.fixture
def start(request, tmp_path, artifacts):
    """Starts `adrastea lab --setup` where no environment is active, always in the same directories."""
    environment = servers.surroundings(tmp_path)
    del environment["VIRTUAL_ENV"]
    environment["PATH"] = os.pathsep.join([str(Path(sys.base_prefix) / "bin"), "/usr/bin", "/bin"])
    environment |= {name: value for name, value in os.environ.items() if name.startswith(KEPT_FOR_PIP)}
    root = tmp_path / "root"
    root.mkdir()
    command = [os.environ["ADRASTEA_TEST_BINARY"], "lab", "--setup", "--no-browser", "--allow-root", "--port=0"]
    command += [f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={servers.TOKEN}"]
    started = []

    def start():
        log = tmp_path / f"server-{len(started)}.log"
        server = servers.launch("adrastea", command, environment, root, log, timeout_s=SETUP_TIMEOUT_S)
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()
        if failed(request.node):
            shutil.copy(server.log, artifacts / f"{request.node.name}.{server.log.name}")


def test_setup_brings_the_front_ends_and_a_kernel_once(start, open_context, tmp_path):
    first = start()
    context, _ = open_context(first)
    notebook = JupyterLab().create_notebook(context, first)
    notebook.run_first_cell("print(6*7)")
    notebook.expect_output("42")
    notebook.save()
    for page in ("tree", "nbclassic/tree"):
        assert context.request.get(first.path(page)).status == 200, page
    first.stop()

    # What an installation writes anew.
    made = tmp_path / "data" / "adrastea" / "environment" / "pyvenv.cfg"
    before = made.stat()
    second = start()
    assert made.stat().st_mtime_ns == before.st_mtime_ns and made.stat().st_ino == before.st_ino
    assert "install" not in second.log.read_text()
