//! Follows objects of one kind: a list, a watch from there on, and both again for as long as it takes.
//!
//! kube's own watcher keeps bookmarks to itself and goes on in silence after a failure. Here they are told: a bookmark is
//! what proves that a kind which seldom changes is known up to a version, and a watch that failed is begun anew with a
//! list, so that nobody takes what was known before for current.

mod error;

use std::convert::Infallible;
use std::fmt::Debug;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

pub use error::WatchError;

use crate::jitter::jitter;

/// How long the API server may say nothing about a kind: it ends each watch after 60 s, and answers lists in less.
pub const SILENCE: Duration = Duration::from_secs(64);
/// The API server ends each watch after so many seconds; a connection that was cut without a word is noticed by then.
const LASTS: u32 = 60;
/// The shortest watch that brings a bookmark: the API server sends one two seconds before the end of each, and looks
/// once a second whether it is time.
const SHORT: u32 = 3;
/// How long to wait before a failed watch is begun anew, at first and at most.
const WAITS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(30)];
/// A watch that ends by itself sooner than this is as good as failed: it must not be asked for again and again.
const TOO_SOON: Duration = Duration::from_secs(1);

/// What a watch tells.
#[derive(Debug)]
pub enum News<K> {
    /// One object of a list.
    Listed(K),
    /// The list is complete: what was not on it since the last failure does not exist.
    Complete,
    /// An object was created or changed.
    Changed(K),
    /// An object was deleted.
    Deleted(K),
    /// The API server has been heard, and all that it knew at this version has been told.
    Reached(u64),
    /// The watch has failed and will be begun anew with a list; what was listed without being complete is void.
    Failed(WatchError),
}

/// A watch of one kind.
pub struct Watch<K> {
    api: Api<K>,
    list: ListParams,
    silence: Duration,
}

impl<K> Watch<K>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    /// A watch of all that `api` shows, begun anew when the API server says nothing for `silence`.
    pub fn new(api: Api<K>, silence: Duration) -> Self {
        Self { api, list: ListParams::default(), silence }
    }

    /// Follows only the object of this name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.list = self.list.fields(&format!("metadata.name={name}"));
        self
    }

    /// Lists so many objects a page.
    #[must_use]
    pub fn paged(mut self, page: u32) -> Self {
        self.list = self.list.limit(page);
        self
    }

    /// Follows the API server until the future is dropped.
    ///
    /// Whoever tells `awaited` gets a bookmark one or two seconds from then; otherwise they come about once a minute. The
    /// first wait after a failure is half a second, the longest half a minute, and no two replicas wait the same.
    pub async fn follow(&self, awaited: &Notify, mut tell: impl FnMut(News<K>)) {
        let mut tries = 0_u32;
        loop {
            let begun = Instant::now();
            let Err(error) = self.follow_once(awaited, &mut tell).await;
            tell(News::Failed(error));
            // A list that succeeds before a watch that fails at once must not be asked for again and again.
            if begun.elapsed() > WAITS[1] {
                tries = 0;
            }
            let wait = WAITS[0].saturating_mul(1 << tries.min(6)).min(WAITS[1]);
            sleep(jitter(wait)).await;
            tries = tries.saturating_add(1);
        }
    }

    /// One list, and watches from there on until one fails.
    async fn follow_once(&self, awaited: &Notify, tell: &mut impl FnMut(News<K>)) -> Result<Infallible, WatchError> {
        let mut version = self.list(tell).await?;
        let mut short = false;
        loop {
            let opened = Instant::now();
            let mut ended = self.watch(&mut version, (!short).then_some(awaited), tell).await?;
            if ended == Ended::ByServer && opened.elapsed() < TOO_SOON {
                return Err(WatchError::TooSoon);
            }
            // Whoever asked while a short watch was open may have missed its bookmark.
            if ended == Ended::Bookmarked && awaited.notified().now_or_never().is_some() {
                ended = Ended::Awaited;
            }
            short = ended == Ended::Awaited;
        }
    }

    async fn list(&self, tell: &mut impl FnMut(News<K>)) -> Result<String, WatchError> {
        let mut parameters = self.list.clone();
        loop {
            let page = self.patient(self.api.list(&parameters)).await??;
            for object in page.items {
                tell(News::Listed(object));
            }
            let version = page.metadata.resource_version.filter(|version| !version.is_empty());
            match page.metadata.continue_.filter(|more| !more.is_empty()) {
                Some(more) => parameters = parameters.continue_token(&more),
                None => {
                    let version = version.ok_or(WatchError::NoVersion)?;
                    tell(News::Complete);
                    reached(&version, tell);
                    return Ok(version);
                }
            }
        }
    }

    /// Watches from `version` on, and keeps it at what has been told: until the server ends it, `awaited` is told, or,
    /// where nothing is awaited, a bookmark comes.
    async fn watch(
        &self,
        version: &mut String,
        awaited: Option<&Notify>,
        tell: &mut impl FnMut(News<K>),
    ) -> Result<Ended, WatchError> {
        let parameters = WatchParams { field_selector: self.list.field_selector.clone(), ..WatchParams::default() };
        let parameters = parameters.timeout(if awaited.is_some() { LASTS } else { SHORT });
        let events = self.patient(self.api.watch(&parameters, version)).await??;
        let mut events = std::pin::pin!(events);
        reached(version, tell);
        loop {
            let event = tokio::select! {
                biased;
                event = self.patient(events.next()) => event?,
                () = told(awaited) => return Ok(Ended::Awaited),
            };
            let Some(event) = event else { return Ok(Ended::ByServer) };
            let (next, is_bookmark) = match event? {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    let next = object.meta().resource_version.clone();
                    tell(News::Changed(object));
                    (next, false)
                }
                WatchEvent::Deleted(object) => {
                    let next = object.meta().resource_version.clone();
                    tell(News::Deleted(object));
                    (next, false)
                }
                WatchEvent::Bookmark(bookmark) => (Some(bookmark.metadata.resource_version), true),
                WatchEvent::Error(status) => return Err(kube::Error::Api(status).into()),
            };
            if let Some(next) = next.filter(|next| !next.is_empty()) {
                *version = next;
                reached(version, tell);
            }
            if is_bookmark && awaited.is_none() {
                return Ok(Ended::Bookmarked);
            }
        }
    }

    /// What the API server answers, unless it has said nothing for too long.
    async fn patient<T>(&self, answer: impl Future<Output = T>) -> Result<T, WatchError> {
        timeout(self.silence, answer).await.map_err(|_| WatchError::Silent(self.silence))
    }
}

/// Why a watch is not read any further.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// The API server has ended it.
    ByServer,
    /// Somebody waits for a bookmark.
    Awaited,
    /// The bookmark of a short one has come.
    Bookmarked,
}

async fn told(notify: Option<&Notify>) {
    match notify {
        Some(notify) => notify.notified().await,
        None => std::future::pending().await,
    }
}

/// Versions of one kind can be compared as numbers (KEP-5504); of an API server that writes others, none is reached.
fn reached<K>(version: &str, tell: &mut impl FnMut(News<K>)) {
    tell(News::Reached(version.parse().unwrap_or(0)));
}
