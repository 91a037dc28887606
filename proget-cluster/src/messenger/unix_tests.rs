//! The suite through a socket, and what becomes of hints when processes come, go and misbehave. The
//! "processes" are messengers of one process: the lock belongs to the open file, so they cannot tell.

use super::conformance::{Pair, messenger};
use super::*;
use futures::StreamExt as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

const DEADLINE: Duration = Duration::from_secs(20);

async fn becomes(messenger: &UnixMessenger, wanted: impl Fn(Standing) -> bool) {
    let mut standing = messenger.standing();
    timeout(DEADLINE, standing.wait_for(|now| wanted(*now))).await.expect("within the deadline").unwrap();
}

async fn two(path: &Path) -> (UnixMessenger, UnixMessenger) {
    let host = UnixMessenger::start(path).unwrap();
    becomes(&host, |now| now == Standing::Hosting(0)).await;
    let guest = UnixMessenger::start(path).unwrap();
    becomes(&guest, |now| now == Standing::Guest).await;
    becomes(&host, |now| now == Standing::Hosting(1)).await;
    (host, guest)
}

/// Gives a hint again and again until it is heard.
async fn reaches(from: &UnixMessenger, to: &UnixMessenger, hint: Hint) {
    let mut hints = to.hints(Topics::ALL);
    let said = async {
        loop {
            from.hint(hint);
            sleep(Duration::from_millis(5)).await;
        }
    };
    let heard = async { while hints.next().await != Some(hint) {} };
    let both = async {
        tokio::select! { () = said => {}, () = heard => {} }
    };
    timeout(DEADLINE, both).await.expect("the hint is heard within the deadline");
}

#[tokio::test]
async fn hints_through_a_socket_keep_their_promises() {
    messenger(async || {
        let place = tempfile::tempdir().unwrap();
        let (host, guest) = two(&place.path().join("hints")).await;
        Pair { here: Box::new(guest), there: Box::new(host), kept: Box::new(place) }
    })
    .await;
}

#[tokio::test]
async fn hints_from_the_host_to_its_guest_keep_their_promises() {
    messenger(async || {
        let place = tempfile::tempdir().unwrap();
        let (host, guest) = two(&place.path().join("hints")).await;
        Pair { here: Box::new(host), there: Box::new(guest), kept: Box::new(place) }
    })
    .await;
}

#[tokio::test]
async fn the_host_passes_on_what_a_guest_says_but_not_back_to_it() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("hints");
    let (host, one) = two(&path).await;
    let other = UnixMessenger::start(&path).unwrap();
    becomes(&host, |now| now == Standing::Hosting(2)).await;
    let (mut one_hears, mut other_hears) = (one.hints(Topics::ALL), other.hints(Topics::ALL));
    one.hint(Hint::JobsWaiting);
    assert_eq!(timeout(DEADLINE, other_hears.next()).await, Ok(Some(Hint::JobsWaiting)));
    other.hint(Hint::RoleChanged);
    let heard: Vec<_> = timeout(DEADLINE, one_hears.by_ref().take(2).collect()).await.unwrap();
    assert_eq!(heard, [Hint::JobsWaiting, Hint::RoleChanged]);
}

#[tokio::test]
async fn another_process_hosts_when_the_host_is_gone() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("hints");
    let (host, one) = two(&path).await;
    let other = UnixMessenger::start(&path).unwrap();
    becomes(&host, |now| now == Standing::Hosting(2)).await;
    drop(host);
    reaches(&one, &other, Hint::JobsWaiting).await;
    reaches(&other, &one, Hint::RosterChanged).await;
}

#[tokio::test]
async fn a_stale_socket_is_replaced_and_only_its_user_may_open_the_new_one() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("hints");
    // As a process leaves it that was killed: the name stays, nobody listens.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    let (host, guest) = two(&path).await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(place.path().join("hints.lock")).unwrap().permissions().mode() & 0o777, 0o600);
    reaches(&guest, &host, Hint::JobsWaiting).await;
}

#[tokio::test]
async fn a_file_in_the_place_of_the_socket_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("hints");
    fs::write(&path, "precious").unwrap();
    let refused = UnixMessenger::start(&path).unwrap_err();
    assert!(refused.to_string().contains("is no socket"), "{refused}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn garbage_and_oversized_frames_end_only_their_own_connection() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("hints");
    let (host, guest) = two(&path).await;
    let mut oversized = UnixStream::connect(&path).await.unwrap();
    becomes(&host, |now| now == Standing::Hosting(2)).await;
    oversized.write_all(&[0xff; 600]).await.unwrap();
    let ended = timeout(DEADLINE, oversized.read(&mut [0; 1])).await.expect("the host hangs up");
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    becomes(&host, |now| now == Standing::Hosting(1)).await;
    reaches(&guest, &host, Hint::SettingsChanged).await;
}
