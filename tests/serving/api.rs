//! An API server that holds what a test puts into it, and misbehaves when told to.
//!
//! What lists and watches show and what a GET shows are set apart from each other: that is what a stale store is.

mod writes;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, to_bytes};
use futures::stream;
use http::{Method, Request, Response, Uri};
use http_body_util::BodyExt as _;
use kube::Client;
use serde_json::{Value, json};
use stsguard::facts::{Resource, resources};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::answer::{Read, failure, line, respond};

/// What stsguard writes to, and watches for that.
const WRITABLE: [(&str, &str); 3] = [
    ("secrets", "/api/v1/namespaces/stsguard/secrets"),
    ("validatingwebhookconfigurations", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"),
    ("mutatingwebhookconfigurations", "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"),
];

/// The collections that are listed and watched: what stores keep, and what is written to.
static COLLECTIONS: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
    let stored = resources().into_iter().filter(|resource| resource.stored);
    // A watch takes all namespaces.
    let path = |resource: &Resource| resource.path("").replace("/namespaces//", "/");
    let stored = stored.map(|resource| (resource.plural, path(resource)));
    stored.chain(WRITABLE.map(|(name, path)| (name, path.to_owned()))).collect()
});

/// The collection at a path.
fn collection_of(path: &str) -> Option<&'static str> {
    COLLECTIONS.iter().find(|(_, collection)| *collection == path).map(|(name, _)| *name)
}

/// The API server; clones are the same.
#[derive(Clone, Default)]
pub struct Api(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Of the last change.
    version: u64,
    collections: HashMap<&'static str, Collection>,
    reads: HashMap<String, Read>,
    seen: Vec<String>,
    gone: bool,
    refused: usize,
}

#[derive(Default)]
struct Collection {
    objects: BTreeMap<String, Value>,
    events: Vec<(u64, Value)>,
    /// Watches from before this version are told 410.
    compacted: u64,
    list: Option<Read>,
    lists: usize,
    /// What a new watch is answered instead of events.
    watch: Option<u16>,
    watches: usize,
    /// Watches stay open and bring nothing, as when a connection is cut without a word.
    silent: bool,
    /// What writes are answered instead of being done.
    write: Option<u16>,
    written: usize,
}

impl Api {
    /// A client of it.
    pub fn client(&self) -> Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let api = api.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
                api.answer(&head.method, &head.uri, &body).await
            }
        });
        Client::new(service, "default")
    }

    /// Serves it on loopback, for a process: its address. It ends with the test's runtime.
    pub async fn listen(&self) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port can be bound");
        let address = listener.local_addr().expect("the system says");
        let api = self.clone();
        let router = Router::new().fallback(async move |method: Method, uri: Uri, body: Body| {
            let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
            match api.answer(&method, &uri, &body).await {
                Ok(response) => response,
                Err(_) => respond(Read::Status(500)),
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// Creates or changes an object.
    pub fn put(&self, collection: &'static str, object: &Value) {
        self.change(|state| state.store(collection, object, "MODIFIED", true));
    }

    /// Deletes an object.
    pub fn delete(&self, collection: &'static str, object: &Value) {
        self.change(|state| state.store(collection, object, "DELETED", true));
    }

    /// Changes an object behind the back of all watches.
    pub fn put_unseen(&self, collection: &'static str, object: &Value) {
        self.change(|state| state.store(collection, object, "MODIFIED", false));
    }

    /// Forgets history: watches are told 410 Gone.
    pub fn compact(&self, collection: &'static str) {
        self.change(|state| {
            state.version += 1;
            state.collections.entry(collection).or_default().compacted = state.version;
        });
    }

    /// Answers lists of a collection otherwise, or again as it should.
    pub fn list(&self, collection: &'static str, read: Option<Read>) {
        self.change(|state| state.collections.entry(collection).or_default().list = read);
    }

    /// How many lists of a collection were asked for.
    pub fn lists(&self, collection: &'static str) -> usize {
        self.state().collections.get(collection).map_or(0, |collection| collection.lists)
    }

    /// Refuses new watches of a collection with this status, or no more.
    pub fn refuse_watches(&self, collection: &'static str, status: Option<u16>) {
        self.change(|state| state.collections.entry(collection).or_default().watch = status);
    }

    /// How many watches of a collection were asked for.
    pub fn watches(&self, collection: &'static str) -> usize {
        self.state().collections.get(collection).map_or(0, |collection| collection.watches)
    }

    /// Lets all watches of a collection go silent: they stay open, and nothing comes.
    pub fn fall_silent(&self, collection: &'static str) {
        self.silence(collection, true);
    }

    /// Lets them speak again.
    pub fn speak_again(&self, collection: &'static str) {
        self.silence(collection, false);
    }

    fn silence(&self, collection: &'static str, silent: bool) {
        self.change(|state| state.collections.entry(collection).or_default().silent = silent);
    }

    /// What a GET of this path is answered; 404 where nothing was said.
    pub fn read(&self, path: &str, read: Read) {
        self.change(|state| {
            state.reads.insert(path.to_owned(), read);
        });
    }

    /// The paths of all GETs so far that were neither lists nor watches.
    pub fn seen(&self) -> Vec<String> {
        self.state().seen.clone()
    }

    /// Goes away: what is under way breaks off, and nothing is answered any more.
    pub fn go_away(&self) {
        self.change(|state| state.gone = true);
    }

    /// Comes back.
    pub fn come_back(&self) {
        self.change(|state| state.gone = false);
    }

    /// How many requests came after it had gone.
    pub fn refused(&self) -> usize {
        self.state().refused
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state());
        self.0.changed.notify_waiters();
        changed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("no test panics while it holds this")
    }

    async fn answer(&self, method: &Method, uri: &Uri, body: &[u8]) -> io::Result<Response<Body>> {
        let path = uri.path();
        {
            let mut state = self.state();
            if state.gone {
                state.refused += 1;
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
        }
        if let Some(response) = self.at_object(method, path, body) {
            return Ok(response);
        }
        let Some(name) = collection_of(path) else {
            self.state().seen.push(path.to_owned());
            let read = self.settled(|state| state.reads.get(path).cloned().unwrap_or(Read::Status(404))).await?;
            return Ok(respond(read));
        };
        let query = uri.query().unwrap_or_default();
        if query.contains("watch=true") {
            let from = query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion="));
            let from = from.and_then(|version| version.parse().ok()).unwrap_or(0);
            // A watch this short is asked for to get a bookmark.
            let short = query.split('&').any(|pair| pair == "timeoutSeconds=3");
            let refused = self.change(|state| {
                let collection = state.collections.entry(name).or_default();
                collection.watches += 1;
                collection.watch
            });
            return Ok(match refused {
                Some(status) => respond(Read::Status(status)),
                None => Response::new(self.watch(name, from, short)),
            });
        }
        self.change(|state| state.collections.entry(name).or_default().lists += 1);
        let read = self.settled(|state| state.list(name)).await?;
        Ok(respond(read))
    }

    /// What `look` finds once it is no [`Read::Hang`].
    async fn settled(&self, look: impl Fn(&State) -> Read) -> io::Result<Read> {
        loop {
            let changed = self.0.changed.notified();
            {
                let state = self.state();
                if state.gone {
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
                match look(&state) {
                    Read::Hang => {}
                    read => return Ok(read),
                }
            }
            changed.await;
        }
    }

    /// The events of a collection after a version, as they come; a bookmark follows them in a short watch.
    fn watch(&self, name: &'static str, from: u64, short: bool) -> Body {
        let next = move |(api, from): (Self, u64)| async move {
            loop {
                let changed = api.0.changed.notified();
                {
                    let state = api.state();
                    if state.gone {
                        return Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), (api.clone(), from)));
                    }
                    let of = state.collections.get(name);
                    let of = of.filter(|of| !of.silent);
                    if of.is_some_and(|of| of.compacted > from) {
                        let event = json!({"type": "ERROR", "object": failure(410)});
                        return Some((Ok(line(&event)), (api.clone(), u64::MAX)));
                    }
                    let event = of.and_then(|of| of.events.iter().find(|(version, _)| *version > from));
                    if let Some((version, event)) = event {
                        return Some((Ok(line(event)), (api.clone(), *version)));
                    }
                    if short && state.version > from && of.is_some() {
                        let metadata = json!({"resourceVersion": state.version.to_string()});
                        let object = json!({"apiVersion": "v1", "kind": "Bookmark", "metadata": metadata});
                        let event = json!({"type": "BOOKMARK", "object": object});
                        return Some((Ok(line(&event)), (api.clone(), state.version)));
                    }
                }
                changed.await;
            }
        };
        Body::from_stream(stream::unfold((self.clone(), from), next))
    }
}

impl State {
    /// Creates or changes an object, for watches only where `seen`; gives it back with its version.
    fn store(&mut self, collection: &'static str, object: &Value, kind: &str, seen: bool) -> Value {
        self.version += 1;
        let mut object = object.clone();
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let key = format!("{}/{}", object["metadata"]["namespace"], object["metadata"]["name"]);
        let collection = self.collections.entry(collection).or_default();
        match kind {
            "DELETED" => collection.objects.remove(&key),
            _ => collection.objects.insert(key, object.clone()),
        };
        if seen {
            collection.events.push((self.version, json!({ "type": kind, "object": object })));
        }
        object
    }

    fn list(&self, name: &str) -> Read {
        let of = self.collections.get(name);
        of.and_then(|of| of.list.clone()).unwrap_or_else(|| {
            let items: Vec<_> = of.iter().flat_map(|of| of.objects.values()).collect();
            let metadata = json!({ "resourceVersion": self.version.to_string() });
            Read::Object(json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items}))
        })
    }
}
