"""The first thing anyone does: a new notebook, a cell, its output, saved and found again."""

import json
import sys

import pytest

import notebooks


def test_a_new_notebook_runs_is_saved_and_found_again(front_end, start_server, open_context, artifacts):
    server = start_server()
    context, _ = open_context(server)
    notebook = front_end.create_notebook(context, server)
    notebook.run_first_cell("print(6*7)")
    notebook.expect_output("42")
    notebook.save()
    notebook.page.screenshot(path=artifacts / f"{front_end.name}.png")

    assert notebooks.output_text(server.root / "Untitled.ipynb") == "42\n"
    notebook.reload()
    notebook.expect_output("42")


def test_the_kernel_restarts_from_the_menu(front_end, start_server, open_context):
    server = start_server()
    notebooks.write(server.root / "n.ipynb", "x = 6", "print('x' in dir())")
    context, _ = open_context(server)
    notebook = front_end.open_notebook(context, server, "n.ipynb")
    notebook.run_existing_cell(0)
    notebook.run_existing_cell(1)
    notebook.expect_output("True")
    notebook.restart()
    notebook.expect_idle()
    notebook.run_existing_cell(1)
    notebook.expect_output("False")


def test_a_running_cell_is_interrupted_from_the_menu(front_end, start_server, open_context):
    server = start_server()
    notebooks.write(server.root / "n.ipynb", "import time\nprint('started')\ntime.sleep(600)", "print(6*7)")
    context, _ = open_context(server)
    notebook = front_end.open_notebook(context, server, "n.ipynb")
    notebook.run_existing_cell(0)
    notebook.expect_output("started")
    notebook.expect_busy()
    notebook.interrupt()
    notebook.expect_output("KeyboardInterrupt")
    notebook.run_existing_cell(1)
    notebook.expect_output("42")


def test_a_cell_can_ask_a_question(front_end, start_server, open_context):
    server = start_server()
    notebooks.write(server.root / "n.ipynb", "print('Hello,', input('Who? '))")
    context, _ = open_context(server)
    notebook = front_end.open_notebook(context, server, "n.ipynb")
    notebook.run_existing_cell(0)
    notebook.answer_input("Who?", "Ada")
    notebook.expect_output("Hello, Ada")


def test_two_windows_share_one_kernel(front_end, start_server, open_context):
    server = start_server()
    notebooks.write(server.root / "n.ipynb", "x = 6*7", "print(x)")
    first_context, _ = open_context(server)
    first = front_end.open_notebook(first_context, server, "n.ipynb")
    first.run_existing_cell(0)
    first.run_existing_cell(1)
    first.expect_output("42")

    second_context, _ = open_context(server)
    second = front_end.open_notebook(second_context, server, "n.ipynb")
    second.expect_idle()
    second.run_existing_cell(1)
    second.expect_output("42")
    second.page.keyboard.press("Escape")
    kernels = second.page.request.get(server.path("api/kernels")).json()
    assert len(kernels) == 1, kernels


def test_a_widget_and_the_kernel_speak_both_ways(front_end, start_server, open_context):
    server = start_server()
    code = "\n".join(
        [
            "import ipywidgets",
            "button, label = ipywidgets.Button(description='Add'), ipywidgets.Label('0 clicks')",
            "clicks = []",
            "def clicked(_):",
            "    clicks.append(1)",
            "    label.value = f'{len(clicks)} clicks'",
            "button.on_click(clicked)",
            "ipywidgets.VBox([button, label])",
        ]
    )
    notebooks.write(server.root / "n.ipynb", code)
    context, _ = open_context(server)
    notebook = front_end.open_notebook(context, server, "n.ipynb")
    notebook.run_existing_cell()
    notebook.expect_output("0 clicks")
    notebook.outputs.get_by_role("button", name="Add").click()
    notebook.expect_output("1 clicks")


def test_a_text_file_is_edited_and_saved(front_end, start_server, open_context):
    server = start_server()
    file = server.root / "notes.md"
    file.write_text("first line\n")
    context, _ = open_context(server)
    document = front_end.open_text_file(context, server, "notes.md")
    document.expect_text("first line")
    document.append("second line")
    document.save()
    assert file.read_text() == "first line\nsecond line"


@pytest.mark.ours  # the reference waits for a minute, and says nothing of the kernel's own words
def test_a_kernel_that_dies_at_its_start_says_why(front_end, start_server, open_context):
    # Longer than a busy machine takes to start Python.
    server = start_server(arguments=["--Adrastea.early_death_window=20"])
    kernelspec = server.root.parent / "data/kernels/broken"
    kernelspec.mkdir(parents=True)
    argv = [sys.executable, "-c", "raise SystemExit('no licence for this kernel')", "{connection_file}"]
    text = json.dumps({"argv": argv, "display_name": "Broken", "language": "python"})
    (kernelspec / "kernel.json").write_text(text)
    notebooks.write(server.root / "n.ipynb", "1", kernel="broken")
    context, watch = open_context(server)
    watch.tolerate(r"^5\d\d POST /api/sessions", r"^(console|script): .*([Kk]ernel|[Ss]ession)")
    notebook = front_end.open_notebook(context, server, "n.ipynb")
    assert "no licence for this kernel" in front_end.kernel_refused(notebook)
