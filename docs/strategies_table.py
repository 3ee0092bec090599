"""Write what the pages say of strategies, from their classes.

``python docs/strategies_table.py`` rewrites the blocks between two markers in the pages below; a
test fails where a block is stale. As a Sphinx extension, it adds use and cost to class pages.
"""

import inspect
import re
from pathlib import Path

from skactive import scores, selection, strategies
from skactive.strategies.registry import ENTRIES

DOCS = Path(__file__).parent
GUIDE = DOCS / "guide"
PAGES = [
    *(
        GUIDE / f"{page}.md"
        for page in ("strategies", "streams", "deep_nets", "several_labels_strategies")
    ),
    DOCS / "api.rst",
]
BLOCK = re.compile(
    r"(^(?:<!--|\.\.) written by docs/strategies_table\.py: (\w+).*?\n\n).*?(?=^(?:<!--|\.\.) end)",
    re.MULTILINE | re.DOTALL,
)
REFERENCE = re.compile(r"\.\. \[\d\] (.+?)(?=\s*\.\. \[|\n\s*\n|\Z)", re.DOTALL)

# What one has, and the parts of a view that take it, as they are told of. A strategy belongs to the
# last group of which it reads a part.
GROUPS = {
    "Nothing but rows": {},
    "Probabilities": {
        ("proba", "decision"): "probabilities, or a decision function",
        "proba": "probabilities",
    },
    "An ensemble": {"samples": "an ensemble of two classifiers or more, or a net with dropout"},
    "An embedding": {
        "embedding": "vectors",
        "feature_dropout": "a classifier of vectors, no net",
    },
    "A linear last layer, or a net": {
        "gradient": "a linear last layer, or `embedding=`",
        "perturbation": "a linear classifier, or a net",
        "input_gradient": "a net",
        "dropout": "a net with dropout",
    },
    "A regressor": {
        "std": "a standard deviation",
        "value_samples": "an ensemble of two regressors or more, or a net with dropout",
        "value": "a regressor",
    },
}
# What a net gives for each part of a view, and what it needs for that.
OF_NETS = {
    "embedding": (
        "the input of its last `Linear` layer",
        'a `Linear` layer from which its outputs follow, or `embedding="name of a layer"`',
    ),
    ("proba", "decision"): ("probabilities", "to be a classifier"),
    "proba": ("probabilities", "to be a classifier"),
    "samples": (
        "passes with dropout",
        "`Dropout` layers, or `torch.nn.functional.dropout` in its code",
    ),
    "gradient": (
        "two factors of the last layer's gradient",
        "predictions that are the softmax (or sigmoid) of its last `Linear` layer, or of a "
        "multiple of it (a temperature)",
    ),
    "perturbation": ("gradients in its inputs", "one tensor of floats as input"),
    "input_gradient": ("gradients in its inputs", "one tensor of floats as input"),
    "std": ("passes with dropout", "to be a regressor, with dropout as above"),
    "value_samples": ("passes with dropout", "to be a regressor, with dropout as above"),
    "value": ("predictions", "to be a regressor"),
}
NO_NET = {"feature_dropout"}  # what no net gives
WRAPPERS, STREAM = "Another strategy", "A stream"
SEVERAL = "Several labels a row"
NEEDS = {part: told for parts in GROUPS.values() for part, told in parts.items()} | {
    ("decision", "proba"): "a decision function, or probabilities",
    "decision": "a decision function",
    "prediction": "predictions",
    ("prediction", "proba"): "predicted classes, or `by=`",
}


def inner_strategies(cls):
    """The parameters that are strategies, with what they are by default."""
    params = cls().get_params(deep=False)
    names = [name for name in ("strategy", "first", "then") if name in params]
    return {name: strategies.as_strategy(params[name]) for name in names}


def own_reads(cls):
    """What a strategy reads that no strategy inside it reads."""
    within = {part for inner in inner_strategies(cls).values() for part in inner.reads}
    return [part for part in cls().reads if part not in within]


def group_of(cls):
    """What one has who can use a strategy."""
    if issubclass(cls, strategies.StreamStrategy):
        return STREAM
    if cls().labels_per_row == ("several",):
        return SEVERAL
    own = own_reads(cls)
    if inner_strategies(cls) and not any(parts.keys() & set(own) for parts in GROUPS.values()):
        return WRAPPERS
    return [
        name for name, parts in GROUPS.items() if not parts or not parts.keys().isdisjoint(own)
    ][-1]


def grouped():
    """The known classes by what one has; in a group, by what of it they read."""
    groups = {name: [] for name in [*GROUPS, WRAPPERS, SEVERAL, STREAM]}
    for cls in ENTRIES:
        if cls.__module__.startswith("skactive."):
            groups[group_of(cls)].append(cls)
    for name, parts in GROUPS.items():
        order = list(parts)
        groups[name].sort(key=lambda cls: [order.index(p) for p in own_reads(cls) if p in order])
    return groups


def needs_of(cls):
    """What a strategy needs, for the strategies inside it by the name of the parameter."""
    own = own_reads(cls)
    # Dropout gives the strategy inside all that it may read.
    inner = [] if "dropout" in own else inner_strategies(cls)
    told = [*(NEEDS[part] for part in own), *(f"what `{name}` needs" for name in inner)]
    return "; ".join(told) or "nothing"


def papers(cls):
    """The references in a docstring, or in that of the class above, each in a line."""
    docs = [each.__doc__ or "" for each in cls.__mro__[: cls.__mro__.index(strategies.Strategy)]]
    section = next((doc for doc in docs if "References\n" in doc), "").partition("References\n")[2]
    section = section.partition("Examples\n")[0]
    return [" ".join(text.split()) for text in REFERENCE.findall(section)]


def short(paper):
    """A reference as a table names it: Sener and Savarese 2018."""
    authors, year = re.fullmatch(r"(.+?) \((\d{4})\)\..*", paper).groups()
    names = re.split(r", | and ", authors)
    return f"{names[0]} et al. {year}" if len(names) > 2 else f"{authors} {year}"


def table(classes, use="when to use"):
    """A table of strategies; where they need different things, each row says what."""
    told = list(map(needs_of, classes))
    differ = len(set(told)) > 1
    if not differ:
        yield from (f"Needs {told[0]}.", "")
    yield from (f"| strategy | {use} | cost |", "|---|---|---|")
    for cls, needed in zip(classes, told, strict=True):
        entry = ENTRIES[cls]
        name = f'`"{entry.name}"`<br>' if entry.name else ""
        cited = "; ".join(map(short, papers(cls)))
        what = f"{entry.use} ({cited})" if cited else entry.use
        if differ:
            what = f"{what}<br>needs {needed}"
        yield f"| {name}`{cls.__name__}` | {what} | {entry.cost} |"
    yield ""


def listed(names):
    """A list of the reference."""
    yield from (".. autosummary::", "   :toctree: generated", "")
    yield from (f"   {name}" for name in names)
    yield ""


def of_strategies(classes):
    """The names of classes in the reference."""
    return [f"strategies.{cls.__name__}" for cls in classes]


def tables():
    """The tables of the guide, by what one has."""
    for name, classes in grouped().items():
        yield from (f"### {name}", "", *table(classes, "buys" if name == STREAM else "when to use"))


def references():
    """All papers, in the order of their authors."""
    for paper in sorted({paper for cls in ENTRIES for paper in papers(cls)}):
        yield f"- {paper}"
    yield ""


def nets():
    """The table of the guide to nets: what each strategy reads of a net, and what that needs."""
    rows = {}
    for cls in (each for name in [*GROUPS, WRAPPERS] for each in grouped()[name]):
        # A gradient takes a classifier's probabilities with it.
        reads = [part for part in cls().reads if part != "proba" or "gradient" not in cls().reads]
        if ENTRIES[cls].name and NO_NET.isdisjoint(reads):
            reads.sort(key=list(OF_NETS).index)  # which raises for a part that is not told of
            told = dict.fromkeys(OF_NETS[part] for part in reads)
            rows.setdefault(tuple(told), []).append(f"`{ENTRIES[cls].name}`")
    yield from ("| strategies | read | so the net needs |", "|---|---|---|")
    for told, names in rows.items():
        read = "; ".join(read for read, _ in told) or "nothing"
        needs = [need for _, need in told]
        # What is needed under a condition need not be said without it too.
        longer = tuple(need for need in needs if ", " in need)
        needs = [need for need in needs if not any(each.startswith(f"{need}, ") for each in longer)]
        yield f"| {', '.join(names)} | {read} | {'; '.join(needs) or 'nothing'} |"
    yield ""


def several():
    """The table of strategies for several labels a row, and the names of the others that serve."""
    yield from table(grouped()[SEVERAL])
    own = {ENTRIES[cls].name for cls in grouped()[SEVERAL]}
    for group in [*GROUPS, WRAPPERS]:
        names = [
            f'`"{ENTRIES[cls].name}"`' if ENTRIES[cls].name else f"`{cls.__name__}`"
            for cls in grouped()[group]
            if "several" in cls().labels_per_row and ENTRIES[cls].name not in own
        ]
        if names:
            yield f"- {group}: {', '.join(names)}"
    yield ""


def streams():
    """The table of the guide to streams."""
    yield from table(grouped()[STREAM], "buys")


def pool_classes():
    """The lists of strategies in the reference, by what one has."""
    for name, classes in grouped().items():
        if name != STREAM:
            yield from (f"{name}:", "", *listed(of_strategies(classes)))


def stream_classes():
    """The list of strategies for streams in the reference."""
    yield from listed(of_strategies(grouped()[STREAM]))


def functions():
    """The list of scores and of selection functions in the reference."""
    found = [getattr(scores, name) for name in scores.__all__]
    found.sort(key=lambda part: (part.__module__, inspect.getsourcelines(part)[1]))
    names = [f"scores.{part.__name__}" for part in found]
    yield from listed([*names, *(f"selection.{name}" for name in selection.__all__)])


def updated(text):
    """A page with its blocks as they should be."""
    return BLOCK.sub(lambda block: block[1] + "\n".join(globals()[block[2]]()) + "\n", text)


def add_use_and_cost(app, what, name, obj, options, lines):
    """Tell use and cost on a class's own page."""
    if what == "class" and obj in ENTRIES:
        entry = ENTRIES[obj]
        by_name = f'By name: ``"{entry.name}"``. ' if entry.name else ""
        cost = entry.cost.replace("`", "``")
        lines[1:1] = ["", f"{by_name}When to use: {entry.use.replace('`', '``')}. Cost: {cost}."]


def setup(app):
    """Let Sphinx ask before numpydoc takes a docstring apart."""
    app.connect("autodoc-process-docstring", add_use_and_cost, priority=400)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if updated(text) != text:
            page.write_text(updated(text), encoding="utf-8")
            print(f"{page} written")
