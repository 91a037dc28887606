//! File names of distributions: which project, version and kind of file they speak of.
//!
//! A wheel's name says all of that in five or six parts
//! (<https://packaging.python.org/en/latest/specifications/binary-distribution-format/>). An sdist's
//! (<https://packaging.python.org/en/latest/specifications/source-distribution-format/>) does so only
//! if its author followed today's rules: older ones have dashes in name and version, so where one
//! ends can be told only by who knows both. Files are stored under the name that was sent.

use super::{name, version};
use proget_core::package::{PackageName, Version};
use proget_core::refusal::Refusal;

/// What kind of distribution a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Built, ready to be unpacked into place.
    Wheel,
    /// Source, as `.tar.gz`.
    SdistTar,
    /// Source, as `.zip`.
    SdistZip,
}

impl Kind {
    /// The word of upload forms and project documents.
    #[must_use]
    pub fn filetype(self) -> &'static str {
        match self {
            Self::Wheel => "bdist_wheel",
            Self::SdistTar | Self::SdistZip => "sdist",
        }
    }

    /// How its file names end.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Wheel => ".whl",
            Self::SdistTar => ".tar.gz",
            Self::SdistZip => ".zip",
        }
    }
}

/// A file name that can be one, as far as it can be told from itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DistributionName {
    /// A wheel's.
    Wheel(WheelName),
    /// An sdist's.
    Sdist {
        /// `.tar.gz` or `.zip`.
        kind: Kind,
        /// Name and version, joined by a dash somewhere.
        stem: String,
    },
}

/// A wheel's file name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelName {
    /// The project.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// The build number, if there is one: `1`, `2b`.
    pub build: Option<String>,
    /// Python, ABI and platform, each one or several joined by dots.
    pub tags: [String; 3],
}

impl DistributionName {
    /// Takes a file name apart.
    ///
    /// # Errors
    /// A refusal if it is none of the kinds that are taken, or is not as the specification wants it.
    pub fn parse(raw: &str) -> Result<Self, Refusal> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-+!".contains(c);
        if raw.is_empty() || raw.len() > 255 || raw.starts_with('.') || !raw.chars().all(plain) {
            return Err(refuse("must have 1 to 255 ASCII letters, digits, '.', '_', '-', '+' and '!'"));
        }
        for kind in [Kind::SdistTar, Kind::SdistZip] {
            if let Some(stem) = raw.strip_suffix(kind.extension()) {
                return Ok(Self::Sdist { kind, stem: stem.to_owned() });
            }
        }
        match raw.strip_suffix(Kind::Wheel.extension()) {
            Some(stem) => WheelName::parse(stem).map(Self::Wheel),
            None => Err(refuse("must end with .whl, .tar.gz or .zip: other kinds of files are not taken")),
        }
    }

    /// The kind of file.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Wheel(_) => Kind::Wheel,
            Self::Sdist { kind, .. } => *kind,
        }
    }

    /// Does the file name speak of this project and version?
    ///
    /// # Errors
    /// A refusal that names both.
    pub fn agrees(&self, name: &PackageName, version: &Version) -> Result<(), Refusal> {
        let same = |raw_name: &str, raw_version: &str| {
            name::normalized(raw_name) == name.key().as_str()
                && version::parse(raw_version).is_ok_and(|found| found.key() == version.key())
        };
        let (agrees, shown) = match self {
            Self::Wheel(wheel) => (
                wheel.name.key() == name.key() && wheel.version.key() == version.key(),
                format!("{}-{}", wheel.name, wheel.version),
            ),
            Self::Sdist { stem, .. } => {
                let dashes = stem.match_indices('-').map(|(at, _)| at);
                let mut splits = dashes.map(|at| (&stem[..at], &stem[at + 1..]));
                (splits.any(|(one, other)| same(one, other)), stem.clone())
            }
        };
        if agrees {
            return Ok(());
        }
        Err(refuse(format!("speaks of '{shown}', but the metadata in the file of {name} {version}")))
    }
}

impl WheelName {
    fn parse(stem: &str) -> Result<Self, Refusal> {
        let parts: Vec<&str> = stem.split('-').collect();
        let (name, version, build, [python, abi, platform]) = match parts.as_slice() {
            [name, version, python, abi, platform] => (name, version, None, [python, abi, platform]),
            [name, version, build, python, abi, platform] => {
                (name, version, Some((*build).to_owned()), [python, abi, platform])
            }
            _ => {
                return Err(refuse(
                    "of a wheel must have five parts, or six with a build number, between dashes",
                ));
            }
        };
        if build.as_deref().is_some_and(|build| !build.starts_with(|c: char| c.is_ascii_digit())) {
            return Err(refuse("has a build number that does not begin with a digit"));
        }
        let tags = [*python, *abi, *platform].map(str::to_owned);
        if tags.iter().any(|tags| tags.split('.').any(|tag| !is_tag(tag))) {
            return Err(refuse(
                "has an empty tag, or one with other characters than letters, digits and '_'",
            ));
        }
        Ok(Self { name: name::parse(name)?, version: version::parse(version)?, build, tags })
    }

    /// Every tag that the name stands for: `py2.py3-none-any` is two.
    #[must_use]
    pub fn expanded(&self) -> Vec<String> {
        let [pythons, abis, platforms] = &self.tags;
        let mut all = Vec::new();
        for python in pythons.split('.') {
            for abi in abis.split('.') {
                all.extend(platforms.split('.').map(|platform| format!("{python}-{abi}-{platform}")));
            }
        }
        all
    }
}

/// The name that a wheel must have which was sent without one; `tags` are those in its `WHEEL` file.
///
/// # Errors
/// A refusal if no one name stands for exactly these tags.
pub fn of_wheel(
    name: &PackageName,
    version: &Version,
    build: Option<&str>,
    tags: &[String],
) -> Result<String, Refusal> {
    let mut sets: [Vec<&str>; 3] = Default::default();
    for tag in tags {
        let parts: Vec<&str> = tag.split('-').collect();
        if parts.len() != 3 {
            return Err(Refusal::new("WHEEL", format!("has a Tag '{tag}' that has not three parts")));
        }
        for (set, part) in sets.iter_mut().zip(parts) {
            if !set.contains(&part) {
                set.push(part);
            }
        }
    }
    if tags.is_empty() || sets.iter().map(Vec::len).product::<usize>() != tags.len() {
        return Err(refuse("cannot be made of the Tags in WHEEL; send the file's name along"));
    }
    let build = build.map(|build| format!("-{build}")).unwrap_or_default();
    let [python, abi, platform] = sets.map(|set| set.join("."));
    Ok(format!("{}-{version}{build}-{python}-{abi}-{platform}.whl", escaped(name)))
}

/// The name that an sdist must have which was sent without one.
#[must_use]
pub fn of_sdist(name: &PackageName, version: &Version, kind: Kind) -> String {
    format!("{}-{version}{}", escaped(name), kind.extension())
}

/// A dash would end the name, so the normalised form has underscores within file names.
fn escaped(name: &PackageName) -> String {
    name.key().as_str().replace('-', "_")
}

fn is_tag(tag: &str) -> bool {
    !tag.is_empty() && tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn refuse(rule: impl Into<String>) -> Refusal {
    Refusal::new("file name", rule.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn project(raw_name: &str, raw_version: &str) -> (PackageName, Version) {
        (name::parse(raw_name).unwrap(), version::parse(raw_version).unwrap())
    }

    #[test]
    fn a_wheel_s_name_has_five_or_six_parts() {
        let DistributionName::Wheel(wheel) =
            DistributionName::parse("My_Tool-1.0.0-2b-py2.py3-none-any.whl").unwrap()
        else {
            panic!("a wheel")
        };
        assert_eq!((wheel.name.key().as_str(), wheel.version.as_str()), ("my-tool", "1.0.0"));
        assert_eq!(wheel.build.as_deref(), Some("2b"));
        assert_eq!(wheel.expanded(), ["py2-none-any", "py3-none-any"]);
        for bad in [
            "a-1.0-py3-none.whl",
            "a-1.0-b1-py3-none-any.whl",
            "a-1.0-1-py3-none-any-x.whl",
            "a-x-py3-none-any.whl",
            "_-1.0-py3-none-any.whl",
            "a-1.0-py3..py2-none-any.whl",
            "a-1.0--none-any.whl",
            "a-1.0-py3-none-any.egg",
            "a-1.0.tar.bz2",
            "a-1.0.exe",
            "a b-1.0.zip",
            "a/b-1.0.zip",
            ".zip",
            "",
        ] {
            assert!(DistributionName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_sdist_s_name_agrees_with_old_and_new_spellings() {
        let (name, version) = project("my-tool", "1.0.post1");
        for good in ["my_tool-1.0.post1.tar.gz", "my-tool-1.0.post1.zip", "My.Tool-1.0-1.tar.gz"] {
            DistributionName::parse(good).unwrap().agrees(&name, &version).unwrap();
        }
        for bad in
            ["mytool-1.0.post1.tar.gz", "my-tool-1.0.tar.gz", "my-tool.zip", "tool-1.0.post1.zip", "-.zip"]
        {
            let refusal = DistributionName::parse(bad).unwrap().agrees(&name, &version).unwrap_err();
            assert!(refusal.rule.contains("my-tool 1.0.post1"), "{refusal}");
        }
    }

    #[test]
    fn a_missing_name_is_made_of_what_the_file_says() {
        let (name, version) = project("My.Tool", "1.0");
        assert_eq!(of_sdist(&name, &version, Kind::SdistTar), "my_tool-1.0.tar.gz");
        let tags = ["py2-none-any", "py3-none-any"].map(str::to_owned);
        assert_eq!(of_wheel(&name, &version, None, &tags).unwrap(), "my_tool-1.0-py2.py3-none-any.whl");
        assert_eq!(
            of_wheel(&name, &version, Some("1"), &tags[..1]).unwrap(),
            "my_tool-1.0-1-py2-none-any.whl"
        );
        let crossed = ["py2-none-any", "py3-abi3-any"].map(str::to_owned);
        assert!(of_wheel(&name, &version, None, &crossed).is_err());
        assert!(of_wheel(&name, &version, None, &[]).is_err());
        assert!(of_wheel(&name, &version, None, &["py3".to_owned()]).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_taken_apart_or_refused(raw in "[-a-z0-9._+!]{0,30}(\\.whl|\\.zip|\\.tar\\.gz)?") {
            let (name, version) = project("a", "1");
            if let Ok(parsed) = DistributionName::parse(&raw) {
                drop(parsed.agrees(&name, &version));
            }
        }
    }
}
