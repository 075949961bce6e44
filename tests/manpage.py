"""Writes packaging/yext.1, the man page, from the options of the program: `make docs`."""

from __future__ import annotations

from pathlib import Path

from argparse_manpage.manpage import Manpage

from yext.console.cli.exitcodes import MEANINGS
from yext.console.cli.main import make_parser

PAGE = Path(__file__).parents[1] / "packaging" / "yext.1"

_END = """\
.SH EXIT STATUS
Of
.BR "yext run" ,
that of the first failure:
{codes}
.SH FILES
A directory of Yate's configuration files, given by
.BR \\-c :
.IR yate.conf ,
.IR extmodule.conf ,
.I rmanager.conf
and others, and
.IR yext.conf ,
each optional.
.SH SEE ALSO
The pages of the folder
.I docs
of the source.
"""


def page() -> str:
    """Return the page, which is the same on each day and with each version of yext."""
    made = Manpage(make_parser())
    made.date = ""
    made.manual = "User Commands"
    text = str(made).rstrip("\n")
    name = "yext \\- run Yate external modules without Yate"
    text = text.replace("\n.SH NAME\nyext\n", f"\n.SH NAME\n{name}\n")
    codes = "\n".join(f".TP\n.B {code}\n{meaning}" for code, meaning in MEANINGS.items())
    return f"{text}\n{_END.format(codes=codes)}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
