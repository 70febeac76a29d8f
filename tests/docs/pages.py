# SPDX-License-Identifier: Apache-2.0
"""What the tests of documents share: reading a page, its blocks of code, and what a command printed beside it."""
import difflib
import re

FENCE = re.compile(r"^(```|~~~)(\w*)\n(.*?)^\1", re.MULTILINE | re.DOTALL)
ELLIPSIS = "…"


def read(page):
    return page.read_text(encoding="utf-8")


def blocks(page):
    """The blocks of code of a page in their order, each as (language, text)."""
    return [(language, text) for _, language, text in FENCE.findall(read(page))]


def without(text, figures):
    """The text, with figures of which a page gives an example as `N`; how long something took is always one."""
    for figure in (r"\d+\.\d+(?= s$)", *figures):
        text = re.sub(figure, "N", text, flags=re.MULTILINE)
    return text


def difference(documented, printed, figures=()):
    """How the two differ, as a unified diff; empty where they do not. A documented line `…` stands for any lines."""
    documented = without(documented, figures).splitlines()
    printed = without(printed, figures).splitlines()
    pattern = "\n".join("(?:.*\n)*?.*" if line == ELLIPSIS else re.escape(line) for line in documented)
    if re.fullmatch(pattern, "\n".join(printed)):
        return ""
    return "\n".join(difflib.unified_diff(documented, printed, "documented", "printed", lineterm=""))
