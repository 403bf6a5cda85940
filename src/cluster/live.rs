//! Live reads: bounded GETs and lists for what a store may not answer.
//!
//! Reads stay in the review's own namespace, except for cluster-scoped kinds. A name from a review becomes part of a path
//! only if it is a name that Kubernetes would accept.

mod error;
mod reader;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{Either, join_all};
use kube::Client;
use tokio::time::timeout;

use self::error::ReadError;
use self::reader::{Reader, Reads};
use super::stores::Stores;
use crate::facts::{Answer, Answers, Question, Resource, Source, each_kind};

/// The longest that an answer may take.
const READ: Duration = Duration::from_secs(1);
/// The longest that it may take to prove a store current: a bookmark comes in one or two seconds.
const PROOF: Duration = Duration::from_secs(3);

/// Reads facts from the API server.
pub struct Live {
    reader: Reader,
    /// How each kind is read.
    reads: BTreeMap<&'static Resource, Reads>,
    stores: Arc<Stores>,
    /// Resources whose last read failed: said once, until one succeeds.
    failing: Mutex<BTreeSet<&'static str>>,
}

impl Live {
    /// Live reads with this client of what these stores may not answer; each is reported to `observe` with its resource and
    /// result: `found`, `absent`, `failed`.
    pub fn new(
        client: Client,
        stores: Arc<Stores>,
        observe: impl Fn(&'static str, &'static str) + Send + Sync + 'static,
    ) -> Self {
        let mut reads = BTreeMap::new();
        each_kind(&mut reads);
        Self { reader: Reader::new(client, Box::new(observe)), reads, stores, failing: Mutex::default() }
    }

    /// Answers all questions in this time at most: what cannot be read in time is the store's answer, marked unconfirmed.
    pub async fn resolve(&self, questions: &[Question], within: Duration) -> Answers {
        let answers = questions.iter().map(async |question| {
            let resource = question.resource.plural;
            let (limit, read) = if self.is_proved(question) {
                (PROOF, Either::Left(self.prove(question)))
            } else {
                (READ, Either::Right(self.read(question)))
            };
            let answer = match timeout(limit.min(within), read).await {
                Ok(Ok(answer)) => {
                    self.succeeds(resource);
                    answer
                }
                // To try it again would be no better, and no sign of trouble.
                Ok(Err(ReadError::NotRead)) => Answer::Stored(Source::Unconfirmed),
                Ok(Err(fault)) => self.fails(resource, &fault),
                Err(_) => self.fails(resource, &ReadError::Timeout),
            };
            (question.clone(), answer)
        });
        join_all(answers).await.into_iter().collect()
    }

    /// Whether there are too many objects to read them all again: then the store is proved current instead.
    fn is_proved(&self, question: &Question) -> bool {
        let most = question.resource.list.filter(|_| question.name.is_none()).map(|list| list.at_most);
        most.is_some_and(|most| self.stores.count(question.resource).is_some_and(|count| count > most))
    }

    async fn prove(&self, question: &Question) -> Result<Answer, ReadError> {
        let version = self.reader.version(question.resource).await?;
        self.stores.reached(question.resource, version).await;
        Ok(Answer::Stored(Source::Final))
    }

    async fn read(&self, question: &Question) -> Result<Answer, ReadError> {
        let reads = self.reads.get(question.resource).ok_or(ReadError::NotRead)?;
        match (&question.name, question.resource.list) {
            (Some(name), _) if question.resource.get => (reads.get)(&self.reader, &question.namespace, name).await,
            (None, Some(list)) => (reads.list)(&self.reader, &question.namespace, list).await,
            _ => Err(ReadError::NotRead),
        }
    }

    fn fails(&self, resource: &'static str, fault: &ReadError) -> Answer {
        self.reader.observe(resource, "failed");
        if self.failing.lock().unwrap_or_else(PoisonError::into_inner).insert(resource) {
            tracing::warn!(resource, %fault, "live reads fail; what is not confirmed only warns meanwhile");
        }
        Answer::Stored(Source::Unconfirmed)
    }

    fn succeeds(&self, resource: &'static str) {
        if self.failing.lock().unwrap_or_else(PoisonError::into_inner).remove(resource) {
            tracing::info!(resource, "live reads succeed again");
        }
    }
}
