//! AdmissionReview in, verdict out: pure, and always answered with the request's uid.
//!
//! [`Review::parse`] reads a body once; [`Review::decide`] may then be called again with more answers until nothing is
//! left to read live. `/mutate` makes safe fixes and never denies; `/validate` judges the final object and never patches.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod kept_fixes;
mod mutation;
mod part;
mod reviewed;
mod verdict;
mod wire;

pub use verdict::{Verdict, listed};

use time::Date;

use self::part::{Misread, place};
use self::reviewed::Reviewed;
use crate::evaluation::{Change, Subject, evaluate};
use crate::facts::{Answers, Facts, Question};
use crate::rule::{Context, Policy};

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
    today: Option<Date>,
    subject: Reviewed,
}

/// What a log line may say of a review: names capped in length, control characters replaced.
#[derive(Debug, Clone)]
pub struct Described {
    /// CREATE, UPDATE, DELETE.
    pub operation: String,
    /// `statefulsets`, `statefulsets/scale`, `services` or `deployments`.
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

/// A verdict, and what must be read live before it may be shown.
#[derive(Debug)]
pub struct Decision {
    /// The verdict as far as it is known.
    pub verdict: Verdict,
    /// Questions to read live; empty when the verdict is final.
    pub needs: Vec<Question>,
}

impl Review {
    /// The answer to a body that is not to be read any further than to its uid, and why.
    pub fn unread(body: &[u8], why: &str) -> Unreadable {
        match serde_json::from_slice::<wire::Identified>(body) {
            Ok(identified) => refuse(&identified.request.uid, why),
            Err(_) => bare(why),
        }
    }

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
        if (envelope.kind.as_str(), envelope.api_version.as_str()) != ("AdmissionReview", "admission.k8s.io/v1") {
            return Err(refuse(&request.uid, "the body is no AdmissionReview of admission.k8s.io/v1"));
        }
        let subject = Reviewed::read(&request)
            .map_err(|Misread { part, reason }| refuse(&request.uid, &format!("{part} cannot be read: {reason}")))?;
        let resource = match request.sub_resource.as_str() {
            "" => request.resource.resource,
            sub => format!("{}/{sub}", request.resource.resource),
        };
        let name = if request.name.is_empty() { subject.name() } else { request.name };
        Ok(Self {
            uid: request.uid,
            namespace: request.namespace,
            name,
            operation: request.operation,
            resource,
            user: request.user_info.username,
            dry_run: request.dry_run,
            today: None,
            subject,
        })
    }

    /// Came on this day (UTC), which decides what has expired; without it nothing has.
    #[must_use]
    pub fn on(mut self, today: Date) -> Self {
        self.today = Some(today);
        self
    }

    /// Decides with the facts and answers at hand; call again with the answers to what it needs.
    pub fn decide(&self, endpoint: Endpoint, policy: &Policy, facts: &dyn Facts, answers: &Answers) -> Decision {
        let Some((occasion, subject)) = self.subject.subject(&self.name) else {
            return Decision { verdict: Verdict::allow(), needs: Vec::new() };
        };
        let context = Context::new(policy, occasion, &self.namespace, facts, answers).on(self.today);
        match (endpoint, subject) {
            (Endpoint::Mutate, Subject::StatefulSet(set, Change::State)) => {
                mutation::create(set, evaluate(&subject, context.fixes_only()), policy)
            }
            (Endpoint::Mutate, Subject::StatefulSet(new, Change::Update { old, specs })) => {
                Decision { verdict: kept_fixes::update(old, new, specs, policy), needs: Vec::new() }
            }
            (Endpoint::Mutate, _) => Decision { verdict: Verdict::allow(), needs: Vec::new() },
            (Endpoint::Validate, subject) => {
                let report = evaluate(&subject, context);
                let needs = report.needs();
                Decision { verdict: Verdict::of(report), needs }
            }
        }
    }

    /// The AdmissionReview that answers this review.
    pub fn answer(&self, verdict: &Verdict) -> Vec<u8> {
        wire::encode(&wire::Content {
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

fn bare(message: &str) -> Unreadable {
    Unreadable::Bare { status: 400, message: message.to_owned() }
}

fn refuse(uid: &str, message: &str) -> Unreadable {
    let message = format!("stsguard: {message}");
    Unreadable::Answered(wire::encode(&wire::Content {
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

#[cfg(test)]
mod deployment_tests;
#[cfg(test)]
mod kept_fixes_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod scoped_policy_tests;
#[cfg(test)]
mod tests;
