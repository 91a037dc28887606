//! Tests of the way from what was written to checked parts.

use super::*;
use crate::accounts::FirstPassword;
use crate::http::{Limits, Timeouts};
use std::path::PathBuf;

fn from(
    variables: &[(&str, &str)],
    flags: &[(&'static str, &str)],
    file: Option<&str>,
) -> Result<Config, Complaints> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("given.toml");
    std::fs::write(&path, file.unwrap_or_default()).unwrap();
    let sources = Sources {
        file: Some(path),
        variables: variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
        flags: flags.iter().map(|(name, text)| (*name, (*text).to_owned())).collect(),
    };
    let mut complaints = Vec::new();
    let written = Written::gather(&sources, &mut complaints);
    Config::check(&written, complaints)
}

fn complaints(variables: &[(&str, &str)], flags: &[(&'static str, &str)], file: &str) -> String {
    from(variables, flags, Some(file)).unwrap_err().to_string()
}

#[test]
fn without_any_configuration_the_defaults_are_those_of_the_parts() {
    let config = from(&[], &[], None).unwrap();
    assert_eq!(config.front.limits, Limits::default());
    assert_eq!(config.front.timeouts, Timeouts::default());
    assert_eq!(config.front.addressing, crate::http::Addressing::default());
    assert_eq!(config.front.listen, ["127.0.0.1:8624".parse().unwrap()]);
    assert!(config.front.tls.is_none());
    let here = std::env::current_dir().unwrap().join("proget-data");
    assert_eq!(config.places.data_dir, here);
    assert_eq!(config.places.store.directory(), Some(here.join("packages").as_path()));
    assert_eq!(config.places.database.reveal(), format!("sqlite://{}/proget.db", here.display()));
}

/// A default that could not be parsed would silently become zero.
#[test]
fn every_default_is_a_value_that_could_have_been_written() {
    for setting in SETTINGS {
        if let Standard::Value(text) = setting.standard {
            let outcome = from(&[(&setting.variable(), text)], &[], None);
            assert!(outcome.is_ok(), "{}: {:?}", setting.name, outcome.err());
        }
    }
}

/// A setting that nobody reads would be a promise without a keeper.
#[test]
fn every_setting_is_read_and_refuses_nonsense() {
    // A text that no kind but `Text`, `Path` and `StoreAddress` accepts.
    for setting in SETTINGS {
        if matches!(setting.kind, Kind::Text | Kind::Path | Kind::StoreAddress) {
            continue;
        }
        let text = complaints(&[(&setting.variable(), "?!,\u{1}=")], &[], "");
        assert!(text.contains(setting.name) && text.contains(&setting.variable()), "{text}");
    }
    assert!(complaints(&[("PROGET_STORAGE_ROOT", "ftp://host/x")], &[], "").contains("storage-root"));
    let secret = complaints(&[("PROGET_STORAGE_ROOT", "s3://key:s3cret@bucket")], &[], "");
    assert!(secret.contains("credentials do not belong") && !secret.contains("s3cret"), "{secret}");
    let config = from(&[("PROGET_NODE_NAME", "one"), ("PROGET_DATA_DIR", "/srv/x y")], &[], None).unwrap();
    assert_eq!((config.node_name.as_str(), config.places.data_dir), ("one", PathBuf::from("/srv/x y")));
    assert_eq!(config.places.database.reveal(), "sqlite:///srv/x y/proget.db");
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let file = "timeout-drain = \"1s\"\ntimeout-idle = \"1s\"\ntimeout-write = \"1s\"\nlisten = [\"127.0.0.1:1\", \"[::1]:2\"]\nlimit-streams = 7";
    let variables = [("PROGET_TIMEOUT_IDLE", "2s"), ("PROGET_TIMEOUT_WRITE", "2s")];
    let config = from(&variables, &[("timeout-write", "3s")], Some(file)).unwrap();
    let times = &config.front.timeouts;
    assert_eq!((times.drain.as_secs(), times.idle.as_secs(), times.write.as_secs()), (1, 2, 3));
    assert_eq!((config.front.listen.len(), config.front.limits.streams), (2, 7));
}

#[test]
fn all_mistakes_are_told_at_once_each_with_its_source_and_a_hint() {
    let variables =
        [("PROGET_LISTN", "x"), ("PROGET_TLS_CERT", "/c.pem"), ("PROGET_LIMIT_BODY", "1GB"), ("OTHER", "x")];
    let text = complaints(&variables, &[("listen", "8624")], "lisen = 1\ntimeout-idle = true\n");
    assert!(text.starts_with("the configuration has 6 mistakes:"), "{text}");
    for words in [
        "PROGET_LISTN means nothing to this program\n    did you mean PROGET_LISTEN?",
        "there is no setting 'lisen'\n    did you mean listen?",
        "'timeout-idle' is neither a text, a number nor a list of texts",
        "tls-cert is set, but tls-key is not",
        "limit-body cannot be used (variable PROGET_LIMIT_BODY)\n    expected bytes such as",
        "listen cannot be used (flag --listen)\n    '8624' is not an address to listen on",
    ] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
}

#[test]
fn a_secret_may_come_from_a_file_but_not_from_two_places() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "correct horse\n").unwrap();
    let named = path.display().to_string();
    let config = from(&[("PROGET_ADMIN_PASSWORD_FILE", &named)], &[], None).unwrap();
    let FirstPassword::Given(password) = config.first_administrator.password else { panic!() };
    assert_eq!(password.reveal(), "correct horse");
    let both = [("PROGET_ADMIN_PASSWORD_FILE", named.as_str()), ("PROGET_ADMIN_PASSWORD", "battery staple")];
    let text = complaints(&both, &[], "");
    assert!(text.contains("both PROGET_ADMIN_PASSWORD and PROGET_ADMIN_PASSWORD_FILE are set"), "{text}");
    let text = complaints(&[("PROGET_DATABASE_URL_FILE", "/no/such/file")], &[], "");
    assert!(text.contains("/no/such/file that PROGET_DATABASE_URL_FILE names"), "{text}");
}

#[test]
fn nothing_that_is_shown_holds_a_secret() {
    let secret = "Geheim-0123456789";
    let url = format!("postgres://user:{secret}@db.example/proget?sslpassword={secret}");
    let (key, validation) = ("c0ffee11".repeat(8), "deadbeef".repeat(16));
    let sources = Sources {
        variables: [
            ("PROGET_ENCRYPTION_KEY", key.as_str()),
            ("PROGET_MACHINE_KEY_VALIDATION", &validation),
            ("PROGET_MACHINE_KEY_DECRYPTION", &key),
            ("PROGET_ADMIN_API_KEY", secret),
            ("PROGET_ADMIN_PASSWORD", secret),
            ("PROGET_DATABASE_URL", &url),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into(),
        ..Sources::default()
    };
    let mut complaints = Vec::new();
    let written = Written::gather(&sources, &mut complaints);
    let shown = show(&written);
    assert_eq!(shown.len(), SETTINGS.len());
    let all = format!("{shown:?}{:?}{written:?}", Config::check(&written, complaints).unwrap());
    assert!(!all.contains(secret) && !all.contains("c0ffee11") && !all.contains("deadbeef"), "{all}");
    let database = shown.iter().find(|one| one.name == "database-url").unwrap();
    assert_eq!(
        (database.value.as_str(), database.source.as_str()),
        ("postgres://user@db.example/proget", "variable PROGET_DATABASE_URL")
    );
    assert_eq!(without_password(&format!("mysql://u:a/{secret}@h/d")), "(set, not shown)");
}

/// The text of a broken file may hold a password, so it is not repeated.
#[test]
fn a_broken_file_is_told_by_its_line_and_not_by_its_content() {
    let text = complaints(&[], &[], "listen = \"127.0.0.1:1\"\nadmin-password = Geheim-0123\n");
    assert!(text.contains("line 2") && !text.contains("Geheim"), "{text}");
}

#[test]
fn variables_that_an_orchestrator_sets_by_itself_are_no_mistakes() {
    let set = [
        ("PROGET_SERVICE_HOST", "10.0.0.1"),
        ("PROGET_SERVICE_PORT", "8624"),
        ("PROGET_SERVICE_PORT_HTTP", "8624"),
        ("PROGET_PORT", "tcp://10.0.0.1:8624"),
        ("PROGET_PORT_8624_TCP_ADDR", "10.0.0.1"),
        ("PROGET_LISTEN", ""),
    ];
    assert!(from(&set, &[], None).is_ok());
    assert!(complaints(&[("PROGET_PORT", "8624")], &[], "").contains("PROGET_PORT means nothing"));
}

const ONE: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const TWO: &str = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

#[test]
fn encryption_keys_come_one_or_several_from_a_variable_a_file_or_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    std::fs::write(&path, format!("{ONE}\n{TWO}\n")).unwrap();
    let from_lines = from(&[("PROGET_ENCRYPTION_KEY_FILE", path.to_str().unwrap())], &[], None).unwrap();
    let from_variable = from(&[("PROGET_ENCRYPTION_KEY", &format!("{ONE},{TWO}"))], &[], None).unwrap();
    let list = format!("encryption-key = [\"{ONE}\", \"{TWO}\"]");
    let from_list = from(&[], &[], Some(&list)).unwrap();
    assert_eq!(from_lines.keys, from_variable.keys);
    assert_eq!(from_lines.keys, from_list.keys);
    assert_eq!(from_list.keys.ring.unwrap().fingerprints().len(), 2);
    let old = from(&[("PROGET_ENCRYPTION_KEY", &ONE[..32])], &[], None).unwrap();
    assert_eq!(old.keys.ring.unwrap().fingerprints().len(), 1, "32 digits are a key of ProGet");
    assert_eq!(from(&[], &[], None).unwrap().keys, Keys::default());
}

#[test]
fn a_key_that_cannot_be_used_is_told_by_its_place_and_never_by_its_text() {
    let broken = &ONE[..60];
    for (text, words) in [
        (
            format!("{TWO},{broken}"),
            "key 2 of 2 cannot be used: it has 60 characters; expected 64 hexadecimal",
        ),
        (TWO.replace('e', "x"), "its character 30 is none of the hexadecimal digits"),
        (format!("{TWO},{ONE},{TWO}"), "key 1 and key 3 are the same; leave one of them out"),
        (",".to_owned(), "expected at least one key; 'proget keys generate' makes one"),
    ] {
        let told = complaints(&[("PROGET_ENCRYPTION_KEY", &text)], &[], "");
        assert!(told.contains("encryption-key cannot be used (variable PROGET_ENCRYPTION_KEY)"), "{told}");
        assert!(told.contains(words) && !told.contains("0405060708"), "{told}");
    }
}

#[test]
fn a_machine_key_has_two_halves_that_differ() {
    let both = |validation: &str, decryption: &str| {
        let set =
            [("PROGET_MACHINE_KEY_VALIDATION", validation), ("PROGET_MACHINE_KEY_DECRYPTION", decryption)];
        from(&set, &[], None)
    };
    assert!(both(ONE, TWO).unwrap().keys.machine.is_some());
    // As old web servers write them: 64 bytes and 24 bytes.
    assert!(both(&ONE.repeat(2), &TWO[..48]).unwrap().keys.machine.is_some());
    let same = both(ONE, ONE).unwrap_err().to_string();
    assert!(same.contains("validation key and decryption key are the same"), "{same}");
    let told = both(&ONE[..62], TWO).unwrap_err().to_string();
    assert!(told.contains("a mistake") && told.contains("62 characters; expected 64 to 128"), "{told}");
    for (given, missing) in [("validation", "decryption"), ("decryption", "validation")] {
        let variable = format!("PROGET_MACHINE_KEY_{}", given.to_ascii_uppercase());
        let told = complaints(&[(&variable, ONE)], &[], "");
        let words = format!("machine-key-{given} is set, but machine-key-{missing} is not");
        assert!(told.contains(&words), "{told}");
    }
}
