"""How large the library is: lines of code, of docstrings and of comments, by module.

``python benchmarks/size.py`` prints a row for each folder; ``--modules`` one for each module.
Code is what is neither docstring, nor comment, nor blank.
"""

import argparse
import ast
import io
import tokenize
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "skactive"
COLUMNS = ("lines", "code", "docstrings", "comments")


def sizes(source: str) -> dict[str, int]:
    """Count the lines of a module."""
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            if is_text and isinstance(first.value.value, str):
                docstrings.update(range(first.lineno, first.end_lineno + 1))
    comments, code = set(), set()
    skipped = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            comments.add(token.start[0])
        elif token.type not in skipped:
            code.update(range(token.start[0], token.end[0] + 1))
    code -= docstrings
    return {
        "lines": source.count("\n"),
        "code": len(code),
        "docstrings": len(docstrings),
        "comments": len(comments - code - docstrings),  # those that have a line of their own
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", action="store_true", help="a row for each module")
    parser.add_argument("package", nargs="?", type=Path, default=PACKAGE)
    options = parser.parse_args()
    table: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(COLUMNS, 0))
    for path in sorted(options.package.rglob("*.py")):
        parts = path.relative_to(options.package).parts
        for name in ("/".join(parts) if options.modules else parts[0], "all"):
            for column, n in sizes(path.read_text(encoding="utf-8")).items():
                table[name][column] += n
    table["all"] = table.pop("all")
    print(f"{'':<36}" + "".join(f"{column:>12}" for column in COLUMNS))
    for name, row in table.items():
        print(f"{name:<36}" + "".join(f"{row[column]:>12,}" for column in COLUMNS))


if __name__ == "__main__":
    main()
