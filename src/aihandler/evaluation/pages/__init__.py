"""A comparison for its readers: a terminal, a page, a build server."""

from aihandler.evaluation.pages.junit import junit
from aihandler.evaluation.pages.page import html_page
from aihandler.evaluation.pages.terminal import terminal_table

__all__ = ["html_page", "junit", "terminal_table"]
