"""Reviewed plans: only exactly what was reviewed is applied, and every doubt refuses."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler import planfile, planner
from reconciler.errors import PlanRefused, UsageError
from reconciler.model import Action, Change, Coverage, Effect, Environment, FieldChange, Plan, Request
from reconciler.privacy import Address, Recipients, SecretUrl

PRODUCTION = Environment("production", "https://us.posthog.com", "12345")
UPDATE = Change(
    Action.UPDATE,
    "Subscription",
    "weekly",
    7,
    None,
    (FieldChange("target_value", Recipients("ana@example.com"), Recipients("bo@example.com")),),
    (Request("PATCH", "subscriptions/7/", {"target_value": Recipients("bo@example.com")}),),
)


def plan_of(*changes: Change, environment: Environment = PRODUCTION) -> Plan:
    """A plan of *changes* with its true digest."""
    digest = planner.digest(environment, "growth", changes)
    return Plan(environment, "growth", None, changes, (), 0, Coverage(), digest)


def to(value: SecretUrl | Recipients) -> Change:
    """The update with another new value."""
    return replace(UPDATE, fields=(FieldChange("target_value", Recipients("ana@example.com"), value),))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A plan file."""
    path = tmp_path / "plan.json"
    planfile.write(path, [plan_of(UPDATE)])
    return path


def refusal(file: Path, *plans: Plan) -> str:
    """Why *plans* are not what *file* holds."""
    with pytest.raises(PlanRefused) as refused:
        planfile.check(planfile.expected([file], ()), plans)
    return str(refused.value)


def test_a_plan_file_is_readable_by_its_owner_only(file: Path) -> None:
    """It holds addresses in full."""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_plan_file_replaces_one_with_a_looser_mode(file: Path) -> None:
    """An older file that others could read does not lend its mode."""
    file.chmod(0o644)
    planfile.write(file, [plan_of(UPDATE)])

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_plan_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    """The folder does not exist."""
    with pytest.raises(UsageError, match="cannot write the plan"):
        planfile.write(tmp_path / "nowhere" / "plan.json", [plan_of(UPDATE)])


def test_the_reviewed_plan_passes(file: Path) -> None:
    """Nothing changed since."""
    planfile.check(planfile.expected([file], ()), [plan_of(UPDATE)])


def test_nothing_reviewed_asks_for_nothing() -> None:
    """Without --plan and --expect there is nothing to compare with."""
    planfile.check(planfile.expected([], ()), [plan_of(UPDATE)])


def test_another_value_refuses_and_names_the_change(file: Path) -> None:
    """The reviewer saw bo; now cy would be mailed."""
    assert "weekly" in refusal(file, plan_of(to(Recipients("cy@example.com"))))


def test_fewer_changes_than_reviewed_refuse(file: Path) -> None:
    """Any difference refuses (design §6)."""
    assert "weekly" in refusal(file, plan_of())


def test_a_secret_that_differs_behind_its_mask_refuses(tmp_path: Path) -> None:
    """The file shows the host only; the digest is computed over the real value."""
    path = tmp_path / "plan.json"
    planfile.write(path, [plan_of(to(SecretUrl("https://hooks.example.com/one")))])

    assert "not the one in the file" in refusal(path, plan_of(to(SecretUrl("https://hooks.example.com/two"))))


def test_a_secret_url_is_in_the_file_by_its_host_only(tmp_path: Path) -> None:
    """Also --out keeps it (design §6)."""
    path = tmp_path / "plan.json"
    planfile.write(path, [plan_of(to(SecretUrl("https://hooks.example.com/secret")))])

    assert "secret" not in path.read_text(encoding="utf-8")


def test_an_edited_file_refuses_although_its_digest_is_right(file: Path) -> None:
    """Somebody reviewed a text that is not what the digest stands for."""
    document = json.loads(file.read_text(encoding="utf-8"))
    document["changes"][0]["fields"][0]["after"] = "somebody-else@example.com"
    file.write_text(json.dumps(document), encoding="utf-8")

    assert "weekly" in refusal(file, plan_of(UPDATE))


def test_an_edited_digest_refuses(file: Path) -> None:
    """The changes are the same, the digest is not."""
    document = json.loads(file.read_text(encoding="utf-8"))
    document["digest"] = "sha256:" + "0" * 64
    file.write_text(json.dumps(document), encoding="utf-8")

    assert "not the one in the file" in refusal(file, plan_of(UPDATE))


@pytest.mark.parametrize("key", ["host", "project_id"])
def test_a_plan_of_another_place_refuses(file: Path, key: str) -> None:
    """The same environment name on another host or project is another plan."""
    other = replace(PRODUCTION, **{key: "https://eu.posthog.com" if key == "host" else "9"})

    assert "another environment" in refusal(file, plan_of(UPDATE, environment=other))


def test_a_plan_of_other_environments_refuses(file: Path) -> None:
    """The file is for production only."""
    staging = replace(PRODUCTION, name="staging")

    assert "production" in refusal(file, plan_of(UPDATE, environment=staging))


def test_several_environments_are_one_file(tmp_path: Path) -> None:
    """A list in config order; each is compared with its own."""
    path = tmp_path / "plan.json"
    plans = [plan_of(UPDATE), plan_of(environment=replace(PRODUCTION, name="staging"))]
    planfile.write(path, plans)

    planfile.check(planfile.expected([path], ()), plans)


def test_the_same_environment_twice_is_refused(file: Path) -> None:
    """Two files for one environment: neither is believed."""
    with pytest.raises(UsageError, match="second plan"):
        planfile.expected([file, file], ())


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", "null", '{"format": "posthog-reconciler/plan/v1"}', "[" * 100_000]
)
def test_what_is_not_a_plan_is_refused(tmp_path: Path, text: str) -> None:
    """Empty, broken, empty list, another document, half a plan, a nesting bomb."""
    path = tmp_path / "plan.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(UsageError, match="not a plan"):
        planfile.expected([path], ())


def test_a_plan_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Never taken for no plan at all."""
    with pytest.raises(UsageError, match="cannot read"):
        planfile.expected([tmp_path / "nowhere.json"], ())


def test_the_expected_digest_passes() -> None:
    """A digest copied from the review."""
    plan = plan_of(UPDATE)

    planfile.check(planfile.expected((), [plan.digest]), [plan])


def test_another_digest_refuses() -> None:
    """Something changed since the review."""
    expected = planfile.expected((), [plan_of().digest])

    with pytest.raises(PlanRefused, match="not the expected"):
        planfile.check(expected, [plan_of(UPDATE)])


def test_a_digest_alone_vouches_for_nobody_who_is_reached_later() -> None:
    """It leaves effects out (design §6): only a plan file tells that a stale date was reviewed."""
    later = Effect("mail", (Address("ana@example.com"),), when="next delivery")
    stale, at_once = (plan_of(replace(UPDATE, effects=(effect,))) for effect in (later, replace(later, when=None)))
    planfile.check(planfile.expected((), [at_once.digest]), [at_once])

    with pytest.raises(PlanRefused, match="apply --plan FILE") as error:
        planfile.check(planfile.expected((), [stale.digest]), [stale])
    assert 3 == error.value.exit_code


@pytest.mark.parametrize("digest", ["", "sha256:", "deadbeef", "sha256:" + "A" * 64, "sha256:" + "0" * 65])
def test_what_is_no_digest_is_bad_usage(digest: str) -> None:
    """An empty variable in CI must not mean that anything goes."""
    with pytest.raises(UsageError, match="--expect takes a digest"):
        planfile.expected((), [digest])


def test_a_digest_is_needed_for_each_environment() -> None:
    """One digest does not stand for two plans."""
    plans = [plan_of(UPDATE), plan_of(environment=replace(PRODUCTION, name="staging"))]

    with pytest.raises(UsageError, match="once for each"):
        planfile.check(planfile.expected((), [plans[0].digest]), plans)


def test_a_file_and_a_digest_exclude_each_other(file: Path) -> None:
    """Two reviews of one plan: which one holds?"""
    with pytest.raises(UsageError, match="exclude"):
        planfile.expected([file], [plan_of().digest])
