"""JupyterLab, and what Notebook 7 has in common with it."""

from playwright.sync_api import BrowserContext, Locator, Page, expect

from . import kernel_traffic
from .waiting import KERNEL_TIMEOUT_S, is_save, is_setting, until

KERNEL_TIMEOUT_MS = KERNEL_TIMEOUT_S * 1000


class LabNotebook:
    """An open notebook made of JupyterLab's widgets."""

    output_text = ".jp-OutputArea-output"

    def __init__(self, page: Page, asks_for_name: bool = False):
        self.page = page
        # JupyterLab asks for a name when an untitled notebook is saved for the first time.
        self.asks_for_name = asks_for_name
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.cells = self.panel.locator(".jp-Notebook .jp-Cell")
        self.outputs = self.panel.locator(".jp-OutputArea-output")

    def expect_open(self) -> None:
        expect(self.cells.first).to_be_visible(timeout=KERNEL_TIMEOUT_MS)

    def expect_idle(self) -> None:
        """The kernel is there and waits for work."""
        kernel_traffic.expect_answer(self.page)
        indicator = self.panel.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        expect(indicator).to_be_visible(timeout=KERNEL_TIMEOUT_MS)

    def expect_busy(self) -> None:
        expect(self.panel.locator('.jp-Notebook-ExecutionIndicator[data-status="busy"]')).to_be_visible()

    def type_into_first_cell(self, code: str) -> None:
        editor = self.cells.first.locator(".cm-content")

        # While the notebook is being set up an editor can be replaced under the cursor: typed text is looked at.
        def typed() -> bool:
            editor.click()
            self.page.keyboard.press("ControlOrMeta+a")
            self.page.keyboard.insert_text(code)
            return "".join(editor.inner_text().split()) == "".join(code.split())

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
        self.cells.nth(number).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")

    def expect_output(self, text: str) -> None:
        expect(self.outputs.filter(has_text=text).first).to_be_visible(timeout=KERNEL_TIMEOUT_MS)

    def edit_markdown(self, number: int, text: str) -> None:
        """Replaces the text of a Markdown cell, by double-click and keyboard."""
        self.cells.nth(number).locator(".jp-RenderedMarkdown").dblclick()
        editor = self.cells.nth(number).locator(".cm-content")
        editor.click()
        expect(editor).to_be_focused()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(text)
        expect(editor).to_contain_text(text.splitlines()[-1])

    def answer_input(self, prompt: str, answer: str) -> None:
        expect(self.panel.locator(".jp-Stdin-prompt", has_text=prompt)).to_be_visible(timeout=KERNEL_TIMEOUT_MS)
        field = self.panel.locator(".jp-Stdin-input")
        field.fill(answer)
        field.press("Enter")

    def save(self) -> None:
        """Saves and waits for the server's good answer."""
        with self.page.expect_response(is_save) as answer:
            self._save()
        assert answer.value.ok, f"saving was answered with {answer.value.status}: {answer.value.text()}"
        expect(self.page.locator(".jp-Dialog")).to_have_count(0)

    def save_refused(self, status: int = 403) -> str:
        """Saves and gives what the user is told of the refusal."""
        with self.page.expect_response(is_save) as answer:
            self._save()
        assert answer.value.status == status, answer.value.status
        return message_of_dialog(self.page)

    def _save(self) -> None:
        self.page.keyboard.press("ControlOrMeta+s")
        if self.asks_for_name:
            # The suggested name is kept.
            self.page.locator(".jp-Dialog", has_text="Rename").locator(".jp-mod-accept").click()
            self.asks_for_name = False

    def expect_no_dialog(self) -> None:
        expect(self.page.locator(".jp-Dialog")).to_have_count(0)

    def reload(self) -> None:
        kernel_traffic.forget(self.page)
        self.page.reload()
        self.expect_open()

    def restart(self) -> None:
        choose(self.page, "Kernel", "Restart Kernel…")
        kernel_traffic.forget(self.page)
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        expect(self.page.locator(".jp-Dialog")).to_have_count(0)

    def interrupt(self) -> None:
        choose(self.page, "Kernel", "Interrupt Kernel")


class LabTextFile:
    """A text file in JupyterLab's editor."""

    def __init__(self, page: Page):
        self.page = page
        self.editor = page.locator(".jp-FileEditor .cm-content:visible")

    def expect_text(self, text: str) -> None:
        expect(self.editor).to_contain_text(text)

    def append(self, text: str) -> None:
        self.editor.click()
        self.page.keyboard.press("ControlOrMeta+End")
        self.page.keyboard.insert_text(text)
        expect(self.editor).to_contain_text(text.strip())

    def save(self) -> None:
        with self.page.expect_response(is_save) as answer:
            self.page.keyboard.press("ControlOrMeta+s")
        assert answer.value.ok, f"saving was answered with {answer.value.status}: {answer.value.text()}"


class JupyterLab:
    name = "jupyterlab"
    start = "lab"
    word = "lab"  # of the command line

    def create_notebook(self, context: BrowserContext, server) -> LabNotebook:
        page = self._start(context, server)
        self._notebook_card(page).click()
        notebook = LabNotebook(page, asks_for_name=True)
        notebook.expect_open()
        return notebook

    def creation_refused(self, context: BrowserContext, server) -> str:
        page = self._start(context, server)
        self._notebook_card(page).click()
        return message_of_dialog(page)

    def open_notebook(self, context: BrowserContext, server, path: str) -> LabNotebook:
        page = context.new_page()
        page.goto(server.path(f"lab/tree/{path}"))
        notebook = LabNotebook(page)
        notebook.expect_open()
        return notebook

    def kernel_refused(self, notebook: LabNotebook) -> str:
        """What the user is told when the opened notebook may have no kernel."""
        return message_of_kernel_dialog(notebook.page)

    def open_text_file(self, context: BrowserContext, server, path: str) -> LabTextFile:
        page = context.new_page()
        page.goto(server.path(f"lab/tree/{path}"))
        return LabTextFile(page)

    def expect_start_page(self, page: Page) -> None:
        expect(page.locator(".jp-DirListing")).to_be_visible(timeout=KERNEL_TIMEOUT_MS)

    def change_a_setting(self, notebook: LabNotebook) -> int:
        """Changes something that the front end keeps on the server; gives the status of the answer."""
        return choose_dark_theme(notebook.page)

    def log_out(self, page: Page) -> None:
        choose(page, "File", "Log Out")

    def _start(self, context: BrowserContext, server) -> Page:
        page = context.new_page()
        page.goto(server.path("lab"))
        self.expect_start_page(page)
        return page

    def _notebook_card(self, page: Page) -> Locator:
        return page.locator('.jp-LauncherCard[data-category="Notebook"][title*="Python 3"]').first


def choose(page: Page, menu: str, entry: str) -> None:
    """Chooses an entry of the menu bar."""
    page.get_by_role("menuitem", name=menu, exact=True).click()
    page.locator(".lm-Menu:visible .lm-Menu-itemLabel").get_by_text(entry, exact=True).click()


def choose_dark_theme(page: Page) -> int:
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.locator(".lm-Menu:visible .lm-Menu-itemLabel").get_by_text("Theme", exact=True).hover()
    with page.expect_response(is_setting) as answer:
        page.locator(".lm-Menu:visible .lm-Menu-itemLabel").get_by_text("JupyterLab Dark", exact=True).click()
    return answer.value.status


def message_of_dialog(page: Page) -> str:
    """The text of the dialog that tells of an error; closes it."""
    dialog = page.locator(".jp-Dialog").first
    expect(dialog).to_be_visible(timeout=KERNEL_TIMEOUT_MS)
    message = dialog.inner_text()
    dialog.locator(".jp-Dialog-footer button").last.click()
    return message


def message_of_kernel_dialog(page: Page) -> str:
    """As `message_of_dialog`; the question for another kernel that follows is answered with none."""
    message = message_of_dialog(page)
    page.locator(".jp-Dialog", has_text="Select Kernel").get_by_role("button", name="No Kernel").click()
    return message
