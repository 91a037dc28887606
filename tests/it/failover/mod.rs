//! Fail-over with real processes: nodes are killed, frozen, stopped, drained, removed and added while
//! clients publish and read round robin through all that say they are ready.
//!
//! After each blow everything acknowledged must be downloadable through every node that runs, and the
//! catalogue itself is asked who may act. Times are printed and only bounded generously here; they are
//! promised and measured elsewhere. All of it runs with the `fast` timings.

mod clients;
mod clocks;
mod database;
mod freezing;
mod hints;
mod history;
mod house;
mod keys;
mod kills;
mod ladder;
mod load;
mod orderly;
mod partitions;
mod pausing;
mod promotion;
mod pulse;
mod roster;
mod spoilt;
mod upgrade;
mod wires;
mod witness;

/// Makes two tests of functions that take a [`house::Kind`].
macro_rules! on_both {
    ($($module:ident::$test:ident),* $(,)?) => {$(
        mod $test {
            use super::house::Kind;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() -> proget_tests::Outcome {
                super::$module::$test(Kind::Postgres).await
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_mariadb() -> proget_tests::Outcome {
                super::$module::$test(Kind::MariaDb).await
            }
        }
    )*};
}

on_both! {
    kills::whoever_is_killed_nothing_acknowledged_is_lost,
    freezing::a_frozen_primary_wakes_up_as_a_follower_and_its_late_writes_are_refused,
    clients::npm_pip_and_cargo_work_through_haproxy_all_the_while,
    hints::who_does_not_hear_the_others_works_all_the_same,
    partitions::who_is_cut_off_gives_way_and_comes_back,
    pausing::a_primary_that_stands_still_before_its_commit_is_not_heard_later,
    clocks::a_wrong_time_of_day_decides_nothing,
    clocks::clocks_that_run_too_fast_and_too_slow_lose_nothing,
    orderly::whoever_leaves_joins_or_drains_in_order_costs_no_request,
    ladder::modes_decide_whether_background_work_moves,
    roster::who_may_join_and_who_is_removed,
    upgrade::the_next_release_and_this_one_work_on_one_schema_both_ways,
    upgrade::a_schema_that_contracts_waits_for_older_programs_and_keeps_them_out,
    database::a_database_that_was_away_finds_all_nodes_again,
}
