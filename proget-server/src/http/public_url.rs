//! What the client calls us. Index documents carry absolute links, and a link to the wrong
//! host sends a client elsewhere or nowhere; so the base of all links is one validated value,
//! worked out once per request: the setting, else what a trusted proxy tells, else the request
//! itself.

use std::{borrow::Cow, cell::RefCell, fmt, str::FromStr, sync::Arc};

use poem::{
    Addr, Request,
    http::{Uri, Version, header, uri::Scheme},
};
use url::Url;

use super::proxies::{ProxyTrust, Told};

/// An absolute `http` or `https` URL without user, query, fragment and trailing slash, for
/// example `https://packages.example` or `https://example/packages`. In the request's extensions
/// it is the base under which the client reached us.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PublicUrl {
    text: Arc<str>,
    path_at: usize,
}

/// A text that cannot be the base of links.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' cannot be a public URL: {reason}")]
pub struct BadPublicUrl {
    text: String,
    reason: &'static str,
}

impl FromStr for PublicUrl {
    type Err = BadPublicUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason| BadPublicUrl { text: text.to_owned(), reason };
        let url = Url::parse(text)
            .map_err(|_| refuse("it is not an absolute URL; write for example https://packages.example"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse("it must begin with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("it must not carry a user or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("it must not carry a query or fragment"));
        }
        let path = url.path().trim_end_matches('/');
        if path.contains("//") {
            return Err(refuse("its path has an empty segment"));
        }
        // `Url` forgives what others do not: blanks around, backslashes, tabs, `..` in the path.
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(refuse("it contains blanks, control characters or backslashes"));
        }
        if text.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(refuse("its path climbs with '.' or '..'"));
        }
        let origin = url.origin().ascii_serialization();
        Ok(Self { path_at: origin.len(), text: (origin + path).into() })
    }
}

impl PublicUrl {
    /// The whole base, without trailing slash.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port, for example `https://packages.example:8443`.
    pub fn origin(&self) -> &str {
        &self.text[..self.path_at]
    }

    /// The path: empty, or with a leading and without a trailing slash. Clients reach our
    /// root there, so a configured path must not begin with the name of one of our own routes.
    pub fn path(&self) -> &str {
        &self.text[self.path_at..]
    }

    /// Whether the client speaks TLS, to us or to the proxy before us.
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https:")
    }

    /// The public URL of one of our paths, which is already percent-encoded. A missing leading
    /// slash is supplied.
    pub fn join(&self, path: &str) -> String {
        let slash = if path.starts_with('/') { "" } else { "/" };
        format!("{}{slash}{path}", self.text)
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How public URLs and client addresses are worked out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Addressing {
    /// `PROGET_PUBLIC_URL`: if set, the base of all links whatever a request says. A proxy may
    /// pass its path on or strip it.
    pub public_url: Option<PublicUrl>,
    /// Whose word about a request is believed.
    pub proxies: ProxyTrust,
}

/// A request that does not say sensibly whom it means.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadAddress {
    #[error("the request names no host; send a Host header")]
    NoHost,
    #[error("the request's Host header is not a host name with an optional port")]
    BadHost,
    #[error("the proxy's forwarding headers make no sense together: {0}")]
    BadProxy(String),
}

impl Addressing {
    /// The base under which the client reached us. The request's own `Host` is checked also
    /// when something else decides.
    pub(super) fn public_url(&self, request: &Request, told: &Told) -> Result<PublicUrl, BadAddress> {
        let host = own_host(request)?;
        let scheme = if *request.scheme() == Scheme::HTTPS { "https" } else { "http" };
        let own = host
            .as_deref()
            .map(|host| base(scheme, host, ""))
            .transpose()
            .map_err(|_| BadAddress::BadHost)?;
        if let Some(configured) = &self.public_url {
            return Ok(configured.clone());
        }
        let Some(own) = own else { return Err(BadAddress::NoHost) };

        // An embedder may have mounted us below a path of his: Poem then keeps both paths.
        let mounted = request.original_uri().path().strip_suffix(request.uri().path()).unwrap_or("");
        if told.scheme.is_none() && told.host.is_none() && told.port.is_none() && told.prefix.is_none() {
            return if mounted.is_empty() {
                Ok(own)
            } else {
                own.join(mounted).parse().map_err(|_| BadAddress::BadHost)
            };
        }
        let scheme = told.scheme.as_deref().unwrap_or(scheme).to_ascii_lowercase();
        let mut host = told.host.as_deref().map(Cow::Borrowed).or(host).unwrap_or_default();
        if let Some(port) = &told.port
            && !has_port(&host)
        {
            host = format!("{host}:{port}").into();
        }
        let prefix = told.prefix.as_deref().unwrap_or("").trim_end_matches('/');
        if !prefix.is_empty() && !prefix.starts_with('/') {
            return Err(BadAddress::BadProxy("the prefix does not begin with a slash".to_owned()));
        }
        base(&scheme, &host, &format!("{prefix}{mounted}"))
            .map_err(|error| BadAddress::BadProxy(error.to_string()))
    }

    /// The request's target without the configured path, if a proxy passed that on.
    pub(super) fn inner_uri(&self, uri: &Uri) -> Option<Uri> {
        let prefix = self.public_url.as_ref()?.path();
        let rest = uri.path_and_query()?.as_str().strip_prefix(prefix)?;
        if prefix.is_empty() {
            return None;
        }
        let inner = match rest.chars().next() {
            Some('/') => rest.to_owned(),
            None | Some('?') => format!("/{rest}"),
            Some(_) => return None,
        };
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(inner.parse().ok()?);
        Uri::from_parts(parts).ok()
    }
}

fn base(scheme: &str, host: &str, path: &str) -> Result<PublicUrl, BadPublicUrl> {
    // Anything but a plain authority would shift the parts of the URL.
    if host.is_empty() || host.contains(['/', '?', '#', '@', '%', ',']) {
        let reason = "the host is not a name or address with an optional port";
        return Err(BadPublicUrl { text: host.to_owned(), reason });
    }
    // Nearly all requests call us by the same name, and parsing it costs as much as finding a document.
    thread_local!(static LAST: RefCell<Option<(String, PublicUrl)>> = const { RefCell::new(None) });
    let same = |known: &str| {
        let rest = known.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
        rest.and_then(|rest| rest.strip_prefix(host)) == Some(path)
    };
    let known = LAST
        .with_borrow(|last| last.as_ref().filter(|(known, _)| same(known)).map(|(_, parsed)| parsed.clone()));
    if let Some(known) = known {
        return Ok(known);
    }
    let text = format!("{scheme}://{host}{path}");
    let parsed: PublicUrl = text.parse()?;
    LAST.set(Some((text, parsed.clone())));
    Ok(parsed)
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The host the request itself names
/// ([RFC 9112 §3.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2)): the target's authority,
/// else `Host`. HTTP/1.0 may leave it out; then our own socket's address has to do.
fn own_host(request: &Request) -> Result<Option<Cow<'_, str>>, BadAddress> {
    let mut headers = request.headers().get_all(header::HOST).iter();
    let header = headers.next();
    if headers.next().is_some() {
        return Err(BadAddress::BadHost);
    }
    let header = header.map(|value| value.to_str().map_err(|_| BadAddress::BadHost)).transpose()?;
    if let Some(authority) = request.uri().authority() {
        return Ok(Some(authority.as_str().into()));
    }
    match (header, &request.local_addr().0) {
        (Some(host), _) => Ok(Some(host.into())),
        (None, Addr::SocketAddr(local)) if request.version() <= Version::HTTP_10 => {
            Ok(Some(local.to_string().into()))
        }
        (None, Addr::SocketAddr(_)) => Err(BadAddress::NoHost),
        // No socket at all: the endpoint is called from within the process.
        (None, _) => Ok(Some("localhost".into())),
    }
}

#[cfg(test)]
#[path = "public_url_tests.rs"]
mod tests;
