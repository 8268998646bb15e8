"""The floor: the least that a Python program can do to plan, so that the real one has something to be compared with.

    python -m benchmarks.floor FOLDER

No command line library, the standard library's HTTP on eight threads with pages of a thousand, libyaml's events, the
few checks without which the comparison means nothing, `==` on dicts, one line for each change. It reads what `data`
writes and would be lost with anything else; it is no model for real code.
"""

from __future__ import annotations

import gc
import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import yaml

PAGE = 1000
CONNECTIONS = 8
WORDS: dict[str, Any] = {"null": None, "~": None, "": None, "true": True, "false": False}
WHOLE_NUMBER = re.compile(r"-?\d+").fullmatch
REQUIRED = {"title", "dashboard", "target_type", "target_value", "frequency", "interval", "byweekday", "start_date"}
FREQUENCIES = {"daily", "weekly", "monthly", "yearly"}
TAG = re.compile(r"(.*) \[bench:([a-z0-9][a-z0-9._-]{0,47})\]").fullmatch

local = threading.local()


def fetch(host: str, path: str) -> Any:
    """The JSON document at *path*; each thread keeps one connection."""
    if not hasattr(local, "connection"):
        local.connection = HTTPConnection(host)
    local.connection.request("GET", path, headers={"Authorization": "Bearer phx_bench"})
    return json.loads(local.connection.getresponse().read())


def listing(host: str, project: int, into: list[Any]) -> None:
    """Read every row of *project* into *into*: the first page, then all others at the same time."""
    path = f"/api/environments/{project}/subscriptions/?ordering=created_at&limit={PAGE}"
    first = fetch(host, path)
    into.extend(first["results"])
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        offsets = range(PAGE, first["count"], PAGE)
        for page in pool.map(lambda offset: fetch(host, f"{path}&offset={offset}"), offsets):
            into.extend(page["results"])
    if len({row["id"] for row in into}) != first["count"]:
        sys.exit("the listing is not complete")


def scalar(event: yaml.ScalarEvent) -> Any:
    """The value of a scalar, as YAML 1.2 reads it."""
    text: str = event.value
    if event.implicit[0]:
        if text in WORDS:
            return WORDS[text]
        if WHOLE_NUMBER(text):
            return int(text)
    return text


def value(event: Any, events: Iterator[Any]) -> Any:
    """The value that begins with *event*."""
    kind = type(event)
    if kind is yaml.ScalarEvent:
        return scalar(event)
    if kind is yaml.MappingStartEvent:
        mapping: dict[Any, Any] = {}
        for key in events:
            if type(key) is yaml.MappingEndEvent:
                return mapping
            if key.value in mapping:
                sys.exit(f"{key.value} stands there twice")
            mapping[key.value] = value(next(events), events)
    items: list[Any] = []
    for item in events:
        if type(item) is yaml.SequenceEndEvent:
            break
        items.append(value(item, events))
    return items


def document(text: bytes) -> Any:
    """The one YAML document in *text*."""
    events = iter(yaml.parse(text, Loader=yaml.CSafeLoader))
    for event in events:
        if type(event) is yaml.DocumentStartEvent:
            return value(next(events), events)
    return None


def manifests(folder: Path) -> Iterator[dict[str, Any]]:
    """Every manifest below *folder*."""
    for parent, _, names in os.walk(folder):
        for name in names:
            with open(f"{parent}/{name}", "rb") as file:
                yield document(file.read())


def check(spec: dict[str, Any]) -> None:
    """Stop at a spec that could not be compared."""
    fits = (
        spec.keys() >= REQUIRED
        and type(spec["dashboard"]) is int
        and type(spec["interval"]) is int
        and spec["frequency"] in FREQUENCIES
        and all("@" in address for address in spec["target_value"])
    )
    if not fits:
        sys.exit(f"{spec} is no subscription")


def comparable(spec: dict[str, Any], title: str, recipients: list[str]) -> dict[str, Any]:
    """The fields of *spec* that are compared, in one form for both sides."""
    return {
        "title": title,
        "dashboard": spec["dashboard"],
        "target_type": spec["target_type"],
        "target_value": {address.strip() for address in recipients},
        "frequency": spec["frequency"],
        "interval": spec["interval"],
        "byweekday": frozenset(spec["byweekday"] or ()),
        "start_date": spec["start_date"],
    }


def wanted(folder: Path) -> dict[str, dict[str, Any]]:
    """What the manifests below *folder* say, by name."""
    found = {}
    for manifest in manifests(folder):
        spec = manifest["spec"]
        check(spec)
        found[manifest["metadata"]["name"]] = comparable(spec, spec["title"], spec["target_value"])
    return found


def plan(want: dict[str, dict[str, Any]], rows: list[Any]) -> Iterator[str]:
    """One line for each change, then the counts."""
    created, updated, seen = 0, 0, set()
    for row in rows:
        if not (tagged := TAG(row["title"])):
            continue
        title, name = tagged.groups()
        seen.add(name)
        have = comparable(row, title, row["target_value"].split(","))
        if have != want[name]:
            updated += 1
            fields = [key for key, after in want[name].items() if have[key] != after]
            yield f"update {name} {row['id']} {' '.join(fields)}"
    for name in want.keys() - seen:
        created += 1
        yield f"create {name}"
    yield json.dumps({"create": created, "update": updated, "unchanged": len(want) - created - updated})


def main() -> None:
    """Plan the folder that the command line names."""
    gc.disable()
    folder = Path(sys.argv[1])
    config = document((folder / "reconciler.yaml").read_bytes())["environments"]["production"]
    rows: list[Any] = []
    host = config["host"].removeprefix("http://")
    reader = threading.Thread(target=listing, args=(host, config["project_id"], rows))
    reader.start()
    want = wanted(folder / "subscriptions")
    reader.join()
    sys.stdout.write("\n".join(plan(want, rows)) + "\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
