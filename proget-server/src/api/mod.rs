//! ProGet's native API, as its client calls it: management of feeds and keys, and packages of any
//! feed type. One noun a file; here the table of all routes with the permission that each demands.
//!
//! The permission is judged before the handler is called and before a byte of the body is read.
//! What the client insists on: camelCase, members that must be present, bare arrays, errors as
//! short plain text, ids of packages split at the last slash.

mod call;
mod cluster;
mod encryption_keys;
mod feed_document;
mod feeds;
mod identify;
mod key_document;
mod keys;
mod openapi;
mod package_download;
mod package_list;
mod package_removal;
mod package_status;
mod package_upload;
mod purl;
mod route;
mod schedules;

#[cfg(test)]
mod permission_tests;

use crate::http::{BodyLimit, Limits};
use crate::routes::Parts;
use call::Api;
use poem::http::Method;
use poem::{EndpointExt as _, Route};
use proget_core::access::Permission;
use route::{Demand, PathRoute, Row, Size};
use std::sync::Arc;

/// Every route. A path may stand here several times with different methods; `GET` answers `HEAD` too.
pub(crate) const ROUTES: &[Row] = &[
    Row::new(&[Method::GET], "/api/openapi.json", Demand::OwnView, |call| Box::pin(openapi::describe(call))),
    Row::new(&[Method::GET], "/api/management/feeds/list", Demand::OwnView, |call| {
        Box::pin(feeds::list(call))
    }),
    Row::new(&[Method::GET], "/api/management/feeds/get/:feed", Demand::OwnView, |call| {
        Box::pin(feeds::get(call))
    }),
    Row::new(
        &[Method::POST, Method::PUT],
        "/api/management/feeds/create",
        Demand::Instance(Permission::ManageFeeds),
        |call| Box::pin(feeds::create(call)),
    ),
    Row::new(
        &[Method::POST, Method::PUT, Method::PATCH],
        "/api/management/feeds/update/:feed",
        Demand::Instance(Permission::ManageFeeds),
        |call| Box::pin(feeds::update(call)),
    ),
    Row::new(
        &[Method::DELETE, Method::POST],
        "/api/management/feeds/delete/:feed",
        Demand::Instance(Permission::ManageFeeds),
        |call| Box::pin(feeds::delete(call)),
    ),
    Row::new(&[Method::GET], "/api/api-keys/list", Demand::SignedIn, |call| Box::pin(keys::list(call))),
    Row::new(&[Method::POST], "/api/api-keys/create", Demand::SignedIn, |call| Box::pin(keys::create(call))),
    Row::new(&[Method::POST, Method::DELETE], "/api/api-keys/delete", Demand::SignedIn, |call| {
        Box::pin(keys::delete(call))
    }),
    Row::new(&[Method::GET], "/api/packages/:feed", Demand::Feed(Permission::View), |call| {
        Box::pin(package_list::about(call))
    }),
    Row::new(&[Method::GET], "/api/packages/:feed/latest", Demand::Feed(Permission::View), |call| {
        Box::pin(package_list::latest(call))
    }),
    Row::new(&[Method::GET], "/api/packages/:feed/versions", Demand::Feed(Permission::View), |call| {
        Box::pin(package_list::versions(call))
    }),
    Row::new(&[Method::GET], "/api/packages/:feed/download", Demand::Feed(Permission::View), |call| {
        Box::pin(package_download::download(call))
    }),
    Row::new(
        &[Method::PUT, Method::POST],
        "/api/packages/:feed/upload",
        Demand::Feed(Permission::Add),
        |call| Box::pin(package_upload::upload(call)),
    )
    .large(),
    Row::new(
        &[Method::PUT, Method::POST],
        "/api/packages/:feed/upload/*name",
        Demand::Feed(Permission::Add),
        |call| Box::pin(package_upload::upload(call)),
    )
    .large(),
    Row::new(
        &[Method::POST, Method::DELETE],
        "/api/packages/:feed/delete",
        Demand::Feed(Permission::Delete),
        |call| Box::pin(package_removal::delete(call)),
    ),
    Row::new(
        &[Method::POST, Method::PUT],
        "/api/packages/:feed/status",
        Demand::Feed(Permission::Delete),
        |call| Box::pin(package_status::set(call)),
    ),
    Row::new(&[Method::GET], "/api/cluster/status", ADMINISTER, |call| Box::pin(cluster::status(call))),
    Row::new(&[Method::POST], "/api/cluster/mode", ADMINISTER, |call| Box::pin(cluster::mode(call))),
    Row::new(&[Method::POST], "/api/cluster/settings", ADMINISTER, |call| Box::pin(cluster::settings(call))),
    Row::new(&[Method::POST], "/api/cluster/nodes/:node/drain", ADMINISTER, |call| {
        Box::pin(cluster::drain(call))
    }),
    Row::new(&[Method::POST], "/api/cluster/nodes/:node/resume", ADMINISTER, |call| {
        Box::pin(cluster::resume(call))
    }),
    Row::new(&[Method::POST], "/api/cluster/nodes/:node/service/:what", ADMINISTER, |call| {
        Box::pin(cluster::service(call))
    }),
    Row::new(&[Method::DELETE], "/api/cluster/nodes/:node", ADMINISTER, |call| {
        Box::pin(cluster::remove(call))
    }),
    Row::new(&[Method::GET], "/api/cluster/keys", ADMINISTER, |call| Box::pin(encryption_keys::report(call))),
    Row::new(&[Method::POST], "/api/cluster/keys/promote", ADMINISTER, |call| {
        Box::pin(encryption_keys::promote(call))
    }),
    Row::new(&[Method::POST], "/api/cluster/keys/reseal", ADMINISTER, |call| {
        Box::pin(encryption_keys::reseal(call))
    }),
    Row::new(&[Method::POST], "/api/cluster/keys/retire", ADMINISTER, |call| {
        Box::pin(encryption_keys::retire(call))
    }),
    Row::new(&[Method::GET], "/api/cluster/jobs", ADMINISTER, |call| Box::pin(cluster::jobs(call))),
    Row::new(&[Method::POST], "/api/cluster/jobs/verify", ADMINISTER, |call| Box::pin(cluster::verify(call))),
    Row::new(&[Method::GET], "/api/cluster/jobs/:job", ADMINISTER, |call| Box::pin(cluster::job(call))),
    Row::new(&[Method::DELETE], "/api/cluster/jobs/:job", ADMINISTER, |call| Box::pin(cluster::cancel(call))),
    Row::new(&[Method::GET], "/api/cluster/schedules", ADMINISTER, |call| Box::pin(schedules::list(call))),
    Row::new(&[Method::POST], "/api/cluster/schedules", ADMINISTER, |call| Box::pin(schedules::add(call))),
    Row::new(&[Method::PATCH, Method::POST], "/api/cluster/schedules/:schedule", ADMINISTER, |call| {
        Box::pin(schedules::change(call))
    }),
    Row::new(&[Method::DELETE], "/api/cluster/schedules/:schedule", ADMINISTER, |call| {
        Box::pin(schedules::remove(call))
    }),
    Row::new(&[Method::POST], "/api/cluster/schedules/:schedule/run", ADMINISTER, |call| {
        Box::pin(schedules::run(call))
    }),
];

const ADMINISTER: Demand = Demand::Instance(Permission::Administer);

/// Adds the API's routes.
pub(crate) fn mount(mut route: Route, parts: &Parts, limits: &Limits) -> Route {
    let api = Arc::new(Api {
        registry: parts.registry.clone(),
        identity: parts.identity.clone(),
        protocols: parts.protocols.clone(),
        cluster: parts.cluster.clone(),
    });
    let mut paths: Vec<&'static str> = ROUTES.iter().map(|row| row.path).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths {
        let rows: Vec<&'static Row> = ROUTES.iter().filter(|row| row.path == path).collect();
        let large = rows.iter().any(|row| row.size == Size::Upload);
        let limit = BodyLimit(if large { limits.upload } else { limits.body });
        route = route.at(path, PathRoute { api: api.clone(), rows }.with(limit));
    }
    route
}
