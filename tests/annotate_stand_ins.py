"""A desk that only writes down what it is asked, and the page over it: for tests of the door."""

from skactive import Pool
from skactive.annotate.access import Access
from skactive.annotate.app import make_app
from skactive.annotate.items import Items
from skactive.annotate.views import Trained, Views

PORT = 8888
OWN = f"http://127.0.0.1:{PORT}"


class Names:
    """What labels are called on the page: what they are called in the pool."""

    def __init__(self, kind="one", names=("a", "b")):
        self.kind, self.names = kind, dict.fromkeys(names)

    def of_pool(self, label):
        return None if label is None else float(label) if self.kind == "number" else str(label)


class Desk:
    """Answers everything, and keeps what it was asked."""

    def __init__(self):
        self.asked = []

    def setup(self, annotator):
        return {"annotator": annotator}

    def answer(self, annotator, request):
        self.asked.append((annotator, request))
        return {"acknowledged": [op["op"] for op in request["ops"]]}

    def guess(self, annotator, row):
        return {"label": None, "row": row}


def views_of(path, X, *, names=None, trained=None, show=None, **options):
    """A pool in a file, and the views of another reader of it."""
    pool = Pool.open(path, X, **options)
    reader = Pool.open(path, X, read_only=True)
    items = Items(X, show=show, ids=reader.ids)
    return pool, Views(reader, items, names or Names(), lambda: trained or Trained())


def page(folder, X=("one", "two", "three"), *, people=("ann", "ben"), show=None, **access):
    """The application, its desk, its pool, and who may enter."""
    X = list(X) if isinstance(X, tuple) else X
    store = folder / "labels.db"
    pool, views = views_of(store, X, show=show)
    door = Access(store, people, **{"port": PORT, **access})
    desk = Desk()
    return make_app(desk, views, door), desk, pool, door


def client(app, door=None, name="ann", **options):
    """A browser that is somebody, if a door is given; its pages write from the page itself."""
    from starlette.testclient import TestClient

    browser = TestClient(app, base_url=OWN, **options)
    if door is not None:
        assert browser.get(door.links()[name]).status_code == 200
        browser.headers["origin"] = OWN
    return browser
