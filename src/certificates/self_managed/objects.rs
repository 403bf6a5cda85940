//! What is written to the API server: the Secret, and the caBundle of our webhook entries.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::Value;
use tokio::time::timeout;

use super::ObjectNames;
use crate::certificates::authority::{Malformed, Stored};
use crate::certificates::entries::{Configuration, Entries};

/// The field manager of the caBundle and of the Secret's data.
const MANAGER: &str = "stsguard";
/// How long one call to the API server may take.
const CALL: Duration = Duration::from_secs(10);

/// A call that failed. Holds nothing of a key.
#[derive(Debug, thiserror::Error)]
#[error("{what} cannot be {done}: {fault}")]
pub(super) struct CallError {
    what: String,
    done: &'static str,
    fault: String,
}

/// What became of a write.
pub(super) enum Written<T> {
    /// This is in the cluster.
    Done(T),
    /// Nothing was written: somebody else has changed the object first.
    Overtaken,
}

/// The objects in the cluster.
pub(super) struct Objects {
    pub(super) client: Client,
    pub(super) names: ObjectNames,
}

impl Objects {
    /// The Secret as it is now.
    pub(super) async fn secret(&self) -> Result<Option<Secret>, CallError> {
        let answer = called(self.secrets().get_opt(&self.names.secret)).await;
        answer.map_err(|failure| failure.of(self.secret_name(), "read"))
    }

    /// Puts `data` into the Secret, if it still is the version `found`; makes one where there was none.
    pub(super) async fn store(
        &self,
        found: Option<Secret>,
        data: BTreeMap<String, Vec<u8>>,
    ) -> Result<Written<Secret>, CallError> {
        let (exists, mut next) = (found.is_some(), found.unwrap_or_default());
        next.metadata.name = Some(self.names.secret.clone());
        next.metadata.managed_fields = None;
        next.metadata.labels.get_or_insert_default().insert("app.kubernetes.io/managed-by".into(), "stsguard".into());
        next.data = Some(data.into_iter().map(|(key, value)| (key, ByteString(value))).collect());
        let options = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let (secrets, name) = (self.secrets(), &self.names.secret);
        let answer = if exists {
            called(secrets.replace(name, &options, &next)).await
        } else {
            called(secrets.create(&options, &next)).await
        };
        match answer {
            Ok(written) => Ok(Written::Done(written)),
            // 404 after a read: it was deleted meanwhile. On creation it is the namespace that is not there.
            Err(failure) if failure.is(if exists { &[404, 409] } else { &[409] }) => Ok(Written::Overtaken),
            Err(failure) => Err(failure.of(self.secret_name(), if exists { "updated" } else { "created" })),
        }
    }

    /// Applies a patch of [`Entries::patch`] and gives back the entries as they are then. The write is overtaken when an
    /// entry was renamed, moved, removed or given another bundle meanwhile; the watch will bring that change.
    pub(super) async fn publish<K: Configuration>(&self, patch: Value) -> Result<Written<Entries>, CallError> {
        let ObjectNames { configuration, service, namespace, .. } = &self.names;
        let what = || format!("{} {configuration}", K::kind(&()));
        let options = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let patch = serde_json::from_value(patch).map_err(|error| CallError {
            what: what(),
            done: "patched",
            fault: error.to_string(),
        })?;
        match called(self.all::<K>().patch(configuration, &options, &Patch::<()>::Json(patch))).await {
            Ok(found) => Ok(Written::Done(Entries::of(&found, service, namespace))),
            // 422: a test in the patch failed.
            Err(failure) if failure.is(&[404, 409, 422]) => Ok(Written::Overtaken),
            Err(failure) => Err(failure.of(what(), "patched")),
        }
    }

    /// All Secrets of our namespace.
    pub(super) fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.names.namespace)
    }

    /// All configurations of a kind.
    pub(super) fn all<K: Configuration>(&self) -> Api<K> {
        Api::all(self.client.clone())
    }

    fn secret_name(&self) -> String {
        format!("Secret {}", self.names.secret)
    }
}

/// What the Secret holds.
pub(super) fn read(secret: &Secret) -> Result<Stored, Malformed> {
    let data = secret.data.iter().flatten().map(|(key, value)| (key.clone(), value.0.as_slice()));
    Stored::read(&data.collect())
}

/// Why there is no good answer.
enum Failure {
    Late,
    Refused(Box<kube::Error>),
}

impl Failure {
    fn is(&self, codes: &[u16]) -> bool {
        matches!(self, Self::Refused(error) if matches!(&**error, kube::Error::Api(status) if codes.contains(&status.code)))
    }

    fn of(self, what: String, done: &'static str) -> CallError {
        let fault: &dyn Display = match &self {
            Self::Late => &"no answer in time",
            Self::Refused(error) => error,
        };
        CallError { what, done, fault: fault.to_string() }
    }
}

async fn called<T>(answer: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Failure> {
    match timeout(CALL, answer).await {
        Ok(answer) => answer.map_err(|error| Failure::Refused(Box::new(error))),
        Err(_) => Err(Failure::Late),
    }
}
