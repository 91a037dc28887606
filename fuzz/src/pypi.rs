//! PyPI's texts: metadata, names of files, `WHEEL` files, upload forms, `Accept`.
//!
//! What a file's name or a form says survives being written and read again; tags of a wheel make the name
//! that they were read from.

use super::Verdict;
use proget_core::FeedFormat as _;
use proget_feeds::pypi::file_name::{DistributionName, of_wheel};
use proget_feeds::pypi::form::Form;
use proget_feeds::pypi::metadata::Metadata;
use proget_feeds::pypi::{PYPI, accept, read_wheel_file};

pub(super) fn metadata(data: &[u8]) -> Verdict {
    let Ok(metadata) = Metadata::parse(data, "METADATA") else { return Verdict::Refused };
    assert!(!metadata.name().is_empty() && !metadata.version().is_empty());
    assert!(metadata.description().len() <= data.len());
    let told = metadata.told();
    let said = told.values().map(|value| value.to_string().len()).sum::<usize>();
    // Escapes may make six bytes of one.
    assert!(said <= 16 * data.len(), "more is told than was said: {told:?}");
    Verdict::Accepted
}

pub(super) fn file_name(data: &[u8]) -> Verdict {
    let text = String::from_utf8_lossy(data);
    let Ok(name) = DistributionName::parse(&text) else { return Verdict::Refused };
    assert!(text.ends_with(name.kind().extension()));
    if let DistributionName::Wheel(wheel) = &name {
        name.agrees(&wheel.name, &wheel.version).expect("a name agrees with itself");
        let tags = wheel.expanded();
        assert!(!tags.is_empty());
        if let Ok(made) = of_wheel(&wheel.name, &wheel.version, wheel.build.as_deref(), &tags) {
            let again = DistributionName::parse(&made);
            // What is written anew may be longer than a name may be.
            assert!(again.is_ok() || made.len() > 255, "{made:?} was made of {text:?}");
            let Ok(DistributionName::Wheel(again)) = again else { return Verdict::Accepted };
            assert_eq!((&again.build, &again.tags), (&wheel.build, &wheel.tags));
            assert_eq!((again.name.key(), again.version.key()), (wheel.name.key(), wheel.version.key()));
        }
    }
    Verdict::Accepted
}

pub(super) fn wheel_file(data: &[u8]) -> Verdict {
    let Ok((tags, build)) = read_wheel_file(data) else { return Verdict::Refused };
    let (name, version) = (PYPI.name("a").expect("a name"), PYPI.version("1").expect("a version"));
    if let Ok(name) = of_wheel(&name, &version, build.as_deref(), &tags) {
        assert!(name.starts_with("a-1-") && name.ends_with(".whl"), "{name:?}");
    }
    Verdict::Accepted
}

pub(super) fn form(data: &[u8]) -> Verdict {
    let Ok(form) = Form::from_document(data) else { return Verdict::Refused };
    assert_eq!(Form::from_document(&form.document()).as_ref(), Ok(&form));
    let artifact = proget_core::Artifact::in_memory(data.to_vec(), PYPI.digests());
    drop(form.check_digests(artifact.digests()));
    Verdict::Accepted
}

pub(super) fn accept(data: &[u8]) -> Verdict {
    let text = String::from_utf8_lossy(data);
    let wanted = accept::wanted(text.lines());
    // Whoever takes everything, and says no more, gets something.
    assert!(wanted.is_some() || text.trim() != "*/*");
    if wanted.is_some() { Verdict::Accepted } else { Verdict::Refused }
}
