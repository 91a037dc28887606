//! `api/packages/{feed}/download`: one file of a version, the newest one too if that is asked for.

use super::call::Call;
use super::identify::Asked;
use poem::Response;
use proget_core::catalog::{Found, PackageRows, VersionRow};
use proget_core::package::FileRef;
use proget_core::{Problem, Refusal};
use proget_feeds::http::answer;

/// `Content-Length` and `Content-Disposition` are always there: the client writes nothing without
/// the one and names its file by the other. A blocked version is as if it were not there.
pub(super) async fn download(call: Call) -> Result<Response, Problem> {
    let asked = Asked::of(&call)?;
    let found = match asked.version.as_deref().map(Newest::meant) {
        Some(Some(newest)) => newest_version(&call, &asked, newest).await?,
        _ => asked.found(&call).await?,
    };
    let file = asked.file(&found)?.name.clone();
    let door = call.door()?;
    let item = door.item(&FileRef { package: found.package.name.key().clone(), file }).await?;
    answer::file(&door, &item, "application/octet-stream", &call.request).await
}

/// Words in the place of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Newest {
    Any,
    Stable,
    Unstable,
}

impl Newest {
    fn meant(version: &str) -> Option<Self> {
        match version.to_ascii_lowercase().as_str() {
            "latest" => Some(Self::Any),
            "latest-stable" => Some(Self::Stable),
            "latest-unstable" => Some(Self::Unstable),
            _ => None,
        }
    }

    fn includes(self, version: &VersionRow) -> bool {
        match self {
            Self::Any => true,
            Self::Stable => !version.version.is_prerelease(),
            Self::Unstable => version.version.is_prerelease(),
        }
    }
}

/// Unlisted versions do not count: whoever asks for the newest has not chosen one.
async fn newest_version(call: &Call, asked: &Asked, newest: Newest) -> Result<Found, Problem> {
    let format = call.format()?;
    let name = asked.package(format)?.ok_or_else(|| Refusal::new("name", "must be given in the query"))?;
    let PackageRows { package, versions, .. } = match call.registry().package(call.admission()?, &name).await
    {
        Err(Problem::NotFound(_)) => return Err(asked.unknown(format)),
        rows => rows?,
    };
    // They come oldest first.
    let version =
        versions.into_iter().rev().find(|version| version.status.listed && newest.includes(version));
    version.map(|version| Found { package, version }).ok_or_else(|| asked.unknown(format))
}
