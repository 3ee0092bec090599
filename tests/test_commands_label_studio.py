"""`skactive label-studio` against a server with Label Studio's rules."""

import json
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from label_studio_stand_in import PERSONAL, serving

from skactive import annotate
from skactive.annotate import label_studio_client
from skactive.annotate.added import added_rows
from skactive.commands import main

WORDS = ["label-studio", "texts.csv", "--text", "text", "--classes", "bad,good", "--store", "ls.db"]


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [f"{i},{'good' if i % 2 else 'bad'} thing {i}" for i in range(12)]
    Path("texts.csv").write_text("\n".join(["n,text", *lines]), encoding="utf-8")
    Path("token.txt").write_text(f"{PERSONAL}\n", encoding="utf-8-sig")
    with serving() as (server, url):
        server.url = url
        yield server


def follow(server, *more, data=WORDS):
    return main([*data, "--url", server.url, "--token-file", "token.txt", "--once", *more])


def test_rows_become_tasks_once_and_the_record_goes_on(server, capsys):
    assert follow(server) == 0
    assert "0 labelled" in capsys.readouterr().out
    assert follow(server, data=["label-studio", "ls.db"]) == 0
    assert len(server.tasks) == 12
    assert main(["status", "ls.db"]) == 0


@pytest.mark.parametrize(
    ("token", "said"),
    [("", "holds no token"), ("a b", "holds no token"), (None, "token.txt: No such file")],
)
def test_a_file_without_a_token_is_refused(server, capsys, token, said):
    Path("token.txt").unlink()
    if token is not None:
        Path("token.txt").write_text(token)
    assert follow(server) == 1
    assert said in capsys.readouterr().err and not Path("ls.db").exists()


def test_a_server_that_is_not_there_is_one_sentence(server, capsys, monkeypatch):
    monkeypatch.setattr(label_studio_client.time, "sleep", lambda seconds: None)
    assert main([*WORDS, "--url", "http://127.0.0.1:9", "--token-file", "token.txt", "--once"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" not in err and "127.0.0.1:9" in err


def test_the_project_and_the_batch_are_what_is_written(server, monkeypatch):
    asked = []

    class Studio:
        def __init__(self, learner, url, project, **options):
            asked.append((project, options["n_instances"], options["classes"]))

        def follow(self, once, callback):
            assert once

    monkeypatch.setattr(annotate, "LabelStudio", Studio)
    for project in ("3", "mine"):
        assert follow(server, "--project", project, "--batch", "5") == 0
    assert asked == [(3, 5, ["bad", "good"]), ("mine", 5, ["bad", "good"])]


def test_a_token_that_the_server_does_not_take_is_one_sentence(server, capsys):
    Path("token.txt").write_text("nobody's")
    assert follow(server) == 1
    err = capsys.readouterr().err
    assert "Traceback" not in err and "does not take the token" in err


def test_images_go_to_the_server_whole_or_by_their_addresses(server, capsys):
    Image = pytest.importorskip("PIL.Image")
    Path("pictures/b c").mkdir(parents=True)
    colours = {"a.png": (255, 0, 0), "b c/d#.png": (0, 0, 255)}
    for name, colour in colours.items():
        Image.new("RGB", (1500, 30), colour).save(Path("pictures") / name)
    words = ["label-studio", "pictures", "--classes", "red,blue", "--hold-out", "0"]
    assert follow(server, data=words) == 0
    (project,) = server.projects.values()
    assert '<Image name="item" value="$image"/>' in project["label_config"]
    seen = {task["data"]["row"]: task["data"]["image"] for task in server.tasks.values()}
    assert set(seen) == set(colours)
    for name, address in seen.items():
        start, _, body = address.partition("base64,")
        assert start == "data:image/jpeg;"
        with Image.open(BytesIO(b64decode(body))) as image:
            assert image.size == (1024, 20)
            assert np.allclose(image.getpixel((9, 9)), colours[name], atol=3)
    (task,) = [each for each in server.tasks.values() if each["data"]["row"] == "a.png"]
    server.annotate(task["id"], 1, ["red"])
    assert follow(server, data=["label-studio", "labels.db"]) == 0  # which makes no task twice
    assert len(server.tasks) == 2 and "1 labelled, 1 left" in capsys.readouterr().out
    by_address = [*words, "--store", "more.db", "--image-url", "/data/local-files/?d=pictures"]
    assert follow(server, data=by_address) == 0
    assert {task["data"]["image"] for task in list(server.tasks.values())[2:]} == {
        "/data/local-files/?d=pictures/a.png",
        "/data/local-files/?d=pictures/b%20c/d%23.png",
    }


def test_an_address_of_images_is_refused_for_texts(server, capsys):
    assert follow(server, "--image-url", "http://localhost/") == 2
    assert "--image-url is for a folder of images, and texts.csv is none" in capsys.readouterr().err
    assert not Path("ls.db").exists()


def test_numbers_are_asked_for_in_label_studio(server, capsys):
    words = ["label-studio", "texts.csv", "--text", "text", "--numbers", "--hold-out", "0"]
    assert follow(server, data=words) == 0
    (project,) = server.projects.values()
    assert '<Number name="label"' in project["label_config"]
    for task, number in zip(list(server.tasks), (1.5, 4), strict=False):
        server.annotate(task, 1, number=number)
    assert follow(server, data=["label-studio", "labels.db"]) == 0
    capsys.readouterr()
    assert main(["status", "labels.db", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["values"] == {"least": 1.5, "median": 2.75, "most": 4.0}


def test_rows_that_were_added_in_label_studio_are_read_with_the_others(server, capsys):
    assert follow(server, "--hold-out", "0") == 0
    (project,) = server.projects
    task = server.add_task(project, text="a good new thing")
    assert follow(server, data=["label-studio", "ls.db"]) == 0
    assert [each["data"] for each in added_rows("ls.db")] == [{"text": "a good new thing"}]
    capsys.readouterr()
    assert main(["next", "ls.db", "-n", "20"]) == 0
    assert "a good new thing" in capsys.readouterr().out
    server.annotate(task, 1, ["good"])
    assert follow(server, data=["label-studio", "ls.db"]) == 0
    assert main(["status", "ls.db", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert (found["rows"], found["labelled"]) == (13, 1)
