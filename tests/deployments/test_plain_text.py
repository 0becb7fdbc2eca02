"""What strangers wrote gives a terminal no commands."""

import io
import logging

from rich.table import Table
from rich.text import Text

from deployments.plain_text import PlainConsole, PlainRecord

TITLE = "Emma\x1b[2J\x1b]0;gone\x07\x9b31m\r"


def test_titles_are_printed_as_they_are():
    """In lines, in tables and in styled text; the console's own colours stay."""
    file = io.StringIO()
    console = PlainConsole(file=file, force_terminal=True, color_system="standard", width=200)
    table = Table("title")
    table.add_row(Text(TITLE, style="bold red"))
    for each in (TITLE, Text(TITLE), table):
        console.print(each, markup=False, highlight=False)
    shown = file.getvalue()
    assert shown.count(r"Emma\x1b[2J\x1b]0") == 3
    assert "\x1b[2J" not in shown
    assert "\x9b" not in shown
    assert "\x1b[1;31m" in shown


def test_a_log_line_gives_no_command():
    """Whatever is formatted into it; lines stay lines."""
    record = PlainRecord("x", logging.INFO, "x.py", 1, "read %s\nand %s", (TITLE, "on"), None)
    assert record.getMessage() == r"read Emma\x1b[2J\x1b]0;gone\x07\x9b31m\r" + "\nand on"
