"""Show examples without prompts: what to type as code, what it prints in a block below.

Pages and docstrings keep their examples as doctests, which the tests run. Readers copy them.
"""

import doctest
from itertools import pairwise

from docutils import nodes

PARSER = doctest.DocTestParser()
DEFINITIONS = ("def ", "class ", "@")  # which stand apart from what is before and after them


def parts(text):
    """Yield ("python", code) and ("text", output) of a doctest, in its order."""
    lines: list[str] = []
    examples = PARSER.get_examples(text)
    for example, after in pairwise([*examples, None]):
        lines.append(example.source)
        output = example.want
        if example.exc_msg is not None:  # the rest of a traceback is the same everywhere
            output = " ".join(example.exc_msg.split())  # a page wraps what is one line
        if output or after is None:
            yield "python", "".join(lines).rstrip()
            lines = []
        elif any(each.source.startswith(DEFINITIONS) for each in (example, after)):
            lines.append("\n")
        if output:
            yield "text", output.replace("<BLANKLINE>", "").rstrip()


def without_prompts(app, doctree):
    """Put plain blocks in the place of every doctest of a page."""
    for node in list(doctree.findall(nodes.FixedTextElement)):
        if not node.astext().lstrip().startswith(">>> "):
            continue
        blocks = []
        for language, text in parts(node.astext()):
            block = nodes.literal_block(text, text, language=language)
            block["classes"] = ["output"] if language == "text" else []
            block.source, block.line = node.source, node.line
            blocks.append(block)
        node.replace_self(blocks)


def setup(app):
    """Connect the above; pages may be read in parallel."""
    app.connect("doctree-read", without_prompts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
