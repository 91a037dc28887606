//! All that a handler gets: the use-cases, the feed, the caller and the address clients call.
//!
//! Not the catalogue and not a store: a handler cannot write a query, because there is nothing to
//! write it against.

use async_trait::async_trait;
use proget_core::access::{Permission, Secret};
use proget_core::artifact::Artifact;
use proget_core::blob::{Blob, LinkWish, PackageStore};
use proget_core::catalog::{Found, PackageRows, Page, PageRequest, Search};
use proget_core::ids::Stamp;
use proget_core::package::{FileRef, Fragment, Manifest, NameKey, Offer, VersionKey};
use proget_core::registry::{Admission, Annotation, Document, Foreseen, Item, Published, Removal, Rendered};
use proget_core::{Feed, FeedFormat, Principal, Problem, Registry};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// What signing in gave.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The text that the client keeps and sends from now on.
    pub token: Secret,
    /// Whose it is.
    pub user: String,
}

/// Lets clients exchange a user's name and password for a token, and give the token back.
///
/// # What an implementation must promise
/// - A wrong name and a wrong password are not told apart, neither by text nor by time.
/// - The token acts as its user and can be revoked like any key.
#[async_trait]
pub trait SignIn: fmt::Debug + Send + Sync + 'static {
    /// Signs in; `purpose` (`npm login`) is what lists of keys show.
    async fn sign_in(&self, user: &str, password: &Secret, purpose: &str) -> Result<SignedIn, Problem>;

    /// Revokes a token; success also if there is none.
    async fn sign_out(&self, caller: &Principal, token: &Secret) -> Result<(), Problem>;
}

/// All that a handler gets.
#[derive(Debug, Clone)]
pub struct FeedDoor {
    registry: Arc<Registry>,
    feed: Arc<Feed>,
    caller: Principal,
    root: Arc<str>,
    sign_in: Option<Arc<dyn SignIn>>,
    foreseen: Option<Foreseen>,
}

impl FeedDoor {
    /// A door to `feed` for `caller`; `root` is the feed's own address as clients call it, without
    /// trailing slash.
    #[must_use]
    pub fn new(
        registry: Arc<Registry>,
        feed: Arc<Feed>,
        caller: Principal,
        root: impl Into<Arc<str>>,
    ) -> Self {
        Self { registry, feed, caller, root: root.into(), sign_in: None, foreseen: None }
    }

    /// Lets clients sign in through this door.
    #[must_use]
    pub fn with_sign_in(mut self, sign_in: Option<Arc<dyn SignIn>>) -> Self {
        self.sign_in = sign_in;
        self
    }

    /// Tells what was read about the package that the path names; see [`Registry::foresee`].
    #[must_use]
    pub fn with_foreseen(mut self, foreseen: Option<Foreseen>) -> Self {
        self.foreseen = foreseen;
        self
    }

    /// The feed.
    #[must_use]
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// Who is calling.
    #[must_use]
    pub fn caller(&self) -> &Principal {
        &self.caller
    }

    /// The feed's address as clients call it, without trailing slash.
    #[must_use]
    pub fn root(&self) -> &Arc<str> {
        &self.root
    }

    /// Where clients sign in, if this server has accounts.
    #[must_use]
    pub fn sign_in(&self) -> Option<&Arc<dyn SignIn>> {
        self.sign_in.as_ref()
    }

    /// May the caller do this here?
    ///
    /// # Errors
    /// `Unauthenticated`, `Forbidden`.
    pub fn admit(&self, permission: Permission) -> Result<Admission, Problem> {
        let admission = self.registry.admit(&self.caller, &self.feed, permission)?;
        Ok(admission.with_foreseen(self.foreseen.clone()))
    }

    /// Where an admitted upload is received.
    #[must_use]
    pub fn intake(&self, admission: &Admission) -> &PackageStore {
        debug_assert_eq!(admission.feed().id, self.feed.id);
        self.registry.packages()
    }

    /// See [`Registry::publish`].
    ///
    /// # Errors
    /// As there.
    pub async fn publish(
        &self,
        admission: Admission,
        format: &'static dyn FeedFormat,
        artifact: Artifact,
        offer: Offer,
    ) -> Result<(Published, Manifest), Problem> {
        self.registry.publish(admission, format, artifact, offer).await
    }

    /// See [`Registry::item`].
    ///
    /// # Errors
    /// As there.
    pub async fn item(&self, file: &FileRef) -> Result<Arc<Item>, Problem> {
        self.registry.item(&self.admit(Permission::View)?, file).await
    }

    /// See [`Registry::open`].
    ///
    /// # Errors
    /// As there.
    pub async fn open(&self, item: &Item, range: Option<Range<u64>>) -> Result<Blob, Problem> {
        self.registry.open(item, range).await
    }

    /// See [`Registry::link`].
    pub async fn link(&self, item: &Item, range: Option<&Range<u64>>, wish: LinkWish<'_>) -> Option<Secret> {
        self.registry.link(&self.feed, item, range, wish).await
    }

    /// See [`Registry::document`]; the feed's address is part of what is remembered.
    ///
    /// # Errors
    /// As there.
    pub async fn document<F>(
        &self,
        package: &NameKey,
        kind: &str,
        render: F,
    ) -> Result<Arc<Document>, Problem>
    where
        F: FnOnce(&PackageRows) -> Option<Rendered> + Send + 'static,
    {
        // Put together for every request, so in one piece.
        let which = [kind, " ", &self.root].concat();
        self.registry.document(&self.admit(Permission::View)?, package, which, render).await
    }

    /// See [`Registry::package`].
    ///
    /// # Errors
    /// As there.
    pub async fn package(&self, package: &NameKey) -> Result<PackageRows, Problem> {
        self.registry.package(&self.admit(Permission::View)?, package).await
    }

    /// See [`Registry::search`].
    ///
    /// # Errors
    /// As there.
    pub async fn search(&self, search: &Search, page: &PageRequest) -> Result<Page<Found>, Problem> {
        self.registry.search(&self.admit(Permission::View)?, search, page).await
    }

    /// See [`Registry::detail`].
    ///
    /// # Errors
    /// As there.
    pub async fn detail(&self, package: &NameKey, version: &VersionKey) -> Result<Fragment, Problem> {
        self.registry.detail(&self.admit(Permission::View)?, package, version).await
    }

    /// See [`Registry::file_detail`].
    ///
    /// # Errors
    /// As there.
    pub async fn file_detail(&self, file: &FileRef) -> Result<Fragment, Problem> {
        self.registry.file_detail(&self.admit(Permission::View)?, file).await
    }

    /// See [`Registry::annotate`].
    ///
    /// # Errors
    /// As there.
    pub async fn annotate(
        &self,
        admission: &Admission,
        package: &NameKey,
        seen: Option<Stamp>,
        annotations: Vec<Annotation>,
    ) -> Result<(), Problem> {
        self.registry.annotate(admission, package, seen, annotations).await
    }

    /// See [`Registry::remove`].
    ///
    /// # Errors
    /// As there.
    pub async fn remove(
        &self,
        admission: &Admission,
        package: &NameKey,
        seen: Option<Stamp>,
        what: Removal,
    ) -> Result<(), Problem> {
        self.registry.remove(admission, package, seen, what).await
    }
}
