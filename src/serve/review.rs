//! One review from body to answer: decide, read live what that needs, decide again.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::FutureExt as _;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::metrics::Metrics;
use crate::admission::{Decision, Endpoint, Review, Unreadable, Verdict, listed};
use crate::cluster::{Live, Stores};
use crate::facts::{Answer, Answers, Source};
use crate::rule::{Action, Policy};

/// How often live reads may lead to further questions.
const ROUNDS: usize = 3;

/// What reviews are decided with.
pub(super) struct Reviewer {
    /// The policy; replaced as a whole.
    pub(super) policy: ArcSwap<Policy>,
    /// What watches know.
    pub(super) stores: Arc<Stores>,
    /// What they may not answer alone.
    pub(super) live: Live,
    /// Where it is counted.
    pub(super) metrics: Arc<Metrics>,
}

/// What is sent back.
pub(super) enum Reply {
    /// An AdmissionReview.
    Answered(Vec<u8>),
    /// A bare HTTP status.
    Bare(u16, String),
    /// The review ended in a panic: the next try would too.
    Panicked,
}

impl From<Unreadable> for Reply {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Answered(answer) => Self::Answered(answer),
            Unreadable::Bare { status, message } => Self::Bare(status, message),
        }
    }
}

impl Reviewer {
    /// Answers one review by `deadline`. A panic becomes a reply, too: it must not take the connection with it.
    pub(super) async fn answer(&self, endpoint: Endpoint, body: &[u8], deadline: Instant) -> Reply {
        let reply = AssertUnwindSafe(self.review(endpoint, body, deadline)).catch_unwind().await;
        reply.unwrap_or_else(|_| {
            self.metrics.panic();
            tracing::error!("a review ended in a panic; please report it with the line above");
            Reply::Panicked
        })
    }

    async fn review(&self, endpoint: Endpoint, body: &[u8], deadline: Instant) -> Reply {
        let begun = Instant::now();
        let review = match Review::parse(body) {
            Ok(review) => review.on(OffsetDateTime::now_utc().date()),
            Err(unreadable) => return unreadable.into(),
        };
        let policy = self.policy.load_full();
        let mut answers = Answers::new();
        let mut round = 0;
        let verdict = loop {
            let Decision { verdict, needs } = review.decide(endpoint, &policy, &*self.stores, &answers);
            if needs.is_empty() {
                break verdict;
            }
            if round == ROUNDS {
                // What has not been confirmed by now only warns.
                answers.extend(needs.into_iter().map(|question| (question, Answer::Stored(Source::Unconfirmed))));
                break review.decide(endpoint, &policy, &*self.stores, &answers).verdict;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            answers.extend(self.live.resolve(&needs, left * 3 / 4).await);
            round += 1;
        };
        let answer = review.answer(&verdict);
        self.metrics.reviewed(endpoint, begun.elapsed());
        self.report(endpoint, &review, &verdict, begun.elapsed());
        Reply::Answered(answer)
    }

    /// Counts and logs a verdict: one line, and nothing of the object but its name.
    fn report(&self, endpoint: Endpoint, review: &Review, verdict: &Verdict, took: Duration) {
        for code in &verdict.fixed {
            self.metrics.verdict(code, "fix");
        }
        if endpoint == Endpoint::Validate {
            for finding in &verdict.findings {
                self.metrics.verdict(finding.rule.code, finding.action.as_str());
            }
        }
        let worth_a_line =
            !verdict.operations.is_empty() || verdict.findings.iter().any(|finding| finding.action >= Action::Audit);
        if !worth_a_line && !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let about = review.describe();
        let found = counted(verdict.findings.iter().map(|f| format!("{}:{}", f.rule.code, f.action)));
        let said = listed(verdict.findings.iter());
        let fixed = counted(verdict.fixed.iter().map(ToString::to_string));
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    endpoint = endpoint.as_str(),
                    operation = about.operation,
                    resource = about.resource,
                    namespace = about.namespace,
                    name = about.name,
                    user = about.user,
                    dry_run = about.dry_run,
                    allowed = verdict.allowed,
                    found,
                    said,
                    fixed,
                    micros,
                    "reviewed"
                )
            };
        }
        if worth_a_line { line!(info) } else { line!(debug) }
    }
}

/// Each of them once, with how often it came: an object with a thousand containers must not make a line of a thousand.
fn counted(said: impl Iterator<Item = String>) -> String {
    let mut times = BTreeMap::<_, usize>::new();
    for one in said {
        *times.entry(one).or_default() += 1;
    }
    let each = times.into_iter().map(|(one, times)| if times > 1 { format!("{one}*{times}") } else { one });
    each.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn says_each_code_once() {
        let said = ["STS301:warn", "STS101:deny", "STS301:warn"].map(str::to_owned);
        assert_eq!(counted(said.into_iter()), "STS101:deny,STS301:warn*2");
        assert_eq!(counted(std::iter::empty()), "");
    }
}
