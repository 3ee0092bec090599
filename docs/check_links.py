"""Say which relative links of pages lead nowhere, and which pages of docs/ no link leads to.

A link leads to a file, and in a page to a heading by its anchor.

Usage: python docs/check_links.py README.md docs/design.md ...
"""

import re
import sys
from pathlib import Path

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
HEADING = re.compile(r"^#+\s+(.*?)\s*#*$", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)  # https:, mailto:


def anchors(text):
    """The anchors that a page's headings get from GitHub."""
    seen: dict[str, int] = {}
    for heading in HEADING.findall(FENCE.sub("", text)):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        yield f"{slug}-{count}" if count else slug


def resolves(page, link):
    """Whether a relative link leads to a file and, in a page, to one of its headings."""
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    if not anchor or target.suffix != ".md":
        return target.exists()
    return target.exists() and anchor in anchors(target.read_text(encoding="utf-8"))


def relative_links(page):
    """The relative links of one page, in order of appearance."""
    text = CODE.sub("", FENCE.sub("", page.read_text(encoding="utf-8")))
    links = [inline or reference for inline, reference in LINK.findall(text)]
    return [link for link in links if not ELSEWHERE.match(link)]


def unreached(pages, links):
    """The pages of docs/ that no link leads to."""
    reached = {(page.parent / link.partition("#")[0]).resolve() for page, link in links}
    return [page for page in pages if "docs" in page.parts and page.resolve() not in reached]


def main(names):
    """Print one line for each such link or page; the exit status is 1 if there is any."""
    pages = [Path(name) for name in names]
    links = [(page, link) for page in pages for link in relative_links(page)]
    wrong = [f"{page}: {link}" for page, link in links if not resolves(page, link)]
    wrong += [f"{page}: no page links to it" for page in unreached(pages, links)]
    print("\n".join(wrong) if wrong else f"every relative link of {len(pages)} pages resolves")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
