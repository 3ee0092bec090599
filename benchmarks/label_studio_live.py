"""The whole loop against a real server of Label Studio: is what it serves what was planned?

By hand, for it takes a server (`pip install label-studio`, which brings 159 packages):

    label-studio start --no-browser --internal-host 127.0.0.1 --port 8089 \
        --username a@example.org --password PASSWORD --user-token TOKEN --enable-legacy-api-token
    python benchmarks/label_studio_live.py http://127.0.0.1:8089 TOKEN

Two people take turns: each asks the server for her next task, as its front end does, and labels it,
or skips every seventh. Printed is for each strategy how often the task was the plan's next one, and
what it took. One of them joins by an invitation of the other.
"""

import argparse
import json
import re
import tempfile
import time
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner, Pool
from skactive.annotate import LabelStudio

NAMES = ["setosa", "versicolor", "virginica"]


class Person:
    """Somebody who labels in the front end, by its own requests."""

    def __init__(self, url, token):
        self.url, self.token = url, token

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Token {self.token}"}
        request = Request(self.url + path, data, headers, method=method)
        with build_opener().open(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def next(self, project):
        return self.ask("GET", f"/api/projects/{project}/next")["id"]

    def annotate(self, task, label):
        result = []
        if label is not None:
            value = {"choices": [label]}
            result = [{"from_name": "label", "to_name": "item", "type": "choices", "value": value}]
        body = {"result": result, "was_cancelled": label is None, "lead_time": 1.5}
        return self.ask("POST", f"/api/tasks/{task}/annotations/", body)["id"]


def joined(url, inviting, email):
    """Sign somebody up by the invitation of another, and return her."""
    link = inviting.ask("GET", "/api/invite")["invite_url"]
    opener = build_opener(HTTPCookieProcessor(CookieJar()))
    page = opener.open(url + link, timeout=60).read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    form = {"email": email, "password": "Long-enough-12", "csrfmiddlewaretoken": token}
    request = Request(url + link, urlencode(form).encode(), {"Referer": url + link})
    opener.open(request, timeout=60).read()
    found = json.loads(opener.open(url + "/api/current-user/token", timeout=60).read())
    return Person(url, found["token"])


def loop(url, token, people, strategy, n, folder):
    """Label n rows by turns; return how often the task was the planned one, and seconds."""
    X, truth = load_iris(return_X_y=True)
    ids = [f"flower-{row}" for row in range(len(X))]
    pool = Pool.open(Path(folder) / f"{strategy}.db", X, ids=ids, classes=NAMES, hold_out=0.2)
    estimator = LogisticRegression(max_iter=500)
    learner = ActiveLearner(estimator, strategy, random_state=0).fit(pool)
    title = f"live {strategy} {time.time():.0f}"
    studio = LabelStudio(learner, url, title, token=token, n_instances=6, spares=4)
    began = time.perf_counter()
    studio.start()
    started, looked, n_planned, n_tests = time.perf_counter() - began, [], 0, 0
    answered, mistaken = [], None
    for step in range(n):
        person, planned = people[step % len(people)], studio.planned[0]
        task = person.next(studio.project)
        n_planned += task == planned
        row = studio.row_of(task)
        n_tests += bool(pool.held_out_mask[row])
        label = None if step % 7 == 6 else NAMES[truth[row]]
        if step == 5:  # mistaken, and corrected by deleting it and labelling anew
            mistaken = person, task, person.annotate(task, NAMES[truth[row] - 1]), row
        else:
            person.annotate(task, label)
            answered.append((row, label))
        began = time.perf_counter()
        studio.look()
        looked.append(time.perf_counter() - began)
    person, task, annotation, row = mistaken
    person.ask("DELETE", f"/api/annotations/{annotation}/")
    studio.look()
    is_withdrawn = not pool.labeled_mask[row] and row not in pool.test_answers().rows
    versions = studio.client.versions(studio.project)
    table = pool.opinions
    said = dict(zip(pool.numbers(table["id"]).tolist(), table["label"], strict=True))
    is_same = all(said[row] == label or label is None for row, label in answered)
    is_same &= len(said) == len(answered)
    names = sorted(set(table["annotator"]))
    pool.close()
    # Begun again by another process, as it were: nothing is made or said twice.
    with Pool.open(Path(folder) / f"{strategy}.db", X, ids=ids) as pool:
        learner = ActiveLearner(estimator, strategy, random_state=0).fit(pool)
        before = pool.n_operations
        again = LabelStudio(learner, url, title, token=token, n_instances=6, spares=4)
        again.start()
        tasks = list(again.client.tasks(again.project))
        is_again = (pool.n_operations, len(tasks)) == (before, len(X))
        is_served = people[0].next(again.project) == again.planned[0]
    print(
        f"{strategy}: {n_planned} of {n} tasks were the planned ones ({n_tests} of them to test "
        f"on), by {' and '.join(names)}; record as annotated: {is_same}; deleted annotation "
        f"withdrawn: {is_withdrawn}; versions left: {len(versions)}; after a restart no task or "
        f"answer twice: {is_again}, planned one served: {is_served}; start {started:.1f} s, poll, "
        f"fit and publish {np.median(looked):.2f} s at the median, {max(looked):.2f} at most"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("token", help="of the user, of the older kind: --user-token of the server")
    parser.add_argument("-n", type=int, default=40, help="labels with each strategy")
    args = parser.parse_args()
    ann = Person(args.url, args.token)
    ben = joined(args.url, ann, f"ben{time.time():.0f}@example.org")
    # A token that is shown once, to whom it is made for; it is renewed while the loop runs.
    personal = ben.ask("POST", "/api/token/", {})["token"]
    with tempfile.TemporaryDirectory() as folder:
        for strategy in ("margin", "k_center"):
            loop(args.url, personal, [ann, ben], strategy, args.n, folder)


if __name__ == "__main__":
    main()
