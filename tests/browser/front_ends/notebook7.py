"""Notebook 7: JupyterLab's widgets, one document a page."""

from playwright.sync_api import BrowserContext, Page, expect

from .jupyterlab import (
    KERNEL_TIMEOUT_MS,
    LabNotebook,
    LabTextFile,
    choose,
    choose_dark_theme,
    message_of_dialog,
    message_of_kernel_dialog,
)


class Notebook7:
    name = "notebook7"
    start = "tree"
    word = "notebook"  # of the command line

    def create_notebook(self, context: BrowserContext, server) -> LabNotebook:
        page = self._start(context, server)
        with context.expect_page() as opened:
            self._choose_new_notebook(page)
        notebook = LabNotebook(opened.value)
        notebook.expect_open()
        return notebook

    def creation_refused(self, context: BrowserContext, server) -> str:
        page = self._start(context, server)
        self._choose_new_notebook(page)
        return message_of_dialog(page)

    def open_notebook(self, context: BrowserContext, server, path: str) -> LabNotebook:
        page = context.new_page()
        page.goto(server.path(f"notebooks/{path}"))
        notebook = LabNotebook(page)
        notebook.expect_open()
        return notebook

    def kernel_refused(self, notebook: LabNotebook) -> str:
        return message_of_kernel_dialog(notebook.page)

    def open_text_file(self, context: BrowserContext, server, path: str) -> LabTextFile:
        page = context.new_page()
        page.goto(server.path(f"edit/{path}"))
        return LabTextFile(page)

    def expect_start_page(self, page: Page) -> None:
        expect(page.locator(".jp-DirListing")).to_be_visible(timeout=KERNEL_TIMEOUT_MS)

    def change_a_setting(self, notebook: LabNotebook) -> int:
        return choose_dark_theme(notebook.page)

    def log_out(self, page: Page) -> None:
        choose(page, "File", "Log Out")

    def _start(self, context: BrowserContext, server) -> Page:
        page = context.new_page()
        page.goto(server.path("tree"))
        self.expect_start_page(page)
        return page

    def _choose_new_notebook(self, page: Page) -> None:
        page.get_by_text("New", exact=True).click()
        page.locator(".lm-Menu:visible").get_by_text("Python 3 (ipykernel)").click()
