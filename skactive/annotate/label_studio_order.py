"""The order of tasks on a server: predictions without content, under versions of ours."""

from __future__ import annotations

from .label_studio_client import Client, NotDone, Unreachable

_OURS = "skactive-"  # begins the names of versions; a number follows
_TRIES = 3


class Order:
    """Puts tasks of a project in order, each time under a new version.

    Never twice under one name: predictions would be there twice, and the lowest score counts.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self._n = 0  # of the last version

    @property
    def version(self) -> str:
        """The last version."""
        return f"{_OURS}{self._n}"

    def imported(self, project: int, tasks: list[int]) -> str:
        """Add predictions for tasks under a new version, all of them, and return it."""
        if self._n == 0:
            names = self.client.versions(project)
            said = [name.removeprefix(_OURS) for name in names if name.startswith(_OURS)]
            self._n = max((int(n) for n in said if n.isdecimal()), default=0)
        created = 0
        for _ in range(_TRIES):
            self._n += 1
            predictions = [
                {"task": task, "score": rank / len(tasks), "model_version": self.version}
                | {"result": []}
                for rank, task in enumerate(tasks)
            ]
            try:
                created = self.client.import_predictions(project, predictions)
            except Unreachable:
                self.client.versions(project)  # raises where it stays so
                continue
            if created == len(tasks):
                return self.version
        raise NotDone(
            201,
            f"Label Studio kept {created} of {len(tasks)} predictions, and says nothing of the "
            f"others; look whether the project's tasks are all there.",
        )

    def delete_others(self, project: int) -> None:
        """Delete the predictions of all our versions but the last one."""
        for name in self.client.versions(project):
            if name.startswith(_OURS) and name != self.version:
                self.client.delete_version(project, name)
