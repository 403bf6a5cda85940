//! The AdmissionReview on the wire (admission.k8s.io/v1), request and response.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::kubernetes::{ObjectMeta, nullable};
use crate::rule::Operation;

/// The request as it arrives; objects stay raw text until it is known what they are.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(rename = "apiVersion", default, deserialize_with = "nullable")]
    pub(super) api_version: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) kind: String,
    #[serde(borrow, default)]
    pub(super) request: Option<Request<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request<'a> {
    pub(super) uid: String,
    pub(super) resource: Resource,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) sub_resource: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) namespace: String,
    pub(super) operation: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) user_info: UserInfo,
    #[serde(borrow, default)]
    pub(super) object: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) old_object: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) options: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) dry_run: bool,
}

#[derive(Deserialize)]
pub(super) struct Resource {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) group: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) resource: String,
}

#[derive(Default, Deserialize)]
pub(super) struct UserInfo {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) username: String,
}

/// Only the uid, for a request whose other parts cannot be read.
#[derive(Deserialize)]
pub(super) struct Identified {
    pub(super) request: IdentifiedRequest,
}

#[derive(Deserialize)]
pub(super) struct IdentifiedRequest {
    pub(super) uid: String,
}

/// An object in two passes: metadata typed, the spec as the text that decides whether anything changed.
#[derive(Deserialize)]
pub(super) struct Shell<'a> {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) metadata: ObjectMeta,
    #[serde(borrow, default)]
    pub(super) spec: Option<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Status<'a> {
    code: u16,
    reason: &'static str,
    message: &'a str,
}

/// What a response says.
pub(super) struct Content<'a> {
    /// The request's uid, echoed.
    pub(super) uid: &'a str,
    /// A refusal: HTTP-like code and message; `None` allows.
    pub(super) refusal: Option<(u16, &'a str)>,
    pub(super) operations: &'a [Operation],
    pub(super) warnings: &'a [String],
    pub(super) audit_annotations: &'a BTreeMap<String, String>,
}

/// The AdmissionReview response as JSON.
pub(super) fn encode(content: &Content<'_>) -> Vec<u8> {
    let patch = (!content.operations.is_empty()).then(|| {
        let patch = serde_json::to_vec(content.operations).expect("operations hold only strings and JSON values");
        base64::engine::general_purpose::STANDARD.encode(patch)
    });
    let answer = Answer {
        api_version: "admission.k8s.io/v1",
        kind: "AdmissionReview",
        response: Response {
            uid: content.uid,
            allowed: content.refusal.is_none(),
            status: content.refusal.map(|(code, message)| Status {
                code,
                reason: if code == 403 { "Forbidden" } else { "BadRequest" },
                message,
            }),
            patch_type: patch.as_ref().map(|_| "JSONPatch"),
            patch,
            warnings: content.warnings,
            audit_annotations: content.audit_annotations,
        },
    };
    serde_json::to_vec(&answer).expect("an answer holds only strings")
}
