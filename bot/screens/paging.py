"""Paging: what a list says and offers when it has more than one page."""

from bot.callbacks import Page, Refresh
from bot.screens.layout import Row, press, row


def page_note(page: int, pages: int) -> str:
    """Say which page this is; nothing where there is only one."""
    return f" · page {page + 1} of {pages}" if pages > 1 else ""


def paging(
    page: Page, number: int, pages: int, labels: tuple[str, str] = ("Back", "More")
) -> tuple[Row, ...]:
    """Give the row that turns the page; none where there is only one."""
    buttons = []
    if number > 0:
        buttons.append(press(labels[0], Refresh(page=page, number=number - 1)))
    if number + 1 < pages:
        buttons.append(press(labels[1], Refresh(page=page, number=number + 1)))
    return (row(*buttons),) if buttons else ()
