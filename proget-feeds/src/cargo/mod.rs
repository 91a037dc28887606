//! Cargo: being written.

use crate::http::{Endpoint, FeedDoor, FeedProtocol, RawTail, dialect};
use async_trait::async_trait;
use poem::{Request, Response};
use proget_core::artifact::{Artifact, ReadSeek};
use proget_core::feed::FormatId;
use proget_core::format::{FeedFormat, Samples};
use proget_core::package::{Manifest, Offer, PackageName, Version};
use proget_core::{Problem, Refusal};
use std::cmp::Ordering;

/// The Cargo format.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cargo;

/// The Cargo format, as registries hold it.
pub static CARGO: Cargo = Cargo;

/// Cargo's protocol.
#[derive(Debug, Clone, Copy, Default)]
pub struct CargoProtocol;

impl FeedFormat for Cargo {
    fn id(&self) -> FormatId {
        const ID: FormatId = FormatId::from_static("cargo");
        ID
    }
    fn purl_type(&self) -> &'static str {
        "cargo"
    }
    fn title(&self) -> &'static str {
        "Cargo"
    }
    fn name(&self, _: &str) -> Result<PackageName, Refusal> {
        Err(Refusal::new("name", "is not read yet"))
    }
    fn version(&self, _: &str) -> Result<Version, Refusal> {
        Err(Refusal::new("version", "is not read yet"))
    }
    fn compare(&self, _: &str, _: &str) -> Result<Ordering, Refusal> {
        Err(Refusal::new("version", "is not read yet"))
    }
    fn inspect(&self, _: &mut dyn ReadSeek, _: &Artifact, _: &Offer) -> Result<Manifest, Refusal> {
        Err(Refusal::new("package", "is not read yet"))
    }
    fn samples(&self) -> Samples {
        Samples { names: &[], bad_names: &[], same_names: &[], versions: &[], bad_versions: &[] }
    }
}

#[async_trait]
impl FeedProtocol for CargoProtocol {
    fn format(&self) -> &'static dyn FeedFormat {
        &CARGO
    }
    fn mount(&self) -> &'static str {
        "cargo"
    }
    async fn call(&self, _: FeedDoor, _: RawTail, _: Request) -> Result<Response, Problem> {
        Err(Problem::Unsupported("not written yet".into()))
    }
    fn refuse(&self, problem: &Problem) -> Response {
        dialect::response(problem, dialect::status(problem), "text/plain", dialect::sentence(problem))
    }
    fn contract(&self) -> &'static [Endpoint] {
        &[]
    }
}
