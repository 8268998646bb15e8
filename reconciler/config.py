"""The config: `reconciler.yaml`, or environment variables where there is none -> Config.

Everything that would send a key or a change to the wrong place is refused here: hosts, projects, keys. Knows the
config's schema and the rules of design §3; knows no manifest and sends nothing.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from . import manifests, schema
from .errors import InvalidInput, NoKey, Problem, UsageError
from .manifests import Document, Files, Locator
from .model import Config, Environment, Json, Policy
from .privacy import Address, Key, is_like_key, is_like_token, quoted
from .resource import Pointer
from .schema import Breach, breach, nearest

FILE_NAME = "reconciler.yaml"
DEFAULT_HOST = "https://us.posthog.com"
DEFAULT_NAMESPACE = "gitops"
DEFAULT_ENVIRONMENT = "default"
HOST_VARIABLE = "POSTHOG_HOST"
PROJECT_VARIABLE = "POSTHOG_PROJECT_ID"


# --- the file -------------------------------------------------------------------------------------------------------


def find(start: Path) -> Path | None:
    """The config file in *start* or the nearest folder above it that has one."""
    start = start.resolve()
    return next((path for folder in (start, *start.parents) if (path := folder / FILE_NAME).is_file()), None)


def load(files: Files, path: str) -> Config:
    """The Config that the file *path* says. Raises InvalidInput with every problem."""
    document = _document(files, path)
    locate = Locator(files)
    breaches = schema.breaches("config", document.data)
    problems = [found.problem(document.source, locate) for found in breaches or _faults(document.data)]
    if problems:
        raise InvalidInput(schema.in_order(problems))
    return _config(document.data, path)


def _document(files: Files, path: str) -> Document:
    """The one document of the file *path*."""
    text, problems = manifests.contents(files, path)
    documents, found, _ = manifests.parse(path, text, named=True)
    problems += found
    if not problems and len(documents) != 1:
        line = documents[1].source.line if documents else 1
        what = (
            "a second document; the config is one" if documents else f"empty; begin with kind: {manifests.CONFIG_KIND}"
        )
        problems.append(Problem("document-type", (what,), path, line, 1))
    if problems:
        raise InvalidInput(problems)
    return documents[0]


def _config(data: Json, path: str) -> Config:
    """The Config that a document says in which nothing is wrong."""
    folder = posixpath.dirname(path)
    policy = data.get("policy", {})
    deletes = policy.get("max_deletes", {})
    default = Policy()
    return Config(
        data["namespace"],
        tuple(_environment(name, said) for name, said in data["environments"].items()),
        path,
        tuple(posixpath.normpath(posixpath.join(folder, place)) for place in data.get("manifests", ["."])),
        data.get("references", {}),
        {name: tuple(group) for name, group in data.get("recipients", {}).items()},
        Policy(
            tuple(policy["allowed_domains"]) if "allowed_domains" in policy else None,
            deletes.get("count", default.max_deletes_count),
            deletes.get("percent", default.max_deletes_percent),
            policy.get("max_new_recipients", default.max_new_recipients),
        ),
    )


def _environment(name: str, said: Json) -> Environment:
    environment = Environment(name, check_host(said["host"]), str(said["project_id"]))
    return replace(environment, key_env=said["key_env"]) if "key_env" in said else environment


# --- what the schema cannot say -------------------------------------------------------------------------------------


def _faults(data: Json) -> list[Breach]:
    """What is wrong with a config that its schema accepts."""
    return [*_hosts(data["environments"]), *_references(data), *_groups(data.get("recipients", {}))]


def _hosts(environments: Json) -> Iterator[Breach]:
    """Hosts that may not be asked, and environments that are one project."""
    projects: dict[tuple[str, str], str] = {}
    for name, said in environments.items():
        pointer: Pointer = ("environments", name)
        try:
            host = check_host(said["host"])
        except ValueError as error:
            yield breach((*pointer, "host"), "bad-host", str(error))
            continue
        first = projects.setdefault((host, str(said["project_id"])), name)
        if first != name:
            # Each of the two would take the other's rows for removed ones.
            message = f"the project of environment {first} again; one project has one environment"
            yield breach((*pointer, "project_id"), "duplicate-project", message)


def _references(data: Json) -> Iterator[Breach]:
    known = data["environments"]
    for sort, names in data.get("references", {}).items():
        for name, numbers in names.items():
            for environment in numbers:
                if environment not in known:
                    way_out = nearest(environment, known) or f"; the config has {', '.join(known)}"
                    pointer = ("references", sort, name, environment)
                    parts = ("unknown environment ", *quoted(environment), way_out)
                    yield breach(pointer, "unknown-environment", *parts, at_key=True)


def _groups(groups: Json) -> Iterator[Breach]:
    for name, addresses in groups.items():
        seen: set[str] = set()
        for index, address in enumerate(addresses):
            local, _, domain = address.rpartition("@")
            meaning = f"{local}@{domain.lower()}"
            if meaning in seen:
                parts = (Address(address), " stands in the group twice; remove one")
                yield breach(("recipients", name, index), "duplicate-recipient", *parts)
            seen.add(meaning)


# --- hosts ----------------------------------------------------------------------------------------------------------

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_PORTS = {"https": 443, "http": 80}
_NO_HOST = f"is no address of a host; write it as {DEFAULT_HOST}, in ASCII"


def check_host(text: str) -> str:
    """The origin `https://host[:port]` of *text*; without a scheme, https is meant. Raises ValueError with the way out.

    The messages never repeat *text*, which may hold a password.
    """
    text = text.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        port = parts.port
    except ValueError:
        raise ValueError(_NO_HOST) from None
    _check_parts(parts, text)
    name = _check_name(parts.hostname or "")
    if parts.scheme == "http" and not is_loopback(name):
        raise ValueError("must be https://, because the key goes with every request; http:// only reaches this machine")
    shown = f"[{name}]" if ":" in name else name
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None and port != _PORTS[parts.scheme] else "")


def _check_parts(parts: SplitResult, text: str) -> None:
    if not re.fullmatch(r"[!-~]+", text) or parts.port == 0:  # urlsplit silently drops line breaks
        raise ValueError(_NO_HOST)
    if is_like_key(text) or any(map(is_like_token, re.split(r"[/.:]", text))):
        raise ValueError("is a key, not the address of a host; the key comes from an environment variable")
    if parts.scheme not in _PORTS:
        raise ValueError("must begin with https://")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or a password; the key comes from an environment variable")
    if parts.path not in ("", "/") or "?" in text or "#" in text:
        raise ValueError(f"must be the host alone, without a path or a query: {DEFAULT_HOST}")


def _check_name(name: str) -> str:
    """The host *name*, if it is one."""
    if name.endswith(".i.posthog.com"):
        region = name.removesuffix(".i.posthog.com")
        raise ValueError(f"takes in events and has no such API; write https://{region}.posthog.com")
    with suppress(ValueError):
        return ipaddress.ip_address(name if "%" not in name else "").compressed
    is_number = re.fullmatch(r"[0-9.]+|0x[0-9a-f.x]+", name)
    if is_number or len(name) > 253 or not _HOST_NAME.fullmatch(name):
        raise ValueError(_NO_HOST)
    return name


def is_loopback(name: str) -> bool:
    """Whether the host *name* is this machine by itself: 127.0.0.0/8, ::1 or localhost; nothing is looked up."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost"
    return address in ipaddress.ip_network("127.0.0.0/8") or address == ipaddress.ip_address("::1")


# --- variables and options ------------------------------------------------------------------------------------------


def from_environment(
    variables: Mapping[str, str],
    *,
    host: str | None = None,
    project_id: str | None = None,
    namespace: str | None = None,
) -> Config:
    """The Config without a file: one environment, from *variables* unless options say otherwise.

    Raises UsageError that says what to set.
    """
    project = project_id or variables.get(PROJECT_VARIABLE, "").strip()
    if not project:
        raise UsageError(
            f"no {FILE_NAME} here or in a folder above, and no project: set {PROJECT_VARIABLE} to its number, "
            "or give --project-id or --config"
        )
    environment = Environment(
        DEFAULT_ENVIRONMENT,
        _host("--host" if host else HOST_VARIABLE, host or variables.get(HOST_VARIABLE, "").strip() or DEFAULT_HOST),
        _project("--project-id" if project_id else PROJECT_VARIABLE, project),
    )
    return Config(_namespace(namespace or DEFAULT_NAMESPACE), (environment,))


def override(
    config: Config,
    *,
    host: str | None = None,
    project_id: str | None = None,
    namespace: str | None = None,
    selected: Sequence[str] = (),
) -> Config:
    """*config* with what the options say instead, for the one environment that is *selected*. Raises UsageError."""
    if host is None and project_id is None and namespace is None:
        return config
    environments = select(config, selected)
    if len(environments) != 1:
        raise UsageError("--host, --project-id and --namespace are for one environment; choose it with --env NAME")
    old = environments[0]
    new = replace(
        old,
        host=old.host if host is None else _host("--host", host),
        project_id=old.project_id if project_id is None else _project("--project-id", project_id),
    )
    return replace(
        config,
        namespace=config.namespace if namespace is None else _namespace(namespace),
        environments=tuple(new if each == old else each for each in config.environments),
    )


def ignored_variables(config: Config, variables: Mapping[str, str]) -> tuple[str, ...]:
    """The variables that are set and not heeded beside a config file: they would send everything to one project."""
    if config.path is None:
        return ()
    return tuple(name for name in (HOST_VARIABLE, PROJECT_VARIABLE) if variables.get(name))


def select(config: Config, names: Iterable[str]) -> tuple[Environment, ...]:
    """The environments *names*, or all, in the order of the config. Raises UsageError for an unknown name."""
    wanted = set(names)
    known = [environment.name for environment in config.environments]
    for name in sorted(wanted.difference(known)):
        raise UsageError(
            "unknown environment ", *quoted(name), nearest(name, known) or f"; there are {', '.join(known)}"
        )
    return tuple(environment for environment in config.environments if not wanted or environment.name in wanted)


def keys(environments: Iterable[Environment], variables: Mapping[str, str]) -> Mapping[str, Key]:
    """The key of each of *environments*, by its name. Raises UsageError naming the variable, never its value."""
    found: dict[str, Key] = {}
    owners: dict[str, Environment] = {}
    for environment in environments:
        key = _key(environment, variables)
        owner = owners.setdefault(key, environment)
        if owner.host != environment.host:
            raise UsageError(
                f"{owner.name} and {environment.name} have the same key for two hosts, {owner.host} and "
                f"{environment.host}; name a variable of its own in key_env, or choose one with --env"
            )
        found[environment.name] = Key(key)
    return found


def _key(environment: Environment, variables: Mapping[str, str]) -> str:
    variable = environment.key_env
    key = variables.get(variable, "").strip()
    if not key:
        raise NoKey(f"no key for {environment.name}: set {variable} to a personal API key of {environment.host}")
    if not re.fullmatch(r"[!-~]+", key):
        raise UsageError(f"the key in {variable} holds spaces or characters that no key has; copy it again")
    return key


def _host(where: str, text: str) -> str:
    try:
        return check_host(text)
    except ValueError as error:
        raise UsageError(f"{where} {error}") from None


def _project(where: str, text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,15}", text):
        raise UsageError(where, " ", *quoted(text), " is no project; write its number, as in its settings in PostHog")
    return text


def _namespace(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]{1,16}", text):
        raise UsageError("--namespace ", *quoted(text), " does not fit; use 1 to 16 lower-case letters, digits and '-'")
    return text
