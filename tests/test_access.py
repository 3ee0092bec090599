"""Who gets in, and from where: every attack of another page, another name and another person."""

import contextlib
import hmac
import http.client
import os
import re
import socket
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from annotate_stand_ins import OWN, PORT, client, page

from skactive.annotate import access as module
from skactive.annotate.access import Access
from skactive.annotate.refused import Refused

for _package in ("starlette", "uvicorn", "httpx"):
    pytest.importorskip(_package)

GETS = (
    *("/", "/page/page.js", "/api/setup", "/api/guess/0", "/api/status", "/api/rows", "/item/0"),
    *("/export.csv", "/export/label-studio.json", "/nothing", "/api/answer"),
)
BODY = {"tab": "t", "ops": [], "have": [], "want": 1}


def token_of(link):
    return link.partition("token=")[2]


# The secret beside the store


def test_the_secret_is_a_file_for_its_owner_alone_and_links_stay_after_a_restart(tmp_path):
    store = tmp_path / "labels.db"
    links = Access(store, ["ann", "ben"]).links()
    path = tmp_path / "labels.db.token"
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Access(store, ["ben", "ann"]).links() == links
    assert Access(tmp_path / "others.db", ["ann"]).links()["ann"] != links["ann"]
    assert [each.name for each in tmp_path.iterdir() if "part" in each.name] == []


def test_no_link_has_the_secret_or_a_name_in_it_and_each_person_has_another(tmp_path):
    door = Access(tmp_path / "labels.db", ["ann", "ben", "Zoë ☃"])
    links = door.links()
    secret = (tmp_path / "labels.db.token").read_text()
    assert len(set(links.values())) == 3
    assert all(re.fullmatch(rf"{OWN}/\?token=[0-9a-f]{{64}}", link) for link in links.values())
    assert all(secret not in link for link in links.values())
    cookies = {door.cookie_for(name, is_secure=False) for name in links}
    assert not any(token_of(link) in cookie for link in links.values() for cookie in cookies)


def test_many_that_begin_at_once_have_one_secret(tmp_path):
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: Access(tmp_path / "a.db", ["ann"]).links(), range(24)))
    assert len({links["ann"] for links in made}) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.skipif(os.name == "nt", reason="Windows renames the file instead")
def test_where_files_have_one_name_only_there_is_a_secret_too(tmp_path, monkeypatch):
    def link(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(module.os, "link", link)
    links = Access(tmp_path / "labels.db", ["ann"]).links()
    assert Access(tmp_path / "labels.db", ["ann"]).links() == links
    assert [path.name for path in tmp_path.iterdir()] == ["labels.db.token"]


def test_a_secret_that_others_could_read_is_made_anew(tmp_path):
    store = tmp_path / "labels.db"
    before = Access(store, ["ann"]).links()
    (tmp_path / "labels.db.token").chmod(0o644)
    with pytest.warns(UserWarning, match="could be read by others; links are new"):
        after = Access(store, ["ann"]).links()
    assert before != after
    assert stat.S_IMODE((tmp_path / "labels.db.token").stat().st_mode) == 0o600


def test_a_file_that_holds_no_secret_is_refused(tmp_path):
    path = tmp_path / "labels.db.token"
    path.write_text("hello")
    path.chmod(0o600)
    with pytest.raises(ValueError, match="holds no token of a page; delete it"):
        Access(tmp_path / "labels.db", ["ann"])


# The link


def test_a_link_answers_200_with_a_cookie_and_leads_on_without_the_token(tmp_path):
    app, _, _, door = page(tmp_path)
    answer = client(app).get(door.links()["ann"])
    assert answer.status_code == 200  # a redirect would lose the cookie of a link in a mail
    assert answer.headers["refresh"] == "0; url=/"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(
        rf"skactive-{PORT}=[0-9a-f]{{64}}; Path=/; HttpOnly; SameSite=Strict", cookie
    )
    token = token_of(door.links()["ann"])
    assert token not in answer.text and token not in str(answer.headers)


def test_behind_a_proxy_with_https_the_cookie_is_for_https_alone(tmp_path):
    app, _, _, door = page(tmp_path, allowed_origins=["https://label.example.org/"])
    link = door.links()["ann"]
    assert link.startswith("https://label.example.org/?token=")
    answer = client(app).get(link)
    assert answer.status_code == 200 and answer.headers["set-cookie"].endswith("; Secure")


def test_a_name_is_proved_by_its_link(tmp_path):
    app, desk, _, door = page(tmp_path)
    for name in ("ann", "ben"):
        browser = client(app, door, name)
        assert browser.get("/api/setup").json() == {"annotator": name}
        assert browser.post("/api/answer", json=BODY).status_code == 200
    assert [who for who, _ in desk.asked] == ["ann", "ben"]
    for other in ("ann", ""):
        answer = client(app, door, "ben").post("/api/answer", json={**BODY, "annotator": other})
        assert answer.status_code == 403 and "not that of your link" in answer.json()["why"]
    assert len(desk.asked) == 2


def test_a_person_who_is_not_asked_any_more_has_a_link_to_nothing(tmp_path):
    link = Access(tmp_path / "labels.db", ["ann", "eve"]).links()["eve"]
    app, *_ = page(tmp_path)
    assert client(app).get(link).status_code == 403


@pytest.mark.parametrize("path", GETS)
def test_nobody_sees_anything_without_a_cookie(tmp_path, path):
    app, _, _, door = page(tmp_path)
    other = Access(tmp_path / "others.db", ["ann"])
    own = door.cookie_for("ann", is_secure=False).split(";")[0]
    end = "1" if own.endswith("0") else "0"
    wrong = (
        {"cookie": own[:-1] + end},  # all of it counts
        {"cookie": own[:-1]},
        {},
        {"cookie": f"skactive-{PORT}=0"},
        {"cookie": f"skactive-{PORT}={token_of(door.links()['ann'])}"},  # a link is no cookie
        {"cookie": other.cookie_for("ann", is_secure=False).split(";")[0]},
        {"cookie": door.cookie_for("ann", is_secure=False).split(";")[0].replace("8888", "8889")},
    )
    for headers in wrong:
        answer = client(app).get(path, headers=headers)
        assert answer.status_code == 403
        assert "open yours" in answer.text
    assert client(app).get("/", params={"token": "0" * 64}).status_code == 403
    assert (
        client(app).get("/", params={"token": "ü\ud800".encode("utf-8", "replace")}).status_code
        == 403
    )


def test_a_cookie_that_another_server_of_this_machine_set_locks_nobody_out(tmp_path):
    app, _, _, door = page(tmp_path)
    own = door.cookie_for("ann", is_secure=False).split(";")[0]
    cookie = f"skactive-{PORT}=evil; {own}; other=1; =; ;"
    assert client(app).get("/api/setup", headers={"cookie": cookie}).status_code == 200


def test_all_tokens_are_compared_in_a_time_that_says_nothing(tmp_path, monkeypatch):
    door = Access(tmp_path / "labels.db", ["ann", "ben", "eve"])
    compared = []

    def compare(a, b):
        compared.append(b)
        return hmac.compare_digest(a, b)

    monkeypatch.setattr(module, "hmac", SimpleNamespace(compare_digest=compare))
    for name in ("ann", "eve"):
        assert door.named_by_token(token_of(door.links()[name])) == name
    with pytest.raises(Refused):
        door.named_by_token("")
    assert len(compared) == 9


# Under which name


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8888",  # a name that its owner made to lead here
        *("localhost", "127.0.0.1", "localhost:8889", "127.0.0.1:80", "0.0.0.0:8888"),
        *("localhost.evil.example:8888", "127.0.0.1:8888.evil.example", "127.0.0.2:8888"),
        *("", "localhost:8888,evil.example", "localhost:8888 ", "user@localhost:8888"),
    ],
)
def test_a_rebound_name_reads_and_writes_nothing(tmp_path, host):
    app, desk, _, door = page(tmp_path)
    browser = client(app, door)
    for path in GETS:
        assert browser.get(path, headers={"host": host}).status_code == 400
    origin = {"host": host, "origin": f"http://{host}"}
    answer = browser.post("/api/answer", json=BODY, headers=origin)
    assert answer.status_code == 400 and "none of its names" in answer.json()["why"]
    assert desk.asked == []
    assert browser.get(door.links()["ann"], headers={"host": host}).status_code == 400


@pytest.mark.parametrize(
    "host", ["localhost:8888", "127.0.0.1:8888", "[::1]:8888", "LOCALHOST:8888"]
)
def test_this_machine_has_these_names(tmp_path, host):
    app, *_, door = page(tmp_path)
    assert client(app, door).get("/api/setup", headers={"host": host}).status_code == 200


def test_a_page_for_others_is_asked_for_by_address_or_by_the_name_of_the_machine(tmp_path):
    door = Access(tmp_path / "labels.db", ["ann"], host="0.0.0.0")
    for host in ("192.168.1.5:8888", "[fe80::1]:8888", f"{socket.gethostname()}:8888".lower()):
        door.check("GET", {"host": [host]})
        door.check("POST", {"host": [host], "origin": [f"http://{host}"]})
        with pytest.raises(Refused) as refused:  # of another machine that is on this port
            door.check("POST", {"host": [host], "origin": ["http://192.168.1.6:8888"]})
        assert refused.value.status == 403
    for hosts in (["192.168.1.5"], ["192.168.1.5:80"], ["evil.example:8888"], [], ["a", "a"]):
        with pytest.raises(Refused) as refused:
            door.check("GET", {"host": hosts})
        assert refused.value.status == 400
    assert socket.gethostname() in door.links()["ann"]


# From which page


@pytest.mark.parametrize(
    "origin",
    [
        None,
        *("null", "", "https://evil.example", "http://evil.example:8888"),
        *("http://127.0.0.1:8815", "http://localhost:8815", "http://127.0.0.1"),
        *("https://127.0.0.1:8888", "http://localhost:8888", "http://127.0.0.1:8888/"),
        "http://127.0.0.1:8888.evil.example",
    ],
)
def test_another_page_writes_nothing(tmp_path, origin):
    app, desk, _, door = page(tmp_path)
    browser = client(app, door)
    headers = {} if origin is None else {"origin": origin}
    del browser.headers["origin"]
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = browser.request(method, "/api/answer", json=BODY, headers=headers)
        assert answer.status_code == 403
        assert "not from the page itself" in answer.json()["why"]
    assert desk.asked == []


def test_two_origins_are_none(tmp_path):
    door = Access(tmp_path / "labels.db", ["ann"])
    for origins in ([OWN, OWN], [OWN, "null"]):
        with pytest.raises(Refused):
            door.check("POST", {"host": [f"127.0.0.1:{PORT}"], "origin": origins})


@pytest.mark.parametrize("site", ["cross-site", "same-site"])  # another port is of the same site
def test_another_page_embeds_and_fetches_nothing(tmp_path, site):
    app, *_, door = page(tmp_path)
    browser = client(app, door)
    for path in GETS[1:]:
        answer = browser.get(path, headers={"sec-fetch-site": site})
        assert answer.status_code == 403 and "another page asked" in answer.json()["why"]
    for own in ("same-origin", "none"):
        headers = {"sec-fetch-site": own}
        assert browser.get("/api/setup", headers=headers).status_code == 200
    # But it may have a link to the page.
    assert browser.get(door.links()["ann"], headers={"sec-fetch-site": site}).status_code == 200


def test_behind_a_proxy_the_page_is_where_its_origin_is_named(tmp_path):
    app, desk, _, door = page(tmp_path, allowed_origins=["https://Label.example.org:443"])
    browser = client(app, door)
    for host in ("label.example.org", f"127.0.0.1:{PORT}"):
        headers = {"host": host, "origin": "https://label.example.org"}
        cookie = door.cookie_for("ann", is_secure=True).split(";")[0]
        headers["cookie"] = cookie
        assert browser.post("/api/answer", json=BODY, headers=headers).status_code == 200
    assert len(desk.asked) == 2
    headers = {"host": "label.example.org", "origin": "http://label.example.org.evil.example"}
    assert browser.post("/api/answer", json=BODY, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "origin",
    ["label.example.org", "*", "https://a.b/path", "ftp://a.b", "https://", None, "http://a:x"],
)
def test_what_is_no_origin_is_refused(tmp_path, origin):
    with pytest.raises(ValueError, match="give what the browser's address bar begins with"):
        Access(tmp_path / "labels.db", ["ann"], allowed_origins=[origin])
    assert not (tmp_path / "labels.db.token").exists()


# What every answer says


def test_every_answer_tells_the_browser_what_it_may_do(tmp_path):
    app, desk, _, door = page(tmp_path)
    desk.guess = lambda annotator, row: 1 / 0
    browser = client(app, door, raise_server_exceptions=False)
    answers = [
        *(browser.get(path) for path in GETS),
        *(
            browser.get("/api/setup", headers=headers)
            for headers in ({"host": "x"}, {"cookie": ""})
        ),
        browser.get(door.links()["ann"]),
        browser.options("/api/answer"),
        browser.head("/api/setup"),
        browser.put("/api/setup"),
        browser.post("/api/answer", json=BODY),
        browser.post("/api/answer", content=b"{"),
        browser.post("/api/answer", content=b" " * 2_000_000),
        browser.post("/api/answer", json=BODY, headers={"origin": "null"}),
    ]
    found = {answer.status_code for answer in answers}
    assert {200, 400, 403, 404, 405, 413, 500} <= found
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "referrer-policy" in answer.headers
        assert not any(name.startswith("access-control") for name in answer.headers)
        assert "server" not in answer.headers


def test_nothing_frames_the_page_but_what_may(tmp_path):
    policy = "content-security-policy"
    door = Access(tmp_path / "labels.db", ["ann"])
    assert door.headers[policy].endswith("frame-ancestors 'none'")
    frames = ["http://localhost:*", "vscode-webview:"]
    door = Access(tmp_path / "labels.db", ["ann"], frames=frames)
    assert door.headers[policy].endswith("frame-ancestors http://localhost:* vscode-webview:")
    for source in ("*", "http://a; script-src *", "localhost", "http://a b", "'self'"):
        with pytest.raises(ValueError, match="may show this one in a frame"):
            Access(tmp_path / "labels.db", ["ann"], frames=[source])


# A real server


@contextlib.contextmanager
def serving(app):
    """A server on a port of this machine."""
    import uvicorn

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def asked(port, method, path, headers=(), body=None):
    """What a server answers: its status, its headers and its text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("content-length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def test_a_real_server_lets_in_the_page_and_no_other(tmp_path):
    app, desk, _, _ = page(tmp_path)
    with serving(app) as port:
        door = Access(tmp_path / "labels.db", ["ann"], port=port)
        inner = app.user_middleware[0].kwargs["access"]
        vars(inner).update(vars(door))  # of the port that the system gave
        host, own = ("Host", f"127.0.0.1:{port}"), ("Origin", f"http://127.0.0.1:{port}")
        path = "/?token=" + token_of(door.links()["ann"])
        status, headers, text = asked(port, "GET", path, [host])
        assert status == 200 and "token" not in text
        cookie = ("Cookie", headers["set-cookie"].split(";")[0])
        body = b'{"tab": "t", "ops": []}'

        def posted(*headers):
            return asked(port, "POST", "/api/answer", headers, body)[0]

        assert posted(host, own, cookie) == 200 and len(desk.asked) == 1
        assert posted(host, own) == 403  # without a cookie
        assert posted(host, cookie) == 403  # a form of a page that says nothing of itself
        assert posted(host, cookie, ("Origin", "null")) == 403  # from a sandboxed frame
        assert posted(host, cookie, ("Origin", "https://evil.example")) == 403
        assert posted(host, cookie, ("Origin", f"http://127.0.0.1:{port + 1}")) == 403
        rebound = ("Host", f"evil.example:{port}")
        assert posted(rebound, cookie, ("Origin", f"http://evil.example:{port}")) == 400
        assert asked(port, "GET", "/api/setup", [rebound, cookie])[0] == 400
        assert asked(port, "GET", "/api/setup", [cookie])[0] == 400  # under no name
        assert asked(port, "GET", "/api/setup", [host, cookie])[0] == 200
        for path in ("/item/../../../etc/passwd", "/page/%2e%2e/%2e%2e/access.py"):
            assert asked(port, "GET", path, [host, cookie])[0] == 404
        assert len(desk.asked) == 1


def test_a_real_server_reads_no_more_than_a_megabyte_however_it_is_sent(tmp_path):
    app, desk, _, door = page(tmp_path)
    cookie = door.cookie_for("ann", is_secure=False).split(";")[0]
    lines = [
        *("POST /api/answer HTTP/1.1", f"Host: 127.0.0.1:{PORT}", f"Origin: {OWN}"),
        *(f"Cookie: {cookie}", "Transfer-Encoding: chunked", "", ""),
    ]
    with serving(app) as port, socket.create_connection(("127.0.0.1", port)) as wire:
        wire.settimeout(10)
        wire.sendall("\r\n".join(lines).encode())
        piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        with contextlib.suppress(OSError):  # it need not wait for the end
            for _ in range(64):
                wire.sendall(piece)
        assert wire.recv(1000).startswith(b"HTTP/1.1 413")
    assert desk.asked == []


def test_browsers_leave_out_port_80_and_no_other(tmp_path):
    Access(tmp_path / "labels.db", ["ann"], port=80).check("GET", {"host": ["localhost"]})
    with pytest.raises(Refused, match="none of its names"):
        Access(tmp_path / "labels.db", ["ann"]).check("GET", {"host": ["localhost"]})


def test_an_origin_has_no_query(tmp_path):
    with pytest.raises(ValueError, match="allowed_origins got .*x=1'; give what"):
        Access(tmp_path / "labels.db", ["ann"], allowed_origins=["https://a.example?x=1"])


def test_who_sends_two_names_of_the_host_is_refused(tmp_path):
    door = Access(tmp_path / "labels.db", ["ann"])
    with pytest.raises(Refused, match="none of its names"):
        door.check("GET", {"host": ["localhost:8888", "evil.example"]})
