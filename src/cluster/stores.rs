//! Stores: small projections of what the API server holds, kept current by watches, one for each kind of the table that is
//! stored.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, join_all};
use kube::Client;
use tokio::sync::Notify;

use super::store::{Following, Store, StoreState};
use crate::facts::{Completeness, Fact, Facts, Kind, KindVisitor, Lookup, Question, Resource, Source, each_kind};

/// All stores.
pub struct Stores {
    following: Following,
    stores: Vec<(&'static Resource, Box<dyn Answering>)>,
}

/// A store of any kind.
trait Answering: Send + Sync {
    fn get(&self, namespace: &str, name: &str) -> Lookup<Fact>;
    /// Shows each object as `Arc<K>`.
    fn each(&self, namespace: &str, show: &mut dyn FnMut(&str, &dyn Any));
    fn is_synced(&self) -> bool;
    fn is_broken(&self) -> bool;
    fn is_readable(&self) -> bool;
    fn objects(&self) -> u64;
    fn state(&self, start: Instant) -> StoreState;
    fn follow<'s>(&'s self, client: Client, following: &'s Following) -> BoxFuture<'s, ()>;
    fn reached(&self, version: u64) -> BoxFuture<'_, ()>;
}

impl<K: Kind> Answering for Store<K> {
    fn get(&self, namespace: &str, name: &str) -> Lookup<Fact> {
        self.get(namespace, name).map(|fact| fact as Fact)
    }
    fn each(&self, namespace: &str, show: &mut dyn FnMut(&str, &dyn Any)) {
        self.each(namespace, |name, fact| show(name, fact));
    }
    fn is_synced(&self) -> bool {
        self.is_synced()
    }
    fn is_broken(&self) -> bool {
        self.is_broken()
    }
    fn is_readable(&self) -> bool {
        self.is_readable()
    }
    fn objects(&self) -> u64 {
        self.objects()
    }
    fn state(&self, start: Instant) -> StoreState {
        self.state(start)
    }
    fn follow<'s>(&'s self, client: Client, following: &'s Following) -> BoxFuture<'s, ()> {
        Box::pin(self.follow(client, following))
    }
    fn reached(&self, version: u64) -> BoxFuture<'_, ()> {
        Box::pin(self.reached(version))
    }
}

impl KindVisitor for Vec<(&'static Resource, Box<dyn Answering>)> {
    fn visit<K: Kind>(&mut self) {
        if K::RESOURCE.stored {
            self.push((K::RESOURCE, Box::new(Store::<K>::default())));
        }
    }
}

impl Stores {
    /// Stores that know nothing yet; a watch that brings nothing at all for `silence` is begun anew.
    pub fn new(silence: Duration) -> Arc<Self> {
        let (start, changed, away) = (Instant::now(), Notify::new(), AtomicBool::new(false));
        let mut stores = Vec::new();
        each_kind(&mut stores);
        Arc::new(Self { following: Following { start, changed, away, silence }, stores })
    }

    /// Follows the API server until the future is dropped.
    pub async fn follow(self: Arc<Self>, client: Client) {
        join_all(self.stores.iter().map(|(_, store)| store.follow(client.clone(), &self.following))).await;
    }

    /// Whether every store has completed its first list.
    pub fn synced(&self) -> bool {
        self.stores.iter().all(|(_, store)| store.is_synced())
    }

    /// Waits until every store has completed its first list.
    pub async fn until_synced(&self) {
        loop {
            let changed = self.following.changed.notified();
            if self.synced() {
                return;
            }
            changed.await;
        }
    }

    /// What metrics say of each store.
    pub fn states(&self) -> Vec<StoreState> {
        self.stores.iter().map(|(_, store)| store.state(self.following.start)).collect()
    }

    /// How many objects of this kind are stored; `None` while they are not, or not all of them.
    pub(super) fn count(&self, resource: &Resource) -> Option<u64> {
        self.synced_store(resource).map(Answering::objects)
    }

    /// Waits until the store of this kind knows all that the API server knew at `version`.
    pub(super) async fn reached(&self, resource: &Resource, version: u64) {
        match self.synced_store(resource) {
            Some(store) => store.reached(version).await,
            None => std::future::pending().await,
        }
    }

    fn synced_store(&self, resource: &Resource) -> Option<&dyn Answering> {
        let (_, store) = self.stores.iter().find(|(stored, _)| *stored == resource)?;
        store.is_synced().then_some(&**store)
    }
}

impl Facts for Stores {
    fn get(&self, question: &Question) -> Option<(Lookup<Fact>, Source)> {
        if !question.resource.is_in_clusters() {
            // Nobody else could tell either.
            return Some((Lookup::Unknown, Source::Final));
        }
        let store = self.synced_store(question.resource)?;
        // Asked first: what was taken while it was broken must not count as current a moment later.
        let source = trust(store);
        Some((store.get(&question.namespace, question.name.as_deref()?), source))
    }

    fn list(&self, question: &Question, each: &mut dyn FnMut(&str, &dyn Any)) -> Option<(Completeness, Source)> {
        if !question.resource.is_in_clusters() {
            return Some((Completeness::Unknown, Source::Final));
        }
        let store = self.synced_store(question.resource)?;
        let source = trust(store);
        store.each(&question.namespace, each);
        Some((if store.is_readable() { Completeness::Whole } else { Completeness::Partial }, source))
    }
}

fn trust(store: &dyn Answering) -> Source {
    if store.is_broken() { Source::Stale } else { Source::Store }
}
