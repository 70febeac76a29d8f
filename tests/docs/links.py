#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every relative link of the documents leads somewhere, and every document is reachable from README.md.

links.py ROOT: prints what is wrong, one line each, and exits with 1 when anything is.
"""
import pathlib
import re
import sys

import pages

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`[^`\n]*`")
HEADING = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)


def text_of(page):
    """The page without its blocks of code, where nothing is a link."""
    return pages.FENCE.sub("", pages.read(page))


def links(page):
    return LINK.findall(CODE.sub("", text_of(page)))


def anchors(page):
    """The names that a web page of the repository gives to the headings."""
    titles = (re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(text_of(page)))
    return {title.replace(" ", "-") for title in titles}


def target_of(page, link):
    """The file that a link means, a folder standing for its README.md; None for another place's address."""
    path, _, anchor = link.partition("#")
    if re.match(r"[a-z]+:", path):
        return None, anchor
    target = (page.parent / path).resolve() if path else page
    readme = target / "README.md"
    return (readme if readme.is_file() else target), anchor


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    wrong = []
    reached = {root / "README.md"}
    todo = [root / "README.md"]
    while todo:
        page = todo.pop()
        for link in links(page):
            target, anchor = target_of(page, link)
            if target is None:
                continue
            if root not in target.parents or not target.exists():
                wrong.append(f"{page.relative_to(root)}: {link} leads nowhere")
                continue
            if anchor and target.suffix == ".md" and anchor not in anchors(target):
                wrong.append(f"{page.relative_to(root)}: {link} has no such heading")
            if target not in reached and target.suffix == ".md":
                todo.append(target)
            reached.add(target)
    for page in sorted((root / "docs").rglob("*")):
        if page.is_file() and page not in reached:
            wrong.append(f"{page.relative_to(root)}: no link from README.md leads here")
    print("\n".join(wrong) if wrong else f"{len(reached)} files, all links resolve")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
