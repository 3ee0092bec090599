"""The page's modules one by one, in a browser without a server: what a reply or a finger does."""

import shutil
from pathlib import Path

import pytest

import skactive

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PAGE = Path(skactive.__file__).parent / "annotate" / "page"
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed; apt install chromium"),
    pytest.mark.once,
]

# A server that the test plays: `asked` has what was asked, `reply` answers the oldest of it.
PLAYED = """
  window.asked = []; window.waiting = [];
  window.fetch = (path, options = {}) => new Promise((resolve) => {
    asked.push({path, ...JSON.parse(options.body ?? '{}')});
    waiting.push(resolve);
  });
  window.turn = () => new Promise((resolve) => setTimeout(resolve, 0));
  window.reply = async (body, status = 200) => {
    waiting.shift()(new Response(JSON.stringify(body), {status}));
    for (let i = 0; i < 5; i++) await turn();
  };
  window.dealt = (rows, more = {}) => ({cards: rows.map((row) => ({row, kind: 'text',
    text: `row ${row}`})), acknowledged: [], refused: [], progress: null, notes: [], done: false,
    ...more});
  window.given = {label: 'a', comment: null, ms: 500};
  window.ids = () => asked.at(-1).ops.map((one) => one.op);
  window.rows = () => asked.at(-1).ops.map((one) => one.row);
"""

OUTBOX = """
  const {Outbox} = await import('/outbox.js');
  const refused = [];
  const box = new Outbox({changed() {}, refused: (op, why) => refused.push([op.row, why])});
  box.exchange();
  await reply(dealt([1, 2, 3, 4]));
  while (waiting.length) await reply(dealt([]));
"""

LABEL = """
  const {LabelView} = await import('/label.js');
  const setup = {kind: 'one', classes: [{name: 'a', key: '1'}, {name: 'b', key: '2'}]};
  const card = (row) => ({row, kind: 'text', text: `row ${row} ` + 'word '.repeat(3000)});
  const box = {cards: [1, 2, 3].map(card), sent: [], full: false, done: false, progress: null,
    answer(kind, more) { this.sent.push({row: this.cards.shift().row, kind, ...more}); }};
  const view = new LabelView(setup, box, {});
  document.body.replaceChildren(view.element, spoken, dialog);
  view.element.style.height = '400px';
  view.update();
  view.enter();
  const dwell = () => new Promise((resolve) => setTimeout(resolve, 130));
"""

PICTURE = """
  const {Picture} = await import('/picture.js');
  const picture = new Picture({url: '/icon.svg'});
  picture.element.style.cssText = 'position: fixed; left: 0; top: 0; width: 400px; height: 300px';
  document.body.append(picture.element);
  await picture.ready;
  const at = () => [picture.x, picture.y].map(Math.round);
  const wheel = (x, y, deltaY) => picture.element.dispatchEvent(
    new WheelEvent('wheel', {clientX: x, clientY: y, deltaY}));
  picture.element.setPointerCapture = () => null; // of a finger that is played
  const finger = (type, pointerId, clientX, clientY) => picture.element.dispatchEvent(
    new PointerEvent('pointer' + type, {pointerId, clientX, clientY}));
"""

REVIEW = """
  const {ReviewView} = await import('/review.js');
  const setup = {kind: 'one', annotator: 'ann', annotators: ['ann', 'ben'],
    classes: [{name: 'a'}, {name: 'b'}]};
  const changes = [];
  const box = {full: false, review: (...change) => changes.push(change)};
  const view = new ReviewView(setup, box);
  document.body.append(view.element);
  const row = (n, labels, more = {}) => ({row: n, id: null, label: labels[0], model: null,
    card: {kind: 'text', text: `row ${n}`}, answers: labels.map((label, i) => ({label,
      annotator: setup.annotators[i], comment: null, time: 0})), ...more});
  const shown = () => [...document.querySelectorAll('.rows > li')].map((li) => +li.dataset.row);
"""


@pytest.fixture(scope="module")
def context():
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM)
        context = browser.new_context(viewport={"width": 800, "height": 600})
        blank = '<!doctype html><div id="spoken"></div><dialog id="dialog"></dialog>'

        def file(route):
            name = route.request.url.rsplit("/", 1)[1]
            if name:
                route.fulfill(path=PAGE / name)
            else:
                route.fulfill(body=blank, content_type="text/html")

        context.route("**/*", file)
        yield context
        browser.close()


@pytest.fixture
def run(context):
    """Runs lines of JavaScript on an empty page that can import the modules."""
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto("http://localhost:1/")
    page.evaluate(f"() => {{{PLAYED}}}")
    yield lambda lines, arg=None: page.evaluate(f"async (arg) => {{{lines}}}", arg)
    page.close()
    assert wrong == []


# The outbox


def test_what_is_answered_while_a_request_is_under_way_stays_and_follows_in_order(run):
    seen = run(
        OUTBOX
        + """
      const seen = {};
      box.answer('answer', given);
      const first = ids(), n = asked.length;
      box.answer('answer', given);
      box.answer('skip', {...given, label: null});
      seen.oneAtATime = asked.length === n;
      await reply(dealt([2, 3, 5], {acknowledged: first})); // dealt before the server knew of 2, 3
      seen.rows = rows();
      seen.kept = JSON.parse(sessionStorage.ops).map((one) => one.body.row);
      seen.cards = box.cards.map((one) => one.row);
      return seen;
    """
    )
    assert seen == {"oneAtATime": True, "rows": [2, 3], "kept": [2, 3], "cards": [4, 5]}


def test_an_answer_under_way_is_taken_back_by_an_operation_and_a_waiting_one_never_leaves(run):
    seen = run(
        OUTBOX
        + """
      box.answer('answer', given);
      box.answer('answer', given);
      box.undo();
      const front = [box.cards[0].row, box.ops.map((one) => one.body.kind)];
      box.undo();
      return [front, box.cards[0].row, box.ops.map((one) => [one.body.kind, one.body.row])];
    """
    )
    assert seen == [[2, ["answer"]], 1, [["answer", 1], ["undo", 1]]]


def test_of_a_refused_batch_one_at_a_time_tells_which_it_was(run):
    seen = run(
        OUTBOX
        + """
      for (let i = 0; i < 3; i++) box.answer('answer', given);
      await reply(dealt([], {acknowledged: ids()}));
      const sent = [rows()];
      for (const status of [400, 400]) {
        await reply({why: 'one of them is bad'}, status);
        sent.push(rows());
      }
      return [sent, refused];
    """
    )
    assert seen == [[[2, 3], [2], [3]], [[2, "one of them is bad"]]]


def test_what_was_refused_is_not_taken_back(run):
    seen = run(
        OUTBOX
        + """
      box.answer('answer', given);
      const mine = ids();
      box.answer('answer', given);
      await reply(dealt([], {acknowledged: mine}));
      await reply(dealt([], {refused: [{op: ids()[0], why: 'bad'}]}));
      box.undo();
      return [refused, box.ops.map((one) => [one.body.kind, one.body.row])];
    """
    )
    assert seen == [[[2, "bad"]], [["undo", 1]]]


@pytest.mark.parametrize("status", [401, 403])
def test_who_is_refused_keeps_what_was_answered_and_is_told_to_open_the_link(run, status):
    seen = run(
        OUTBOX
        + """
      box.answer('answer', given);
      await reply({why: 'Your link is old.'}, arg);
      return [box.trouble.text, box.ops.length, refused];
    """,
        status,
    )
    assert seen[0].startswith("Your link is old. Open the link that the server printed")
    assert seen[1:] == [1, []]


def test_a_tab_that_closes_sends_what_waits_and_asks_first_where_it_cannot(run):
    seen = run(
        OUTBOX
        + """
      const closing = () => !dispatchEvent(new Event('beforeunload', {cancelable: true}));
      box.answer('answer', given);
      const before = closing();
      await reply({why: 'down'}, 500);
      const n = asked.length, after = closing();
      dispatchEvent(new Event('pagehide'));
      return [before, after, asked.length - n, rows()];
    """
    )
    assert seen == [False, True, 1, [1]]


def test_a_duplicated_tab_leaves_what_waits_to_the_elder(run):
    seen = run(
        OUTBOX
        + """
      box.answer('answer', given);
      const copy = new Outbox({changed() {}, refused() {}});
      const had = copy.ops.length;
      for (let i = 0; i < 50 && copy.tab === box.tab; i++) await turn();
      return [had, copy.ops.length, box.ops.length, copy.tab === box.tab];
    """
    )
    assert seen == [1, 0, 1, False]


# Keys


def test_a_command_gives_its_key_to_a_class_and_takes_none_of_another_command(run):
    keys = run("""
      const {settle} = await import('/keys.js');
      const named = (keys) => [...keys].map((key) => ({key}));
      return [['s', 'suB'], ['b', 'bBc'], ['sS', 'su'], ['?', '?']].map(([classes, commands]) =>
        settle(named(commands), named(classes)).map((one) => one.key));
    """)
    assert keys == [["S", "u", "B"], [None, "B", "c"], [None, "u"], [None]]


def test_keys_for_what_has_the_focus_are_no_commands(run):
    seen = run("""
      const {elsewhere} = await import('/keys.js');
      const make = (html) => { const div = document.createElement('div'); div.innerHTML = html;
        return div.querySelector('.it'); };
      return [
        ['<p class=it>', '1', {}], ['<p class=it>', '1', {ctrlKey: true}],
        ['<p class=it>', '1', {metaKey: true}], ['<p class=it>', 'c', {isComposing: true}],
        ['<dialog><p class=it></dialog>', '1', {}], ['<input class=it>', '1', {}],
        ['<textarea class=it>', 's', {}], ['<input type=checkbox class=it>', '1', {}],
        ['<button class=it>', 'Enter', {}], ['<button class=it>', '1', {}],
        ['<button class=it data-class=a>', 'Enter', {}], ['<a class=it href=x>', 'Enter', {}],
        ['<input class=it data-number>', '5', {}], ['<input class=it data-number>', 's', {}],
        ['<input class=it data-number>', 'Enter', {}], ['<audio class=it>', 'ArrowLeft', {}],
      ].map(([html, key, more]) => elsewhere({key, target: make(html), ...more}));
    """)
    assert seen == [
        *(False, True, True, True, True, True, True, False),
        *(True, False, False, True, True, False, False, True),
    ]


# Labelling


def test_a_row_begins_afresh_and_time_away_is_no_time_on_it(run):
    seen = run(
        LABEL
        + """
      await dwell();
      view.comment.value = 'of the first';
      view.stage.style.cssText = 'height: 100px; overflow: auto';
      view.stage.scrollTop = 50;
      const scrolled = view.stage.scrollTop;
      view.hiddenFor(100);
      view.choose('a');
      const sent = box.sent[0];
      return {scrolled, away: sent.ms < 100, comment: sent.comment, now: view.comment.value,
        top: view.stage.scrollTop, early: (view.choose('b'), box.sent.length)};
    """
    )
    assert seen["comment"] == "of the first"
    assert seen["away"]
    assert (seen["scrolled"], seen["top"]) == (50, 0)
    assert (seen["now"], seen["early"]) == ("", 1)


def test_a_guess_that_comes_late_is_shown_on_no_other_row(run):
    seen = run(
        LABEL
        + """
      await dwell();
      view.guess();
      view.choose('a');
      await reply({label: 'a', probabilities: [{name: 'a', p: 0.9}]});
      const late = view.guessed.hidden;
      view.guess();
      await reply({why: 'there is no model yet.'});
      return [late, view.guessed.textContent, view.guess_];
    """
    )
    assert seen == [True, "There is no model yet.", None]


def test_a_second_click_of_a_double_click_is_none_however_slow(run):
    clicks = run(
        LABEL
        + """
      const click = async (detail) => { await dwell();
        view.buttons[0].dispatchEvent(new MouseEvent('click', {detail})); };
      await click(1);
      await click(2);
      await click(0); // by the keyboard
      return box.sent.length;
    """
    )
    assert clicks == 2


def test_that_all_is_done_is_said(run):
    words = run(
        LABEL
        + """
      Object.assign(box, {cards: [], done: true, progress: {labelled: 7, mine: 3}});
      view.update();
      return view.stage.innerText;
    """
    )
    assert words.startswith("All done")
    assert "7 rows labelled, 3 by you" in words


# Pictures


def test_the_wheel_keeps_the_point_under_it_and_nothing_leaves_the_frame(run):
    seen = run(
        PICTURE
        + """
      const seen = [];
      wheel(300, 150, -400 * Math.log(2)); // twice, a hundred to the right of the middle
      seen.push([picture.scale, ...at()]);
      for (let i = 0; i < 20; i++) wheel(200, 150, -400);
      seen.push([picture.scale, ...at()]);
      for (let i = 0; i < 20; i++) wheel(0, 0, 400);
      seen.push([picture.scale, ...at()]);
      return seen;
    """
    )
    assert seen[0] == [pytest.approx(2), -100, 0]
    assert seen[1] == [16, -800, 0]
    assert seen[2] == [1, 0, 0]


def test_a_drag_moves_what_is_seen_as_far_as_the_frame_and_two_fingers_zoom(run):
    seen = run(
        PICTURE
        + """
      const seen = [];
      wheel(200, 150, -400 * Math.log(2));
      finger('down', 1, 200, 150);
      finger('move', 1, 230, 130);
      seen.push(at());
      finger('move', 1, 1000, 130);
      seen.push(at());
      finger('down', 2, 1000, 230);
      finger('move', 2, 1000, 280); // from a hundred apart to a hundred and fifty
      seen.push(picture.scale);
      finger('up', 1, 0, 0);
      finger('up', 2, 0, 0);
      const run = (key) => picture.commands.find((one) => one.key === key).run();
      run('b');
      run('r');
      seen.push(picture.image.style.filter);
      for (let i = 0; i < 30; i++) run('b');
      seen.push(picture.image.style.filter);
      return seen;
    """
    )
    assert seen[0] == [30, -20]
    assert seen[1] == [200, -20]
    assert seen[2] == pytest.approx(3)
    assert seen[3:] == ["brightness(1) contrast(1)", "brightness(5) contrast(1)"]


# Review and status


def test_more_rows_are_added_below_and_a_slow_reply_to_an_old_filter_is_dropped(run):
    seen = run(
        REVIEW
        + """
      const seen = [];
      sessionStorage.setItem('only', 'disagreements');
      view.enter();
      seen.push(asked.at(-1).path);
      await reply({rows: [row(9, ['a']), row(8, ['b'])], before: 8});
      view.more.click();
      seen.push(asked.at(-1).path);
      await reply({rows: [row(7, ['a'])], before: null});
      seen.push(shown(), view.more.hidden, sessionStorage.getItem('only'));
      view.load();
      view.load();
      const [old, late] = waiting;
      window.waiting = [late, old];
      await reply({rows: [row(2, ['a'])], before: null});
      await reply({rows: [row(1, ['a'])], before: null});
      seen.push(shown());
      return seen;
    """
    )
    assert seen[0] == "/api/rows?only=disagreements"
    assert seen[1] == "/api/rows?only=disagreements&before=8"
    assert seen[2:] == [[9, 8, 7], True, None, [2]]


def test_who_disagrees_is_marked_and_a_changed_comment_goes_with_the_answer(run):
    seen = run(
        REVIEW
        + """
      view.load();
      await reply({before: null, rows: [row(1, ['a', 'b']), row(2, ['a', null]), row(3, ['a'],
        {model: 'b'}), row(4, ['a'], {model: 'a'})]});
      const marks = [...document.querySelectorAll('.marks')].map((one) => one.textContent);
      const note = document.querySelector('li .note');
      note.value = ' sure ';
      note.dispatchEvent(new Event('change'));
      return [marks, changes];
    """
    )
    assert seen[0] == ["people disagree", "", "the model says b", ""]
    assert seen[1] == [[1, "a", "sure"]]


def test_a_curve_rises_with_the_estimate_and_its_band_goes_round_it(run):
    ticks, lines, band = run("""
      const {curve, ticks} = await import('/curve.js');
      const points = [[10, 0.2], [20, 0.5], [40, 0.9]].map(([n_labelled, estimate]) => (
        {n_labelled, estimate, low: estimate - 0.1, high: estimate + 0.05}));
      document.body.append(curve(points, 'accuracy', (x) => `${x}`, true));
      while (!document.querySelector('.line')) await turn();
      const numbers = (which) => document.querySelector(which).getAttribute('d')
        .match(/[\\d.]+/g).map(Number);
      return [[ticks(0, 1), ticks(0, 7), ticks(3, 3).length], numbers('.line'), numbers('.band')];
    """)
    assert ticks == [[0, 0.25, 0.5, 0.75, 1], [0, 2, 4, 6], 1]
    assert lines[0] < lines[2] < lines[4]
    assert lines[1] > lines[3] > lines[5]  # upwards
    assert band[::2] == [*lines[::2], *reversed(lines[::2])]
    highs, lows = band[1:6:2], band[:5:-2]
    assert all(high < at < low for high, at, low in zip(highs, lines[1::2], lows, strict=True))


def test_a_status_that_says_the_same_is_not_drawn_anew_and_is_asked_for_while_it_is_seen(run):
    status = {
        "labelled": 3,
        "goal": None,
        "skipped": 0,
        "unlabelled": 9,
        "disagreements": 0,
        "estimate": None,
        "agreement": None,
        "curve": [],
        "sure": None,
        "people": [],
        "model": {"trained_on": 3, "seconds": 0.0219734, "failed": None, "training": False},
        "classes": [{"name": "malignant", "n": 3}, {"name": "none", "n": 0}],
    }
    seen = run(
        """
      const {StatusView} = await import('/status.js');
      window.setInterval = () => 77;
      window.clearInterval = (timer) => (window.cleared = timer);
      const view = new StatusView({kind: 'one'});
      document.body.append(view.element);
      view.enter();
      await reply(arg);
      const tiles = view.element.firstChild;
      view.load();
      await reply(arg);
      view.leave();
      return [tiles === view.element.firstChild, window.cleared, tiles.innerText,
        [...document.querySelectorAll('.length')].map((bar) => bar.hidden)];
    """,
        status,
    )
    assert seen[:2] == [True, 77]
    assert "trained in 0.022 s" in seen[2]
    assert seen[3] == [False, True]


def test_the_same_sentence_is_said_twice_to_a_screen_reader(run):
    assert run("""
      const {say} = await import('/dom.js');
      return ['skipped', 'skipped', 'skipped'].map((words) => (say(words), spoken.textContent));
    """) == ["skipped", "skipped\u00a0", "skipped"]
