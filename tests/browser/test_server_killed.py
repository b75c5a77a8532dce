"""Pages that are open go on when the server is killed and started again: nobody reloads anything."""

import pytest

import notebooks
import servers
from front_ends.waiting import KERNEL_TIMEOUT_S, until
from sixty_lines import CELL, EXPECTED, LINES, expect_all_lines, seen_lines, shown

QUEUED = "print('the next one, of', number + 1)\nopen('ended', 'w').close()"
AFTERWARDS = "print('and on, after', number + 1)"

pytestmark = pytest.mark.ours  # kernels of the reference end, or are forgotten, with their server


@pytest.fixture
def server(start_server):
    # Should the test fail between two servers, the kernel does not wait for a day.
    return start_server(port=servers.free_port(), arguments=["--Adrastea.orphan_timeout=60"])


def open_running(front_end, context, server):
    """A page with the sixty lines on their way, and another cell queued behind them."""
    notebooks.write(server.root / "n.ipynb", CELL, QUEUED, AFTERWARDS)
    notebook = front_end.open_notebook(context, server, "n.ipynb")
    notebook.page.evaluate("window.neverReloaded = true")
    notebook.run_existing_cell(0)
    notebook.queue_cell(1)
    seen_lines(notebook, 15)
    return notebook


def expect_as_if_nothing_had_happened(notebook, server) -> None:
    until(notebook.page, lambda: shown(notebook, 1), "the queued cell has run", KERNEL_TIMEOUT_S)
    expect_all_lines(notebook)
    assert shown(notebook, 1) == ["the next one, of 60"]
    notebook.expect_no_dialog()
    notebook.run_existing_cell(2)
    until(notebook.page, lambda: shown(notebook, 2) == ["and on, after 60"], "a cell runs afterwards")
    notebook.save()
    assert notebooks.output_text(server.root / "n.ipynb").splitlines() == [*EXPECTED, "the next one, of 60", "and on, after 60"]
    assert notebook.page.evaluate("window.neverReloaded"), "the page was loaded anew"


def test_a_page_goes_on_when_the_server_is_killed_during_a_cell_and_started_again(front_end, server, open_context):
    context, _ = open_context(server, watched=False)
    notebook = open_running(front_end, context, server)
    server.kill()
    assert len(shown(notebook)) < LINES, "the cell ended before the server"
    server.start_again()
    expect_as_if_nothing_had_happened(notebook, server)


def test_a_page_goes_on_when_there_was_no_server_until_after_the_cell(front_end, server, open_context):
    context, _ = open_context(server, watched=False)
    notebook = open_running(front_end, context, server)
    server.kill()
    until(notebook.page, (server.root / "ended").exists, "both cells have ended", KERNEL_TIMEOUT_S)
    server.start_again()
    expect_as_if_nothing_had_happened(notebook, server)
