//! A holding, as those who work because of it see it.

use super::clock::SteadyClock;
use super::{Holding, Tick};
use proget_core::catalog::{Fence, Role};
use proget_core::ids::Incarnation;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Until when a holding is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trust {
    pub(super) held: Holding,
    pub(super) until: Tick,
}

/// This process holds a role, as far as it knows.
///
/// A value that expires, not a callback that may be missed: whoever works asks it for the fence
/// before each step, and carries the fence in what the step writes.
#[derive(Debug, Clone)]
pub struct Leadership {
    fence: Fence,
    trust: watch::Receiver<Option<Trust>>,
    clock: Arc<dyn SteadyClock>,
}

/// The role is not held any more, or may not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this process does not hold the role '{0}' any more")]
pub struct RoleLost(pub Role);

impl Leadership {
    /// What is to be carried by the next write.
    ///
    /// # Errors
    /// If the role may be another's by now: nothing that cannot be taken back may begin then.
    pub fn fence(&self) -> Result<Fence, RoleLost> {
        let until = self.until().ok_or(RoleLost(self.fence.role))?;
        if self.clock.tick() < until { Ok(self.fence) } else { Err(RoleLost(self.fence.role)) }
    }

    /// The number of the holding, also when it is over.
    #[must_use]
    pub fn term(&self) -> i64 {
        self.fence.term
    }

    /// For how long it may still be acted on without a renewal; zero if not any more.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.until().map_or(Duration::ZERO, |until| until.0.saturating_sub(self.clock.tick().0))
    }

    /// Waits until the role is not held any more, for whatever reason.
    pub async fn lost(&self) {
        let mut trust = self.trust.clone();
        loop {
            trust.borrow_and_update();
            let Some(until) = self.until() else { return };
            let left = until.0.saturating_sub(self.clock.tick().0);
            if left.is_zero() {
                return;
            }
            tokio::select! {
                biased;
                changed = trust.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(left.min(Duration::from_secs(1))) => {}
            }
        }
    }

    /// The end of the trust in this very holding.
    fn until(&self) -> Option<Tick> {
        let trust = *self.trust.borrow();
        trust.filter(|trust| trust.held.term == self.fence.term).map(|trust| trust.until)
    }
}

/// Where one role's holdings are published.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) trust: watch::Sender<Option<Trust>>,
}

impl Seat {
    pub(super) fn new() -> Self {
        Self { trust: watch::Sender::new(None) }
    }
}

/// Waits for this process to hold one role.
#[derive(Debug, Clone)]
pub struct RoleWatch {
    pub(super) role: Role,
    pub(super) me: Incarnation,
    pub(super) trust: watch::Receiver<Option<Trust>>,
    pub(super) clock: Arc<dyn SteadyClock>,
}

impl RoleWatch {
    /// Which role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The holding, if there is one at this moment.
    #[must_use]
    pub fn now(&self) -> Option<Leadership> {
        let trust = *self.trust.borrow();
        let leadership = trust.map(|trust| self.leadership(trust))?;
        leadership.fence().is_ok().then_some(leadership)
    }

    /// Waits until this process holds the role; `None` if the elector has ended.
    pub async fn held(&mut self) -> Option<Leadership> {
        loop {
            if let Some(leadership) = self.now() {
                return Some(leadership);
            }
            self.trust.changed().await.ok()?;
        }
    }

    fn leadership(&self, trust: Trust) -> Leadership {
        let fence = Fence { role: self.role, term: trust.held.term, holder: self.me };
        Leadership { fence, trust: self.trust.clone(), clock: Arc::clone(&self.clock) }
    }
}
