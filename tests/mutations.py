"""What would make the tool unsafe, one edit each, and the test that must turn red; `test_mutations.py` tries them all.

`red` is the test of the rule; `also` are tests that state the same rule from another side. No other test of the files
that judge it may fail, so that a red test says which rule is broken.
"""

from typing import NamedTuple


class Mutation(NamedTuple):
    """One edit of the package that takes a safety rule away."""

    rule: str
    file: str
    old: str
    new: str
    red: str
    also: tuple[str, ...] = ()


JUDGES_OF_RULES = ("test_identity.py", "test_removal.py", "test_planner.py")
"""The files that judge a mutation of identity, removal and planning."""

JUDGES_OF_EXECUTION = ("test_executor.py",)
"""The files that judge a mutation of the executor."""

MUTATIONS: tuple[Mutation, ...] = (
    # Identity
    Mutation(
        "an id that is not in the project blocks",
        "identity.py",
        "return Binding(desired, None, How.NONE, (_id_not_found(desired, id),))",
        "return Binding(desired)",
        "test_an_id_that_is_not_in_the_project_blocks",
    ),
    Mutation(
        "a row with somebody else's tag is not adopted unasked",
        "identity.py",
        "if row.tag is not None and row.tag not in tags and not desired.manifest.takeover:",
        "if False:",
        "test_an_id_with_somebody_elses_tag_blocks",
    ),
    Mutation(
        "an id and another live row with the tag block",
        "identity.py",
        "    if others:\n",
        "    if False:\n",
        "test_an_id_and_another_row_with_the_tag_block",
    ),
    Mutation(
        "two live rows with one tag block, never last wins",
        "identity.py",
        "    if len(own) > 1:\n        return (_duplicate_tag(desired, own),)\n",
        "    own = own[-1:]\n",
        "test_two_live_rows_with_one_tag_block",
    ),
    Mutation(
        "rows under the new and a previous name block",
        "identity.py",
        "    if len(own) + len(older) > 1:\n",
        "    if False:\n",
        "test_rows_under_the_new_and_a_previous_name_block",
    ),
    Mutation(
        "two manifests with one row block each other",
        "identity.py",
        "if binding.live is not None and len(by_row[binding.live.id]) > 1",
        "if False and binding.live is not None",
        "test_a_row_that_two_manifests_claim_blocks_both",
    ),
    Mutation(
        "soft-deleted rows are looked for before anything is created",
        "identity.py",
        "    return any(not desired.tombstone and _live_row(desired, rows) is None for desired in wanted)",
        "    return False",
        "test_soft_deleted_rows_are_read_only_when_a_manifest_has_no_live_row",
    ),
    Mutation(
        "a live row is never restored or made again because of an older listing",
        "identity.py",
        "if row.deleted and row.id not in alive}",
        "if row.deleted}",
        "test_a_row_in_both_listings_is_live",
    ),
    Mutation(
        "a row under a previous name is no orphan",
        "identity.py",
        "for row in tagged if row.tag not in known and row.id",
        "for row in tagged if row.id",
        "test_a_row_under_a_previous_name_is_no_orphan",
    ),
    Mutation(
        "a row that a manifest names is no orphan",
        "identity.py",
        "if row.tag not in known and row.id not in bound | named)",
        "if row.tag not in known and row.id not in bound)",
        "test_a_row_that_is_named_in_vain_is_no_orphan",
    ),
    Mutation(
        "rows of other namespaces are not ours",
        "identity.py",
        "if row.tag is not None and row.tag.namespace == rows.namespace]",
        "if row.tag is not None]",
        "test_rows_of_others_stay",
    ),
    # Removal
    Mutation(
        "an unproven listing plans nothing",
        "api/listing.py",
        "    if len(ids) != counts[0]:\n",
        "    if False:\n",
        "test_a_listing_that_is_not_proven_complete_removes_nothing",
    ),
    Mutation(
        "--no-prune, a PATH and no config remove nothing",
        "removal.py",
        "    return pruning.refused is not None\n",
        "    return False\n",
        "test_a_run_that_may_not_remove_removes_nothing_and_says_so",
    ),
    Mutation(
        "--only removes nothing",
        "planner.py",
        "    if scene.scope is None or scene.pruning.refused is not None:\n",
        "    if True:\n",
        "test_a_run_about_part_of_the_tree_removes_nothing",
    ),
    Mutation(
        "an empty tree removes nothing",
        "removal.py",
        "    return pruning.is_tree_empty and not pruning.allow_empty\n",
        "    return False\n",
        "test_an_empty_tree_blocks",
    ),
    Mutation(
        "protection is read at the base, by name",
        "removal.py",
        "            found += [self.by_name[key]] if key in self.by_name else []\n",
        "",
        "test_a_row_protected_at_the_base_stays",
    ),
    Mutation(
        "protection is read at the base, by id",
        "removal.py",
        "        found = [self.by_id[live.kind, live.id]] if (live.kind, live.id) in self.by_id else []\n",
        "        found: list[Desired] = []\n",
        "test_a_row_protected_at_the_base_stays",
    ),
    Mutation(
        "protection is read at the base, by previous name",
        "removal.py",
        "            found += self.by_previous.get(key, ())\n",
        "",
        "test_a_row_protected_at_the_base_stays",
    ),
    Mutation(
        "a protected manifest that leaves the environment keeps its row",
        "removal.py",
        "[each for each in self.elsewhere if self._leads(each, live)]",
        "[each for each in self.elsewhere if self._leads(each, live) and not each.protect]",
        "test_a_protected_manifest_that_leaves_this_environment_keeps_its_row",
    ),
    Mutation(
        "a removal without a base is noted",
        "removal.py",
        "for removal in going if case.base is None]",
        "for removal in going if False]",
        "test_a_removal_without_a_base_is_noted",
    ),
    Mutation(
        "removals are limited by number and percent",
        "removal.py",
        "    return many > policy.max_deletes_count and many * 100 > policy.max_deletes_percent * ours\n",
        "    return False\n",
        "test_many_removals_of_few_rows_block",
    ),
    Mutation(
        "few removals pass whatever their share",
        "removal.py",
        "    return many > policy.max_deletes_count and many",
        "    return many",
        "test_few_removals_pass_whatever_their_share",
    ),
    Mutation(
        "--max-deletes says yes to that number and to no more",
        "removal.py",
        "        return many > allowed\n",
        "        return False\n",
        "test_a_number_on_the_command_line_says_yes_to_it_and_to_no_more",
    ),
    Mutation(
        "only our rows count for the percentage",
        "removal.py",
        "    many, ours = len(going), len(owned(case))\n",
        "    many, ours = len(going), len(case.rows.live)\n",
        "test_only_our_rows_count",
    ),
    Mutation(
        "tombstones count towards the limits",
        "removal.py",
        "    many, ours = len(going), len(owned(case))\n",
        "    many, ours = sum(not each.is_tombstone for each in going), len(owned(case))\n",
        "test_tombstones_count_towards_the_limits",
    ),
    Mutation(
        "an adopted row goes only when its manifest is gone",
        "removal.py",
        "        if desired is not None and desired.name not in names\n",
        "        if desired is not None\n",
        "test_a_row_whose_manifest_only_lost_its_id_stays",
    ),
    Mutation(
        "an adopted row that another manifest adopts stays",
        "removal.py",
        "if row.tag is None and row.id not in case.resolution.claimed]",
        "if row.tag is None]",
        "test_an_adopted_row_that_another_manifest_adopts_stays",
    ),
    Mutation(
        "an adopted row with somebody else's tag by now stays",
        "removal.py",
        "for row in case.rows.live.values() if row.tag is None and row.id",
        "for row in case.rows.live.values() if row.id",
        "test_an_adopted_row_with_somebody_elses_tag_by_now_stays",
    ),
    # Planning
    Mutation(
        "a twin blocks",
        "planner.py",
        "    if twins:\n",
        "    if False:\n",
        "test_a_twin_blocks",
    ),
    Mutation(
        "making a row again blocks",
        "planner.py",
        "    if before is not None and not scene.allow_recreate:\n",
        "    if False:\n",
        "test_making_a_row_again_blocks",
    ),
    Mutation(
        "a row adopted by id gets no tag",
        "planner.py",
        "        return None if self.binding.how is How.ID and self.live.tag is None else self.own_tag\n",
        "        return self.own_tag\n",
        "test_a_row_adopted_by_id_is_not_written",
    ),
    Mutation(
        "a row that everybody left is not restored",
        "planner.py",
        "    if live.deleted and settled.stays_deleted:\n",
        "    if False:\n",
        "test_a_row_that_everybody_left_stays_deleted",
    ),
    Mutation(
        "the base is looked up by the row, so that who left it stays away",
        "removal.py",
        "        if live is not None and (kind, live.id) in self.by_id:\n",
        "        if False:\n",
        "test_somebody_who_unsubscribed_is_kept_out_under_another_name",
    ),
    Mutation(
        "the base is looked up under previous names",
        "removal.py",
        "names = desired.manifest.kind, [desired.name, *desired.manifest.previous_names]",
        "names = desired.manifest.kind, [desired.name]",
        "test_making_a_row_again_blocks",
    ),
    Mutation(
        "a replacement soft-deletes before it creates",
        "planner.py",
        "        (*retire, *draft.requests),\n",
        "        (*draft.requests, *retire),\n",
        "test_a_row_that_may_not_change_sides_is_replaced",
    ),
    Mutation(
        "a replacement keeps out who unsubscribed",
        "planner.py",
        "pair.settled.fields.get(name, live.fields.get(name)) for name",
        "(live if name == 'enabled' else pair.desired).fields.get(name) for name",
        "test_a_replacement_keeps_out_who_unsubscribed",
    ),
    Mutation(
        "a replacement stays switched off",
        "planner.py",
        "pair.settled.fields.get(name, live.fields.get(name)) for name",
        "pair.settled.fields.get(name, pair.desired.fields[name]) for name",
        "test_a_replacement_stays_switched_off",
    ),
    Mutation(
        "a row adopted by id is not replaced",
        "planner.py",
        "    if pair.binding.how is How.ID:\n        return Part(findings=(*pair.settled",
        "    if False:\n        return Part(findings=(*pair.settled",
        "test_a_row_adopted_by_id_is_not_replaced",
    ),
    Mutation(
        "changes outside the scope are left out",
        "planner.py",
        "    return scene.scope is None or name is None or name in scene.scope\n",
        "    return True\n",
        "test_changes_outside_the_scope_are_left_out",
    ),
    Mutation(
        "new recipients are limited",
        "planner.py",
        "    if policy.max_new_recipients is None or len(added) <= policy.max_new_recipients:\n",
        "    if True:\n",
        "test_too_many_new_recipients_block",
    ),
    Mutation(
        "removals come last",
        "planner.py",
        "    return change.action is Action.DELETE, change.kind",
        "    return False, change.kind",
        "test_removals_come_last",
    ),
    Mutation(
        "the digest covers what is there as well as what shall be",
        "planner.py",
        "[item.field, item.before, item.after]",
        "[item.field, item.after]",
        "test_the_digest_covers_environment_namespace_and_changes",
    ),
    Mutation(
        "the digest covers the project",
        "planner.py",
        "[environment.name, environment.host, environment.project_id]",
        "[environment.name, environment.host]",
        "test_the_digest_covers_environment_namespace_and_changes",
    ),
    Mutation(
        "the digest is of real values",
        "planner.py",
        "        return value.value\n",
        "        return str(value)\n",
        "test_the_digest_is_of_the_real_values_of_secrets",
    ),
    Mutation(
        "a message that goes with new recipients is shown and in the digest",
        "planner.py",
        "if name in sent}",
        "if False}",
        "test_a_message_that_goes_with_new_recipients_is_shown",
    ),
    # Execution
    Mutation(
        "a blocked plan is never begun",
        "executor.py",
        "    if plan.blockers:\n",
        "    if False:\n",
        "test_a_blocked_plan_is_refused",
    ),
    Mutation(
        "creates, updates and restores come before removals",
        "executor.py",
        "(*run.all(adding), *run.all(removing))",
        "(*run.all(removing), *run.all(adding))",
        "test_every_sort_of_change_is_applied",
    ),
    Mutation(
        "a row is read again when the listing is old",
        "executor.py",
        "        if change.expected is None or self._orders.age() <= STALE_AFTER:\n",
        "        if True:\n",
        "test_a_row_that_changed_since_an_old_listing_is_skipped",
    ),
    Mutation(
        "a tag or a removal since the listing is a conflict",
        "executor.py",
        '        moved += [name for name in ("tag", "deleted")',
        "        moved += [name for name in ()",
        "test_a_row_that_was_removed_or_renamed_since_is_skipped",
    ),
    Mutation(
        "a row that another run made is not made twice",
        "executor.py",
        "                if others:\n",
        "                if False:\n",
        "test_a_row_made_by_another_run_since_the_listing_is_not_made_twice",
    ),
    Mutation(
        "every answer is held against what was asked",
        "executor.py",
        "        if wrong:\n            return _not_as_asked(",
        "        if False:\n            return _not_as_asked(",
        "test_a_server_that_ignores_a_field_has_failed",
    ),
    Mutation(
        "a lost POST is looked up by its tag",
        "executor.py",
        "        if rows:\n            return self._compare(lost, rows[0])\n",
        "",
        "test_a_created_row_whose_answer_was_lost_is_found_by_its_tag",
    ),
    Mutation(
        "a lost POST is not blindly sent again",
        "executor.py",
        "        if not _was_ended_by_server(lost.answer):\n",
        "        if False:\n",
        "test_a_post_that_left_no_row_is_not_sent_again",
    ),
    Mutation(
        "two rows found by one tag are a failure",
        "executor.py",
        "        if len(rows) > 1:\n",
        "        if False:\n",
        "test_two_rows_found_by_one_tag_are_a_failure_that_names_both",
    ),
    Mutation(
        "a PATCH without an answer is read back",
        "executor.py",
        "        if not wrong:\n            so_far.done",
        "        if True:\n            so_far.done",
        "test_a_patch_that_the_row_does_not_hold_is_failed_or_unknown",
    ),
    Mutation(
        "an unforeseen error costs no other change its outcome",
        "executor.py",
        "        except Exception as error:  # nobody foresaw it",
        "        except ZeroDivisionError as error:  # nobody foresaw it",
        "test_an_unforeseen_error_of_a_write_leaves_it_unknown",
    ),
    Mutation(
        "an accepted write without a row is a lost answer",
        "executor.py",
        "        except Exception as error:  # an accepted write",
        "        except ZeroDivisionError as error:  # an accepted write",
        "test_an_accepted_write_whose_answer_is_no_row_is_a_lost_answer",
    ),
    Mutation(
        "nothing is started after a stop",
        "executor.py",
        "        if self._orders.stop.is_set():\n            return _skipped(",
        "        if False:\n            return _skipped(",
        "test_nothing_is_started_after_a_stop",
    ),
    Mutation(
        "failing fast starts nothing new",
        "executor.py",
        "        if self._orders.fail_fast and outcome.status in",
        "        if False and outcome.status in",
        "test_failing_fast_starts_nothing_new",
    ),
    Mutation(
        "when the time is over, nothing further is begun",
        "executor.py",
        "            if isinstance(error, OutOfTime):\n",
        "            if False:\n",
        "test_a_write_that_was_not_carried_out_is_skipped",
    ),
    Mutation(
        "half of a replacement is no skip",
        "executor.py",
        "    status = Status.FAILED if so_far.done else Status.SKIPPED\n",
        "    status = Status.SKIPPED\n",
        "test_a_replacement_cut_in_half_says_so",
    ),
    Mutation(
        "a listener that fails costs nothing",
        "executor.py",
        "with self._telling, suppress(Exception):",
        "with self._telling:",
        "test_a_listener_that_fails_costs_nothing",
    ),
    Mutation(
        "no more write at once than the width allows",
        "executor.py",
        "self._inside < max(1, self._width())",
        "self._inside < 99",
        "test_no_more_write_at_once_than_the_width_allows",
    ),
)
