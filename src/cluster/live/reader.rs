//! Single requests to the API server, of limited number and size.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use http::Request;
use kube::Client;
use kube::api::ListParams;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

use super::super::bounded::bounded;
use super::error::ReadError;
use crate::facts::{Answer, Completeness, Items, Kind, KindVisitor, LiveList, Lookup, Resource};

/// How many live reads may be under way at once, and how many bytes each may bring: an object has 1.5 MiB in etcd.
const AT_ONCE: usize = 8;
const BYTES: usize = 2 << 20;
/// How many pages are read before giving up.
const PAGES: usize = 100;

/// Is told each read by its resource and result.
type Observe = Box<dyn Fn(&'static str, &'static str) + Send + Sync>;

/// Sends requests.
pub(super) struct Reader {
    client: Client,
    permits: Semaphore,
    observe: Observe,
}

/// How one kind is read.
pub(super) struct Reads {
    /// Reads the object of a namespace (empty for kinds that live in none) and a name.
    pub(super) get: for<'r> fn(&'r Reader, &'r str, &'r str) -> BoxFuture<'r, Result<Answer, ReadError>>,
    /// Reads all objects of a namespace.
    pub(super) list: for<'r> fn(&'r Reader, &'r str, LiveList) -> BoxFuture<'r, Result<Answer, ReadError>>,
}

impl KindVisitor for BTreeMap<&'static Resource, Reads> {
    fn visit<K: Kind>(&mut self) {
        let reads = Reads {
            get: |reader, namespace, name| Box::pin(reader.get::<K>(namespace, name)),
            list: |reader, namespace, list| Box::pin(reader.list::<K>(namespace, list)),
        };
        self.insert(K::RESOURCE, reads);
    }
}

/// A page of a list, its items unread: one that cannot be read must not hide the others.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMetadata,
    #[serde(default)]
    items: Option<Vec<Box<RawValue>>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    more: String,
    #[serde(default)]
    resource_version: String,
}

#[derive(Deserialize)]
struct Named {
    metadata: Name,
}

#[derive(Deserialize)]
struct Name {
    name: Box<str>,
}

impl Reader {
    pub(super) fn new(client: Client, observe: Observe) -> Self {
        Self { client: bounded(client, BYTES), permits: Semaphore::new(AT_ONCE), observe }
    }

    pub(super) fn observe(&self, resource: &'static str, result: &'static str) {
        (self.observe)(resource, result);
    }

    async fn get<K: Kind>(&self, namespace: &str, name: &str) -> Result<Answer, ReadError> {
        // Nothing can have a name that Kubernetes does not accept.
        let Some(path) = path(K::RESOURCE, namespace).filter(|_| is_name(name)) else {
            return Ok(Answer::Get(Lookup::Absent));
        };
        let request = Request::get(format!("{path}/{name}")).body(Vec::new())?;
        let found = match self.request::<K::Wire>(request).await {
            Ok(wire) => Lookup::Found(K::from(&wire)),
            Err(ReadError::Api(kube::Error::Api(status))) if status.code == 404 => Lookup::Absent,
            Err(fault) => return Err(fault),
        };
        self.observe(K::RESOURCE.plural, if found == Lookup::Absent { "absent" } else { "found" });
        Ok(Answer::got(found))
    }

    async fn list<K: Kind>(&self, namespace: &str, list: LiveList) -> Result<Answer, ReadError> {
        let mut items: Items<K> = Vec::new();
        let Some(path) = path(K::RESOURCE, namespace) else { return Ok(Answer::listed(items, Completeness::Whole)) };
        let mut completeness = Completeness::Whole;
        let mut parameters = ListParams::default().limit(list.page);
        for _ in 0..PAGES {
            let page = self.page(&path, &parameters, list.metadata_only).await?;
            for raw in page.items.unwrap_or_default() {
                let name = serde_json::from_str::<Named>(raw.get()).map(|named| named.metadata.name);
                match (name, serde_json::from_str::<K::Wire>(raw.get())) {
                    (Ok(name), Ok(wire)) => items.push((name, Arc::new(K::from(&wire)))),
                    _ => completeness = Completeness::Partial,
                }
            }
            if page.metadata.more.is_empty() {
                self.observe(K::RESOURCE.plural, if items.is_empty() { "absent" } else { "found" });
                return Ok(Answer::listed(items, completeness));
            }
            parameters = parameters.continue_token(&page.metadata.more);
        }
        Err(ReadError::TooMany)
    }

    /// The version of everything at this moment: a list without a version is read from etcd, or from a cache that has
    /// caught up with it (KEP-2340), which bookmarks then tell of. A list of one name reads one object; a limit would keep
    /// older API servers from the cache.
    pub(super) async fn version(&self, resource: &'static Resource) -> Result<u64, ReadError> {
        let path = path(resource, "").ok_or(ReadError::NotRead)?;
        let page = self.page(&path, &ListParams::default().fields("metadata.name=none"), true).await?;
        self.observe(resource.plural, "found");
        page.metadata.resource_version.parse().map_err(|_| ReadError::Unreadable)
    }

    async fn page(&self, path: &str, parameters: &ListParams, metadata_only: bool) -> Result<Page, ReadError> {
        let request = kube::core::Request::new(path);
        let request = if metadata_only { request.list_metadata(parameters)? } else { request.list(parameters)? };
        self.request(request).await
    }

    async fn request<T: DeserializeOwned>(&self, request: Request<Vec<u8>>) -> Result<T, ReadError> {
        let _permit = self.permits.acquire().await.map_err(|_| ReadError::Timeout)?;
        Ok(self.client.request(request).await?)
    }
}

/// The path of a collection; none for a namespace that cannot exist.
fn path(resource: &Resource, namespace: &str) -> Option<String> {
    (namespace.is_empty() || is_name(namespace)).then(|| resource.path(namespace))
}

/// Whether Kubernetes could accept a name, and it can be a segment of a path.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    !name.is_empty() && name.len() <= 253 && name.bytes().all(allowed) && !name.starts_with('.')
}
