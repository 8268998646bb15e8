"""What `import` made, for people and as `posthog-reconciler/import/v1`. Knows the nouns, not how they came about."""

from __future__ import annotations

from ..imports import Imported
from ..privacy import Message, listed, say
from .documents import Document, environment
from .view import Viewer, count

FORMAT = "posthog-reconciler/import/v1"


def document(found: Imported, viewer: Viewer) -> Document:
    """The import/v1 document: each manifest whole, each skipped row with its reason."""
    return {
        "format": FORMAT,
        "environment": environment(found.environment),
        "manifests": [{"id": item.id, "name": item.name, "manifest": item.document} for item in found.written],
        "skipped": [{"id": item.id, "reason": viewer.text(item.why)} for item in found.skipped],
        "tagged": found.tagged,
        "leftovers": list(found.leftovers),
    }


def remarks(found: Imported) -> tuple[Message, ...]:
    """What a person must know beside the manifests: the rows that got none, and how many there are."""
    skipped = [say(f"row {item.id} is skipped: ", *item.why) for item in found.skipped]
    if found.leftovers:
        ids = listed(found.leftovers)
        skipped.append(say("our tag is on rows without a manifest, which an apply removes; import them by id: ", *ids))
    tagged = f"; {count(found.tagged, 'row')} with a tag left out" if found.tagged else ""
    return (*skipped, say(f"{count(len(found.written), 'manifest')} for {found.environment.name}{tagged}"))
