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


def without_times(text):
    """The text, with how long something took, which no two runs agree on, as `T s`."""
    return re.sub(r"\bin \d+\.\d+ s\b", "in T s", text)


def difference(documented, printed):
    """How the two differ, as a unified diff; empty where they do not. A documented line `…` stands for any lines."""
    documented = without_times(documented).splitlines()
    printed = without_times(printed).splitlines()
    pattern = "\n".join("(?:.*\n)*?.*" if line == ELLIPSIS else re.escape(line) for line in documented)
    if re.fullmatch(pattern, "\n".join(printed)):
        return ""
    return "\n".join(difflib.unified_diff(documented, printed, "documented", "printed", lineterm=""))
