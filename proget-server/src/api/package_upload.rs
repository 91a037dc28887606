//! `api/packages/{feed}/upload[/{fileName}]`: the raw bytes of a package. What it is called and
//! which version it is are found inside; the client often sends no file name at all.

use super::call::{Call, done};
use percent_encoding::percent_decode_str;
use poem::Response;
use proget_core::package::{FileName, Offer};
use proget_core::{Problem, Refusal};
use proget_feeds::http::intake;

/// The same bytes again are success; other bytes under the same version are a conflict.
pub(super) async fn upload(mut call: Call) -> Result<Response, Problem> {
    let format = call.format()?;
    let content_type = call.request.content_type().unwrap_or_default().to_ascii_lowercase();
    if content_type.starts_with("multipart/") || content_type.starts_with("application/x-www-form-urlencoded")
    {
        let rule = "must not be a form: send the package's bytes as they are, as application/octet-stream";
        return Err(Refusal::new("content-type", rule).into());
    }
    let file_name = file_name(call.request.uri().path())?;
    let body = intake::body(&mut call.request)?;
    let artifact = call.registry().packages().receive(body, format.digests()).await?;
    let admission = call.admission()?.clone();
    let offer = Offer { file_name, ..Offer::default() };
    call.registry().publish(admission, format, artifact, offer).await?;
    Ok(done())
}

/// The last segment behind `/upload/`: an artifact path before it is for formats that have one.
fn file_name(path: &str) -> Result<Option<String>, Problem> {
    let Some((_, tail)) = path.split_once("/upload/") else { return Ok(None) };
    let refuse = |rule: &'static str| Refusal::new("file name", rule);
    let tail =
        percent_decode_str(tail).decode_utf8().map_err(|_| refuse("is not UTF-8 after percent-decoding"))?;
    let tail = tail.trim_start_matches('/');
    if tail.is_empty() {
        return Ok(None);
    }
    let checked = FileName::new(tail)?;
    Ok(checked.as_str().rsplit('/').next().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn the_file_name_is_what_stands_behind_upload() {
        assert_eq!(file_name("/api/packages/f/upload").unwrap(), None);
        assert_eq!(file_name("/api/packages/f/upload/").unwrap(), None);
        assert_eq!(file_name("/api/packages/f/upload/a%20b.tgz").unwrap().as_deref(), Some("a b.tgz"));
        assert_eq!(file_name("/api/packages/f/upload//org/acme/a.jar").unwrap().as_deref(), Some("a.jar"));
        for bad in ["..", "a/../b", "%ff", "a%00", "a%5cb"] {
            assert!(file_name(&format!("/api/packages/f/upload/{bad}")).is_err(), "{bad}");
        }
    }
}
