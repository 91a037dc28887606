//! How well this machine is: a commit to the same database at each tick, and how late the latest one was.
//!
//! Who lives keeps its role as long as it can renew its lease, and is ready as long as the database answers;
//! no node can be that on a machine whose disk or processors stand still for seconds, as shared ones do. A
//! test that finds that a role moved away from a living node, or that all nodes stood back and a request
//! failed, asks here whether that was the machine's doing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use proget_tests::{Database, Outcome};
use sea_orm::ConnectionTrait as _;
use tokio::task::JoinHandle;

const TICK: Duration = Duration::from_millis(100);

pub(super) struct Pulse {
    state: Arc<Mutex<State>>,
    beating: JoinHandle<()>,
}

/// What is asked about; for each the machine is watched since its own last question.
#[derive(Clone, Copy, Debug)]
pub(super) enum About {
    Roles,
    Requests,
}

struct State {
    last: Instant,
    longest: [Duration; 2],
}

impl State {
    /// The longest times between two ticks that were kept, up to now.
    fn longest(&self) -> [Duration; 2] {
        self.longest.map(|longest| longest.max(self.last.elapsed()))
    }
}

impl Pulse {
    pub(super) async fn start(database: &Database) -> Outcome<Self> {
        let raw = database.connect().await?;
        let table = "CREATE TABLE pulse (beats BIGINT)";
        raw.execute_unprepared(table).await.context("making the table of the pulse")?;
        raw.execute_unprepared("INSERT INTO pulse (beats) VALUES (0)").await?;
        let state = Arc::new(Mutex::new(State { last: Instant::now(), longest: [Duration::ZERO; 2] }));
        let kept = state.clone();
        let beating = tokio::spawn(async move {
            loop {
                // While the database is away nothing is kept, which is as it should be.
                if raw.execute_unprepared("UPDATE pulse SET beats = beats + 1").await.is_ok() {
                    let mut state = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    *state = State { last: Instant::now(), longest: state.longest() };
                }
                tokio::time::sleep(TICK).await;
            }
        });
        Ok(Self { state, beating })
    }

    /// For how long at a time the machine stood still at most, since this was asked last.
    pub(super) fn longest_pause(&self, about: About) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = state.longest()[about as usize];
        state.longest[about as usize] = Duration::ZERO;
        longest
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.beating.abort();
    }
}
