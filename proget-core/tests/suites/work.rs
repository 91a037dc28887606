//! Catalogues that treat jobs, schedules, mode or settings otherwise than promised: each must be
//! caught by the case that is about it.

use super::catalog::caught;
use proget_core::catalog::{
    Change, ChangeSet, Committed, Expect, InstanceChange, JobChange, JobEnd, JobFilter, JobState, PageRequest,
};
use proget_core::memory::faulty::Tampering;
use proget_core::{Catalog, CatalogError};
use std::sync::Arc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

/// A catalogue that changes each job change before it commits it.
fn changing(change: fn(&mut JobChange)) -> impl Fn() -> Tampering {
    move || {
        Box::new(move |inner, mut set| {
            Box::pin(async move {
                set.changes.iter_mut().for_each(|one| {
                    if let Change::Job(one) = one {
                        change(one);
                    }
                });
                inner.commit(set).await
            })
        })
    }
}

/// A catalogue that does not look at some expectations.
fn without(ignored: fn(&Expect) -> bool) -> impl Fn() -> Tampering {
    move || {
        Box::new(move |inner, mut set| {
            Box::pin(async move {
                set.expect.retain(|expect| !ignored(expect));
                inner.commit(set).await
            })
        })
    }
}

#[tokio::test]
async fn a_catalogue_that_does_not_look_at_claims_is_caught() {
    let liar = without(|expect| matches!(expect, Expect::ClaimHeld(..)));
    caught("a_late_commit_leaves_nothing_behind", &liar).await;
    caught("a_claim_that_has_run_out_is_lost_although_nobody_took_it", &liar).await;
    caught("a_claim_that_has_run_out_is_taken_over_and_lost", &liar).await;
    caught("whatever_a_process_has_claimed_can_be_released", &liar).await;
}

#[tokio::test]
async fn a_catalogue_that_lets_everybody_serve_is_caught() {
    let liar = without(|expect| matches!(expect, Expect::Serving(_)));
    caught("who_serves_depends_on_the_mode", &liar).await;
    caught("who_does_not_serve_neither_plants_nor_claims", &liar).await;
    caught("an_instance_begins_single_and_without_a_service_node", &liar).await;
}

#[tokio::test]
async fn a_catalogue_that_does_not_look_at_settings_is_caught() {
    let liar = without(|expect| matches!(expect, Expect::Setting(..)));
    caught("a_setting_is_expected_as_it_was_read", &liar).await;
}

#[tokio::test]
async fn a_catalogue_whose_claims_never_run_out_is_caught() {
    let liar = changing(|change| {
        if let JobChange::Claim { hold, .. } | JobChange::Renew { hold, .. } = change {
            *hold = LONG;
        }
    });
    caught("a_claim_that_has_run_out_is_taken_over_and_lost", &liar).await;
    caught("one_of_many_takes_over_what_has_run_out", &liar).await;
    caught("a_claim_is_prolonged_or_cut_short_by_who_has_it", &liar).await;
    caught("a_job_whose_claim_has_run_out_is_called_off_at_once", &liar).await;
    caught("the_longest_due_comes_first", &liar).await;
}

/// The jobs that run, with their holders.
async fn running(inner: &Arc<dyn Catalog>) -> Result<Vec<proget_core::catalog::JobRow>, CatalogError> {
    let filter = JobFilter { state: Some(JobState::Running), kind: None };
    Ok(inner.jobs(&filter, &PageRequest::first(100)).await?.rows)
}

#[tokio::test]
async fn a_catalogue_that_takes_jobs_from_who_holds_them_is_caught() {
    let liar = || -> Tampering {
        Box::new(|inner, set| {
            Box::pin(async move {
                if set.changes.iter().any(|change| matches!(change, Change::Job(JobChange::Claim { .. }))) {
                    for row in running(&inner).await? {
                        let Some(claim) = row.claim else { continue };
                        let release = JobChange::ReleaseAllOf(claim.holder);
                        inner.commit(proget_core::conformance::sample::set().with(release)).await?;
                    }
                }
                inner.commit(set).await
            })
        })
    };
    caught("a_job_that_is_held_is_not_to_be_claimed", liar).await;
    caught("one_of_many_claims_wins", liar).await;
}

#[tokio::test]
async fn a_catalogue_that_adds_to_jobs_that_run_is_caught() {
    let liar = || -> Tampering {
        Box::new(|inner, set| {
            Box::pin(async move {
                let running = running(&inner).await?;
                let mut absorbed = Vec::new();
                let mut kept = ChangeSet { changes: Vec::new(), ..set.clone() };
                for change in set.changes {
                    if let Change::Job(JobChange::Enqueue(job)) = &change
                        && let Some(row) = running.iter().find(|row| row.key == job.key)
                    {
                        absorbed.push(row.id);
                    } else {
                        kept.changes.push(change);
                    }
                }
                let mut done: Committed = inner.commit(kept).await?;
                done.enqueued.extend(absorbed);
                Ok(done)
            })
        })
    };
    caught("one_that_was_claimed_absorbs_nothing", liar).await;
    caught("a_held_claim_carries_a_commit_to_its_end", liar).await;
}

#[tokio::test]
async fn a_catalogue_that_puts_every_job_into_a_row_of_its_own_is_caught() {
    let liar = changing(|change| {
        if let JobChange::Enqueue(job) = change {
            job.key = format!("{} {}", job.key, uuid::Uuid::new_v4());
        }
    });
    caught("one_that_waits_absorbs_its_like", &liar).await;
    caught("many_who_enqueue_the_same_make_one_job", &liar).await;
    caught("an_enqueued_job_waits_as_it_was_wanted", &liar).await;
}

#[tokio::test]
async fn a_catalogue_that_holds_no_job_back_is_caught() {
    let liar = changing(|change| match change {
        JobChange::Enqueue(job) => job.after = Duration::ZERO,
        JobChange::Finish { end: JobEnd::Failed { again, .. }, .. } => *again = Duration::ZERO,
        _ => {}
    });
    caught("a_job_that_is_not_due_is_not_to_be_claimed", &liar).await;
    caught("a_failed_attempt_waits_before_the_next", &liar).await;
}

#[tokio::test]
async fn a_catalogue_that_counts_attempts_otherwise_is_caught() {
    let generous = changing(|change| {
        if let JobChange::Enqueue(job) = change {
            job.attempts += 1;
        }
    });
    caught("a_failed_attempt_is_tried_again_until_the_last", &generous).await;
    let strict = changing(|change| {
        if let JobChange::Finish { end: end @ JobEnd::Released, .. } = change {
            *end = JobEnd::Failed { why: "released".into(), again: Duration::ZERO };
        }
    });
    caught("a_released_attempt_does_not_count", &strict).await;
}

#[tokio::test]
async fn a_catalogue_that_calls_nothing_off_is_caught() {
    let liar = changing(|change| {
        if let JobChange::Cancel(_) = change {
            *change = JobChange::Forget { over_for: LONG };
        }
    });
    caught("a_waiting_job_that_is_called_off_is_over", &liar).await;
    caught("a_running_job_that_is_called_off_is_told", &liar).await;
}

#[tokio::test]
async fn a_catalogue_that_keeps_no_log_is_caught() {
    let liar = changing(|change| {
        if let JobChange::Say { job, token, .. } = *change {
            *change = JobChange::Renew { job, token, hold: LONG, progress: None };
        }
    });
    caught("what_a_job_says_is_kept_in_order", &liar).await;
}

#[tokio::test]
async fn a_catalogue_that_forgets_too_soon_or_never_is_caught() {
    for wrong in [Duration::ZERO, LONG] {
        let liar = move || -> Tampering {
            Box::new(move |inner, mut set| {
                Box::pin(async move {
                    for change in &mut set.changes {
                        if let Change::Job(JobChange::Forget { over_for }) = change {
                            *over_for = wrong;
                        }
                    }
                    inner.commit(set).await
                })
            })
        };
        caught("jobs_that_have_been_over_for_long_are_forgotten", liar).await;
    }
}

#[tokio::test]
async fn a_catalogue_that_dispatches_whatever_was_read_is_caught() {
    let liar = || -> Tampering {
        Box::new(|inner, mut set| {
            Box::pin(async move {
                let schedules = inner.schedules().await?;
                for change in &mut set.changes {
                    if let Change::Job(JobChange::Occur { occurrence, last, .. }) = change
                        && let Some(row) = schedules.iter().find(|row| row.name == occurrence.schedule)
                    {
                        *last = row.last;
                    }
                }
                inner.commit(set).await
            })
        })
    };
    caught("an_occurrence_is_judged_by_the_last_one", liar).await;
}

#[tokio::test]
async fn a_catalogue_that_makes_plain_jobs_of_occurrences_is_caught() {
    let liar = changing(|change| {
        if let JobChange::Occur { job, .. } = change {
            *change = JobChange::Enqueue(job.clone());
        }
    });
    caught("an_occurrence_becomes_one_job", &liar).await;
    caught("a_job_of_a_schedule_neither_absorbs_nor_is_absorbed", &liar).await;
    caught("one_of_many_dispatches_of_an_occurrence_wins", &liar).await;
    caught("an_occurrence_is_dispatched_by_the_holder_of_the_duty_only", &liar).await;
    caught("an_occurrence_has_one_row_also_for_a_schedule_made_anew", &liar).await;
}

#[tokio::test]
async fn a_catalogue_that_makes_schedules_anew_is_caught() {
    let liar = || -> Tampering {
        Box::new(|inner, mut set| {
            Box::pin(async move {
                let changes = std::mem::take(&mut set.changes);
                for change in changes {
                    if let Change::Job(JobChange::PutSchedule { name, .. }) = &change {
                        set.changes.push(JobChange::RemoveSchedule(name.clone()).into());
                    }
                    set.changes.push(change);
                }
                inner.commit(set).await
            })
        })
    };
    caught("a_change_of_a_schedule_keeps_its_last_occurrence", liar).await;
}

#[tokio::test]
async fn a_catalogue_that_changes_the_mode_for_whoever_asks_is_caught() {
    let liar = || -> Tampering {
        Box::new(|inner, mut set| {
            Box::pin(async move {
                let now = inner.instance().await?;
                for change in &mut set.changes {
                    let Change::Instance(change) = change else { continue };
                    match change {
                        InstanceChange::Mode { from, .. } => *from = now.revision,
                        InstanceChange::Settle(node) => {
                            let (from, mode, service_node) = (now.revision, now.mode, Some(node.clone()));
                            *change = InstanceChange::Mode { from, mode, service_node };
                        }
                        _ => {}
                    }
                }
                inner.commit(set).await
            })
        })
    };
    caught("the_mode_is_changed_only_as_it_was_judged", liar).await;
    caught("the_first_node_becomes_the_service_node", liar).await;
}

#[tokio::test]
async fn a_catalogue_that_forgets_settings_is_caught() {
    let liar = || -> Tampering {
        Box::new(|inner, mut set| {
            Box::pin(async move {
                set.changes.retain(|change| !matches!(change, Change::Instance(InstanceChange::Set { .. })));
                inner.commit(set).await
            })
        })
    };
    caught("settings_are_kept_by_name", liar).await;
    caught("every_change_of_the_instance_has_another_revision", liar).await;
}
