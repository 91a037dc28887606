//! Slows down those who guess passwords: per account and address, and per address over all
//! accounts. Counted on this node only.
//!
//! Only failures count, so a client that sends its right password with hundreds of requests at
//! once is never slowed. Whoever is slowed down gets "busy", also with the right password:
//! otherwise the answer would tell it apart. An account cannot be locked from another address.

use proget_core::{Clock, Problem};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many failures in a row are forgiven for one account from one address; after that, one per `pause`.
const ACCOUNT: Allowance = Allowance { failures: 10, pause: Duration::from_secs(10) };

/// The same for all accounts together from one address, behind which there may be a whole office.
const ADDRESS: Allowance = Allowance { failures: 100, pause: Duration::from_secs(1) };

/// So many places are remembered; the one that is forgiven soonest makes room.
const PLACES: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Allowance {
    failures: u32,
    pause: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Account(String, Option<IpAddr>),
    Address(Option<IpAddr>),
}

/// Remembers failed sign-ins.
#[derive(Debug)]
pub(crate) struct Throttle {
    clock: Arc<dyn Clock>,
    /// When all failures of a place will have been forgiven, one `pause` after the other.
    forgiven: Mutex<HashMap<Place, Instant>>,
}

impl Throttle {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, forgiven: Mutex::default() }
    }

    /// May a password be tried now?
    pub(crate) fn check(&self, user: &str, address: Option<IpAddr>) -> Result<(), Problem> {
        let now = self.clock.tick();
        let forgiven = self.lock();
        for (place, allowance) in places(user, address) {
            let debt = forgiven.get(&place).map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
            let bearable = allowance.pause * allowance.failures.saturating_sub(1);
            if debt > bearable {
                let retry_after = Duration::from_secs((debt - bearable).as_secs() + 1);
                return Err(Problem::Busy {
                    what: "too many failed sign-ins from your address",
                    retry_after,
                });
            }
        }
        Ok(())
    }

    /// A password was wrong.
    pub(crate) fn failed(&self, user: &str, address: Option<IpAddr>) {
        let now = self.clock.tick();
        let mut forgiven = self.lock();
        for (place, allowance) in places(user, address) {
            make_room(&mut forgiven, now);
            let at = forgiven.entry(place).or_insert(now);
            *at = (*at).max(now) + allowance.pause;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Instant>> {
        self.forgiven.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn places(user: &str, address: Option<IpAddr>) -> [(Place, Allowance); 2] {
    let address = address.map(subscriber);
    [(Place::Account(user.to_lowercase(), address), ACCOUNT), (Place::Address(address), ADDRESS)]
}

/// Whoever has an IPv6 address has at least a /64 full of them.
fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_none() => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        other => other.to_canonical(),
    }
}

fn make_room(forgiven: &mut HashMap<Place, Instant>, now: Instant) {
    if forgiven.len() < PLACES {
        return;
    }
    forgiven.retain(|_, at| *at > now);
    while forgiven.len() >= PLACES {
        let soonest = forgiven.iter().min_by_key(|(_, at)| **at).map(|(place, _)| place.clone());
        let Some(soonest) = soonest else { return };
        forgiven.remove(&soonest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proget_core::clock::ManualClock;

    fn throttle() -> (Throttle, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::default());
        (Throttle::new(clock.clone()), clock)
    }

    fn from(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, 0, last]))
    }

    #[test]
    fn ten_failures_are_forgiven_and_the_eleventh_try_waits() {
        let (throttle, clock) = throttle();
        for _ in 0..10 {
            assert_eq!(throttle.check("Bob", from(1)), Ok(()));
            throttle.failed("bob", from(1));
        }
        let refused = throttle.check("BOB", from(1));
        assert!(matches!(refused, Err(Problem::Busy { .. })), "{refused:?}");
        assert_eq!(throttle.check("bob", from(2)), Ok(()), "another address is not concerned");
        assert_eq!(throttle.check("eve", from(1)), Ok(()), "another account is not concerned yet");
        clock.advance(Duration::from_secs(11));
        assert_eq!(throttle.check("bob", from(1)), Ok(()));
        throttle.failed("bob", from(1));
        assert!(throttle.check("bob", from(1)).is_err(), "one try per pause");
    }

    #[test]
    fn an_address_that_tries_many_accounts_is_slowed_for_all() {
        let (throttle, _clock) = throttle();
        for user in 0..101 {
            throttle.failed(&format!("user{user}"), from(1));
        }
        assert!(throttle.check("somebody else", from(1)).is_err());
        assert_eq!(throttle.check("somebody else", from(2)), Ok(()));
    }

    #[test]
    fn an_ipv6_subscriber_is_one_address_and_memory_is_bounded() {
        let (throttle, _clock) = throttle();
        for last in 0..11_u16 {
            throttle.failed("bob", Some(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last])));
        }
        assert!(throttle.check("bob", Some(IpAddr::from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]))).is_err());
        for user in 0..PLACES + 50 {
            throttle.failed(&format!("user{user}"), from(3));
        }
        assert!(throttle.lock().len() <= PLACES);
    }
}
