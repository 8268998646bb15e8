"""Small changes to the sandbox's rules, and the test that must notice each: what makes it an oracle.

Data only; `run_mutations.py` carries it out. `old` must stand in `file` exactly once.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """One rule, changed."""

    name: str
    file: str  # inside reconciler/sandbox/
    old: str
    new: str
    caught_by: str  # file::test inside tests/sandbox/


MUTATIONS = (
    Mutation(
        "a seed server trims addresses before comparing",
        "delivery.py",
        'if rules.has("later-messages"):\n        parts',
        "if True:\n        parts",
        "test_messages.py::test_7_a_patch",
    ),
    Mutation(
        "reordering recipients mails all of them",
        "delivery.py",
        "if address not in known]",
        "]",
        "test_messages.py::test_7_a_patch",
    ),
    Mutation(
        "send_test_now false is not honoured",
        "delivery.py",
        "    if send_now is False:\n        return None\n",
        "",
        "test_messages.py::test_7_a_patch",
    ),
    Mutation(
        "a disabled row is told on create",
        "delivery.py",
        "(row.deleted or not row.enabled or send_now is False)",
        "(row.deleted or send_now is False)",
        "test_messages.py::test_7_a_create",
    ),
    Mutation(
        "a seed row that is born deleted tells nobody",
        "delivery.py",
        'if rules.has("later-messages") and (row.deleted',
        "if (row.deleted",
        "test_messages.py::test_7_a_create",
    ),
    Mutation(
        "webhooks deliver",
        "delivery.py",
        'case "slack" | "teams" if row.has_channel:',
        'case "slack" | "teams" | "webhook" if row.has_channel:',
        "test_messages.py::test_7_a_webhook_never_delivers",
    ),
    Mutation(
        "the name of a Slack channel is told too",
        "delivery.py",
        'return self.spelled.partition("|")[0]',
        "return self.spelled",
        "test_messages.py::test_7_a_patch_of_a_slack_row",
    ),
    Mutation(
        "the buffer is sixteen minutes",
        "schedule.py",
        "BUFFER = timedelta(minutes=15)",
        "BUFFER = timedelta(minutes=16)",
        "test_schedules.py::test_6_the_first_delivery_of_a_new_row",
    ),
    Mutation(
        "an occurrence exactly at the buffer counts",
        "schedule.py",
        ".after(moment)",
        ".after(moment, inc=True)",
        "test_schedules.py::test_6_the_first_delivery_of_a_new_row",
    ),
    Mutation(
        "reordered weekdays are another rule",
        "schedule.py",
        "self.count, self.days, self.position",
        "self.count, self.byweekday, self.position",
        "test_schedules.py::test_6_the_date_is_kept_unless_the_rule_changes",
    ),
    Mutation(
        "until excludes its own moment",
        "schedule.py",
        "found > self.until else found",
        "found >= self.until else found",
        "test_schedules.py::test_6_the_first_delivery_of_a_new_row",
    ),
    Mutation(
        "restoring computes the date again",
        "server/deeds.py",
        "schedule.rule != before.schedule(world.rules).rule or is_enabled_again",
        "schedule.rule != before.schedule(world.rules).rule or is_enabled_again or before.deleted",
        "test_messages.py::test_7_restoring_tells_everybody_at_the_next_run",
    ),
    Mutation(
        "a scheduled delivery does not advance the date",
        "server/deeds.py",
        "row.next_delivery_date = row.schedule(world.rules).next_delivery(now, after=date)",
        "row.next_delivery_date = date",
        "test_schedules.py::test_6_a_scheduled_delivery_advances_the_date",
    ),
    Mutation(
        "the scheduler delivers deleted rows",
        "server/deeds.py",
        "next_delivery_date__lte=now + BUFFER, deleted=False",
        "next_delivery_date__lte=now + BUFFER",
        "test_schedules.py::test_6_what_the_scheduler_leaves_alone",
    ),
    Mutation(
        "the last unsubscribe leaves the row alive",
        "server/deeds.py",
        "row.deleted = row.deleted or not row.target_value",
        "row.deleted = row.deleted",
        "test_others.py::test_8_unsubscribing",
    ),
    Mutation(
        "unsubscribing ignores spaces",
        "server/deeds.py",
        "if each != address)",
        "if each.strip() != address.strip())",
        "test_others.py::test_8_unsubscribing",
    ),
    Mutation(
        "only changed fields are saved",
        "server/deeds.py",
        "    _reschedule(world, before, row)\n    row.save()",
        "    _reschedule(world, before, row)\n"
        "    names = [field.attname for field in row._meta.concrete_fields]\n"
        "    changed = [name for name in names if vars(row)[name] != vars(before)[name]]\n"
        "    type(row).objects.filter(pk=row.pk).update(**{n: vars(row)[n] for n in changed})",
        "test_others.py::test_4_4_what_others_change_during_a_patch_is_lost",
    ),
    Mutation(
        "a written row stays where it lies",
        "server/models.py",
        "        self.heap = time.time_ns()\n",
        "        self.heap = self.heap or time.time_ns()\n",
        "test_transport.py::test_2_6_a_written_row_moves_to_the_end_of_an_unordered_list",
    ),
    Mutation(
        "DELETE deletes",
        "server/subscriptions.py",
        "        return Response(status=405)\n",
        "        self.get_queryset().filter(pk=kwargs['pk']).delete()\n        return Response(status=405)\n",
        "test_transport.py::test_4_5_delete_is_405_without_a_body_and_lists_delete_as_allowed",
    ),
    Mutation(
        "lists show deleted rows",
        "server/subscriptions.py",
        'elif self.action == "list":',
        "elif False:",
        "test_rows.py::test_4_1_lists_hide_deleted_rows_unless_asked",
    ),
    Mutation(
        "the detail route ignores the query",
        "server/subscriptions.py",
        'if "deleted" in params:',
        'if "deleted" in params and self.action == "list":',
        "test_rows.py::test_4_2_query_parameters_narrow_the_detail_route",
    ),
    Mutation(
        "reading does not follow from writing",
        "world.py",
        '({f"{thing}:write"} if level == "read" else set())',
        "set()",
        "test_transport.py::test_2_3_scopes",
    ),
    Mutation(
        "bearer may be spelled in lower case",
        "server/auth.py",
        'r"^Bearer\\s+(\\S.+)$"',
        'r"(?i)^Bearer\\s+(\\S.+)$"',
        "test_transport.py::test_2_2_without_a_good_key_it_is_401",
    ),
    Mutation(
        "a foreign insight does not exist",
        "server/checks.py",
        'raise refuse(name, f"This {name} does not belong to your team.")',
        'raise refuse(None, f"This {name} does not belong to your team.")',
        "test_rows.py::test_5_what_a_create_refuses",
    ),
    Mutation(
        "Slack is checked only when it is named",
        "server/checks.py",
        "    if wanted.integration_id is None or not ours",
        '    if "integration_id" in values and not ours',
        "test_rows.py::test_5_slack_is_checked_on_every_patch",
    ),
    Mutation(
        "restores do not count for the plan limit",
        "server/checks.py",
        "is_one_more = not wanted.deleted and (row is None or row.deleted)",
        "is_one_more = row is None",
        "test_transport.py::test_5_a_plan_limit_is_a_400_about_subscription_and_counts_restores",
    ),
    Mutation(
        "interval 0 is accepted and never fires",
        "schedule.py",
        "        self._refuse_what_breaks_the_server()\n",
        "        if self.interval < 1:\n            return None\n",
        "test_rows.py::test_5_schedules_that_break_the_seed_server_are_500",
    ),
    Mutation(
        "refused requests count against the limit",
        "world.py",
        "            if len(drawn) >= number:\n",
        "            if len(drawn) >= number:\n                drawn.insert(0, now)\n                drawn.pop()\n",
        "test_transport.py::test_2_5_a_window_slides_and_can_be_made_shorter",
    ),
    Mutation(
        "invite_message is shown",
        "server/serializers.py",
        '    values.pop("invite_message", None)\n',
        "",
        "test_rows.py::test_3_2_what_the_server_makes_of_a_value",
    ),
    Mutation(
        "the token of what is not shared stays the same",
        "server/recordings.py",
        'return "".join(self.world.random.choice(_TOKEN_ALPHABET) for _ in range(30))',
        'return "x" * 30',
        "test_recordings_sessions.py::test_9_2_what_is_not_shared_has_a_fresh_token_each_time",
    ),
    Mutation(
        "a fault after the work comes before it",
        "gateway.py",
        'return self._act(struck, "after") or answer',
        "return answer",
        "test_faults.py::test_after_commit_everything_has_happened",
    ),
    Mutation(
        "any host may drive the sandbox",
        "loopback.py",
        ' and is_loopback(_name(environ.get("HTTP_HOST", "")))',
        "",
        "test_process.py::test_who_counts_as_local",
    ),
    Mutation(
        "titles are put on the page as they are",
        "page.py",
        "escape(str(without_keys(value)))",
        "without_keys(value)",
        "test_process.py::test_the_page_shows_everything_and_escapes_it",
    ),
    Mutation(
        "keys in a query are logged",
        "records.py",
        "    return name + equals + value\n",
        "    return pair\n",
        "test_transport.py::test_2_2_a_key_in_body_or_query_is_accepted_and_never_shown",
    ),
    Mutation(
        "a key restricted to other projects opens this one",
        "server/auth.py",
        "if key.projects is None or view.project.id in key.projects:",
        "if key.projects is None or key.projects:",
        "test_transport.py::test_2_3_a_key_for_other_projects_is_403",
    ),
    Mutation(
        "an hour has room for ten times as much",
        "server/auth.py",
        "rates = (480, 4800)",
        "rates = (480, 48000)",
        "test_transport.py::test_2_5_after_4800_requests_in_an_hour_it_is_429",
    ),
    Mutation(
        "recordings have the limits of subscriptions",
        "server/recordings.py",
        "RATES = (240, 1200)",
        "RATES = (480, 4800)",
        "test_transport.py::test_2_5_recordings_and_sessions_are_limited_more_tightly",
    ),
    Mutation(
        "what one may not view can be exported",
        "server/checks.py",
        ", insight__is_restricted=False",
        "",
        "test_rows.py::test_5_what_one_may_not_view_cannot_be_named",
    ),
    Mutation(
        "the mask of a Teams URL shows its query",
        "delivery.py",
        'return urlsplit(url).hostname or ""',
        'return url.partition("://")[2].partition("/")[0]',
        "test_messages.py::test_7_teams_are_told_by_host",
    ),
    Mutation(
        "the successor is not quoted",
        "gateway.py",
        'quote(moved.encode("latin-1"), safe=_IN_PATHS)',
        "moved",
        "test_transport.py::test_2_1_the_successor_is_a_url_whatever_the_path_holds",
    ),
    Mutation(
        "Python binds to anything",
        "sandbox.py",
        "        refuse_others(host, insecure_bind)\n",
        "",
        "test_process.py::test_from_python_too_only_loopback_is_bound_to",
    ),
    Mutation(
        "later servers merge delivery_config",
        "server/serializers.py",
        "        setattr(row, name, value)\n",
        '        setattr(row, name, {**row.delivery_config, **value} if name == "delivery_config" else value)\n',
        "test_rows.py::test_3_1_delivery_config_is_replaced_as_a_whole",
    ),
)
