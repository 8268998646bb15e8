"""Made-up input of any size: a folder of manifests with its config, and the live rows to compare it with.

The same size gives the same input, always. 97 % of the manifests have a row, every tenth of those differs in one field,
and 2 % more rows are nobody's. Knows what manifests and rows look like; knows neither the server nor who reads them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

NAMESPACE = "bench"
PROJECT = 12345
KEY = "phx_bench"
FILES_IN_A_FOLDER = 100

CONFIG = """\
apiVersion: posthog-reconciler/v1
kind: Config
namespace: {namespace}
manifests: [subscriptions]
environments:
  production: {{host: "{host}", project_id: {project}}}
policy:
  max_new_recipients: 1000000
"""

MANIFEST = """\
# Reviewed by the owners of {name}; see CODEOWNERS.
apiVersion: posthog-reconciler/v1
kind: Subscription
metadata:
  name: {name}
  environments: [production]
spec:
  title: {title}
  dashboard: {dashboard}
  target_type: email
  target_value:
    - {recipients[0]}
    - {recipients[1]}
    - {recipients[2]}
  frequency: {frequency}
  interval: {interval}
  byweekday: {weekdays}
  start_date: "2026-01-05T09:00:00Z"
  invite_message: The numbers of your team, every time they matter.
"""

RHYTHMS = (
    ("weekly", 1, ["monday"]),
    ("weekly", 2, ["tuesday", "friday"]),
    ("daily", 1, None),
    ("monthly", 1, ["monday"]),
)

EDITS: tuple[dict[str, Any], ...] = ({"interval": 5}, {"frequency": "yearly"}, {"title": "Edited by hand"})


def has_row(number: int) -> bool:
    """Whether manifest *number* has a live row: 97 of a hundred have."""
    return number % 100 >= 3


def differs(number: int) -> bool:
    """Whether that row is not what the manifest says: one in ten is not."""
    return number % 10 == 9


def wanted(number: int) -> dict[str, Any]:
    """What manifest *number* says."""
    frequency, interval, weekdays = RHYTHMS[number % len(RHYTHMS)]
    return {
        "name": f"report-{number:06}",
        "title": f"Numbers of team {number}",
        "dashboard": 100_000 + number,
        "recipients": [f"{who}.{number}@example.com" for who in ("ana", "bo", "cy")],
        "frequency": frequency,
        "interval": interval,
        "weekdays": weekdays,
    }


def manifest(number: int) -> str:
    """Manifest *number* as a file's text, about half a kilobyte."""
    said = wanted(number)
    days = "null" if said["weekdays"] is None else "[" + ", ".join(said["weekdays"]) + "]"
    return MANIFEST.format(**{**said, "weekdays": days})


def row(number: int) -> dict[str, Any]:
    """The live row of manifest *number*, changed by hand where it `differs`."""
    said = wanted(number)
    edit = EDITS[number // 10 % len(EDITS)] if differs(number) else {}
    return live_row(number, said | edit, tag=f" [{NAMESPACE}:{said['name']}]")


def stranger(number: int, manifests: int) -> dict[str, Any]:
    """A row that nobody manages, like none of the *manifests*."""
    said = wanted(1_000_000 + number)
    return live_row(manifests + number, said, tag="")


def live_row(number: int, said: dict[str, Any], *, tag: str) -> dict[str, Any]:
    """A row in the server's own form, saying what *said* says."""
    return {
        "id": 1 + number,
        "dashboard": said["dashboard"],
        "insight": None,
        "target_type": "email",
        "target_value": ",".join(said["recipients"]),
        "frequency": said["frequency"],
        "interval": said["interval"],
        "byweekday": said["weekdays"],
        "bysetpos": None,
        "count": None,
        "start_date": "2026-01-05T09:00:00Z",
        "until_date": None,
        "created_at": "2026-01-02T10:11:12.345678Z",
        "created_by": {
            "id": 7,
            "uuid": "0190a2b4-0000-0000-5f1c-2a9f0f6f7f11",
            "distinct_id": "mGcXYKxNCNLdZjqcXbT0bdS3e6HbPbdK",
            "first_name": "Ana",
            "last_name": "Example",
            "email": "ana@example.com",
            "is_email_verified": True,
            "hedgehog_config": None,
        },
        "deleted": False,
        "title": said["title"] + tag,
        "summary": "sent every week on Monday",
        "next_delivery_date": "2026-12-07T09:00:00Z",
        "invite_message": None,
    }


def rows(manifests: int) -> list[dict[str, Any]]:
    """Every live row beside that many *manifests*."""
    ours = [row(number) for number in range(manifests) if has_row(number)]
    return ours + [stranger(number, manifests) for number in range(manifests // 50)]


def write(folder: Path, manifests: int, host: str) -> None:
    """Lay out *folder*: the config, for the server *host*, and that many *manifests*, a hundred to a folder."""
    config = CONFIG.format(namespace=NAMESPACE, host=host, project=PROJECT)
    (folder / "reconciler.yaml").write_text(config, encoding="utf-8")
    for number in range(manifests):
        team = folder / "subscriptions" / f"team-{number // FILES_IN_A_FOLDER:04}"
        if number % FILES_IN_A_FOLDER == 0:
            team.mkdir(parents=True)
        (team / f"{wanted(number)['name']}.yaml").write_text(manifest(number), encoding="utf-8")
