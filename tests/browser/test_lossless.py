"""Nothing that a kernel says is lost on its way into the rendered cell, whatever becomes of the connection."""

import json
import urllib.request

import pytest

import notebooks
from front_ends.waiting import KERNEL_TIMEOUT_S, until
from sixty_lines import CELL, EXPECTED, LINES, expect_all_lines, seen_lines, shown

@pytest.mark.ours  # the reference sends again what it kept while nobody was connected, and loses what was on its way
def test_a_connection_that_breaks_during_a_cell_loses_and_repeats_nothing(front_end, start_server, open_context, open_proxy):
    proxy, server = open_proxy(start_server())
    notebooks.write(server.root / "n.ipynb", CELL)
    context, watch = open_context(server)
    watch.tolerate(r"^console: .*(WebSocket|websocket|Connection|connection)")
    notebook = front_end.open_notebook(context, server, "n.ipynb")
    notebook.run_existing_cell(0)
    for lines in (5, 15, 25, 40):
        seen_lines(notebook, lines)
        proxy.cut_websockets()
    expect_all_lines(notebook)
    assert proxy.cuts >= 3, "the connection was cut in vain"


@pytest.mark.ours
def test_a_browser_that_sleeps_while_a_cell_runs_finds_all_of_its_output(front_end, start_server, open_context, open_proxy):
    started = start_server()
    proxy, server = open_proxy(started)
    notebooks.write(server.root / "n.ipynb", CELL)
    context, _ = open_context(server, watched=False)
    notebook = front_end.open_notebook(context, server, "n.ipynb")
    notebook.run_existing_cell(0)
    # NBClassic takes a kernel for dead whose connection breaks, and cannot be asked after, within its first second.
    seen_lines(notebook, 15)
    proxy.sleep()
    until(notebook.page, lambda: kernel_state(started) == "idle", "the cell has ended", KERNEL_TIMEOUT_S)
    proxy.wake()
    expect_all_lines(notebook)


@pytest.mark.ours
def test_a_link_that_falls_silent_until_the_server_gives_it_up_loses_and_repeats_nothing(front_end, start_server, open_context, open_proxy):
    # As after an hour's sleep, and not after the half hour that the default of 90 s would make of this file.
    pings = "--ServerApp.tornado_settings={'ws_ping_interval': 500, 'ws_ping_timeout': 1500}"
    started = start_server(arguments=[pings])
    proxy, server = open_proxy(started)
    notebooks.write(server.root / "n.ipynb", CELL)
    context, _ = open_context(server, watched=False)
    notebook = front_end.open_notebook(context, server, "n.ipynb")
    notebook.run_existing_cell(0)
    seen_lines(notebook, 15)
    proxy.fall_silent()
    until(notebook.page, lambda: "pings were not answered" in started.log.read_text(), "the server has given the connection up")
    assert kernel_state(started) == "busy"
    until(notebook.page, lambda: kernel_state(started) == "idle", "the cell has ended", KERNEL_TIMEOUT_S)
    assert len(shown(notebook)) < LINES, "the link was not silent"
    proxy.wake()
    expect_all_lines(notebook)
    # Nobody has changed the file behind the back of the page.
    notebook.save()
    assert notebooks.output_text(server.root / "n.ipynb").splitlines() == EXPECTED


def kernel_state(server) -> str:
    """What the kernel does, asked without the proxy."""
    with urllib.request.urlopen(server.path("api/kernels")) as answer:
        return json.load(answer)[0]["execution_state"]


@pytest.mark.ours
def test_a_page_closed_during_a_cell_and_opened_after_it_has_all_of_its_output(front_end, start_server, open_context):
    server = start_server()
    notebooks.write(server.root / "n.ipynb", CELL)
    context, _ = open_context(server, watched=False)
    notebook = front_end.open_notebook(context, server, "n.ipynb")
    notebook.run_existing_cell(0)
    seen_lines(notebook, 5)
    notebook.page.close()
    other = context.new_page()
    until(other, lambda: kernel_state(server) == "idle", "the cell has ended", KERNEL_TIMEOUT_S)
    reopened = front_end.open_notebook(context, server, "n.ipynb")
    until(reopened.page, lambda: shown(reopened), "there is output in the cell")
    assert shown(reopened) == EXPECTED
    assert notebooks.output_text(server.root / "n.ipynb").splitlines() == EXPECTED


@pytest.mark.ours
def test_a_page_reopened_during_a_cell_keeps_what_it_has_and_the_file_gets_the_rest_when_it_is_closed(front_end, start_server, open_context):
    server = start_server()
    notebooks.write(server.root / "n.ipynb", CELL)
    context, _ = open_context(server, watched=False)
    notebook = front_end.open_notebook(context, server, "n.ipynb")
    notebook.run_existing_cell(0)
    seen_lines(notebook, 5)
    notebook.page.close()
    during = front_end.open_notebook(context, server, "n.ipynb")
    until(during.page, lambda: shown(during), "there is output in the cell")
    until(during.page, lambda: kernel_state(server) == "idle", "the cell has ended", KERNEL_TIMEOUT_S)
    # Front ends show no outputs of requests that another page has sent.
    there_then = shown(during)
    assert there_then == EXPECTED[: len(there_then)] and len(there_then) < LINES
    during.page.close()
    other = context.new_page()
    until(other, lambda: notebooks.output_text(server.root / "n.ipynb").splitlines() == EXPECTED, "all lines are in the file")
    after = front_end.open_notebook(context, server, "n.ipynb")
    until(after.page, lambda: shown(after) == EXPECTED, "all lines are in the cell")


@pytest.mark.ours
def test_a_page_reopened_during_a_cell_loses_nothing_by_saving_and_has_all_lines_when_it_is_reloaded(front_end, start_server, open_context):
    server = start_server()
    file = server.root / "n.ipynb"
    notebooks.write(file, CELL)
    context, _ = open_context(server, watched=False)
    notebook = front_end.open_notebook(context, server, "n.ipynb")
    notebook.run_existing_cell(0)
    seen_lines(notebook, 5)
    notebook.reload()
    until(notebook.page, lambda: shown(notebook), "there is output in the cell")
    notebook.save()
    during = notebooks.output_text(file).splitlines()
    until(notebook.page, lambda: kernel_state(server) == "idle", "the cell has ended", KERNEL_TIMEOUT_S)
    # The page neither overwrites more than it has, nor is it asked about a file that has changed.
    notebook.save()
    assert notebooks.output_text(file).splitlines() == during == shown(notebook)
    notebook.reload()
    expect_all_lines(notebook)
    assert notebooks.output_text(file).splitlines() == EXPECTED
    notebook.save()
    assert notebooks.output_text(file).splitlines() == EXPECTED
