"""What a kernel uses, and what a user sees who uses more than there is."""

import os
import shutil
import sys
from pathlib import Path

import pytest

import notebooks
from front_ends.waiting import KERNEL_TIMEOUT_S, until

HOLDING = "import time\nheld = b'x' * 600_000_000\ntime.sleep(600)"


@pytest.mark.ours  # the reference has no limits
def test_a_kernel_that_holds_too_much_is_killed_and_its_cell_says_so(front_end, start_server, open_context):
    server = start_server(arguments=["--Adrastea.kernel_memory_bytes_max=300M"])
    notebooks.write(server.root / "n.ipynb", HOLDING)
    context, _ = open_context(server, watched=False)
    notebook = front_end.open_notebook(context, server, "n.ipynb")
    notebook.run_existing_cell(0)
    said = "The kernel was killed: memory limit 300 MiB. It is started again."
    outputs = notebook.cells.first.locator(notebook.output_text)
    until(notebook.page, lambda: any(said in text for text in outputs.all_inner_texts()), "the sentence is in the cell", KERNEL_TIMEOUT_S)


@pytest.mark.ours  # the reference has no limits
def test_one_kernel_too_many_is_refused_with_a_sentence(front_end, start_server, open_context):
    server = start_server(arguments=["--Adrastea.kernels_per_user_max=1"])
    notebooks.write(server.root / "a.ipynb", "1")
    notebooks.write(server.root / "b.ipynb", "1")
    context, _ = open_context(server, watched=False)
    front_end.open_notebook(context, server, "a.ipynb").expect_idle()
    refused = front_end.open_notebook(context, server, "b.ipynb")
    said = "You have as many kernels as one user may have here (1). Shut one down to start another."
    assert said in front_end.kernel_refused(refused)


def extension(name: str) -> Path:
    """The front end of a package of `tests/extension-packages.txt`."""
    python = Path(os.environ.get("ADRASTEA_TEST_PYTHON", sys.executable))
    return python.parent.parent / "extensions/share/jupyter/labextensions" / name


@pytest.mark.ours  # the reference would need the server part of the package
def test_the_indicator_of_jupyter_resource_usage_shows_numbers(start_server, open_context, tmp_path):
    name = "@jupyter-server/resource-usage"
    extensions = tmp_path / "extensions"
    shutil.copytree(extension(name), extensions / name)
    server = start_server(
        arguments=[f"--LabApp.extra_labextensions_path=['{extensions}']", "--ResourceUseDisplay.mem_limit=8000000000"]
    )
    context, _ = open_context(server, watched=False)
    page = context.new_page()
    page.goto(server.path("lab"))
    # "Mem: 84.32 / 7629.39 MB"
    indicator = page.locator("#jp-main-statusbar").get_by_text("Mem:")
    until(page, lambda: any(" / " in text and "B" in text for text in indicator.all_inner_texts()), "numbers in the status bar")
