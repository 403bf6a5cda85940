//! Live reads: one bounded GET or LIST for each question that a store may not answer.
//!
//! Reads stay in the review's own namespace, except for cluster-scoped kinds. A name from a review becomes part of a path
//! only if it is a name that Kubernetes would accept.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use http::Request;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::api::ListParams;
use kube::{Api, Client};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::bounded::bounded;
use super::fault::Fault;
use super::observed::Projection as _;
use super::projections::{Class, StorageClass, Terminating};
use super::stores::is_claim_of;
use crate::evaluation::{Answer, Answers, Facts, Lookup, Question, ServiceFacts, SetFacts, Source};
use crate::kubernetes::{Service, StatefulSet};

/// How many live reads may be under way at once, and how many bytes each may bring: an object has 1.5 MiB in etcd.
const AT_ONCE: usize = 8;
const BYTES: usize = 2 << 20;
/// How many sets of one Service are read again one by one; of more, all of the namespace are.
const SETS: usize = 8;
/// How many objects a page holds, and how many pages are read before giving up.
const SETS_A_PAGE: u32 = 5;
const CLAIMS_A_PAGE: u32 = 100;
const PAGES: usize = 100;

/// Reads single facts from the API server.
pub struct Live {
    client: Client,
    permits: Semaphore,
    /// Counts reads by resource and result: `found`, `absent`, `failed`.
    observe: Box<dyn Fn(&'static str, &'static str) + Send + Sync>,
    /// Resources whose last read failed: said once, until one succeeds.
    failing: Mutex<BTreeSet<&'static str>>,
}

impl Live {
    /// Live reads with this client; each is reported to `observe` with its resource and result.
    pub fn new(client: Client, observe: impl Fn(&'static str, &'static str) + Send + Sync + 'static) -> Self {
        Self {
            client: bounded(client, BYTES),
            permits: Semaphore::new(AT_ONCE),
            observe: Box::new(observe),
            failing: Mutex::default(),
        }
    }

    /// Answers all questions, each with an answer: what cannot be read in time is the store's answer, marked
    /// unconfirmed, or unknown.
    pub async fn resolve(&self, questions: &[Question], stores: &dyn Facts, within: Duration) -> Answers {
        let deadline = Instant::now() + within;
        let answers = questions.iter().map(async |question| {
            let known = stores.answer(question);
            let answer = match timeout_at(deadline, self.read(question, known.as_ref())).await {
                Ok(Ok(answer)) => {
                    self.succeeds(resource(question));
                    (answer, Source::Final)
                }
                failed => {
                    let fault = match failed {
                        Ok(Err(fault)) => fault,
                        _ => Fault::Timeout,
                    };
                    self.fails(resource(question), &fault);
                    known
                        .map_or_else(|| (unknown(question), Source::Final), |(answer, _)| (answer, Source::Unconfirmed))
                }
            };
            (question.clone(), answer)
        });
        join_all(answers).await.into_iter().collect()
    }

    fn fails(&self, resource: &'static str, fault: &Fault) {
        (self.observe)(resource, "failed");
        if self.failing.lock().unwrap_or_else(PoisonError::into_inner).insert(resource) {
            tracing::warn!(resource, %fault, "live reads fail; what is not confirmed only warns meanwhile");
        }
    }

    fn succeeds(&self, resource: &'static str) {
        if self.failing.lock().unwrap_or_else(PoisonError::into_inner).remove(resource) {
            tracing::info!(resource, "live reads succeed again");
        }
    }

    async fn read(&self, question: &Question, known: Option<&(Answer, Source)>) -> Result<Answer, Fault> {
        Ok(match question {
            Question::Service { namespace, name } => {
                let path = format!("/api/v1/namespaces/{}/services/{}", segment(namespace)?, segment(name)?);
                let service = self.get::<Service>("services", &path).await?;
                Answer::Service(map(service, |service| Arc::new(ServiceFacts::from(&service))))
            }
            Question::StatefulSet { namespace, name } => {
                Answer::StatefulSet(map(self.set(namespace, name).await?, Arc::new))
            }
            Question::GovernedSets { namespace, service } => {
                let sets = match known {
                    Some((Answer::GovernedSets(Lookup::Found(sets)), Source::Store)) if sets.len() <= SETS => {
                        self.named_sets(namespace, sets).await?
                    }
                    _ => self.all_sets(namespace).await?,
                };
                let governed = sets.into_iter().filter(|set| *set.service_name == **service).map(Arc::new);
                Answer::GovernedSets(Lookup::Found(governed.collect()))
            }
            Question::Claims { namespace, set, template } => {
                Answer::Names(Lookup::Found(self.claims(namespace, set, template).await?))
            }
            Question::StorageClass { name: Some(name) } => {
                let path = format!("/apis/storage.k8s.io/v1/storageclasses/{}", segment(name)?);
                let class = self.get::<StorageClass>("storageclasses", &path).await?;
                Answer::StorageClass(map(class, |class| Arc::new(Class::project(class).facts)))
            }
            Question::NamespaceTerminating { name } => {
                let path = format!("/api/v1/namespaces/{}", segment(name)?);
                let namespace = self.get("namespaces", &path).await?;
                Answer::Holds(map(namespace, |namespace| Terminating::project(namespace).0))
            }
            Question::StorageClass { name: None }
            | Question::ReservedVolumes { .. }
            | Question::FreeVolumes { .. }
            | Question::ConfigMap { .. } => {
                return Err(Fault::Never);
            }
        })
    }

    /// The sets that a store has named, read again.
    async fn named_sets(&self, namespace: &str, sets: &[Arc<SetFacts>]) -> Result<Vec<SetFacts>, Fault> {
        let mut names: Vec<_> = sets.iter().map(|set| &*set.name).collect();
        names.sort_unstable();
        let reads = names.into_iter().map(|name| self.set(namespace, name));
        let mut read = Vec::new();
        for set in join_all(reads).await {
            if let Lookup::Found(set) = set? {
                read.push(SetFacts::from(&set));
            }
        }
        Ok(read)
    }

    /// All sets of a namespace, where no store can name them.
    async fn all_sets(&self, namespace: &str) -> Result<Vec<SetFacts>, Fault> {
        #[derive(serde::Deserialize)]
        struct Page {
            #[serde(default)]
            metadata: PageMetadata,
            items: Vec<StatefulSet>,
        }
        #[derive(Default, serde::Deserialize)]
        struct PageMetadata {
            #[serde(default, rename = "continue")]
            more: String,
        }
        let path = format!("/apis/apps/v1/namespaces/{}/statefulsets", segment(namespace)?);
        let mut parameters = ListParams::default().limit(SETS_A_PAGE);
        let mut sets = Vec::new();
        for _ in 0..PAGES {
            let request = kube::core::Request::new(&path).list(&parameters)?;
            let Lookup::Found(page) = self.request::<Page>("statefulsets", request).await? else { break };
            sets.extend(page.items.iter().map(SetFacts::from));
            if page.metadata.more.is_empty() {
                return Ok(sets);
            }
            parameters = parameters.continue_token(&page.metadata.more);
        }
        Err(Fault::TooMany)
    }

    async fn set(&self, namespace: &str, name: &str) -> Result<Lookup<StatefulSet>, Fault> {
        let path = format!("/apis/apps/v1/namespaces/{}/statefulsets/{}", segment(namespace)?, segment(name)?);
        self.get("statefulsets", &path).await
    }

    async fn get<T: DeserializeOwned>(&self, resource: &'static str, path: &str) -> Result<Lookup<T>, Fault> {
        self.request(resource, Request::get(path).body(Vec::new())?).await
    }

    async fn request<T: DeserializeOwned>(
        &self,
        resource: &'static str,
        request: Request<Vec<u8>>,
    ) -> Result<Lookup<T>, Fault> {
        let _permit = self.permits.acquire().await.map_err(|_| Fault::Timeout)?;
        match self.client.request::<T>(request).await {
            Ok(object) => {
                (self.observe)(resource, "found");
                Ok(Lookup::Found(object))
            }
            Err(kube::Error::Api(status)) if status.code == 404 => {
                (self.observe)(resource, "absent");
                Ok(Lookup::Absent)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn claims(&self, namespace: &str, set: &str, template: &str) -> Result<Vec<String>, Fault> {
        let api: Api<PersistentVolumeClaim> = Api::namespaced(self.client.clone(), segment(namespace)?);
        let mut parameters = ListParams::default().limit(CLAIMS_A_PAGE);
        let mut names = Vec::new();
        for _ in 0..PAGES {
            let permit = self.permits.acquire().await.map_err(|_| Fault::Timeout)?;
            let page = api.list_metadata(&parameters).await?;
            drop(permit);
            let found = page.items.into_iter().filter_map(|claim| claim.metadata.name);
            names.extend(found.filter(|name| is_claim_of(name, set, template)));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => parameters = parameters.continue_token(&token),
                None => {
                    names.sort();
                    (self.observe)("persistentvolumeclaims", if names.is_empty() { "absent" } else { "found" });
                    return Ok(names);
                }
            }
        }
        Err(Fault::TooMany)
    }
}

/// A name as a segment of a path: nothing but what Kubernetes allows in names.
fn segment(name: &str) -> Result<&str, Fault> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let is_name = !name.is_empty() && name.len() <= 253 && name.bytes().all(allowed) && !name.starts_with('.');
    if is_name { Ok(name) } else { Err(Fault::Name(name.chars().take(64).collect())) }
}

fn map<T, U>(lookup: Lookup<T>, change: impl FnOnce(T) -> U) -> Lookup<U> {
    match lookup {
        Lookup::Found(found) => Lookup::Found(change(found)),
        Lookup::Absent => Lookup::Absent,
        Lookup::Unknown => Lookup::Unknown,
    }
}

fn unknown(question: &Question) -> Answer {
    match question {
        Question::Service { .. } => Answer::Service(Lookup::Unknown),
        Question::GovernedSets { .. } => Answer::GovernedSets(Lookup::Unknown),
        Question::StatefulSet { .. } => Answer::StatefulSet(Lookup::Unknown),
        Question::Claims { .. } | Question::ReservedVolumes { .. } => Answer::Names(Lookup::Unknown),
        Question::StorageClass { .. } => Answer::StorageClass(Lookup::Unknown),
        Question::NamespaceTerminating { .. } | Question::FreeVolumes { .. } => Answer::Holds(Lookup::Unknown),
        Question::ConfigMap { .. } => Answer::ConfigMap(Lookup::Unknown),
    }
}

fn resource(question: &Question) -> &'static str {
    match question {
        Question::Service { .. } => "services",
        Question::GovernedSets { .. } | Question::StatefulSet { .. } => "statefulsets",
        Question::Claims { .. } => "persistentvolumeclaims",
        Question::ReservedVolumes { .. } | Question::FreeVolumes { .. } => "persistentvolumes",
        Question::StorageClass { .. } => "storageclasses",
        Question::NamespaceTerminating { .. } => "namespaces",
        Question::ConfigMap { .. } => "configmaps",
    }
}
