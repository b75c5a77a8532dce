"""Fixtures: a server, a browser, and what is kept when a test fails."""

import dataclasses
import os
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

import servers
from front_ends import FRONT_ENDS, kernel_traffic
from proxy import Proxy
from watch import Watch

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ACTION_TIMEOUT_MS = 30_000


def pytest_addoption(parser):
    parser.addoption("--server", choices=["adrastea", "reference"], default="adrastea", help="what to test")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--server") == "reference":
        for item in items:
            if item.get_closest_marker("ours"):
                item.add_marker(pytest.mark.skip(reason="the reference server has no such feature"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    setattr(item, f"report_{report.when}", report)
    return report


@pytest.fixture(scope="session")
def artifacts() -> Path:
    directory = Path(os.environ.get("ADRASTEA_TEST_ARTIFACTS", "target/test-artifacts"))
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        executable = os.environ.get("ADRASTEA_TEST_CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def start_server(request, tmp_path, artifacts):
    """Starts servers that end with the test; the log of each is kept when the test fails."""
    started = []

    def start(**choices):
        home = tmp_path / f"server-{len(started)}"
        root = home / "root"
        root.mkdir(parents=True)
        server = servers.start(request.config.getoption("--server"), home, root, **choices)
        started.append(server)
        return server

    yield start
    failures = []
    for server in started:
        try:
            server.stop()
        except AssertionError as failure:
            failures.append(str(failure))
        if failed(request.node) or failures:
            shutil.copy(server.log, artifacts / f"{request.node.name}.server.log")
    assert not failures, failures


@pytest.fixture
def open_proxy():
    """Puts a proxy before a server; gives it, and the server as it is behind it."""
    proxies = []

    def open_(server):
        proxy = Proxy(int(re.search(r":(\d+)/", server.url)[1]))
        proxies.append(proxy)
        return proxy, dataclasses.replace(server, url=f"http://127.0.0.1:{proxy.port}/")

    yield open_
    for proxy in proxies:
        proxy.close()


@pytest.fixture
def open_context(request, browser, artifacts):
    """Opens browser contexts (each has its own cookies); the pages of a failed test are photographed."""
    contexts = []

    def open_(server, watched=True):
        context = browser.new_context(viewport={"width": 1280, "height": 860}, accept_downloads=True)
        context.set_default_timeout(ACTION_TIMEOUT_MS)
        kernel_traffic.observe(context)
        watch = Watch(context, server.url)
        contexts.append((context, watch if watched else None))
        return context, watch

    yield open_
    complaints = []
    for context, watch in contexts:
        if failed(request.node):
            for number, page in enumerate(context.pages):
                page.screenshot(path=artifacts / f"{request.node.name}.{number}.failed.png")
        # Read before the pages go: what closing them breaks off is no complaint.
        complaints += watch.matter() if watch else []
        context.close()
    if not failed(request.node):
        assert not complaints, "the page complained: " + "\n".join(complaints)


@pytest.fixture(params=FRONT_ENDS, ids=lambda front_end: front_end.name)
def front_end(request):
    return request.param


def failed(node) -> bool:
    return any(getattr(node, f"report_{when}", None) and getattr(node, f"report_{when}").failed for when in ("setup", "call"))
