//! One package, one spelling: where a format wants it, the first publish decides how a package's
//! name is written.

use super::{Admission, Registry};
use crate::catalog::{Expect, PageRequest, VersionFilter};
use crate::format::{FeedFormat, Spelling};
use crate::package::Manifest;
use crate::problem::Problem;
use crate::refusal::Refusal;

impl Registry {
    /// Refuses another spelling than the package has. Of a package that is not there yet, gives the
    /// expectation that this stays so until the commit: of two first publishes at once, one decides.
    pub(super) async fn keep_spelling(
        &self,
        admission: &Admission,
        format: &'static dyn FeedFormat,
        manifest: &Manifest,
    ) -> Result<Option<Expect>, Problem> {
        if format.spelling() == Spelling::Free {
            return Ok(None);
        }
        let (feed, name) = (admission.feed().id, &manifest.name);
        let filter = VersionFilter { name: Some(name.key().clone()), version: None };
        let page = self.fresh.read().versions(feed, &filter, &PageRequest::first(1)).await?;
        match page.rows.first().map(|found| &found.package.name) {
            None => Ok(Some(Expect::Package(feed, name.key().clone(), None))),
            Some(known) if known.as_str() == name.as_str() => Ok(None),
            Some(known) => {
                let rule =
                    format!("is written '{name}', but the package is known here as '{known}'; write it so");
                Err(Refusal::new("name", rule).into())
            }
        }
    }
}
