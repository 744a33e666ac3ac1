//! Answers of servers, for tests.

use crate::header::HeaderMap;
use crate::message::Message;
use crate::status::StatusCode;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::Bytes;

/// An answer with this body.
pub(crate) fn answer(body: &str) -> Message {
    Message {
        subject: "_INBOX.x".into(),
        reply: None,
        payload: Bytes::copy_from_slice(body.as_bytes()),
        headers: None,
        status: None,
        description: None,
        length: body.len(),
    }
}

/// A status line.
pub(crate) fn status(code: u16, text: Option<&str>) -> Message {
    status_with(code, text, &[])
}

/// A status line with headers.
pub(crate) fn status_with(code: u16, text: Option<&str>, headers: &[(&str, &str)]) -> Message {
    Message {
        status: Some(StatusCode::from_u16(code).unwrap()),
        description: text.filter(|text| !text.is_empty()).map(ToString::to_string),
        ..with_headers("", headers)
    }
}

/// An answer with headers.
pub(crate) fn with_headers(body: &str, headers: &[(&str, &str)]) -> Message {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.parse::<crate::HeaderName>().unwrap(), *value))
        .collect();
    Message { headers: Some(headers), ..answer(body) }
}

/// Subject and body of a request with the default prefix.
pub(crate) fn wire<R: crate::jetstream::ApiRequest>(request: &R) -> (String, String) {
    let mut body = Vec::new();
    request.encode(&mut body);
    let subject = request.subject(&crate::jetstream::ApiPrefix::default());
    (subject.into_string(), String::from_utf8(body).unwrap())
}

/// Checks subject (behind the prefix) and body of a request.
#[track_caller]
pub(crate) fn assert_wire<R: crate::jetstream::ApiRequest>(request: &R, subject: &str, body: &str) {
    let (found, found_body) = wire(request);
    assert_eq!(found.strip_prefix("$JS.API."), Some(subject));
    assert_eq!(found_body, body);
}
