"""The page in a real browser: what a person sees, presses and may lose; nothing, that is."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

for extra in ("starlette", "uvicorn", "cloudpickle", "PIL"):
    pytest.importorskip(extra)
playwright = pytest.importorskip("playwright.sync_api")

import page_server  # noqa: E402

from skactive import Pool  # noqa: E402
from skactive.annotate.dealing import LEAVING  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed; apt install chromium"),
    pytest.mark.once,
]

DWELL = 130  # ms: a little more than the page wants between two answers
KEYS = {name: str(key) for key, name in enumerate(page_server.WORDS, 1)}
VIEWS = ("label", "review", "status")

# Of each card: how long after the key it was painted.
MEASURE = """
  window.delays = []; let pressed = 0;
  addEventListener('keydown', (event) => (pressed = event.timeStamp), true);
  new MutationObserver(() => requestAnimationFrame(() => setTimeout(
    () => window.delays.push(performance.now() - pressed)))
  ).observe(document.querySelector('#card'), {attributeFilter: ['data-row']});
"""

# Every text that is seen, with its contrast to what lies behind it.
CONTRAST = """() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.03928 ? c / 12.92
    : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const over = (top, below) => top.slice(0, 3).map((c, i) => c * (top[3] ?? 1)
    + below[i] * (1 - (top[3] ?? 1)));
  const behind = (element) => {
    if (!element) return [255, 255, 255];
    const own = parts(getComputedStyle(element).backgroundColor);
    return (own[3] ?? 1) === 1 ? own : over(own, behind(element.parentElement));
  };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    const typed = element.matches('input, select');
    if (!(own || typed) || !element.checkVisibility({visibilityProperty: true})) continue;
    if (element.closest('.unseen, script, style, option')) continue;
    const ground = behind(element);
    for (const which of typed ? [null, '::placeholder'] : [null]) {
      const style = getComputedStyle(element, which);
      const colour = element.closest('svg') ? style.fill : style.color;
      const [a, b] = [light(over(parts(colour), ground)), light(ground)];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (contrast < 4.5) found.push([element.outerHTML.slice(0, 80), contrast]);
    }
  }
  return found;
}"""

# What can be pressed, and is smaller than a finger needs; a link in a sentence may be.
SMALL = """() => [...document.querySelectorAll('a, button, input, select')].filter((one) => {
  const {width, height} = one.getBoundingClientRect();
  const seen = one.checkVisibility({visibilityProperty: true});
  return seen && !one.closest('.jump, .tile p, .empty p, label') && (width < 24 || height < 24);
}).map((one) => one.outerHTML.slice(0, 80))"""

WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as p:
        own = p.chromium.launch(executable_path=CHROMIUM)
        yield own
        own.close()


class Served:
    """A page of one kind of rows, and people of whom every test takes new ones."""

    def __init__(self, kind, folder, n_people=30):
        self.store = folder / f"{kind}.db"
        names = [f"p{n}" for n in range(n_people)]
        guidelines = "Read all of it." if kind == "text" else None
        self.page = page_server.start(kind, self.store, names, guidelines=guidelines)
        self.names = iter(names)
        self.links = self.page.links

    def answers(self, name):
        """What is in the file of somebody, label by row."""
        pool = self.page.desk.pool
        rows = pool.answered_by(name)
        return {row: self.page.desk.book.own(row, name) for row in rows.tolist()}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder, pages = tmp_path_factory.mktemp("pages"), {}

    def of(kind, store=None):
        name = store or kind  # of which others leave no row, where there are few
        if name not in pages:
            (folder / name).mkdir()
            pages[name] = Served(kind, folder / name)
        return pages[name]

    yield of
    for page in pages.values():
        page.page.close()


@pytest.fixture
def visit(browser):
    """Opens the page as somebody, and sees to it that nothing goes wrong unheard."""
    contexts, wrong = [], []

    def watch(page):
        host = page.url.split("/")[2]

        def failed(message):
            if message.type in ("error", "warning") and "ERR_" not in message.text:
                wrong.append(message.text)

        page.on("console", failed)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message) or dialog.dismiss())
        page.on(
            "request",
            lambda r: r.url.split("/")[2] != host and wrong.append(f"another host: {r.url}"),
        )

    def go(link, script=None, **looks):
        context = browser.new_context(**looks)
        contexts.append(context)
        if script:
            context.add_init_script(script)
        page = context.new_page()
        page.goto(link)
        page.wait_for_url("**/")
        watch(page)
        ready(page)
        return page

    go.watch, go.wrong = watch, wrong
    yield go
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def ann(served, visit):
    """Somebody new who labels texts: the page, and what she is called."""
    text = served("text")
    name = next(text.names)
    page = visit(text.links[name])
    page.person = name
    return page


def ready(page):
    page.wait_for_selector("#card[data-row]", timeout=120_000)  # a busy machine ranks for long
    page.wait_for_timeout(DWELL)


def row_of(page):
    return int(page.get_attribute("#card", "data-row"))


def press(page, key):
    """Press a key that brings the next card, and wait until it lies there; return the last row."""
    row = row_of(page)
    page.keyboard.press(key)
    page.wait_for_function(f"() => document.querySelector('#card').dataset.row !== '{row}'")
    page.wait_for_timeout(DWELL)
    return row


def settled(page):
    """Wait until nothing is left in the outbox."""
    page.wait_for_function("() => (sessionStorage.getItem('ops') ?? '[]') === '[]'", timeout=10_000)


def said(served, page):
    settled(page)
    return {row: own.label for row, own in served("text").answers(page.person).items()}


def last_of(served):
    """The last answer that is recorded; cards that are dealt are operations too."""
    return [one for one in served.page.desk.pool.history if one.kind == "label"][-1]


# Labelling


def test_two_people_label_a_hundred_rows_each_by_keyboard_at_once(served, visit):
    text, pages, expected = served("text"), [], []
    for _ in range(2):
        name = next(text.names)
        pages.append(visit(text.links[name]))
        pages[-1].person = name
        pages[-1].evaluate(MEASURE)
        expected.append({})
    for _ in range(100):
        for page, own in zip(pages, expected, strict=True):
            label = page_server.class_of(page.inner_text("#card .words"))
            own[row_of(page)] = label
            page.keyboard.press(KEYS[label])
        pages[0].wait_for_timeout(DWELL)
    for page, own in zip(pages, expected, strict=True):
        assert len(own) == 100
        assert said(served, page) == own
        delays = sorted(page.evaluate("delays"))
        print(f"next card: {delays[50]:.0f} ms at the median, {delays[95]:.0f} at 95 %")
        assert delays[50] < 500
        assert "you 100" in page.inner_text("#progress")
    assert set(expected[0]).isdisjoint(expected[1])


def test_reload_and_back_lose_nothing_and_show_the_same_card(ann, served):
    done = press(ann, "1")
    here = row_of(ann)
    ann.keyboard.press("2")
    ann.reload()
    ready(ann)
    following = row_of(ann)
    assert said(served, ann) == {done: "sport", here: "economy"}
    ann.click("text=Review")
    ann.wait_for_selector(".rows li")
    ann.go_back()
    ready(ann)
    assert row_of(ann) == following


def test_two_tabs_and_a_duplicated_one_have_different_cards(ann, served, visit):
    second = ann.context.new_page()
    second.goto(ann.url)
    ready(second)
    with ann.context.expect_page() as opened:
        ann.evaluate("window.open('/')")  # copies sessionStorage, as duplicating a tab does
    copy = opened.value
    copy.wait_for_function(
        "() => document.querySelector('#card')?.dataset.row "
        f"&& document.querySelector('#card').dataset.row !== '{row_of(ann)}'"
    )
    tabs = [ann, second, copy]
    for tab in tabs[1:]:
        visit.watch(tab)
    ids = {tab.evaluate("sessionStorage.getItem('tab')") for tab in tabs}
    assert len(ids) == 3
    rows = []
    for _ in range(5):
        for tab in tabs:
            tab.bring_to_front()
            rows.append(press(tab, "3"))
    for tab in tabs:
        settled(tab)
    assert len(set(rows)) == 15
    assert said(served, ann) == dict.fromkeys(rows, "science")
    assert_soon_given_to_others(served("text").page.desk.dealer, second, ann)


def assert_soon_given_to_others(dealer, closed, other):
    """What a tab had that was closed; not what another has."""
    name = "JSON.parse(sessionStorage.getItem('tab'))"
    own, others = (tab.evaluate(name) for tab in (closed, other))
    closed.close()

    def leases(tab):
        out = list(dealer.out.values())
        return [held.until - dealer.clock() for held in out if held.tab == tab]

    end = time.monotonic() + 20
    while max(leases(own)) > LEAVING and time.monotonic() < end:
        other.wait_for_timeout(20)
    assert max(leases(own)) <= LEAVING < min(leases(others))


def test_a_double_click_a_held_key_and_a_bouncing_one_label_one_row_each(ann, served):
    rows = [row_of(ann)]
    ann.dblclick(".class >> nth=0")
    ann.wait_for_timeout(DWELL)
    rows.append(row_of(ann))
    for _ in range(6):  # the first goes down, the others repeat
        ann.keyboard.down("2")
        ann.wait_for_timeout(DWELL / 2)
    ann.keyboard.up("2")
    ann.wait_for_timeout(DWELL)
    rows.append(row_of(ann))
    ann.evaluate("""for (const _ of [1, 2]) document.body.dispatchEvent(
      new KeyboardEvent('keydown', {key: '3', code: 'Digit3', bubbles: true}))""")
    ann.wait_for_timeout(DWELL)
    ann.focus(".class >> nth=0")
    rows.append(row_of(ann))
    for _ in range(6):
        ann.keyboard.down("Enter")
        ann.wait_for_timeout(DWELL / 2)
    ann.keyboard.up("Enter")
    labels = ["sport", "economy", "science", "sport"]
    assert said(served, ann) == dict(zip(rows, labels, strict=True))


def test_offline_answers_wait_and_are_sent_in_order_once_there_is_a_connection(ann, served):
    first = press(ann, "1")
    settled(ann)
    ann.context.set_offline(True)
    rows = [press(ann, key) for key in "23"]
    ann.wait_for_selector("#banner .warning >> text=2 answers wait in this tab")
    ann.context.set_offline(False)
    ann.wait_for_selector("#banner .warning", state="detached", timeout=10_000)
    assert said(served, ann) == {first: "sport", rows[0]: "economy", rows[1]: "science"}


def test_many_cards_come_ahead_where_the_server_is_slow_and_twenty_answers_wait_at_most(
    served, visit
):
    text = served("text")
    name = next(text.names)
    slow = """const real = window.fetch; window.slow = 1500;
      window.fetch = async (...what) => { if (what[0] === '/api/answer') await new Promise(
        (resolve) => setTimeout(resolve, window.slow)); return real(...what); };"""
    page = visit(text.links[name], script=slow)
    page.person = name
    for _ in range(8):
        press(page, "1")
        page.wait_for_timeout(400)
    page.wait_for_timeout(3500)
    page.context.set_offline(True)
    page.evaluate("window.slow = 0")
    for _ in range(20):  # nobody waits for a card: more than ten lay ready
        if page.get_attribute("#card", "data-row") is None:
            break
        page.keyboard.press("1")
        page.wait_for_timeout(DWELL)
    waiting = len(page.evaluate("JSON.parse(sessionStorage.getItem('ops'))"))
    assert waiting >= 8
    page.context.set_offline(False)
    settled(page)
    assert len(said(served, page)) == 8 + waiting


def test_a_twenty_first_answer_is_refused_while_twenty_wait(ann):
    row = row_of(ann)
    ann.context.route("**/api/answer", lambda route: route.abort())
    ops = """[...Array(20)].map((_, i) => ({tried: true, body: {op: 'never' + i, kind: 'review',
      row: 0, label: 'sport', comment: null, ms: null, guessed: false}}))"""
    ann.evaluate(f"sessionStorage.setItem('ops', JSON.stringify({ops}))")
    ann.reload()
    ann.wait_for_selector("#banner .warning >> text=20 answers wait")
    assert "Label on when the connection is back" in ann.inner_text("#banner")
    ann.context.unroute("**/api/answer")
    ann.wait_for_selector("#banner .error >> text=you have not answered this row", timeout=15_000)
    ready(ann)
    assert row_of(ann) == row  # and all others, that were refused, are said


def test_an_answer_is_taken_back_with_its_comment_and_changed(ann, served):
    ann.keyboard.press("c")
    ann.keyboard.type("s u m 1 ?")  # in a comment keys are letters
    ann.keyboard.press("Enter")
    first = press(ann, "1")
    second = press(ann, "s")
    settled(ann)
    press(ann, "u")
    assert row_of(ann) == second
    press(ann, "u")
    assert row_of(ann) == first
    assert ann.input_value("#comment") == "s u m 1 ?"
    assert "before" in ann.get_attribute(".class >> nth=0", "class")
    press(ann, "2")
    own = served("text").answers(ann.person)
    settled(ann)
    own = served("text").answers(ann.person)
    assert (own[first].label, own[first].comment) == ("economy", "s u m 1 ?")
    assert row_of(ann) == second
    ann.reload()  # what was done before is known to the server alone
    ready(ann)
    ann.keyboard.press("u")
    ann.wait_for_selector(f"#card[data-row='{first}']")
    assert ann.input_value("#comment") == "s u m 1 ?"


def test_nothing_to_undo_is_said(ann):
    ann.keyboard.press("u")
    ann.wait_for_selector("#banner >> text=there is nothing of yours to take back")


def test_the_guess_is_hidden_until_it_is_asked_for_and_that_it_was_seen_is_recorded(ann, served):
    text = served("text")
    deadline = time.monotonic() + 90
    while text.page.desk.trained().trained_on is None and time.monotonic() < deadline:
        press(ann, KEYS[page_server.class_of(ann.inner_text("#card .words"))])
    assert ann.is_hidden(".guess")
    assert ann.inner_text(".class .share >> nth=0") == ""
    for _ in range(30):
        ann.keyboard.press("m")
        ann.wait_for_selector(".guess")
        if ann.inner_text(".guess").startswith("The model guesses"):
            break
        press(ann, "s")  # of test rows nothing is said
    assert ann.inner_text(".class .share >> nth=0").endswith("%")
    press(ann, "1")
    settled(ann)
    assert last_of(text).detail == {"guessed": True}
    press(ann, "1")
    settled(ann)
    assert last_of(text).detail is None


def test_where_digits_need_shift_the_physical_key_counts(ann, served):
    row = row_of(ann)

    def down(key, shift):
        ann.evaluate(
            """([key, shiftKey]) => document.body.dispatchEvent(new KeyboardEvent('keydown',
              {key, code: 'Digit2', shiftKey, bubbles: true}))""",
            [key, shift],
        )
        ann.wait_for_timeout(DWELL)

    down("@", True)  # an American keyboard
    assert row_of(ann) == row
    down("é", False)  # a French one
    assert said(served, ann) == {row: "economy"}


# Kinds of rows


def test_a_class_that_is_a_digit_has_that_key_and_pictures_obey_the_keyboard(served, visit):
    image = served("image")
    name = next(image.names)
    page = visit(image.links[name])
    picture = page.locator(".picture img")
    page.keyboard.press("+")
    page.keyboard.press("b")
    page.keyboard.press("Shift+K")
    page.keyboard.press("ArrowLeft")
    style = picture.get_attribute("style")
    assert "scale(1.4)" in style
    assert "translate(60px" in style
    assert "brightness(1.15) contrast(0.869" in style
    page.keyboard.press("r")
    assert "scale(1)" in picture.get_attribute("style")
    page.focus("[aria-label='Zoom in']")  # a toolbar is one stop of Tab, with arrows in it
    tools = []
    for key in ("ArrowRight", "ArrowLeft", "ArrowLeft", "Home", "End", "Tab", "Shift+Tab"):
        page.keyboard.press(key)
        tools.append(page.evaluate("document.activeElement.ariaLabel"))
    assert tools == ["Zoom out", "Zoom in", "Reset", "Zoom in", "Reset", "Skip", "Reset"]
    assert "translate(0px, 0px)" in picture.get_attribute("style")
    page.click("[aria-label='Zoom in']")
    page.keyboard.press("ArrowLeft")  # after a click arrows are the picture's
    assert "translate(60px" in picture.get_attribute("style")
    page.keyboard.press("r")
    with page.expect_request("**/item/*?full=1"):
        page.keyboard.press("f")
    page.mouse.move(600, 300)
    page.mouse.wheel(0, -400)
    page.wait_for_function("() => document.querySelector('.picture').matches('.zoomed')")
    rows = [press(page, key) for key in "10"]
    settled(page)
    own = image.answers(name)
    assert [own[row].label for row in rows] == ["1", "0"]


def test_of_several_labels_keys_toggle_and_enter_sends(served, visit):
    several = served("several")
    name = next(several.names)
    page = visit(several.links[name])
    for key in "132":
        page.keyboard.press(key)
    page.keyboard.press("2")
    pressed = [button.get_attribute("aria-pressed") for button in page.locator(".class").all()]
    assert pressed == ["true", "false", "true"]
    first = press(page, "Enter")
    second = press(page, "Enter")
    settled(page)
    own = several.answers(name)
    assert sorted(own[first].label) == ["science", "sport"]
    assert own[second].label == []
    press(page, "u")
    press(page, "u")
    assert page.get_attribute(".class >> nth=0", "aria-pressed") == "true"


def test_numbers_are_typed_and_what_is_none_is_refused_in_a_sentence(served, visit):
    numbers = served("number")
    name = next(numbers.names)
    page = visit(numbers.links[name])
    assert "mean radius" in page.inner_text("#card .fields")
    page.keyboard.type("1-2")
    page.keyboard.press("Enter")
    assert "“1-2” is no number" in page.inner_text(".why")
    page.fill("#number", "")
    page.keyboard.type("-2,5e1")
    first = press(page, "Enter")
    second = press(page, "s")  # commands are at hand while one types
    settled(page)
    own = numbers.answers(name)
    assert own[first].label == -25.0
    assert own[second].label is None


def test_text_stays_text_and_what_is_long_comes_on_demand(served, visit):
    odd = served("odd")
    name = next(odd.names)
    page = visit(odd.links[name])
    seen = {}
    for _ in range(42):
        words = page.inner_text("#card .words")
        seen[row_of(page)] = words
        if row_of(page) == 1:
            assert len(words) == 20_000
            page.click("text=Show all (5,007 more characters)")
            page.wait_for_function(
                "() => document.querySelector('#card .words').textContent.endsWith('the end')"
            )
        if len(seen) == 42 or {0, 1} <= set(seen):
            break
        press(page, "1")
    assert seen[0] == page_server.ATTACK
    assert page.locator("#card img, #card script").count() == 0
    assert page.inner_text(".comment kbd") == "⇧C"  # c is a class
    assert page.get_attribute("#comment", "aria-keyshortcuts") == "Shift+C"
    page.keyboard.press("Shift+C")
    assert page.evaluate("document.activeElement.id") == "comment"
    page.keyboard.press("Escape")
    row = press(page, "c")
    settled(page)
    assert odd.page.desk.book.own(row, name).label == "c"
    page.keyboard.press("/")  # a class beyond the keys, by its name
    page.keyboard.type("11")
    row = row_of(page)
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => document.querySelector('#card').dataset.row !== '{row}'")


# Review and status


def test_the_review_filters_and_changes_ones_own_answer(ann, served):
    rows = [press(ann, key) for key in "112"]
    settled(ann)
    ann.click("text=Review")
    ann.select_option("label:has-text('By') select", ann.person)
    ann.wait_for_function("() => document.querySelectorAll('.rows > li').length === 3")
    ann.select_option("label:has-text('Class') select", "economy")
    ann.wait_for_function("() => document.querySelectorAll('.rows > li').length === 1")
    mine = ann.locator(f".rows > li[data-row='{rows[2]}']")
    mine.locator("select").select_option("science")
    mine.locator("input").fill("after another look")
    mine.locator("input").press("Enter")
    settled(ann)
    own = served("text").answers(ann.person)[rows[2]]
    assert (own.label, own.comment) == ("science", "after another look")
    ann.select_option("label:has-text('Class') select", "")
    deadline = time.monotonic() + 30
    while True:  # the review may be some seconds behind where looking takes long
        ann.select_option("label:has-text('Show') select", "")
        ann.wait_for_timeout(300)
        ann.select_option("label:has-text('Show') select", "comments")
        ann.wait_for_timeout(500)
        if ann.locator(".rows > li").count() == 1 or time.monotonic() > deadline:
            break
    assert ann.inner_text(".rows q") == "after another look"


@pytest.fixture
def alone(tmp_path, visit):
    """Somebody who labels texts alone: a test row that another person holds halts the estimate."""
    text = Served("text", tmp_path, n_people=1)
    ann = visit(text.links["p0"])
    ann.person = "p0"
    yield ann
    text.page.close()


def test_the_status_tells_a_curve_in_words_and_as_a_table(alone):
    ann = alone
    deadline = time.monotonic() + 90
    points = "fetch('/api/status').then((answer) => answer.json()).then((one) => one.curve.length)"
    press(ann, "1")
    while ann.evaluate(points) < 2 and time.monotonic() < deadline:
        press(ann, KEYS[page_server.class_of(ann.inner_text("#card .words"))])
    settled(ann)
    ann.click("text=Status")
    curve = ann.get_by_role("img", name="accuracy against labels")
    curve.wait_for()
    assert "%" in curve.get_attribute("aria-label")
    ann.click("text=As a table")
    assert ann.locator("details tr").count() > 2
    ann.get_by_role("row", name=ann.person).wait_for()
    assert [one.inner_text() for one in ann.locator(".counts th[scope=row]").all()] == [
        *page_server.WORDS
    ]


# For everybody


def test_the_accessibility_tree_names_what_can_be_used(ann):
    for role, name in {
        "link": "Review",
        "region": "Row to label",
        "textbox": "Comment",
        "button": "sport",
        "toolbar": "Labelling",
    }.items():
        assert ann.get_by_role(role, name=name).count() >= (role != "region"), (role, name)
    client = ann.context.new_cdp_session(ann)
    for view in VIEWS:
        ann.evaluate(f"location.hash = '{view}'")
        ann.wait_for_timeout(300)
        nodes = client.send("Accessibility.getFullAXTree")["nodes"]
        usable = [
            (node["role"]["value"], node.get("name", {}).get("value"))
            for node in nodes
            if not node["ignored"]
            and node.get("role", {}).get("value")
            in ("button", "link", "textbox", "combobox", "checkbox", "image", "progressbar")
        ]
        assert len(usable) > 3
        assert [one for one in usable if not one[1]] == []
    ann.evaluate("location.hash = 'label'")
    before = ann.inner_text("#spoken")
    press(ann, "1")
    assert ann.inner_text("#spoken") != before
    assert ann.inner_text("#spoken").startswith("Labelled sport. Next:")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_a_contrast_of_four_and_a_half(scheme, served, visit):
    text = served("text")
    page = visit(text.links[next(text.names)], color_scheme=scheme)
    press(page, "1")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ("245" in ground) == (scheme == "light")
    for view in VIEWS:
        page.evaluate(f"location.hash = '{view}'")
        page.wait_for_timeout(400)
        current = page.locator("nav [aria-current=page]").all_inner_texts()
        assert [one.lower() for one in current] == [view]
        assert page.title().startswith(current[0])
        assert page.evaluate(CONTRAST) == [], view
        assert page.evaluate(SMALL) == [], view
    page.evaluate("location.hash = 'label'")
    page.keyboard.press("?")
    assert page.evaluate(CONTRAST) == []
    other = {"light": "dark", "dark": "light"}[scheme]
    page.select_option("#theme", other)
    page.keyboard.press("Escape")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != ground
    page.reload()
    ready(page)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != ground


@pytest.mark.parametrize("kind", ["text", "image", "several", "number", "odd"])
def test_a_phone_of_360_pixels_is_not_scrolled_sideways(kind, served, visit):
    of = served(kind, "of phones" if kind == "odd" else None)
    looks = {"viewport": {"width": 360, "height": 700}, "has_touch": True, "is_mobile": True}
    page = visit(of.links[next(of.names)], **looks, reduced_motion="reduce")
    for size in (26, 16):  # some read large letters
        page.evaluate(f"document.documentElement.style.fontSize = '{size}px'")
        for view in VIEWS:
            page.evaluate(f"location.hash = '{view}'")
            page.wait_for_timeout(150)
            assert page.evaluate(WIDE) <= 0, (view, size)
    page.evaluate("location.hash = 'label'")
    page.click("text=Keys")
    assert page.evaluate(WIDE) <= 0
    assert page.evaluate(
        "getComputedStyle(document.querySelector('.tool')).transitionDuration"
    ) in (
        "0s",
        "",
    )


# Of classes, the words that are broken in their middle, which have a box for each part.
BROKEN = """() => [...document.querySelectorAll('.class .name')].flatMap((name) => {
  const text = name.firstChild, range = document.createRange();
  return [...text.data.matchAll(/\\S+/g)].filter(({0: word, index}) => {
    range.setStart(text, index);
    range.setEnd(text, index + word.length);
    return range.getClientRects().length > 1;
  }).map(String);
})"""


def test_words_of_classes_are_not_broken_on_a_phone_nor_by_what_the_model_says(served, visit):
    of = served("text")
    for more in ({}, {"has_touch": True, "is_mobile": True}):
        page = visit(of.links[next(of.names)], viewport={"width": 360, "height": 700}, **more)
        for size in (16, 20):
            page.evaluate(f"document.documentElement.style.fontSize = '{size}px'")
            page.evaluate("location.hash = 'status'; location.hash = 'label'")
            page.wait_for_timeout(200)
            assert page.evaluate(BROKEN) == [], size
            page.evaluate("document.querySelectorAll('.share').forEach(s => s.append('99.9 %'))")
            assert page.evaluate(BROKEN) == [], size
            page.evaluate("document.querySelectorAll('.share').forEach(s => s.replaceChildren())")


def test_a_link_that_is_opened_asks_for_nothing_that_is_not_there(browser, served):
    page, missing = browser.new_page(), []
    page.on("response", lambda answer: answer.ok or missing.append(answer.url))
    of = served("text")
    page.goto(of.links[next(of.names)])
    page.wait_for_url("**/")
    ready(page)
    page.click("text=Keys")
    assert page.inner_text("#dialog").split("skactive ")[1][0].isdigit()
    page.close()
    assert missing == []


def test_somebody_without_a_link_is_told_so(browser, served):
    page = browser.new_page()
    page.goto(served("text").links["p0"].partition("?")[0])
    assert "open to those who have a link" in page.inner_text("body")
    page.close()


# kill -9


class Process:
    """A server of its own process, which is killed and begins anew on the same port."""

    def __init__(self, store):
        self.store = store
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def start(self):
        root = Path(__file__).resolve().parents[1]
        paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
        script = Path(page_server.__file__)
        command = [sys.executable, script, "text", self.store, str(self.port), "ann", "ben"]
        self.process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        lines = (self.process.stdout.readline().split(": ", 1) for _ in range(2))
        return {name: link.strip() for name, link in lines}

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.mark.parametrize("kills", [5, pytest.param(20, marks=pytest.mark.slow)])
def test_a_server_that_is_killed_loses_no_label_and_gives_no_row_twice(kills, visit, tmp_path):
    server = Process(tmp_path / "labels.db")
    links = server.start()
    try:
        pages = {name: visit(link) for name, link in links.items()}
        expected = {name: [] for name in pages}
        for round_ in range(kills + 1):
            for turn in range(12):
                if turn == 6 and round_ < kills:  # while answers are under way
                    server.kill()
                for name, page in pages.items():
                    row = page.get_attribute("#card", "data-row")
                    if row is None:
                        continue  # all cards are used up, and the server is away
                    expected[name].append((int(row), "123"[turn % 3]))
                    page.keyboard.press("123"[turn % 3])
                page.wait_for_timeout(DWELL)
            if round_ < kills:
                server.start()
            for page in pages.values():
                page.wait_for_selector("#banner .warning", state="detached", timeout=20_000)
                ready(page)
        for page in pages.values():
            settled(page)
    finally:
        server.kill()
    rows = [row for own in expected.values() for row, _ in own]
    assert len(rows) == len(set(rows))
    assert len(rows) > 12 * kills
    pool = Pool.open(server.store, page_server.texts(3000))
    frame = pool.to_frame()  # test rows included
    pool.close()
    names, labels = list(page_server.WORDS), dict(zip(frame["id"], frame["label"], strict=True))
    people = dict(zip(frame["id"], frame["annotator"], strict=True))
    for name, own in expected.items():
        assert {row: names[int(key) - 1] for row, key in own} == {
            row: labels[row] for row, _ in own
        }
        assert {people[row] for row, _ in own} == {name}
    assert sum(label in names for label in labels.values()) == len(rows)
