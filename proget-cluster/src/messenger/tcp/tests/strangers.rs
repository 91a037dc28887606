//! Whoever reaches the port without being one of us: garbage, silence, floods, recordings, and one who has
//! the key but whose bytes are changed on the way. In the end two servers still hear each other.

use super::super::greeting;
use super::super::listen::MOST_GREETING;
use super::*;
use crate::messenger::wire::{self, LONGEST, STILL_HERE};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use uuid::Uuid;

async fn caller(node: &Node) -> TcpStream {
    TcpStream::connect(node.messenger.address).await.unwrap()
}

/// Reads until the other side hangs up.
async fn hung_up(stream: &mut TcpStream) {
    let ended =
        timeout(DEADLINE, async { while matches!(stream.read(&mut [0; 64]).await, Ok(1..)) {} }).await;
    ended.expect("it hangs up within the deadline");
}

#[tokio::test]
async fn garbage_is_hung_up_on_and_heard_by_nobody() {
    let (one, other) = two(&new_key()).await;
    let seed = Uuid::new_v4();
    println!("seed {seed}");
    let mut hints = one.messenger.hints(Topics::of(&[super::super::super::Topic::Settings]));
    let noise: Vec<u8> = seed.as_bytes().iter().copied().cycle().take(100).collect();
    let garbage: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\nhost: here\r\n\r\n",
        &[0, 0],
        &[[0, 64].as_slice(), &noise[..64]].concat(),
        &[[0, 63].as_slice(), &noise[..63]].concat(),
        &[[0, 9].as_slice(), &[0; 9]].concat(),
    ];
    for bytes in garbage {
        let mut stranger = caller(&one).await;
        stranger.write_all(bytes).await.unwrap();
        hung_up(&mut stranger).await;
    }
    eventually("all are counted", || {
        let counts = one.messenger.counts();
        (counts.strangers, counts.other_keys) == (4, 1)
    })
    .await;
    assert!(futures::poll!(hints.next()).is_pending());
    other.reaches(&one, Hint::SettingsChanged).await;
}

#[tokio::test]
async fn an_oversized_frame_is_hung_up_on_before_it_has_come() {
    let (one, other) = two(&new_key()).await;
    let mut stranger = caller(&one).await;
    // Only the length: whoever waited for the rest would wait until the greeting is over.
    stranger.write_all(&[0xff, 0xff]).await.unwrap();
    let began = Instant::now();
    hung_up(&mut stranger).await;
    assert!(began.elapsed() < pace().greeting, "{:?}", began.elapsed());
    other.reaches(&one, Hint::SettingsChanged).await;
}

#[tokio::test]
async fn many_silent_callers_neither_stay_nor_keep_servers_out() {
    let key = new_key();
    let patient = Pace { greeting: Duration::from_secs(600), ..pace() };
    let node = Node::with(&key, |settings| settings.pace = patient).await;
    let mut silent = Vec::new();
    for _ in 0..5 * MOST_GREETING {
        silent.push(caller(&node).await);
    }
    let friend = Node::start(&key).await;
    friend.calls(&[&node]);
    friend.reaches(&node, Hint::JobsWaiting).await;
    let driven_out = u64::try_from(4 * MOST_GREETING).unwrap();
    eventually("the oldest are driven out", || node.messenger.counts().strangers >= driven_out).await;
    for oldest in silent.iter_mut().take(4 * MOST_GREETING) {
        hung_up(oldest).await;
    }
}

#[tokio::test]
async fn a_caller_that_does_not_greet_in_time_is_hung_up_on() {
    let hasty = Pace { greeting: Duration::from_millis(50), ..pace() };
    let node = Node::with(&new_key(), |settings| settings.pace = hasty).await;
    hung_up(&mut caller(&node).await).await;
    eventually("it is counted", || node.messenger.counts().strangers == 1).await;
}

#[tokio::test]
async fn a_peer_that_does_not_answer_in_time_is_told_and_called_again() {
    let hasty = Pace { greeting: Duration::from_millis(50), ..pace() };
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let node = Node::with(&new_key(), |settings| settings.pace = hasty).await;
    node.peers.send_replace(vec![mute.local_addr().unwrap().to_string()]);
    let first = timeout(DEADLINE, mute.accept()).await.unwrap().unwrap();
    let second = timeout(DEADLINE, mute.accept()).await.expect("it calls again").unwrap();
    let late = "it did not answer in time";
    assert!(matches!(node.only_link(), Some(PeerLink::Away { problem, .. }) if problem == late));
    drop((first, second));
}

#[tokio::test]
async fn a_server_that_falls_silent_is_hung_up_on() {
    let key = new_key();
    let brief = Pace { silence: Duration::from_millis(100), ..pace() };
    let node = Node::with(&key, |settings| settings.pace = brief).await;
    let mut stream = caller(&node).await;
    let (mut session, _) = greeting::greet(&mut stream, &key, Incarnation::random()).await.unwrap();
    wire::write(&mut stream, &session.seal(STILL_HERE).unwrap()).await.unwrap();
    hung_up(&mut stream).await;
}

#[tokio::test]
async fn a_frame_that_was_changed_or_repeated_on_the_way_ends_the_connection() {
    let key = new_key();
    let node = Node::start(&key).await;
    for is_repeated in [false, true] {
        let before = node.messenger.counts().heard;
        let mut stream = caller(&node).await;
        let (mut session, _) = greeting::greet(&mut stream, &key, Incarnation::random()).await.unwrap();
        wire::write(&mut stream, &session.seal(STILL_HERE).unwrap()).await.unwrap();
        let mut sealed = session.seal(&wire::encode(Hint::JobsWaiting)).unwrap();
        wire::write(&mut stream, &sealed).await.unwrap();
        eventually("the true one is heard", || node.messenger.counts().heard == before + 1).await;
        if !is_repeated {
            sealed = session.seal(&wire::encode(Hint::RoleChanged)).unwrap();
            sealed[0] ^= 1;
        }
        wire::write(&mut stream, &sealed).await.unwrap();
        hung_up(&mut stream).await;
        assert_eq!(node.messenger.counts().heard, before + 1);
    }
}

#[tokio::test]
async fn a_greeting_that_was_recorded_gets_nobody_in() {
    let key = new_key();
    let (node, friend) = (Node::start(&key).await, Node::start(&key).await);
    // Recorded from a true server on its way to a peer.
    let tap = TcpListener::bind("127.0.0.1:0").await.unwrap();
    friend.peers.send_replace(vec![tap.local_addr().unwrap().to_string()]);
    let (mut tapped, _) = timeout(DEADLINE, tap.accept()).await.unwrap().unwrap();
    let mut room = [0; LONGEST];
    let recorded = wire::read(&mut tapped, &mut room).await.unwrap().to_vec();
    let mut thief = caller(&node).await;
    wire::write(&mut thief, &recorded).await.unwrap();
    let answer = wire::read(&mut thief, &mut room).await.unwrap();
    assert_eq!(answer.len(), recorded.len(), "the greeting itself is a true one");
    wire::write(&mut thief, &[7; 17]).await.unwrap();
    hung_up(&mut thief).await;
    let counts = node.messenger.counts();
    assert_eq!((counts.heard, counts.strangers), (0, 1));
}
