//! A feed as its raw requests see it: an address, a path and what says who is asking.
//!
//! The same door leads to our server, to nginx and to the peers; what is asked for behind it is
//! told by `formats`.

use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use proget_tests::Outcome;
use url::Url;

use crate::wrk::Request;

/// Where a feed, or a folder of static files, is.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    url: Url,
    authorization: Option<String>,
}

/// A prepared publish, without the words about where it goes and who sends it.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    /// `PUT` or `POST`.
    pub(crate) method: &'static str,
    /// The path below the door.
    pub(crate) below: String,
    /// The type of the body.
    pub(crate) content_type: &'static str,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Door {
    /// The door at this address, which ends with a slash; `authorization` is the header's value.
    pub(crate) fn new(url: &str, authorization: Option<String>) -> Outcome<Self> {
        ensure!(url.ends_with('/'), "the address of a feed ends with a slash, {url} does not");
        Ok(Self { url: Url::parse(url)?, authorization })
    }

    /// Where to connect to.
    pub(crate) fn address(&self) -> Outcome<SocketAddr> {
        let addresses = self.url.socket_addrs(|| None)?;
        addresses.first().copied().context("an address without a host")
    }

    /// Asking for something below it.
    pub(crate) fn get(&self, below: &str) -> Outcome<Request> {
        let request = Request::get(self.url.join(below)?);
        Ok(match &self.authorization {
            Some(value) => request.header("Authorization", value),
            None => request,
        })
    }

    /// The path, as it stands in a request, of something below it.
    pub(crate) fn path(&self, below: &str) -> Outcome<String> {
        let url = self.url.join(below)?;
        Ok(url[url::Position::BeforePath..].to_owned())
    }

    /// The bytes of a publish.
    pub(crate) fn request(&self, upload: &Upload) -> Outcome<Vec<u8>> {
        let mut bytes = self.head(upload, upload.body.len() as u64)?;
        bytes.extend_from_slice(&upload.body);
        Ok(bytes)
    }

    /// The bytes of a publish's head, for a body of this length that follows.
    pub(crate) fn head(&self, upload: &Upload, length: u64) -> Outcome<Vec<u8>> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nContent-Type: {}\r\nContent-Length: {length}\r\n",
            upload.method,
            self.path(&upload.below)?,
            self.address()?,
            upload.content_type,
        );
        if let Some(value) = &self.authorization {
            head += &format!("Authorization: {value}\r\n");
        }
        Ok((head + "\r\n").into_bytes())
    }

    /// What stands there now, with these headers added to the request.
    pub(crate) async fn fetch(&self, below: &str, headers: &[(&str, &str)]) -> Outcome<Vec<u8>> {
        let url = self.url.join(below)?;
        let mut get = reqwest::Client::new().get(url.clone());
        if let Some(value) = &self.authorization {
            get = get.header("authorization", value);
        }
        for (name, value) in headers {
            get = get.header(*name, *value);
        }
        let answer = get.send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        ensure!(
            status == 200,
            "{url} answered {status}: {}",
            String::from_utf8_lossy(&body[..body.len().min(500)])
        );
        Ok(body.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_goes_below_the_door_with_its_length_and_its_key() -> Outcome {
        let door = Door::new("http://127.0.0.1:8000/npm/x/", Some("Bearer k".into()))?;
        let upload =
            Upload { method: "PUT", below: "thing".into(), content_type: "text/plain", body: b"body".into() };
        let bytes = String::from_utf8(door.request(&upload)?)?;
        let expected = "PUT /npm/x/thing HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nContent-Type: text/plain\r\n\
                        Content-Length: 4\r\nAuthorization: Bearer k\r\n\r\nbody";
        assert_eq!(bytes, expected);
        assert_eq!(door.get("thing")?.url, "http://127.0.0.1:8000/npm/x/thing");
        assert!(Door::new("http://127.0.0.1:8000/npm/x", None).is_err());
        Ok(())
    }
}
