"""From what a person chose to a checked tree of manifests, on disk or at a base; nothing here asks a server.

Every problem of config and tree is found before anything else happens. Knows files, config and schema; knows no rows,
no plans and no terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from os.path import relpath
from pathlib import Path
from posixpath import join, normpath

from . import config as configs
from . import manifests, schema
from .errors import InvalidInput, Problem, UsageError
from .gitbase import GitTree, Repository
from .manifests import Edited, Files, Folder, Locator, Tree
from .model import Config, Environment, Manifest
from .privacy import Key, say
from .resource import Kinds


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a person chose on the command line.

    `prune` is None where nothing was said: with a config yes, without one no (design §3).
    """

    paths: tuple[str, ...] = ()
    config: str | None = None
    environments: tuple[str, ...] = ()
    host: str | None = None
    project_id: str | None = None
    namespace: str | None = None
    base: str | None = None
    only: str | None = None
    prune: bool | None = None
    allow_empty: bool = False
    allow_recreate: bool = False
    max_deletes: int | None = None
    resubscribe: tuple[str, ...] = field(default=(), repr=False)
    timeout: float = 600
    parallel: int = 4
    fail_fast: bool = False


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checked tree.

    `scope` are the names that a PATH or --only left (None: all); `unpruned` is why nothing may be removed (None: it
    may); `seen` counts the manifests read, valid or not; `notes` are for the person and change nothing; `label` says
    where a base was read.
    """

    config: Config
    environments: tuple[Environment, ...]
    manifests: tuple[Manifest, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    seen: int = 0
    scope: frozenset[str] | None = None
    unpruned: str | None = None
    notes: tuple[str, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class _Home:
    """Where things are: the folder that paths are shown relative to, the config in it, and PATHs as seen from it."""

    root: Path
    config: str | None
    paths: tuple[str, ...]

    def configured(self, config: Config) -> tuple[str, ...]:
        """The manifest paths of *config*, relative to the root; without a config the PATHs themselves."""
        return self.paths if self.config is None else config.manifests


def load(
    choice: Choice,
    folder: Path,
    variables: Mapping[str, str],
    kinds: Kinds,
    *,
    meanwhile: Callable[[], None] | None = None,
) -> Loaded:
    """The tree that *choice* means, seen from *folder*, for a command that talks to a server.

    *meanwhile* is done while another process reads a large tree, and not at all with a small one.
    """
    home = _home(choice, folder)
    config, notes = _config(choice, home, variables)
    environments = configs.select(config, choice.environments)
    files = Folder(home.root)
    loaded = _of_tree(_read(files, home.configured(config), config, kinds, meanwhile), files, config, kinds)
    return replace(
        loaded,
        environments=environments,
        scope=_scope(choice, home, config, loaded),
        unpruned=_unpruned(choice, home, config),
        notes=notes + loaded.notes,
    )


def check(choice: Choice, folder: Path, kinds: Kinds) -> Loaded:
    """The tree that *choice* means, for a command that needs neither a server nor its address: `validate`."""
    home = _home(choice, folder)
    files = Folder(home.root)
    config = _offline_config(home, files)
    tree = _read(files, home.configured(config), config, kinds)
    if home.config is None or not home.paths:
        return _of_tree(tree, files, config, kinds)
    # The whole tree is read, because names and ids are unique in all of it; only the named part is reported.
    named = manifests.read(files, home.paths)
    about = frozenset(document.source.path for document in named.documents)
    loaded = _of_tree(_together(tree, named, about, files), files, config, kinds, about=about)
    found = tuple(manifest for manifest in loaded.manifests if manifest.source.path in about)
    return replace(loaded, manifests=found, seen=len(named.documents))


@dataclass(frozen=True, slots=True)
class Checkout:
    """A tree to be edited: the whole of it, where its paths are seen from, and the files that PATHs name.

    `named` is None for all of them; `config` is the config's path, None where there is none.
    """

    files: Files
    root: Path
    config: str | None
    loaded: Loaded
    named: frozenset[str] | None = None


def checkout(choice: Choice, folder: Path, kinds: Kinds, edited: Mapping[str, bytes] | None = None) -> Checkout:
    """The whole tree that *choice* means, with what is *edited*, by its real path, in the place of what is on disk."""
    home = _home(choice, folder)
    files: Files = Edited(Folder(home.root), edited) if edited else Folder(home.root)
    config = _offline_config(home, files)
    tree = _read(files, home.configured(config), config, kinds)
    if home.config is None or not home.paths:
        return Checkout(files, home.root, home.config, _of_tree(tree, files, config, kinds))
    named = manifests.read(files, home.paths)
    if named.problems:
        raise InvalidInput(_told(named.problems, 0))
    paths = frozenset(document.source.path for document in named.documents)
    loaded = _of_tree(_beside(tree, named, files), files, config, kinds)
    return Checkout(files, home.root, home.config, loaded, paths)


def _offline_config(home: _Home, files: Files) -> Config:
    """The config's file; without one what matters without a server, which is no environment."""
    return Config("gitops", ()) if home.config is None else configs.load(files, home.config)


def _together(tree: Tree, named: Tree, about: Container[str], files: Files) -> Tree:
    """The documents of *tree* and of what was *named*, with what there is to say about the latter alone."""
    problems = (*named.problems, *(problem for problem in tree.problems if problem.path in about))
    return replace(_beside(tree, named, files), problems=problems, skipped=named.skipped)


def _beside(tree: Tree, named: Tree, files: Files) -> Tree:
    """*tree* with the files that were *named* and that the config's manifests do not hold.

    The named way to a file is the one that is told, where links lead to it in two.
    """
    met = {document.source.path for document in tree.documents}
    strangers = [document for document in named.documents if document.source.path not in met]
    if not strangers:
        return tree
    known = {_real(files, path) for path in {document.source.path for document in strangers}}
    others = [document for document in tree.documents if _real(files, document.source.path) not in known]
    return replace(tree, documents=(*others, *strangers))


def load_base(choice: Choice, folder: Path, kinds: Kinds, current: Config) -> Loaded | None:
    """The tree as last applied, at `--base`, with the config of then, or *current* where there was none yet.

    InvalidInput where it cannot be read whole, for it carries protection and unsubscribes.
    """
    if choice.base is None:
        return None
    if not choice.base.strip():
        raise UsageError("--base is empty: give a git ref or a folder, or leave it out")
    home = _home(choice, folder)
    repository = Repository.around(home.root)
    commit = repository.commit(choice.base) if repository is not None else None
    if repository is not None and commit is not None:
        with closing(GitTree(repository, commit)) as files:
            inside = relpath(home.root.resolve(), repository.top.resolve()).replace("\\", "/")
            return _based(files, home, inside, kinds, current, commit)
    root = folder / choice.base
    if root.is_dir():
        inside = relpath(home.root.resolve(), repository.top.resolve()) if repository is not None else "."
        inside = inside.replace("\\", "/")
        return _based(_laid_out(root, home, inside, current, choice.base), home, inside, kinds, current, choice.base)
    if repository is None:
        why = Repository.refusal(home.root)
        raise UsageError(f"--base {choice.base}: there is no such folder, and git sees no checkout here ({why})")
    raise repository.missing(choice.base)


@dataclass(frozen=True, slots=True)
class Destination:
    """The one environment a command without manifests is about, its key, and notes for the person."""

    environment: Environment
    key: Key
    config: Config
    notes: tuple[str, ...] = ()


def destination(choice: Choice, folder: Path, variables: Mapping[str, str]) -> Destination:
    """The one environment that *choice* means. UsageError where it means several; no manifest is read."""
    config, notes = _config(choice, _home(replace(choice, paths=(".",)), folder), variables)
    environments = configs.select(config, choice.environments)
    if len(environments) != 1:
        names = ", ".join(environment.name for environment in environments)
        raise UsageError(f"this command is for one environment; choose one of {names} with --env")
    key = keys(environments, variables)[environments[0].name]
    return Destination(environments[0], key, config, notes)


def keys(environments: Sequence[Environment], variables: Mapping[str, str]) -> Mapping[str, Key]:
    """The key of each environment; see `config.keys`."""
    return configs.keys(environments, variables)


def root(choice: Choice, folder: Path) -> Path:
    """The folder that the paths of manifests are shown relative to."""
    return _home(choice, folder).root


def key_variables(choice: Choice, folder: Path) -> tuple[str, ...]:
    """The names of the variables that hold the keys of the chosen environments."""
    home = _home(choice, folder)
    if home.config is None:
        return (Environment("", "", "").key_env,)
    environments = configs.select(configs.load(Folder(home.root), home.config), choice.environments)
    return tuple(dict.fromkeys(environment.key_env for environment in environments))


def _home(choice: Choice, folder: Path) -> _Home:
    """Paths are shown from *folder*, as they were typed; from the config's folder where that is further up."""
    if "" in choice.paths:
        # A variable that a script forgot to set; an empty path would mean this whole folder.
        raise UsageError("a PATH is empty: name a file or a folder of manifests, or leave it out")
    if choice.config == "":
        raise UsageError("--config is empty: name the config file, or leave it out")
    found = folder / choice.config if choice.config is not None else configs.find(folder)
    if choice.config is not None and not (found and found.is_file()):
        raise UsageError(f"{choice.config}: there is no such config file")
    if found is None:
        if not choice.paths:
            raise UsageError(
                "no reconciler.yaml here or in a folder above, and no PATH given: name a folder of manifests"
            )
        return _Home(folder, None, tuple(normpath(path) for path in choice.paths))
    below = found.resolve().is_relative_to(folder.resolve())
    root = folder if below else found.parent
    config = relpath(found.resolve(), root.resolve()).replace("\\", "/")
    paths = tuple(relpath((folder / path).absolute(), root.absolute()).replace("\\", "/") for path in choice.paths)
    return _Home(root, config, paths)


def _config(choice: Choice, home: _Home, variables: Mapping[str, str]) -> tuple[Config, tuple[str, ...]]:
    if home.config is None:
        given = configs.from_environment(
            variables, host=choice.host, project_id=choice.project_id, namespace=choice.namespace
        )
        return given, ()
    config = configs.override(
        configs.load(Folder(home.root), home.config),
        host=choice.host,
        project_id=choice.project_id,
        namespace=choice.namespace,
        selected=choice.environments,
    )
    ignored = configs.ignored_variables(config, variables)
    notes = tuple(
        f"warning: {name} is ignored: {home.config} says which project each environment is" for name in ignored
    )
    return config, notes


def _read(
    files: Files, paths: Sequence[str], config: Config, kinds: Kinds, meanwhile: Callable[[], None] | None = None
) -> Tree:
    """The documents at *paths*; those of a large tree are vetted where they are read."""
    return manifests.read(files, paths, vet=schema.vetting(config, kinds), meanwhile=meanwhile)


def _of_tree(tree: Tree, files: Files, config: Config, kinds: Kinds, *, about: Container[str] | None = None) -> Loaded:
    checked = schema.check(tree.documents, config=config, kinds=kinds, locate=Locator(files), about=about)
    notes = tuple(f"note: {source} is not ours (another apiVersion) and is skipped" for source in tree.skipped)
    return Loaded(
        config,
        config.environments,
        checked.manifests,
        _told((*tree.problems, *checked.problems), checked.untold),
        _told(checked.warnings, checked.unwarned),
        seen=len(tree.documents),
        notes=notes,
    )


def _real(files: Files, path: str) -> str:
    """Where *path* really is; itself, if it is gone by now."""
    try:
        return files.follow(path)[1]
    except OSError:
        return path


def _told(problems: Iterable[Problem], untold: int) -> tuple[Problem, ...]:
    """*problems* in the order of files and lines, as many as a person reads, and a line about the others."""
    found = schema.in_order(problems)
    more = untold + max(0, len(found) - schema.MAX_TOLD)
    if not more:
        return found
    rest = say(f"and {more:,} more, which are not told one by one; mend these first, then run it again")
    return (*found[: schema.MAX_TOLD], Problem("more", rest))


@dataclass(frozen=True, slots=True)
class _Named:
    """The files that PATHs name, and what is wrong with the PATHs."""

    paths: frozenset[str]
    problems: tuple[Problem, ...]


def _named(home: _Home) -> _Named:
    tree = manifests.read(Folder(home.root), home.paths)
    return _Named(frozenset(item.source.path for item in tree.documents), tree.problems)


def _scope(choice: Choice, home: _Home, config: Config, loaded: Loaded) -> frozenset[str] | None:
    """The names whose changes are kept: those in PATHs, and those that --only matches."""
    names = {manifest.name for manifest in loaded.manifests}
    if home.config is not None and home.paths:
        named = _named(home)
        if named.problems:
            raise InvalidInput(named.problems)
        if strangers := named.paths - {manifest.source.path for manifest in loaded.manifests}:
            raise UsageError(
                f"{min(strangers)} is not among the manifests of {home.config}: name it there, or say another --config"
            )
        names = {manifest.name for manifest in loaded.manifests if manifest.source.path in named.paths}
    if choice.only is not None:
        names = {name for name in names if fnmatchcase(name, choice.only)}
        if not names:
            raise UsageError(f"--only {choice.only}: no manifest has such a name")
    return frozenset(names) if choice.only is not None or not _covers(home, config) else None


def _unpruned(choice: Choice, home: _Home, config: Config) -> str | None:
    """Why this run removes nothing, in words (design §4); None where it may."""
    if choice.prune is False:
        return "--no-prune was given"
    if choice.only is not None:
        return "--only judges a part of the manifests"
    if home.config is None and choice.prune is not True:
        return "there is no config, and two folders would remove each other's rows; say --prune if this is all there is"
    if not _covers(home, config):
        return "the PATHs given are not all the manifests of the config"
    return None


def _covers(home: _Home, config: Config) -> bool:
    """Whether the PATHs hold every configured manifest path."""
    if home.config is None or not home.paths:
        return True
    return all(any(_holds(path, configured) for path in home.paths) for configured in home.configured(config))


def _holds(path: str, other: str) -> bool:
    """Whether the folder or file *path* is *other* or has it inside."""
    return (path == "." and not other.startswith("..")) or other == path or other.startswith(path + "/")


def _based(files: Files, home: _Home, inside: str, kinds: Kinds, current: Config, label: str) -> Loaded:
    """The tree of *files*, in which our root lies at *inside*."""
    place = _Home(home.root, _inside(inside, home.config), tuple(_inside(inside, path) or "" for path in home.paths))
    try:
        config = _based_config(files, place, current)
        there = tuple(path for path in place.configured(config) if _is_glob(path) or _exists(files, path))
        loaded = _of_tree(manifests.read(files, there), files, config, kinds)
    except InvalidInput as error:
        raise InvalidInput(_at_base(error.problems, label)) from error
    # A pattern that matched nothing then is a folder that was still empty.
    problems = [problem for problem in loaded.problems if problem.rule != "no-such-path"]
    if problems:
        raise InvalidInput(_at_base(problems, label))
    return replace(loaded, problems=(), label=label)


def _laid_out(root: Path, home: _Home, inside: str, current: Config, label: str) -> Files:
    """The folder *root* as a base. UsageError where nothing of ours is in it: an empty base would protect nobody."""
    files = Folder(root)
    places = [_inside(inside, path) or "" for path in (home.config, *home.configured(current)) if path is not None]
    if not any(_exists(files, place.split("*")[0].rstrip("/") or ".") for place in places):
        raise UsageError(
            f"--base {label}: the folder holds none of {', '.join(places)}; a base is laid out like the checkout"
        )
    return files


def _based_config(files: Files, place: _Home, current: Config) -> Config:
    if place.config is None or not _exists(files, place.config):
        return current
    return configs.load(files, place.config)


def _at_base(problems: Sequence[Problem], label: str) -> list[Problem]:
    """*problems* with their paths as git writes a file at a ref."""
    return [
        replace(item, path=item.path and f"{label}:{item.path}", message=say("at the base: ", *item.message))
        for item in problems
    ]


def _inside(folder: str, path: str | None) -> str | None:
    return normpath(join(folder, path)) if path is not None else None


def _is_glob(path: str) -> bool:
    return not {"*", "?", "["}.isdisjoint(path)


def _exists(files: Files, path: str) -> bool:
    try:
        files.follow(path)
    except OSError:
        return False
    return True
