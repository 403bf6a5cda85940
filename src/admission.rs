//! AdmissionReview in, verdict out: pure, and always answered with the request's uid.
//!
//! [`Review::parse`] reads a body once; [`Review::decide`] may then be called again with more answers until nothing is
//! left to read live. `/mutate` makes safe fixes and never denies; `/validate` judges the final object and never patches.

mod mutation;
mod sticky;
mod verdict;
mod wire;

pub use verdict::Verdict;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::evaluation::{Answers, Context, Facts, Occasion, Question, Report, Subject, evaluate};
use crate::kubernetes::{Scale, Service, StatefulSet};
use crate::policy::Policy;
use crate::rules::DeleteOptions;

/// The metadata annotation in which `/mutate` records what it fixed: codes, sorted, separated by commas.
pub const FIXED_ANNOTATION: &str = "stsguard.dev/fixed";

/// Which of the two paths was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `/mutate`: StatefulSet CREATE and UPDATE.
    Mutate,
    /// `/validate`: everything.
    Validate,
}

impl Endpoint {
    /// The word for it in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mutate => "mutate",
            Self::Validate => "validate",
        }
    }
}

/// A body that is no review, or a review whose objects cannot be read.
#[derive(Debug)]
pub enum Unreadable {
    /// Not even a uid could be read: answer this HTTP status.
    Bare {
        /// The HTTP status.
        status: u16,
        /// What is wrong; holds nothing of the body.
        message: String,
    },
    /// A full AdmissionReview answer that refuses with the reason, to be sent with HTTP 200.
    Answered(Vec<u8>),
}

/// A parsed review.
#[derive(Debug)]
pub struct Review {
    uid: String,
    namespace: String,
    name: String,
    operation: String,
    resource: String,
    user: String,
    dry_run: bool,
    subject: Reviewed,
}

/// What a log line may say of a review: names capped in length, control characters replaced.
#[derive(Debug, Clone)]
pub struct Described {
    /// CREATE, UPDATE, DELETE.
    pub operation: String,
    /// `statefulsets`, `services` or `statefulsets/scale`.
    pub resource: String,
    /// The namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// Who asks.
    pub user: String,
    /// Whether nothing will be stored.
    pub dry_run: bool,
}

#[derive(Debug)]
enum Reviewed {
    /// Nothing to look at: another kind, nothing changed, being deleted, a trusted caller.
    Nothing,
    Set(Box<StatefulSet>),
    SetUpdate {
        old: Box<StatefulSet>,
        new: Box<StatefulSet>,
    },
    SetDelete {
        set: Box<StatefulSet>,
        options: DeleteOptions,
    },
    Scale {
        old: Scale,
        new: Scale,
    },
    Service(Service),
    ServiceUpdate {
        old: Service,
        new: Service,
    },
    ServiceDelete(Service),
}

/// A verdict, and what must be read live before it may be shown.
#[derive(Debug)]
pub struct Decision {
    /// The verdict as far as it is known.
    pub verdict: Verdict,
    /// Questions to read live; empty when the verdict is final.
    pub needs: Vec<Question>,
}

impl Review {
    /// Reads a review's body.
    ///
    /// # Errors
    /// A body that is no AdmissionReview, or one whose objects have the wrong shape.
    pub fn parse(body: &[u8]) -> Result<Self, Unreadable> {
        let envelope: wire::Envelope<'_> =
            serde_json::from_slice(body).map_err(|error| match serde_json::from_slice::<wire::Identified>(body) {
                Ok(identified) => {
                    refuse(&identified.request.uid, &format!("the review cannot be read: {}", place(&error)))
                }
                Err(_) => bare(&format!("the body is no AdmissionReview: {}", place(&error))),
            })?;
        let Some(request) = envelope.request else {
            return Err(bare("the AdmissionReview has no request"));
        };
        if envelope.kind.as_deref() != Some("AdmissionReview")
            || envelope.api_version.as_deref() != Some("admission.k8s.io/v1")
        {
            return Err(refuse(&request.uid, "the body is no AdmissionReview of admission.k8s.io/v1"));
        }
        let subject = Reviewed::read(&request)
            .map_err(|(part, error)| refuse(&request.uid, &format!("{part} cannot be read: {}", error.0)))?;
        let resource = match request.sub_resource.as_deref() {
            Some(sub) if !sub.is_empty() => format!("{}/{sub}", request.resource.resource),
            _ => request.resource.resource,
        };
        let name = request.name.filter(|name| !name.is_empty()).unwrap_or_else(|| subject.name());
        Ok(Self {
            uid: request.uid,
            namespace: request.namespace.unwrap_or_default(),
            name,
            operation: request.operation,
            resource,
            user: request.user_info.and_then(|user| user.username).unwrap_or_default(),
            dry_run: request.dry_run.unwrap_or(false),
            subject,
        })
    }

    /// Decides with the facts and answers at hand; call again with the answers to what it needs.
    pub fn decide(&self, endpoint: Endpoint, policy: &Policy, facts: &dyn Facts, answers: &Answers) -> Decision {
        let context = |occasion| Context::new(policy, occasion, &self.namespace, facts, answers);
        let evaluated = |occasion, subject: Subject<'_>| evaluate(&subject, context(occasion));
        match (endpoint, &self.subject) {
            (Endpoint::Mutate, Reviewed::Set(set)) => {
                let report = evaluate(&Subject::StatefulSet(set), context(Occasion::Create).fixes_only());
                mutation::create(set, report)
            }
            (Endpoint::Mutate, Reviewed::SetUpdate { old, new }) => {
                Decision { verdict: sticky::update(old, new, policy), needs: Vec::new() }
            }
            (Endpoint::Mutate, _) | (_, Reviewed::Nothing) => Decision { verdict: Verdict::allow(), needs: Vec::new() },
            (_, Reviewed::Set(set)) => judge(evaluated(Occasion::Create, Subject::StatefulSet(set))),
            (_, Reviewed::SetUpdate { old, new }) => {
                judge(evaluated(Occasion::Update, Subject::StatefulSetUpdate { old, new }))
            }
            (_, Reviewed::SetDelete { set, options }) => {
                judge(evaluated(Occasion::Delete, Subject::StatefulSetDelete { set, options }))
            }
            (_, Reviewed::Scale { old, new }) => {
                judge(evaluated(Occasion::Update, Subject::Scale { name: &self.name, old, new }))
            }
            (_, Reviewed::Service(service)) => judge(evaluated(Occasion::Create, Subject::Service(service))),
            (_, Reviewed::ServiceUpdate { old, new }) => {
                judge(evaluated(Occasion::Update, Subject::ServiceUpdate { old, new }))
            }
            (_, Reviewed::ServiceDelete(service)) => {
                judge(evaluated(Occasion::Delete, Subject::ServiceDelete(service)))
            }
        }
    }

    /// The AdmissionReview that answers this review.
    pub fn answer(&self, verdict: &Verdict) -> Vec<u8> {
        wire::encode(&wire::Outcome {
            uid: &self.uid,
            refusal: (!verdict.allowed).then(|| (403, verdict.message.as_deref().unwrap_or("denied"))),
            operations: &verdict.operations,
            warnings: &verdict.warnings,
            audit_annotations: &verdict.audit_annotations,
        })
    }

    /// What a log line may say of this review.
    pub fn describe(&self) -> Described {
        Described {
            operation: printable(&self.operation),
            resource: printable(&self.resource),
            namespace: printable(&self.namespace),
            name: printable(&self.name),
            user: printable(&self.user),
            dry_run: self.dry_run,
        }
    }
}

fn judge(report: Report) -> Decision {
    let needs = report.needs();
    Decision { verdict: Verdict::of(report), needs }
}

/// A reason why an object cannot be read, free of the object's text.
struct Fault(String);

impl Reviewed {
    fn read(request: &wire::Request<'_>) -> Result<Self, (&'static str, Fault)> {
        let user = request.user_info.as_ref().and_then(|user| user.username.as_deref()).unwrap_or_default();
        let sub = request.sub_resource.as_deref().unwrap_or_default();
        let resource = &request.resource;
        match (resource.group.as_str(), resource.resource.as_str(), sub, request.operation.as_str()) {
            ("apps", "statefulsets", "", "CREATE") => {
                let set: StatefulSet = object("object", request.object)?;
                Ok(if set.metadata.deletion_timestamp.is_some() { Self::Nothing } else { Self::Set(Box::new(set)) })
            }
            ("apps", "statefulsets", "", "UPDATE") => {
                if !changed(request)? {
                    return Ok(Self::Nothing);
                }
                let old = Box::new(object("oldObject", request.old_object)?);
                Ok(Self::SetUpdate { old, new: Box::new(object("object", request.object)?) })
            }
            ("apps", "statefulsets", "", "DELETE") if !is_trusted(user) => {
                let options = request.options.map_or(Ok(DeleteOptions::default()), |raw| typed("options", raw))?;
                Ok(Self::SetDelete { set: Box::new(object("oldObject", request.old_object)?), options })
            }
            ("apps", "statefulsets", "scale", "UPDATE") => {
                let old: Scale = object("oldObject", request.old_object)?;
                let new: Scale = object("object", request.object)?;
                Ok(if old.spec.replicas == new.spec.replicas { Self::Nothing } else { Self::Scale { old, new } })
            }
            ("", "services", "", "CREATE") => object("object", request.object).map(Self::Service),
            ("", "services", "", "UPDATE") => {
                if !changed(request)? {
                    return Ok(Self::Nothing);
                }
                let old = object("oldObject", request.old_object)?;
                Ok(Self::ServiceUpdate { old, new: object("object", request.object)? })
            }
            ("", "services", "", "DELETE") if !is_trusted(user) => {
                object("oldObject", request.old_object).map(Self::ServiceDelete)
            }
            _ => Ok(Self::Nothing),
        }
    }

    /// The object's own name, for requests that carry none (a deletion of a collection).
    fn name(&self) -> String {
        let metadata = match self {
            Self::Nothing => return String::new(),
            Self::Set(set) | Self::SetUpdate { new: set, .. } | Self::SetDelete { set, .. } => &set.metadata,
            Self::Scale { new, .. } => &new.metadata,
            Self::Service(service) | Self::ServiceUpdate { new: service, .. } | Self::ServiceDelete(service) => {
                &service.metadata
            }
        };
        metadata.display_name()
    }
}

/// The namespace controller and the garbage collector only carry out what somebody was allowed to ask for.
///
/// With some control planes all controllers share the account `system:kube-controller-manager`.
fn is_trusted(user: &str) -> bool {
    matches!(
        user,
        "system:serviceaccount:kube-system:namespace-controller"
            | "system:serviceaccount:kube-system:generic-garbage-collector"
            | "system:kube-controller-manager"
    )
}

/// Whether an update touches the spec or one of our annotations on an object that is not being deleted.
///
/// The specs are compared as text: in real reviews an unchanged spec is the same text byte for byte.
fn changed(request: &wire::Request<'_>) -> Result<bool, (&'static str, Fault)> {
    let new: wire::Shell<'_> = shell("object", request.object)?;
    let new_metadata = new.metadata.unwrap_or_default();
    if new_metadata.deletion_timestamp.is_some() {
        return Ok(false);
    }
    let old: wire::Shell<'_> = shell("oldObject", request.old_object)?;
    if new.spec.map(RawValue::get) != old.spec.map(RawValue::get) {
        return Ok(true);
    }
    let old_metadata = old.metadata.unwrap_or_default();
    let ours = |metadata: &crate::kubernetes::ObjectMeta| {
        let annotations = metadata.annotations.iter();
        annotations
            .filter(|(key, _)| key.starts_with("stsguard.dev/"))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect::<Vec<_>>()
    };
    Ok(ours(&new_metadata) != ours(&old_metadata))
}

fn shell<'a>(part: &'static str, raw: Option<&'a RawValue>) -> Result<wire::Shell<'a>, (&'static str, Fault)> {
    let raw = raw.filter(|raw| raw.get() != "null").ok_or_else(|| (part, Fault("it is null".to_owned())))?;
    serde_json::from_str(raw.get()).map_err(|error| (part, Fault(place(&error))))
}

fn object<T: DeserializeOwned>(part: &'static str, raw: Option<&RawValue>) -> Result<T, (&'static str, Fault)> {
    let raw = raw.filter(|raw| raw.get() != "null").ok_or_else(|| (part, Fault("it is null".to_owned())))?;
    typed(part, raw)
}

fn typed<T: DeserializeOwned>(part: &'static str, raw: &RawValue) -> Result<T, (&'static str, Fault)> {
    serde_json::from_str(raw.get()).map_err(|error| (part, Fault(place(&error))))
}

/// Where and in what way JSON is wrong, without its text: that may be a secret.
fn place(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "a field has the wrong type",
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is not valid JSON",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

fn bare(message: &str) -> Unreadable {
    Unreadable::Bare { status: 400, message: message.to_owned() }
}

fn refuse(uid: &str, message: &str) -> Unreadable {
    let message = format!("stsguard: {message}");
    Unreadable::Answered(wire::encode(&wire::Outcome {
        uid,
        refusal: Some((400, &message)),
        operations: &[],
        warnings: &[],
        audit_annotations: &std::collections::BTreeMap::new(),
    }))
}

/// At most 128 characters, control characters replaced.
fn printable(text: &str) -> String {
    text.chars().take(128).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
