"""What a visitor sees under the policies that forbid something: a sentence, and nothing changed on disk."""

import pytest
from playwright.sync_api import expect

import notebooks
from front_ends.waiting import REFUSAL

# Answers that the policy means, and that the front end lives with.
REFUSED_REQUEST = r"^403 (POST|PUT|PATCH|DELETE) /(api|lab/api)/"
# What a front end says to the console about a refusal that the user was told of, or need not be.
REFUSED_CONSOLE = r"^(console|script): .*(403|[Nn]ot (authorized|allowed)|Forbidden|[Ss]aving|[Ff]ail|not saved|debugger|[Kk]ernel|[Ss]ession)"


def expect_readable(message: str) -> None:
    """A sentence that says it is not allowed, not only a number."""
    assert REFUSAL.search(message), message
    assert "Invalid response" not in message, message


def listing(root):
    return sorted((path.relative_to(root).as_posix(), path.read_bytes()) for path in root.rglob("*") if path.is_file())


def test_read_only_creates_nothing_and_says_so(front_end, start_server, open_context):
    server = start_server(policy="read-only")
    context, watch = open_context(server)
    watch.tolerate(REFUSED_REQUEST, REFUSED_CONSOLE)
    expect_readable(front_end.creation_refused(context, server))
    assert listing(server.root) == []


def test_read_only_runs_nothing_and_says_so(front_end, start_server, open_context):
    server = start_server(policy="read-only")
    notebooks.write(server.root / "n.ipynb", "print(6*7)")
    before = listing(server.root)
    context, watch = open_context(server)
    watch.tolerate(REFUSED_REQUEST, REFUSED_CONSOLE)
    notebook = front_end.open_notebook(context, server, "n.ipynb")
    expect_readable(front_end.kernel_refused(notebook))
    assert notebook.page.request.get(server.path("api/kernels")).json() == []
    assert listing(server.root) == before


def test_read_only_keeps_no_settings_and_shows_no_dialog(front_end, start_server, open_context):
    server = start_server(policy="read-only")
    notebooks.write(server.root / "n.ipynb", "print(6*7)")
    context, watch = open_context(server)
    watch.tolerate(REFUSED_REQUEST, REFUSED_CONSOLE)
    notebook = front_end.open_notebook(context, server, "n.ipynb")
    # The refused kernel is told of first; after that nothing more may be.
    front_end.kernel_refused(notebook)
    notebook.expect_no_dialog()
    assert front_end.change_a_setting(notebook) == 403
    notebook.type_into_first_cell("print(1)")
    notebook.expect_no_dialog()


def test_temporary_runs_a_cell_and_saves_nothing(front_end, start_server, open_context):
    server = start_server(policy="temporary")
    notebooks.write(server.root / "n.ipynb", "print(6*7)")
    before = listing(server.root)
    context, watch = open_context(server)
    watch.tolerate(REFUSED_REQUEST, REFUSED_CONSOLE)
    notebook = front_end.open_notebook(context, server, "n.ipynb")
    notebook.run_existing_cell()
    notebook.expect_output("42")
    expect_readable(notebook.save_refused())
    assert listing(server.root) == before


def test_temporary_keeps_no_settings_and_shows_no_dialog(front_end, start_server, open_context):
    server = start_server(policy="temporary")
    notebooks.write(server.root / "n.ipynb", "print(6*7)")
    context, watch = open_context(server)
    watch.tolerate(REFUSED_REQUEST, REFUSED_CONSOLE)
    notebook = front_end.open_notebook(context, server, "n.ipynb")
    notebook.run_existing_cell()
    notebook.expect_output("42")
    assert front_end.change_a_setting(notebook) == 403
    notebook.expect_no_dialog()


def test_read_write_edits_a_file_and_runs_nothing(front_end, start_server, open_context):
    server = start_server(policy="read-write")
    notebooks.write(server.root / "n.ipynb", "print(6*7)")
    file = server.root / "notes.md"
    file.write_text("first line\n")
    context, watch = open_context(server)
    watch.tolerate(REFUSED_REQUEST, REFUSED_CONSOLE, r"WebSocket connection to ")
    document = front_end.open_text_file(context, server, "notes.md")
    document.expect_text("first line")
    document.append("second line")
    document.save()
    assert file.read_text() == "first line\nsecond line"


@pytest.mark.ours  # the reference starts the kernel, and runs what the directory holds for its start
def test_read_write_says_that_nothing_may_run(front_end, start_server, open_context):
    server = start_server(policy="read-write")
    notebooks.write(server.root / "n.ipynb", "print(6*7)")
    (server.root / "ipykernel_launcher.py").write_text("open('made', 'w')")
    context, watch = open_context(server)
    watch.tolerate(REFUSED_REQUEST, REFUSED_CONSOLE)
    notebook = front_end.open_notebook(context, server, "n.ipynb")
    expect_readable(front_end.kernel_refused(notebook))
    assert notebook.page.request.get(server.path("api/kernels")).json() == []
    assert not (server.root / "made").exists()


@pytest.mark.ours
@pytest.mark.parametrize(
    "policy, notice",
    [
        ("read-only", "nothing can be run, created or saved"),
        ("read-write", "no code can be run"),
        ("temporary", "nothing can be saved"),
    ],
)
def test_jupyterlab_says_at_once_what_is_not_possible(policy, notice, start_server, open_context):
    server = start_server(policy=policy)
    context, watch = open_context(server)
    watch.tolerate(REFUSED_REQUEST, REFUSED_CONSOLE)
    page = context.new_page()
    page.goto(server.path("lab"))
    expect(page.get_by_role("alert").filter(has_text=notice)).to_be_visible()
