//! `stsguard review`: replays one AdmissionReview and shows what the webhook would answer.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::policy_flags::PolicyFlags;
use crate::admission::{Decision, Endpoint, Review, Unreadable};
use crate::facts::{Answers, NoFacts};
use crate::pointer::Pointer;
use crate::rule::{Operation, Policy};

/// Replay an AdmissionReview, as an API server sends it, without a cluster.
///
/// What the webhook would look up in the cluster is unknown here; what that would be is listed.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct ReviewFlags {
    /// The review, JSON; - for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The path that is asked; both without it.
    #[arg(long, value_name = "PATH")]
    endpoint: Option<EndpointName>,
    #[command(flatten)]
    policy: PolicyFlags,
    /// How the answer is written.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: FormatName,
}

const AFTER_HELP: &str = "\
Examples:
  stsguard review review.json
  stsguard review review.json --endpoint mutate --format json

Exit codes: 0 the request would be allowed, 1 it would be denied, 2 the review cannot be read.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EndpointName {
    /// /mutate, which makes the safe fixes.
    Mutate,
    /// /validate, which judges.
    Validate,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatName {
    /// For people: the patch as lines before and after.
    Text,
    /// For programs: the exact operations.
    Json,
}

impl ReviewFlags {
    /// Replays the review on the paths asked for.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let policy = self.policy.resolve()?;
        let body = read(&self.file)?;
        let review = match Review::parse(&body) {
            Ok(review) => review.on(OffsetDateTime::now_utc().date()),
            Err(Unreadable::Bare { message, .. }) => bail!("{}: {message}", self.file.display()),
            Err(Unreadable::Answered(answer)) => bail!("{}: {}", self.file.display(), refusal(&answer)),
        };
        let asked = [(EndpointName::Mutate, Endpoint::Mutate), (EndpointName::Validate, Endpoint::Validate)];
        let asked = asked.into_iter().filter(|(name, _)| self.endpoint.is_none_or(|only| only == *name));
        let decided: Vec<_> = asked.map(|(_, endpoint)| (endpoint, decide(&review, endpoint, &policy))).collect();
        let text = match self.format {
            FormatName::Json => {
                let parts = decided.iter().map(|(endpoint, decision)| (endpoint.as_str().to_owned(), value(decision)));
                format!("{:#}\n", Value::Object(parts.collect::<Map<_, _>>()))
            }
            FormatName::Text => {
                let object = object(&body);
                let described = review.describe();
                let what = format!(
                    "{} {} {}/{}",
                    described.operation, described.resource, described.namespace, described.name
                );
                decided.iter().map(|(endpoint, decision)| tell(*endpoint, &what, decision, &object)).collect()
            }
        };
        super::print(text)?;
        let allowed = decided.iter().all(|(_, decision)| decision.verdict.allowed);
        Ok(if allowed { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file.as_os_str() == "-" {
        let mut body = Vec::new();
        std::io::stdin().read_to_end(&mut body).context("cannot read standard input")?;
        return Ok(body);
    }
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

fn decide(review: &Review, endpoint: Endpoint, policy: &Policy) -> Decision {
    review.decide(endpoint, policy, &NoFacts, &Answers::new())
}

/// The reason in an answer that refuses.
fn refusal(answer: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    answer.pointer("/response/status/message").and_then(Value::as_str).unwrap_or("the review cannot be read").to_owned()
}

/// The object in the review, for the lines before a patch.
fn object(body: &[u8]) -> Value {
    let mut review: Value = serde_json::from_slice(body).unwrap_or_default();
    review.pointer_mut("/request/object").map(Value::take).unwrap_or_default()
}

fn value(decision: &Decision) -> Value {
    let verdict = &decision.verdict;
    json!({
        "allowed": verdict.allowed,
        "message": verdict.message,
        "warnings": verdict.warnings,
        "operations": verdict.operations,
        "auditAnnotations": verdict.audit_annotations,
        "unknown": decision.needs.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn tell(endpoint: Endpoint, what: &str, decision: &Decision, object: &Value) -> String {
    let verdict = &decision.verdict;
    let word = if verdict.allowed { "allowed" } else { "denied" };
    let mut text = format!("/{}: {what}: {word}\n", endpoint.as_str());
    if let Some(message) = &verdict.message {
        for line in message.lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    for warning in &verdict.warnings {
        let _ = writeln!(text, "  warning: {warning}");
    }
    if !verdict.operations.is_empty() {
        text.push_str("  patch:\n");
    }
    for operation in &verdict.operations {
        let (path, after) = match operation {
            Operation::Add { path, value } | Operation::Replace { path, value } => (path, Some(value)),
            Operation::Remove { path } => (path, None),
        };
        let _ = writeln!(text, "    {path}");
        if let Some(before) = before(operation, path, object) {
            let _ = writeln!(text, "    - {before}");
        }
        if let Some(after) = after {
            let _ = writeln!(text, "    + {after}");
        }
    }
    if !decision.needs.is_empty() {
        let unknown: Vec<_> = decision.needs.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "  unknown without a cluster: {}", unknown.join(", "));
    }
    text
}

/// What an operation takes away: nothing when it inserts into a list.
fn before<'o>(operation: &Operation, path: &Pointer, object: &'o Value) -> Option<&'o Value> {
    let parent = path.as_str().rsplit_once('/').and_then(|(parent, _)| object.pointer(parent));
    if matches!(operation, Operation::Add { .. }) && parent.is_some_and(Value::is_array) {
        return None;
    }
    object.pointer(path.as_str())
}
