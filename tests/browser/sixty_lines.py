"""A cell that prints sixty lines, and what a person sees of them."""

from front_ends.waiting import KERNEL_TIMEOUT_S, until

LINES = 60
# Long enough for some cuts: JupyterLab connects again at once, then after longer and longer pauses.
CELL = f"import time\nfor number in range({LINES}):\n    print('line', number, flush=True)\n    time.sleep(0.1)"
EXPECTED = [f"line {number}" for number in range(LINES)]


def shown(notebook, number: int = 0) -> list[str]:
    """The lines of output in a cell, as a person sees them."""
    outputs = notebook.cells.nth(number).locator(notebook.output_text)
    return [line for text in outputs.all_inner_texts() for line in text.split("\n") if line.strip()]


def seen_lines(notebook, count: int) -> None:
    until(notebook.page, lambda: len(shown(notebook)) >= count, f"{count} lines are in the cell", KERNEL_TIMEOUT_S)


def expect_all_lines(notebook) -> None:
    until(notebook.page, lambda: f"line {LINES - 1}" in shown(notebook), "the last line is in the cell", KERNEL_TIMEOUT_S)
    notebook.expect_idle()
    assert shown(notebook) == EXPECTED
