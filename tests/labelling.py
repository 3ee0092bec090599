"""`skactive label` as a process of its own, and a person who labels on its page by HTTP."""

import os
import re
import secrets
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class Served:
    """A page that a command serves, until it is left."""

    def __init__(self, *words, cwd, command=(sys.executable, "-m", "skactive")):
        env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [*command, "label", *words, "--port", "0", "--no-browser"],
            cwd=cwd,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        self.said, self.link = [], None
        for line in self.process.stdout:
            self.said.append(line)
            found = re.search(r"http://\S+", line)
            if found:
                self.link = found[0]
                break
        assert self.link, "".join(self.said)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """Press Ctrl-C, and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.said.append(self.process.communicate(timeout=60)[0])
        return self.process.returncode


def label(link, n, says):
    """Label n rows through a link; `says` returns a label for a card. The cards, as they came."""
    import httpx

    with httpx.Client(timeout=60) as browser:
        assert browser.get(link).status_code == 200
        base = link.partition("/?")[0]
        browser.headers["origin"] = base
        tab, cards, seen, ops = secrets.token_hex(8), [], [], []
        for _ in range(n + 1):
            want = {"tab": tab, "ops": ops, "have": [], "want": 1}
            answer = browser.post(f"{base}/api/answer", json=want)
            assert answer.status_code == 200, answer.text
            told = answer.json()
            assert told["acknowledged"] == [op["op"] for op in ops] and not told["refused"], told
            cards = told["cards"]
            if not cards or len(seen) == n:
                break
            seen.append(cards[0])
            given = {"row": cards[0]["row"], "label": says(cards[0]), "comment": None, "ms": 900}
            ops = [{"op": secrets.token_hex(16), "kind": "answer", "guessed": False, **given}]
        return seen
