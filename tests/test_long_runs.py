"""What takes minutes: state machines at length, and 200,000 operations against plain dicts."""

import random

import pytest
import test_durable as durable
import test_machine_hold_out as sided
import test_machine_multilabel as several
import test_machine_opinions as said
import test_machine_pool as plain
from hypothesis import seed, settings
from hypothesis.stateful import run_state_machine_as_test

pytestmark = pytest.mark.slow

PLAIN = (plain.IntPool, plain.FloatPool, plain.TextPool, plain.BoolPool, plain.FewSlots)
MACHINES = (
    *PLAIN,
    *(said.SaidPool, said.VotedPool, said.VotedText),
    *(several.SetPool, several.VotedSetPool, several.DurableSetPool),
    *(sided.SidedPool, sided.FromTheStart, sided.ByGroup),
    *(durable.DurableIntPool, durable.DurableTextPool),
)


def named(machine):
    return machine.__name__


@pytest.mark.parametrize("part", range(5))
@pytest.mark.parametrize("machine", MACHINES, ids=named)
def test_five_hundred_runs_of_fifty_operations(machine, part):
    one = seed(part)(type(f"{machine.__name__}{part}", (machine,), {}))
    how = {"max_examples": 100, "stateful_step_count": 50, "derandomize": False}
    run_state_machine_as_test(one, settings=settings(**how, deadline=None, database=None))


# Operations by the weights of a working day, which Hypothesis does not choose, on one pool longer


def pick(chance):
    seeds = [chance.randrange(10**6) for _ in range(chance.randint(1, 4))]
    anywhere = chance.random() < 0.3
    return anywhere, seeds, chance.choice(plain.ROW_FORMS), chance.choice(plain.ROW_FAULTS)


def labels(chance):
    numbers = [chance.randrange(61) for _ in range(4)]
    return numbers, chance.choice(plain.LABEL_FORMS), chance.choice(plain.LABEL_FAULTS)


def who(chance):
    return chance.choice(plain.WHO)


OPERATIONS = {  # how often, in which state some row has to be, and the call
    "label": (30, None, lambda m, c: m.label(pick(c), labels(c), c.random() < 0.5, who(c))),
    "the same": (5, plain.LABELED, lambda m, c: m.label_the_same_again(c.randint(1, 3), who(c))),
    "decide": (4, None, lambda m, c: m.decide(pick(c), labels(c), who(c))),
    "unlabel": (10, plain.LABELED, lambda m, c: m.unlabel(pick(c))),
    "skip": (10, None, lambda m, c: m.skip(pick(c))),
    "restore": (8, plain.SKIPPED, lambda m, c: m.restore(pick(c))),
    "reserve": (12, None, lambda m, c: m.reserve(pick(c), who(c))),
    "release": (5, plain.RESERVED, lambda m, c: m.release(pick(c))),
    "release Ada": (3, plain.RESERVED, lambda m, c: m.release_by_name("Ada")),
    "extend": (2, None, lambda m, c: m.extend(c.randrange(3), labels(c), who(c), None)),
    "undo": (10, None, lambda m, c: m.undo(c.choice(plain.HOW_MANY), c.choice([None, "Ada"]))),
    "interrupt": (3, None, lambda m, c: m.interrupt_the_next(c.randint(1, 400))),
    "copy": (1, None, lambda m, c: m.copied(c.choice(["pickle", "deepcopy"]))),
}


@pytest.mark.parametrize("part", range(8))
@pytest.mark.parametrize("machine", PLAIN, ids=named)
def test_two_hundred_thousand_operations_against_plain_dicts(machine, part):
    chance, weights = random.Random(part), [weight for weight, *_ in OPERATIONS.values()]
    for _ in range(20):
        one = machine()
        try:
            kind, known = chance.choice(sorted(plain.MAKE)), chance.choices(range(61), k=24)
            one.start(kind, chance.randint(5, 24), known, chance.random() < 0.2, None)
            for name in chance.choices([*OPERATIONS], weights, k=250):
                _, state, call = OPERATIONS[name]
                if state is None or one.model.rows(state):
                    call(one, chance)
                one.agrees_with_the_model()
        finally:
            one.teardown()
