//! Messengers over TCP on loopback: the suite, peers that come and go, and keys that differ. Strangers
//! have a page of their own.

mod strangers;

use super::super::conformance::{Pair, messenger};
use super::*;
use futures::StreamExt as _;
use proget_core::keys::{EncryptionKey, KeyRing};
use std::io::Write;
use tokio::io::AsyncWriteExt as _;
use tokio::time::{sleep, timeout};
use tracing_subscriber::fmt::MakeWriter;

const DEADLINE: Duration = Duration::from_secs(20);

fn new_key() -> SecretKey {
    let ring = KeyRing::new(vec![EncryptionKey::generate().unwrap()]).unwrap();
    ring.messenger_key(ring.fingerprints()[0]).unwrap()
}

/// Quick enough for a test, slow enough for a machine that is busy.
fn pace() -> Pace {
    Pace {
        keep_alive: Duration::from_millis(200),
        refused_retry: Duration::from_millis(100),
        last_retry: Duration::from_millis(200),
        ..Pace::default()
    }
}

/// A messenger with the list of its peers.
#[derive(Debug)]
struct Node {
    messenger: TcpMessenger,
    peers: watch::Sender<Vec<String>>,
}

impl Node {
    async fn with(key: &SecretKey, change: impl FnOnce(&mut TcpSettings)) -> Self {
        let mut settings = TcpSettings {
            listen: ([127, 0, 0, 1], 0).into(),
            key: key.clone(),
            accepted: Vec::new(),
            me: Incarnation::random(),
            pace: pace(),
        };
        change(&mut settings);
        let peers = watch::Sender::new(Vec::new());
        let messenger = TcpMessenger::start(settings, peers.subscribe()).await.unwrap();
        Self { messenger, peers }
    }

    async fn start(key: &SecretKey) -> Self {
        Self::with(key, |_| {}).await
    }

    fn calls(&self, others: &[&Self]) {
        self.peers.send_replace(others.iter().map(|other| other.messenger.address.to_string()).collect());
    }

    fn only_link(&self) -> Option<PeerLink> {
        self.messenger.peers().into_iter().next().map(|peer| peer.link)
    }

    async fn is_connected(&self) {
        let connected = || matches!(self.only_link(), Some(PeerLink::Connected { .. }));
        eventually("the peer is connected", connected).await;
    }

    /// Gives a hint again and again until the other hears it.
    async fn reaches(&self, other: &Self, hint: Hint) {
        let mut hints = other.messenger.hints(Topics::ALL);
        let said = async {
            loop {
                self.messenger.hint(hint);
                sleep(Duration::from_millis(5)).await;
            }
        };
        let heard = async { while hints.next().await != Some(hint) {} };
        let both = async {
            tokio::select! { () = said => {}, () = heard => {} }
        };
        timeout(DEADLINE, both).await.expect("the hint is heard within the deadline");
    }
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < until, "not within the deadline: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Two that are connected both ways.
async fn two(key: &SecretKey) -> (Node, Node) {
    let (one, other) = (Node::start(key).await, Node::start(key).await);
    one.calls(&[&other]);
    other.calls(&[&one]);
    one.is_connected().await;
    other.is_connected().await;
    one.reaches(&other, Hint::FeedChanged(proget_core::ids::FeedId(77))).await;
    other.reaches(&one, Hint::FeedChanged(proget_core::ids::FeedId(77))).await;
    // What the rehearsal said twice must not be heard by whoever listens from now on.
    let quiet = || one.messenger.shared.outgoing.is_empty() && other.messenger.shared.outgoing.is_empty();
    eventually("nothing waits to be said", quiet).await;
    let settled = || {
        let (here, there) = (one.messenger.counts(), other.messenger.counts());
        here.sent == there.heard && there.sent == here.heard
    };
    eventually("all is heard", settled).await;
    (one, other)
}

#[tokio::test]
async fn hints_over_tcp_keep_their_promises() {
    let key = new_key();
    messenger(async || {
        let (one, other) = two(&key).await;
        let kept = (one.peers, other.peers);
        Pair { here: Box::new(one.messenger), there: Box::new(other.messenger), kept: Box::new(kept) }
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_restarts_is_found_again_and_told_what_it_missed() {
    let key = new_key();
    let (stays, leaves) = two(&key).await;
    let address = leaves.messenger.address;
    drop(leaves);
    eventually("it is away", || matches!(stays.only_link(), Some(PeerLink::Away { .. }))).await;
    stays.messenger.hint(Hint::SettingsChanged);
    let back = Node::with(&key, |settings| settings.listen = address).await;
    let mut hints = back.messenger.hints(Topics::ALL);
    assert_eq!(timeout(DEADLINE, hints.next()).await, Ok(Some(Hint::SettingsChanged)));
    let Some(PeerLink::Connected { to, .. }) = stays.only_link() else { panic!("{stays:?}") };
    assert_eq!(to, back.messenger.shared.me, "the process that came, not the one that left");
}

#[tokio::test]
async fn a_connection_that_is_cut_is_made_anew() {
    let key = new_key();
    let (one, other) = (Node::start(&key).await, Node::start(&key).await);
    let between = TcpListener::bind("127.0.0.1:0").await.unwrap();
    one.peers.send_replace(vec![between.local_addr().unwrap().to_string()]);
    for _ in 0..3 {
        let (mut near, _) = timeout(DEADLINE, between.accept()).await.expect("it calls again").unwrap();
        let mut far = tokio::net::TcpStream::connect(other.messenger.address).await.unwrap();
        let passing = tokio::io::copy_bidirectional(&mut near, &mut far);
        tokio::select! {
            () = one.reaches(&other, Hint::JobsWaiting) => {}
            ended = passing => panic!("it ended by itself: {ended:?}"),
        }
        drop((near, far));
    }
}

#[tokio::test]
async fn a_peer_that_is_heard_of_no_more_is_away_though_all_that_is_said_is_taken() {
    let key = new_key();
    let brief = Pace { silence: Duration::from_millis(600), ..pace() };
    let (one, other) = (Node::with(&key, |settings| settings.pace = brief).await, Node::start(&key).await);
    let between = TcpListener::bind("127.0.0.1:0").await.unwrap();
    one.peers.send_replace(vec![between.local_addr().unwrap().to_string()]);
    let (mut near, _) = timeout(DEADLINE, between.accept()).await.unwrap().unwrap();
    let mut far = tokio::net::TcpStream::connect(other.messenger.address).await.unwrap();
    let long_enough = async {
        one.is_connected().await;
        sleep(brief.silence * 2).await;
    };
    tokio::select! {
        () = long_enough => {}
        ended = tokio::io::copy_bidirectional(&mut near, &mut far) => panic!("it ended by itself: {ended:?}"),
    }
    assert!(
        matches!(one.only_link(), Some(PeerLink::Connected { .. })),
        "without a hint it is still connected"
    );
    let all_is_taken = async {
        let mut room = [0; 64];
        while tokio::io::AsyncReadExt::read(&mut near, &mut room).await.is_ok_and(|length| length > 0) {
            one.messenger.hint(Hint::JobsWaiting);
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, all_is_taken).await.expect("it hangs up within the deadline");
    eventually(
        "it is away",
        || matches!(one.only_link(), Some(PeerLink::Away { problem, .. }) if problem == "it fell silent"),
    )
    .await;
}

/// What is told in the log of this thread while it lives.
fn log() -> (Arc<Mutex<Vec<u8>>>, tracing::subscriber::DefaultGuard) {
    #[derive(Clone)]
    struct Sink(Arc<Mutex<Vec<u8>>>);
    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            Write::write(&mut *self.0.lock().unwrap(), bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    impl<'a> MakeWriter<'a> for Sink {
        type Writer = Self;
        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }
    let told = Arc::new(Mutex::default());
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(Sink(told.clone())).finish();
    (told, tracing::subscriber::set_default(log))
}

#[tokio::test]
async fn another_key_is_told_on_both_sides_once_and_costs_nothing_else() {
    let (told, _guard) = log();
    let (key, other_key) = (new_key(), new_key());
    let (one, friend) = two(&key).await;
    let odd = Node::start(&other_key).await;
    odd.calls(&[&one]);
    eventually("the caller knows", || matches!(odd.only_link(), Some(PeerLink::OtherKey { .. }))).await;
    eventually("it calls again and again", || one.messenger.counts().other_keys >= 3).await;
    odd.messenger.hint(Hint::RoleChanged);
    one.reaches(&friend, Hint::JobsWaiting).await;
    friend.reaches(&one, Hint::RosterChanged).await;
    let (heard, said) = (one.messenger.counts().heard, friend.messenger.counts().sent);
    assert!(heard <= said, "{heard} heard, {said} said by those with the key");
    assert_eq!(odd.messenger.counts(), Counts::default());
    let told = String::from_utf8(told.lock().unwrap().clone()).unwrap();
    let times = |words| told.matches(words).count();
    assert_eq!(times("the peer has another encryption key"), 1, "{told}");
    assert_eq!(times("a server with another encryption key"), 1, "{told}");
    assert_eq!(times("give all servers the same keys"), 2, "{told}");
}

#[tokio::test]
async fn while_keys_are_changed_both_the_old_and_the_new_one_are_understood() {
    let (old, new) = (new_key(), new_key());
    let promoted = Node::with(&new, |settings| settings.accepted.push(old.clone())).await;
    let behind = Node::with(&old, |settings| settings.accepted.push(new.clone())).await;
    promoted.calls(&[&behind]);
    behind.calls(&[&promoted]);
    promoted.reaches(&behind, Hint::JobsWaiting).await;
    behind.reaches(&promoted, Hint::RosterChanged).await;
}

#[tokio::test]
async fn a_peer_that_has_left_the_list_is_forgotten_and_one_that_came_is_told() {
    let key = new_key();
    let (one, leaves) = two(&key).await;
    let comes = Node::start(&key).await;
    one.calls(&[&comes]);
    one.reaches(&comes, Hint::JobsWaiting).await;
    let addresses: Vec<String> = one.messenger.peers().into_iter().map(|peer| peer.address).collect();
    assert_eq!(addresses, [comes.messenger.address.to_string()]);
    let heard = leaves.messenger.counts().heard;
    one.reaches(&comes, Hint::RosterChanged).await;
    assert_eq!(leaves.messenger.counts().heard, heard);
}

#[tokio::test]
async fn a_node_that_finds_itself_in_the_list_does_not_talk_to_itself() {
    let node = Node::start(&new_key()).await;
    node.calls(&[&node]);
    eventually("it knows itself", || node.only_link() == Some(PeerLink::Myself)).await;
    node.messenger.hint(Hint::JobsWaiting);
    assert_eq!(node.messenger.counts(), Counts::default());
}

#[tokio::test]
async fn an_address_that_is_taken_is_refused_with_the_address() {
    let key = new_key();
    let node = Node::start(&key).await;
    let settings = TcpSettings {
        listen: node.messenger.address,
        key,
        accepted: Vec::new(),
        me: Incarnation::random(),
        pace: pace(),
    };
    let refused = TcpMessenger::start(settings, node.peers.subscribe()).await.unwrap_err();
    assert!(refused.to_string().contains(&node.messenger.address.to_string()), "{refused}");
}

#[tokio::test]
async fn a_peer_that_cannot_be_reached_is_told_with_its_reason() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let node = Node::start(&new_key()).await;
    node.peers.send_replace(vec![free.to_string()]);
    eventually("it is away", || matches!(node.only_link(), Some(PeerLink::Away { .. }))).await;
    let Some(PeerLink::Away { problem, .. }) = node.only_link() else { panic!("{node:?}") };
    assert!(problem.contains("refused"), "{problem}");
}

#[tokio::test]
async fn something_else_at_a_peers_address_is_told_and_not_trusted() {
    let web = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let node = Node::start(&new_key()).await;
    node.peers.send_replace(vec![web.local_addr().unwrap().to_string()]);
    let (mut caller, _) = timeout(DEADLINE, web.accept()).await.unwrap().unwrap();
    caller.write_all(b"\x00\x10not our protocol").await.unwrap();
    let stranger = "what answered is no messenger of a server";
    let known = || matches!(node.only_link(), Some(PeerLink::Away { problem, .. }) if problem == stranger);
    eventually("it is known for what it is", known).await;
}
