"""A server with the rules of Label Studio 1.23.2, in this process; as far as the loop needs them.

`test_the_stand_in_answers_as_the_server_did` replays what the server was asked once.
"""

import json
import random
import threading
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import parse_qs, urlsplit

PERSONAL, LEGACY = "a.personal.token", "0123456789abcdef"
_BEGAN = datetime(2026, 11, 29, 23, 0)
_OF_TASK = {"id", "data", "updated_at", "annotations", "created_at"}


class Fault(Exception):
    """The connection breaks, before or after the server did what it was asked."""


class Refused(Exception):
    def __init__(self, code, said):
        super().__init__(said)
        self.code, self.said = code, said


class LabelStudioServer:
    def __init__(self, takes_legacy=False):
        self.users = {1: "ann@x.org", 2: "ben@x.org"}
        self.projects, self.tasks, self.predictions = {}, {}, []
        self.access, self.takes_legacy = None, takes_legacy
        self.asked = []  # (method, path without query)
        self.before = self.after = lambda method, path: None  # which may raise a `Fault`
        self.most_predictions = None  # of an import, silently
        self._ids, self._clock = count(1), count(1)
        self._lock = threading.RLock()
        self._random = random.Random(0)

    def now(self):
        moment = _BEGAN + timedelta(milliseconds=500 * next(self._clock))
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    # What people do

    def annotate(self, task, user, choices=None, *, comment=None, number=None):
        """Submit choices, or skip where there are none; return the annotation."""
        with self._lock:
            now = self.now()
            result = []
            if choices:
                value = {"choices": list(choices)}
                result.append(_part("label", "choices", value))
            if number is not None:
                result.append(_part("label", "number", {"number": number}))
            if comment is not None:
                result.append(_part("comment", "textarea", {"text": [comment]}))
            each = {"id": next(self._ids), "result": result, "completed_by": user}
            each |= {"was_cancelled": choices is None and number is None, "lead_time": 1.5}
            each |= {"created_at": now, "updated_at": now}
            self.tasks[task]["annotations"].append(each)
            self.tasks[task]["updated_at"] = self.now()
            return each["id"]

    def change(self, task, annotation, choices):
        with self._lock:
            (each,) = (a for a in self.tasks[task]["annotations"] if a["id"] == annotation)
            each["result"] = [_part("label", "choices", {"choices": list(choices)})]
            each["updated_at"] = self.now()
            self.tasks[task]["updated_at"] = self.now()

    def delete(self, task, annotation):
        with self._lock:
            kept = [a for a in self.tasks[task]["annotations"] if a["id"] != annotation]
            self.tasks[task] |= {"annotations": kept, "updated_at": self.now()}

    def add_task(self, project, **data):
        with self._lock:
            return self._task(project, data)

    def next(self, project):
        """The task that is served next: of the current version the lowest score, else any."""
        with self._lock:
            current = self.projects[project]["model_version"]
            is_open = {n for n, t in self._of(project) if not t["annotations"]}
            scored = [
                (each["score"], each["id"], each["task"])
                for each in self.predictions
                if each["task"] in is_open and each["model_version"] == current
            ]
            if scored and self.projects[project]["sampling"] == "Uncertainty sampling":
                return min(scored)[2]
            return self._random.choice(sorted(is_open)) if is_open else None

    # What is asked over HTTP

    def _of(self, project):
        return [(n, t) for n, t in sorted(self.tasks.items()) if t["project"] == project]

    def _task(self, project, data):
        number, now = next(self._ids), self.now()
        self.tasks[number] = {"id": number, "data": data, "annotations": [], "project": project}
        self.tasks[number] |= {"created_at": now, "updated_at": now}
        return number

    def answer(self, method, path, body, headers):
        parts = urlsplit(path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path == "/api/token/refresh/":
            if body.get("refresh") != PERSONAL:
                raise Refused(401, "Token is invalid")
            self.access = f"access-{next(self._ids)}"
            return {"access": self.access}
        given = headers.get("Authorization", "")
        is_legacy = self.takes_legacy and given == f"Token {LEGACY}"
        if not is_legacy and (self.access is None or given != f"Bearer {self.access}"):
            raise Refused(401, "Given token not valid")
        if parts.path == "/api/users/":
            return [{"id": n, "email": name} for n, name in self.users.items()]
        if parts.path == "/api/projects/":
            return self._projects(method, query, body)
        if parts.path == "/api/tasks/":
            return self._listed(query)
        words = parts.path.strip("/").split("/")
        number = int(words[2]) if words[:2] == ["api", "projects"] else None
        if number not in self.projects:
            raise Refused(404, "No Project matches the given query.")
        asked = "/".join(words[3:])
        return {
            "": self._project,
            "import": self._import,
            "import/predictions": self._predict,
            "model-versions": self._versions,
        }[asked](number, method, body)

    def _projects(self, method, query, body):
        if method == "GET":
            wanted = query.get("title", "").lower()
            found = [p for p in self.projects.values() if wanted in p["title"].lower()]
            return {"count": len(found), "results": found}
        if len(body["title"]) < 3:
            raise Refused(400, {"title": ["at least 3 characters"]})
        number = next(self._ids)
        self.projects[number] = {"id": number, "title": body["title"]}
        self.projects[number] |= {"label_config": body["label_config"], "model_version": ""}
        self.projects[number] |= {
            "sampling": "Sequential sampling",
            "show_collab_predictions": True,
        }
        return self.projects[number]

    def _project(self, number, method, body):
        project = self.projects[number]
        if method == "PATCH":
            version = body.get("model_version", "")
            known = {each["model_version"] for _, each in self._predicted(number)}
            if version and version not in known:
                raise Refused(400, {"model_version": ["Model version doesn't exist"]})
            project.update(body)
            if body.get("show_collab_predictions") is False:
                project["model_version"] = ""
        return project

    def _import(self, number, method, body):
        ids = [self._task(number, each["data"]) for each in body]
        return {"task_count": len(ids), "prediction_count": 0, "task_ids": ids}

    def _predicted(self, number):
        tasks = {n for n, _ in self._of(number)}
        return [(at, e) for at, e in enumerate(self.predictions) if e["task"] in tasks]

    def _predict(self, number, method, body):
        tasks = {n for n, _ in self._of(number)}
        if any(each["task"] not in tasks for each in body):
            raise Refused(400, 'contains invalid "task" field')
        kept = [each for each in body if 0 <= each["score"] <= 1][: self.most_predictions]
        self.predictions += [each | {"id": next(self._ids)} for each in kept]
        return {"created": len(kept)}

    def _versions(self, number, method, body):
        counts = {}
        for _, each in self._predicted(number):
            counts[each["model_version"]] = counts.get(each["model_version"], 0) + 1
        if method == "GET":
            return counts
        gone = {
            at for at, e in self._predicted(number) if e["model_version"] == body["model_version"]
        }
        self.predictions = [e for at, e in enumerate(self.predictions) if at not in gone]
        if self.projects[number]["model_version"] == body["model_version"]:
            self.projects[number]["model_version"] = ""
        return {"deleted_predictions": len(gone)}

    def _listed(self, query):
        tasks = [t for _, t in self._of(int(query["project"]))]
        if "query" in query:
            (item,) = json.loads(query["query"])["filters"]["items"]
            assert (item["filter"], item["operator"]) == ("filter:tasks:updated_at", "greater")
            tasks = [t for t in tasks if t["updated_at"] > item["value"]]
        size, page = int(query["page_size"]), int(query["page"])
        size = 100 if size < 1 else size
        names = set(query["include"].split(","))
        shown = [
            {key: value for key, value in task.items() if key in names & _OF_TASK}
            | {"annotations": [{k: a[k] for k in a if k in names} for a in task["annotations"]]}
            for task in tasks[(page - 1) * size : page * size]
        ]
        return {"total_annotations": 0, "total": len(tasks), "tasks": shown}


def _part(name, kind, value):
    return {"from_name": name, "to_name": "item", "type": kind, "value": value}


def _handler(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self):
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            path = self.path.partition("?")[0]
            try:
                with server._lock:
                    server.asked.append((self.command, path))
                    server.before(self.command, path)
                    code, said = 200, server.answer(self.command, self.path, body, self.headers)
                    said = json.dumps(said)
                    server.after(self.command, path)
            except Refused as refused:
                code, said = refused.code, json.dumps({"detail": refused.said})
            except Fault:
                self.close_connection = True
                return
            data = said.encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = reply

        def log_message(self, *args):
            pass

    return Handler


@contextmanager
def serving(server=None):
    """A server that answers, and its address."""
    server = server or LabelStudioServer()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server, f"http://127.0.0.1:{http.server_port}"
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
