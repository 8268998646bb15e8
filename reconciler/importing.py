"""`import`: live rows become manifests with `id:`, on standard output or as files; nothing is sent but GET.

Knows the tree, the client and files; knows no command line and no terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import adoption, kinds, loading, manifests
from .adoption import Scope
from .errors import InvalidInput, Problem, UsageError
from .imports import Imported, Written
from .loading import Choice, Destination
from .model import Manifest
from .pipeline import World
from .privacy import say

KIND = "Subscription"
"""The kind whose rows can be imported; the other has no listing."""


class Import:
    """One run of `import`: where, with which key, and what the tree holds already."""

    def __init__(self, choice: Choice, world: World) -> None:
        """Find the one environment that is meant, and the manifests there are; InvalidInput where those are wrong."""
        self._choice, self._world = choice, world
        self.destination: Destination = loading.destination(choice, world.folder, world.variables)
        self._kinds = kinds.registry(world.now)
        self._manifests = self._there()

    def rows(self, ids: Sequence[int]) -> Imported:
        """What becomes of the rows *ids*, or of every live row without a tag."""
        from . import api

        place = api.Place(self.destination.environment, self.destination.key)
        run = api.Run(self._choice.timeout, stop=self._world.stop)
        resource = self._kinds[KIND]
        with api.reader(place, run, transport=self._world.transport) as reader:
            live = reader.rows(resource.listing(deleted=False), decode=resource.decode, progress=self._world.progress)
        scope = Scope(self.destination.config, self.destination.environment, self._manifests, frozenset(ids))
        return adoption.adopt(live, scope, resource)

    def _there(self) -> tuple[Manifest, ...]:
        if self.destination.config.path is None:
            return ()
        loaded = loading.check(Choice(config=self._choice.config), self._world.folder, self._kinds)
        # The folder of manifests may be what this command is about to make.
        problems = [problem for problem in loaded.problems if problem.rule != "no-such-path"]
        if problems:
            raise InvalidInput(problems, loaded.warnings)
        return loaded.manifests


def text_of(found: Imported) -> str:
    """Every manifest as one YAML text, a document each."""
    return "---\n".join(manifests.text_of(written.document) for written in found.written)


def write(folder: Path, found: Imported) -> list[Path]:
    """Write a file for each manifest into *folder*; nothing is written where one of them exists already."""
    files = [(folder / f"{written.name}.yaml", written) for written in found.written]
    existing = [path for path, _ in files if path.exists() or path.is_symlink()]
    if existing:
        way_out = "there is a file already; move it away, or name another folder"
        raise InvalidInput([Problem("file-exists", say(way_out), str(path)) for path in existing])
    try:
        if files:
            folder.mkdir(parents=True, exist_ok=True)
        for path, written in files:
            _write(path, written)
    except OSError as error:
        raise UsageError(f"{folder}: cannot write the manifests: {error.strerror}") from error
    return [path for path, _ in files]


def _write(path: Path, written: Written) -> None:
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(manifests.text_of(written.document))
