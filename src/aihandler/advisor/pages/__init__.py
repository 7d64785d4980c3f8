"""The page of an advice."""

from aihandler.advisor.pages.page import html_page

__all__ = ["html_page"]
