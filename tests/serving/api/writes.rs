//! Writes, with the versions that an API server compares: whoever has read an older one is told 409.

use http::{Method, Response};
use serde_json::{Value, json};

use super::super::answer::{Read, respond};
use super::{Api, Body, State, WRITABLE, collection_of};

impl Api {
    /// Answers all writes of a collection with this status, or again as it should.
    pub fn refuse_writes(&self, collection: &'static str, status: Option<u16>) {
        self.change(|state| state.collections.entry(collection).or_default().write = status);
    }

    /// How many writes of a collection have succeeded.
    pub fn written(&self, collection: &'static str) -> usize {
        self.state().collections.get(collection).map_or(0, |collection| collection.written)
    }

    /// An object as it is stored; the only one of its name.
    pub fn stored(&self, collection: &'static str, name: &str) -> Option<Value> {
        self.state().object(collection, name).cloned()
    }

    /// Answers a write, or a read of what can be written; `None` for everything else.
    pub(super) fn at_object(&self, method: &Method, path: &str, body: &[u8]) -> Option<Response<Body>> {
        let (collection, name) = match collection_of(path) {
            Some(collection) if *method == Method::POST => (collection, None),
            Some(_) => return None,
            None => {
                let (folder, name) = path.rsplit_once('/')?;
                (collection_of(folder)?, Some(name))
            }
        };
        WRITABLE.iter().any(|(name, _)| *name == collection).then_some(())?;
        let answer = self.change(|state| {
            let found = name.and_then(|name| state.object(collection, name)).cloned();
            if *method == Method::GET {
                return found.map_or(Read::Status(404), Read::Object);
            }
            if let Some(status) = state.collections.entry(collection).or_default().write {
                return Read::Status(status);
            }
            let sent: Value = serde_json::from_slice(body).expect("clients send JSON");
            let next = match (method.as_str(), found) {
                ("POST", _) => {
                    let name = sent["metadata"]["name"].as_str().expect("it has a name");
                    if state.object(collection, name).is_some() { Err(409) } else { Ok(sent) }
                }
                (_, None) => Err(404),
                ("PUT", Some(found)) => {
                    let same = sent["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"];
                    if same { Ok(sent) } else { Err(409) }
                }
                ("PATCH", Some(found)) => patched(found, sent),
                (other, _) => unreachable!("nobody sends {other}"),
            };
            match next {
                Ok(next) => {
                    state.collections.entry(collection).or_default().written += 1;
                    Read::Object(state.store(collection, &next, "MODIFIED", true))
                }
                Err(status) => Read::Status(status),
            }
        });
        Some(respond(answer))
    }
}

/// A JSON patch applied; 422 where one of its tests fails.
fn patched(mut object: Value, patch: Value) -> Result<Value, u16> {
    let patch: json_patch::Patch = serde_json::from_value(patch).expect("it is a JSON patch");
    json_patch::patch(&mut object, &patch).map_err(|_| 422_u16)?;
    Ok(object)
}

impl State {
    fn object(&self, collection: &str, name: &str) -> Option<&Value> {
        self.collections.get(collection)?.objects.values().find(|object| object["metadata"]["name"] == json!(name))
    }
}
