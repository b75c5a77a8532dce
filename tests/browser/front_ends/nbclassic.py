"""NBClassic: the notebook before JupyterLab, kept alive as an extension."""

from playwright.sync_api import BrowserContext, Page, expect

from . import kernel_traffic
from .jupyterlab import KERNEL_TIMEOUT_MS
from .waiting import is_save, is_setting, until


class ClassicNotebook:
    """An open notebook in NBClassic."""

    output_text = ".output_subarea"

    def __init__(self, page: Page):
        self.page = page
        self.cells = page.locator("#notebook-container .cell")
        self.outputs = page.locator("#notebook-container .output_subarea")

    def expect_open(self) -> None:
        expect(self.cells.first.locator(".CodeMirror")).to_be_visible(timeout=KERNEL_TIMEOUT_MS)
        # Keys and buttons work once the notebook says that it is loaded.
        self.page.wait_for_function("window.Jupyter && Jupyter.notebook && Jupyter.notebook._fully_loaded")

    def expect_idle(self) -> None:
        kernel_traffic.expect_answer(self.page)
        expect(self.page.locator("#kernel_indicator_icon.kernel_idle_icon")).to_be_visible(timeout=KERNEL_TIMEOUT_MS)

    def expect_busy(self) -> None:
        expect(self.page.locator("#kernel_indicator_icon.kernel_busy_icon")).to_be_visible()

    def type_into_first_cell(self, code: str) -> None:
        editor = self.cells.first.locator(".CodeMirror")

        def typed() -> bool:
            editor.click()
            self.page.keyboard.press("ControlOrMeta+a")
            self.page.keyboard.insert_text(code)
            return editor.evaluate("element => element.CodeMirror.getValue()") == code

        until(self.page, typed, f"the first cell holds {code!r}")

    def run_first_cell(self, code: str) -> None:
        self.expect_idle()
        self.type_into_first_cell(code)
        self.page.keyboard.press("Shift+Enter")

    def run_existing_cell(self, number: int = 0) -> None:
        self.expect_idle()
        self.queue_cell(number)

    def queue_cell(self, number: int) -> None:
        """Runs a cell, whether others run or not."""
        self.cells.nth(number).locator(".CodeMirror").click()
        self.page.keyboard.press("Shift+Enter")

    def expect_output(self, text: str) -> None:
        expect(self.outputs.filter(has_text=text).first).to_be_visible(timeout=KERNEL_TIMEOUT_MS)

    def answer_input(self, prompt: str, answer: str) -> None:
        expect(self.page.locator(".raw_input_prompt", has_text=prompt)).to_be_visible(timeout=KERNEL_TIMEOUT_MS)
        field = self.page.locator("input.raw_input")
        field.fill(answer)
        field.press("Enter")

    def save(self) -> None:
        with self.page.expect_response(is_save) as answer:
            self._save()
        assert answer.value.ok, f"saving was answered with {answer.value.status}: {answer.value.text()}"

    def save_refused(self) -> str:
        with self.page.expect_response(is_save) as answer:
            self._save()
        assert answer.value.status == 403, answer.value.status
        notification = self.page.locator("#notification_notebook")
        expect(notification).to_be_visible()
        return notification.inner_text()

    def _save(self) -> None:
        self.page.locator("#save-notbook button").click()

    def expect_no_dialog(self) -> None:
        expect(self.page.locator(".modal.in")).to_have_count(0)

    def reload(self) -> None:
        kernel_traffic.forget(self.page)
        self.page.reload()
        self.expect_open()

    def restart(self) -> None:
        self._choose("#restart_kernel")
        kernel_traffic.forget(self.page)
        self.page.locator(".modal.in .btn-danger").click()
        expect(self.page.locator(".modal.in")).to_have_count(0)

    def interrupt(self) -> None:
        self._choose("#int_kernel")

    def _choose(self, entry: str) -> None:
        self.page.locator("#kernellink").click()
        self.page.locator(f"{entry} a").click()


class ClassicTextFile:
    """A text file in NBClassic's editor."""

    def __init__(self, page: Page):
        self.page = page
        self.editor = page.locator("#texteditor-container .CodeMirror")

    def expect_text(self, text: str) -> None:
        until(self.page, lambda: text in self._value(), f"the editor holds {text!r}")

    def append(self, text: str) -> None:
        self.editor.click()
        self.page.keyboard.press("ControlOrMeta+End")
        self.page.keyboard.insert_text(text)
        self.expect_text(text)

    def save(self) -> None:
        with self.page.expect_response(is_save) as answer:
            self.page.keyboard.press("ControlOrMeta+s")
        assert answer.value.ok, f"saving was answered with {answer.value.status}: {answer.value.text()}"

    def _value(self) -> str:
        return self.editor.evaluate("element => element.CodeMirror.getValue()")


class NBClassic:
    name = "nbclassic"
    start = "nbclassic/tree"
    word = "nbclassic"  # of the command line

    def create_notebook(self, context: BrowserContext, server) -> ClassicNotebook:
        page = self._start(context, server)
        with context.expect_page() as opened:
            self._choose_new_notebook(page)
        notebook = ClassicNotebook(opened.value)
        notebook.expect_open()
        return notebook

    def creation_refused(self, context: BrowserContext, server) -> str:
        page = self._start(context, server)
        self._choose_new_notebook(page)
        return message_of_modal(page)

    def open_notebook(self, context: BrowserContext, server, path: str) -> ClassicNotebook:
        page = context.new_page()
        page.goto(server.path(f"nbclassic/notebooks/{path}"))
        notebook = ClassicNotebook(page)
        notebook.expect_open()
        return notebook

    def kernel_refused(self, notebook: ClassicNotebook) -> str:
        """The sentence behind the red button beside the kernel's name."""
        notebook.page.locator("#notification_kernel.danger", has_text="Kernel error").click()
        return message_of_modal(notebook.page)

    def open_text_file(self, context: BrowserContext, server, path: str) -> ClassicTextFile:
        page = context.new_page()
        page.goto(server.path(f"nbclassic/edit/{path}"))
        return ClassicTextFile(page)

    def expect_start_page(self, page: Page) -> None:
        expect(page.locator("#notebook_list")).to_be_visible(timeout=KERNEL_TIMEOUT_MS)

    def change_a_setting(self, notebook: ClassicNotebook) -> int:
        notebook.page.locator("#viewlink").click()
        with notebook.page.expect_response(is_setting) as answer:
            notebook.page.locator("#toggle_line_numbers a").click()
        return answer.value.status

    def log_out(self, page: Page) -> None:
        page.locator("#logout").click()

    def _start(self, context: BrowserContext, server) -> Page:
        page = context.new_page()
        page.goto(server.path("nbclassic/tree"))
        self.expect_start_page(page)
        return page

    def _choose_new_notebook(self, page: Page) -> None:
        page.locator("#new-dropdown-button").click()
        page.locator("#kernel-python3 a").click()


def message_of_modal(page: Page) -> str:
    modal = page.locator(".modal.in").first
    expect(modal).to_be_visible(timeout=KERNEL_TIMEOUT_MS)
    message = modal.inner_text()
    modal.locator(".modal-footer button").last.click()
    return message
