//! What needs no etcd: addresses, and a member that answers nonsense, nothing, or not at all.

use super::*;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const ROLE: Role = Role::SWEEPER;

fn address(written: &str) -> EtcdAddress {
    written.parse().unwrap()
}

fn refused(written: &str) -> String {
    written.parse::<EtcdAddress>().unwrap_err().to_string()
}

#[test]
fn an_address_names_members_a_folder_and_who_calls() {
    let plain = address("etcd://one");
    assert_eq!((plain.members[0].to_string().as_str(), plain.prefix.as_str()), ("one:2379", "/proget"));
    assert!(plain.user.is_none() && plain.tls.is_none());
    let full = address("etcds://us%40er:p%3Aw%2F@a:1,[::1]:2,c/team/x/?ca=/c%20a.pem&certificate=/c&key=/k");
    let members: Vec<String> = full.members.iter().map(ToString::to_string).collect();
    assert_eq!(members, ["a:1", "[::1]:2", "c:2379"]);
    assert_eq!(full.prefix, "/team/x");
    let (user, password) = full.user.unwrap();
    assert_eq!((user.as_str(), password.reveal()), ("us@er", "p:w/"));
    let files = full.tls.unwrap();
    assert_eq!((files.ca.to_str(), files.own.is_some()), (Some("/c a.pem"), true));
}

#[test]
fn an_address_that_cannot_be_used_says_why_and_shows_no_password() {
    for (written, word) in [
        ("http://a", "etcd://HOST"),
        ("a:2379", "etcd://HOST"),
        ("etcd://", "hosts"),
        ("etcd://a,", "hosts"),
        ("etcd://a b", "hosts"),
        ("etcd://a:99999", "port"),
        ("etcd://a:x", "port"),
        ("etcd://hushhush@a", "USER:PASSWORD"),
        ("etcd://:hushhush@a", "USER:PASSWORD"),
        ("etcds://a", "ca=FILE"),
        ("etcd://a?ca=/x", "etcds"),
        ("etcds://a?ca=/x&key=/y", "belong together"),
        ("etcds://a?certificate=/x&key=/y", "need ca"),
        ("etcds://a?ca=/x&ca=/y", "one file"),
        ("etcds://a?ca=", "one file"),
        ("etcds://a?cert=/x", "parameters are"),
    ] {
        let said = refused(written);
        assert!(said.contains(word) && !said.contains("hushhush"), "{written}: {said}");
    }
    let shown = format!("{:?}", address("etcd://me:hushhush@a"));
    assert!(!shown.contains("hushhush"), "{shown}");
}

#[test]
fn a_file_that_is_no_certificate_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let written = format!("etcds://a?ca={}", file.display());
    let open = || EtcdElection::new(&address(&written), Duration::from_secs(1)).unwrap_err().to_string();
    let missing = open();
    std::fs::write(&file, "nothing of the kind").unwrap();
    for said in [missing, open()] {
        assert!(said.contains("ca.pem"), "{said}");
    }
}

/// Reads a request to its end: whoever closes with something unread takes his answer back. False if none comes.
fn heard(stream: &mut TcpStream) -> bool {
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return true;
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return false,
            Ok(read) => request.extend_from_slice(&piece[..read]),
        }
    }
}

/// Answers every request with this text, or never.
fn member(answer: Option<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        // Connections are kept, or their end would be an answer.
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if !heard(&mut stream) {
                continue;
            }
            if let Some(answer) = &answer {
                let _ = stream.write_all(answer.as_bytes());
            } else {
                kept.push(stream);
            }
        }
    });
    at.to_string()
}

fn nobody() -> String {
    // Bound and let go again: nobody listens there now.
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn election(members: &[&str], limit: Duration) -> EtcdElection {
    EtcdElection::new(&address(&format!("etcd://{}", members.join(","))), limit).unwrap()
}

const SOON: Duration = Duration::from_secs(20);

fn answer(head: &str, body: &str) -> Option<String> {
    let length = body.len();
    Some(format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"))
}

/// What is answered to everything by an etcd without keys.
fn empty() -> Option<String> {
    answer("200 OK", r#"{"succeeded":true,"responses":[{"response_range":{}},{},{}]}"#)
}

#[tokio::test]
async fn a_member_that_is_not_there_costs_nothing_and_one_that_hangs_one_call() {
    let (absent, silent, well) = (nobody(), member(None), member(empty()));
    election(&[&absent, &well], SOON).look(&[ROLE]).await.unwrap();
    let hasty = election(&[&silent, &well], Duration::from_millis(300));
    let error = hasty.look(&[ROLE]).await.unwrap_err();
    assert!(proget_core::problem::chain(&error).contains("300 ms"), "{error:?}");
    hasty.look(&[ROLE]).await.unwrap();
    // Whoever has less patience than the register and leaves has the same effect.
    let patient = election(&[&silent, &well], SOON);
    timeout(Duration::from_millis(300), patient.look(&[ROLE])).await.unwrap_err();
    patient.look(&[ROLE]).await.unwrap();
}

#[tokio::test]
async fn whoever_answers_but_is_no_etcd_is_an_error_and_says_so() {
    let no_leader = r#"{"message":"etcdserver: no leader","code":14}"#;
    let half = Some("HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n{\"succeeded\":true".to_owned());
    for (answer, word) in [
        (answer("404 Not Found", "Not Found\n"), "gateway"),
        (answer("200 OK", "<html>"), "something else"),
        (answer("503 Service Unavailable", no_leader), "more than half"),
        (half, "broke"),
    ] {
        let election = election(&[&member(answer)], SOON);
        let held = [Holding { role: ROLE, term: 1 }];
        let error = election.renew(Incarnation::random(), &held, SOON).await.unwrap_err();
        let said = proget_core::problem::chain(&error);
        assert!(said.contains(word), "{said}");
    }
}

/// Answers as an empty etcd, keeps connections, and counts them.
fn counting() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (at, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let answer = empty().unwrap().replace("Connection: close\r\n", "");
                while heard(&mut stream) {
                    stream.write_all(answer.as_bytes()).unwrap();
                }
            });
        }
    });
    (at.to_string(), count)
}

#[tokio::test]
async fn calls_one_after_the_other_share_a_connection_and_those_at_once_do_not_wait() {
    let (at, count) = counting();
    let election = election(&[&at], SOON);
    for _ in 0..20 {
        election.look(&[ROLE]).await.unwrap();
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
    let both = [ROLE];
    let (one, other) = tokio::join!(election.look(&both), election.look(&both));
    one.unwrap();
    other.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 2);
}
