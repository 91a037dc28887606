//! Taking seats patiently: a process that was killed a moment ago still has its name, and its
//! successor, which is here already, should not have to be started twice.

use super::{JoinRules, Membership, MembershipError, NodeCard};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often to try.
const PAUSE: Duration = Duration::from_millis(200);

/// Joins; if another process has the name, waits until that has been silent for long enough. One that
/// beats meanwhile is alive, and then this one is refused at once.
///
/// Takes at most about twice `abandoned_after`.
///
/// # Errors
/// As [`Membership::join`].
pub async fn take_seats(
    membership: &dyn Membership,
    card: &NodeCard,
    rules: JoinRules,
) -> Result<(), MembershipError> {
    let begun = Instant::now();
    let mut heard = Duration::ZERO;
    loop {
        let refused = match membership.join(card, rules).await {
            Err(refused @ MembershipError::Taken { .. }) => refused,
            outcome => return outcome,
        };
        let MembershipError::Taken { silent_for, name, .. } = &refused else { return Err(refused) };
        if *silent_for < heard || begun.elapsed() > 2 * rules.abandoned_after {
            return Err(refused);
        }
        if heard.is_zero() {
            tracing::info!(node = %name, "a former process has this node's name; waiting whether it still beats");
        }
        heard = *silent_for;
        sleep(PAUSE.min(rules.abandoned_after / 10)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Component, MemoryMembership};
    use super::*;
    use crate::election::BootClock;
    use proget_core::cluster::NodeName;
    use proget_core::ids::Incarnation;
    use std::sync::Arc;
    use tokio::time::timeout;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn process() -> NodeCard {
        NodeCard::bare(NodeName::new("a").unwrap(), Incarnation::random(), Component::ALL)
    }

    #[tokio::test]
    async fn the_successor_of_a_killed_process_waits_for_its_name_and_gets_it() {
        let rules = JoinRules { max_servers: None, abandoned_after: Duration::from_millis(300) };
        let roster = MemoryMembership::new(Arc::new(BootClock));
        let (killed, successor) = (process(), process());
        roster.join(&killed, rules).await.unwrap();
        timeout(PATIENCE, take_seats(&roster, &successor, rules)).await.unwrap().unwrap();
        assert!(roster.beat(&successor).await.unwrap().seated);
        assert!(!roster.beat(&killed).await.unwrap().seated);
    }

    #[tokio::test]
    async fn the_double_of_a_process_that_beats_is_refused_as_soon_as_that_beats() {
        let rules = JoinRules { max_servers: None, abandoned_after: PATIENCE };
        let roster = MemoryMembership::new(Arc::new(BootClock));
        let (alive, double) = (process(), process());
        roster.join(&alive, rules).await.unwrap();
        let beating = {
            let (roster, alive) = (roster.clone(), alive.clone());
            tokio::spawn(async move {
                loop {
                    roster.beat(&alive).await.unwrap();
                    sleep(Duration::from_millis(330)).await;
                }
            })
        };
        let begun = Instant::now();
        let refused = timeout(PATIENCE, take_seats(&roster, &double, rules)).await.unwrap();
        assert!(matches!(refused, Err(MembershipError::Taken { .. })), "{refused:?}");
        assert!(begun.elapsed() < PATIENCE / 2, "it took {:?}", begun.elapsed());
        assert!(roster.beat(&alive).await.unwrap().seated && !beating.is_finished());
        beating.abort();
    }
}
