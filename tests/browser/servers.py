"""Starts a server as a person would, in a directory and with a configuration of its own.

Two kinds, so that a test is first seen to be right about Jupyter's own server and then holds for ours.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20
TOKEN = "a-token-for-tests"
HERE = Path(__file__).parent


@dataclass
class Server:
    kind: str
    process: subprocess.Popen
    url: str
    root: Path
    log: Path
    # How it was started, for starting it again.
    launched: dict = field(default_factory=dict)

    def path(self, path: str) -> str:
        """The address of a page, with the token that makes a visitor the owner."""
        separator = "&" if "?" in path else "?"
        return f"{self.url}{path}{separator}token={TOKEN}"

    def printed_url(self) -> str:
        """The address as the server prints it for a person, with the token if it made one."""
        return re.search(r"http://(?:127\.0\.0\.1|localhost):\S+", self.log.read_text(errors="replace"))[0]

    def kill(self) -> None:
        """SIGKILL: the server has no time to do anything."""
        self.process.kill()
        self.process.wait()

    def start_again(self) -> None:
        """As it was started the first time, so it needs a port of its own; the log goes on."""
        again = launch(**self.launched)
        assert again.url == self.url, f"the server was at {self.url} and is at {again.url} now"
        self.process = again.process

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                # The reference is known to miss the signal while it starts a kernel.
                assert self.kind == "reference", f"the server did not stop within {STOP_TIMEOUT_S} s of SIGTERM"


def start(kind: str, home: Path, root: Path, policy=None, arguments=(), word="lab", token=TOKEN, port=0) -> Server:
    """Starts a server, on a port that the system chooses if none is given, and waits until it has said its address."""
    environment = surroundings(home)
    if kind == "reference":
        program = str(Path(sys.executable).parent / "jupyter")
        command = [program, word, *reference_policy(policy, environment)]
    else:
        command = [os.environ["ADRASTEA_TEST_BINARY"], word, *(["--policy", policy] if policy else [])]
    command += ["--no-browser", "--allow-root", f"--port={port}", f"--ServerApp.root_dir={root}"]
    command += [f"--IdentityProvider.token={token}"] if token else []
    command += arguments
    return launch(kind, command, environment, root=root, log=home / "server.log")


def launch(
    kind: str, command, environment, root: Path, log: Path, cwd: Path | None = None, timeout_s: float = START_TIMEOUT_S
) -> Server:
    launched = dict(kind=kind, command=command, environment=environment, root=root, log=log, cwd=cwd, timeout_s=timeout_s)
    log.touch()
    earlier = log.stat().st_size
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd or root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    port = wait_for_address(process, log, earlier, timeout_s)
    return Server(kind, process, f"http://127.0.0.1:{port}/", root, log, launched)


def free_port() -> int:
    """A port for a server that is to be started on it again: nobody is given it by the system before others are used up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def surroundings(home: Path) -> dict[str, str]:
    """An environment in which the test's Python is the active virtual environment and nothing is shared."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT") if name in os.environ}
    python = Path(os.environ.get("ADRASTEA_TEST_PYTHON", sys.executable))
    directories = {name: home / name for name in ("home", "config", "data", "runtime")}
    for directory in directories.values():
        directory.mkdir(parents=True, exist_ok=True)
    return kept | {
        "PATH": os.pathsep.join([str(python.parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "VIRTUAL_ENV": str(python.parent.parent),
        "HOME": str(directories["home"]),
        "JUPYTER_CONFIG_DIR": str(directories["config"]),
        "JUPYTER_DATA_DIR": str(directories["data"]),
        "JUPYTER_RUNTIME_DIR": str(directories["runtime"]),
        "PYTHONUNBUFFERED": "1",
    }


def reference_policy(policy: str | None, environment: dict[str, str]) -> list[str]:
    """The reference has no named policies: an `Authorizer` of our tests stands for them."""
    if policy is None:
        return []
    environment["PYTHONPATH"] = str(HERE / "reference")
    environment["TEST_POLICY"] = policy
    return ["--ServerApp.authorizer_class=policies.TestAuthorizer"]


def wait_for_address(process: subprocess.Popen, log: Path, earlier: int, timeout_s: float) -> int:
    """The port that stands in the log, behind the `earlier` bytes of a server that was there before."""

    def said() -> str:
        return log.read_bytes()[earlier:].decode(errors="replace")

    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = re.search(r"http://(?:127\.0\.0\.1|localhost):(\d+)/", said())
        if found:
            return int(found[1])
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}:\n{said()}")
        time.sleep(0.02)  # between two looks at the log
    process.kill()
    raise AssertionError(f"no address within {timeout_s} s:\n{said()}")
