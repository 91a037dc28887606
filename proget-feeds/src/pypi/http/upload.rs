//! `POST /legacy/`: an upload form, its file spooled while it arrives, its texts kept.
//!
//! What surprised us: the form reader takes whatever its source has ready, all of it, before it
//! hands anything on; a fast sender would fill the memory. So its source pauses after each piece.

use crate::http::{FeedDoor, intake};
use crate::pypi::PYPI;
use crate::pypi::form::Form;
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use multer::{Field, Multipart};
use poem::http::{StatusCode, header};
use poem::{Request, Response};
use proget_core::access::Permission;
use proget_core::blob::{ByteStream, StoreError, StoreErrorKind};
use proget_core::package::Offer;
use proget_core::registry::Admission;
use proget_core::{Artifact, FeedFormat as _, Problem, Refusal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

/// Longest text of one field, in bytes.
const TEXT_LIMIT: usize = 2 << 20;
/// All that is not the file, in bytes: texts, names of fields, what is between them.
const FORM_LIMIT: u64 = 8 << 20;
/// Longest name of a field, in bytes.
const NAME_LIMIT: usize = 100;

/// <https://github.com/pypi/warehouse/blob/main/docs/user/api/upload.md>
pub(super) async fn upload(door: &FeedDoor, request: &mut Request) -> Result<Response, Problem> {
    // Before the body is touched, so that who may not is told at once.
    let admission = door.admit(Permission::Add)?;
    let content_type = request.content_type().unwrap_or_default();
    let boundary = multer::parse_boundary(content_type)
        .map_err(|_| Refusal::new("content-type", "must be multipart/form-data with a boundary"))?;
    let body = intake::body(request)?;
    let received = receive(door, &admission, body, boundary).await?;
    check_action(&received.form)?;
    let Some((artifact, file_name)) = received.file else {
        return Err(Refusal::new("content", "must be in the form: the file to upload").into());
    };
    let offer = Offer {
        file_name: Some(file_name.clone()),
        document: Some(received.form.document()),
        ..Offer::default()
    };
    match door.publish(admission, &PYPI, artifact, offer).await {
        Ok(_) => Ok(done()),
        // The words by which people and scripts know this.
        Err(Problem::AlreadyExists(_)) => Err(Problem::AlreadyExists(format!(
            "File already exists ('{file_name}'), with other contents: a file that was published cannot be changed"
        ))),
        Err(other) => Err(other),
    }
}

fn check_action(form: &Form) -> Result<(), Problem> {
    match form.one(":action")? {
        Some("file_upload") => {}
        Some("submit" | "submit_pkg_info") => {
            return Err(Problem::Unsupported("projects need not be registered: upload a file".to_owned()));
        }
        Some(other) => {
            let other = other.escape_debug();
            return Err(Problem::Unsupported(format!(
                "the action '{other}' is not known here, only file_upload"
            )));
        }
        None => return Err(Refusal::new(":action", "must be file_upload").into()),
    }
    match form.one("protocol_version")? {
        None | Some("1") => Ok(()),
        Some(_) => Err(Refusal::new("protocol_version", "must be 1").into()),
    }
}

/// A form that has arrived.
struct Received {
    form: Form,
    file: Option<(Artifact, String)>,
}

async fn receive(
    door: &FeedDoor,
    admission: &Admission,
    body: ByteStream,
    boundary: String,
) -> Result<Received, Problem> {
    let handed_on = Arc::new(AtomicU64::new(0));
    let mut parts = Multipart::new(paced(body, handed_on.clone()), boundary);
    let mut received = Received { form: Form::default(), file: None };
    while let Some(mut field) = parts.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "" => return Err(Refusal::new("form", "has a field without a name").into()),
            _ if name.len() > NAME_LIMIT => {
                return Err(Refusal::new("form", "has a field with a name of more than 100 bytes").into());
            }
            "content" if received.file.is_some() => {
                return Err(Refusal::new("content", "must be in the form once").into());
            }
            "content" => {
                let refuse = || Refusal::new("content", "must be sent with a file name");
                let file_name = field.file_name().ok_or_else(refuse)?.to_owned();
                let mut spool = door.intake(admission).begin(PYPI.digests()).await?;
                while let Some(piece) = field.chunk().await.map_err(broken)? {
                    handed_on.fetch_add(piece.len() as u64, Ordering::Relaxed);
                    spool.write(piece).await?;
                }
                received.file = Some((spool.finish().await?, file_name));
            }
            // Nobody reads signatures any more; clients of today send none.
            "gpg_signature" => drop(text(&mut field, &name).await?),
            "attestations" => {
                let rule = "are not kept here: upload without them";
                return Err(Refusal::new("attestations", rule).into());
            }
            _ => {
                let value = text(&mut field, &name).await?;
                // It is in the file too, and long.
                if name != "description" {
                    received.form.add(&name, into_text(value, &name)?)?;
                }
            }
        }
    }
    Ok(received)
}

async fn text(field: &mut Field<'_>, name: &str) -> Result<Vec<u8>, Problem> {
    let mut value = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(broken)? {
        value.extend_from_slice(&piece);
        if value.len() > TEXT_LIMIT {
            let rule = format!("must have at most {TEXT_LIMIT} bytes");
            return Err(Refusal::new(name.escape_debug().to_string(), rule).into());
        }
    }
    Ok(value)
}

fn into_text(value: Vec<u8>, name: &str) -> Result<String, Refusal> {
    String::from_utf8(value).map_err(|_| Refusal::new(name.escape_debug().to_string(), "must be UTF-8"))
}

/// The body in pieces with a pause after each, and with an end when it is too long without the file.
fn paced(
    mut body: ByteStream,
    handed_on: Arc<AtomicU64>,
) -> impl Stream<Item = Result<Bytes, StoreError>> + Send {
    let (mut pause, mut seen) = (false, 0);
    stream::poll_fn(move |context| {
        if std::mem::take(&mut pause) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = body.poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(piece))) = &polled {
            pause = true;
            seen += piece.len() as u64;
            if seen - handed_on.load(Ordering::Relaxed) > FORM_LIMIT {
                let doing = format!("receiving a form with more than {FORM_LIMIT} bytes beside its file");
                return Poll::Ready(Some(Err(StoreError::new(StoreErrorKind::TooLarge, doing))));
            }
        }
        polled
    })
}

/// What went wrong with the body, or with the form in it.
fn broken(error: multer::Error) -> Problem {
    match error {
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<StoreError>() {
            Ok(cause) => (*cause).into(),
            Err(_) => Refusal::new("body", "could not be read").into(),
        },
        other => Refusal::new("body", format!("is no multipart form: {other}")).into(),
    }
}

fn done() -> Response {
    Response::builder()
        .status(StatusCode::OK)
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store")
        .body("ok\n")
}
