//! An API server that knows as much as stsguard asks for: lists in pages, watches without news, single objects.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How many objects a page holds: what stsguard asks for.
const PAGE: usize = 100;
/// The last page of Services comes this much later, so that all other lists are in by then.
const LATE: Duration = Duration::from_millis(300);

/// The API server.
pub struct ApiServer {
    address: SocketAddr,
    lists: Arc<Lists>,
    task: JoinHandle<()>,
}

struct Lists {
    services: Vec<Bytes>,
    sets: Vec<Bytes>,
    last: Mutex<Instant>,
}

impl ApiServer {
    /// Serves this many Services and StatefulSets, copies of captured ones, and the Service `shop/orders`.
    pub async fn start(services: usize, sets: usize) -> Result<Self> {
        let service = captured(include_bytes!("../reviews/validate-create-service-orders.json"))?;
        let set = captured(include_bytes!("../reviews/validate-create-statefulset-orders.json"))?;
        let mut all_services = copies(&service, "service", services);
        all_services.pop();
        all_services.push(service);
        let lists = Arc::new(Lists {
            services: pages(&all_services),
            sets: pages(&copies(&set, "set", sets)),
            last: Mutex::new(Instant::now()),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(answer).with_state(Arc::clone(&lists));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the API server is lost: {error}");
            }
        });
        Ok(Self { address, lists, task })
    }

    /// A kubeconfig for it.
    pub fn kubeconfig(&self) -> String {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "bench",
            "clusters": [{"name": "bench", "cluster": {"server": format!("http://{}", self.address)}}],
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
            "users": [{"name": "bench", "user": {}}],
        })
        .to_string()
    }

    /// When a list was last answered to its end.
    pub fn last_list(&self) -> Instant {
        *self.lists.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(lists): State<Arc<Lists>>, uri: Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    if parameter("watch").is_some() {
        return Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>()).into_response();
    }
    let page = parameter("continue").and_then(|token| token.parse().ok()).unwrap_or(0);
    let empty = || Bytes::from(list(&[], None));
    let (body, last) = match uri.path() {
        "/api/v1/services" => {
            let last = page + 1 == lists.services.len();
            if last {
                sleep(LATE).await;
            }
            (lists.services.get(page).cloned(), last)
        }
        "/apis/apps/v1/statefulsets" => (lists.sets.get(page).cloned(), page + 1 == lists.sets.len()),
        "/api/v1/persistentvolumes" | "/apis/storage.k8s.io/v1/storageclasses" => (Some(empty()), true),
        "/api/v1/namespaces" => {
            let shop = json!({"metadata": {"name": "shop", "resourceVersion": "1"}, "status": {"phase": "Active"}});
            (Some(Bytes::from(list(&[shop], None))), true)
        }
        path if path.ends_with("/persistentvolumeclaims") => (Some(empty()), false),
        _ => (None, false),
    };
    if last {
        *lists.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
    let json = [(header::CONTENT_TYPE, "application/json")];
    let absent = || json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "message": "not found", "code": 404});
    match body {
        Some(body) => (json, body).into_response(),
        None => (StatusCode::NOT_FOUND, json, absent().to_string()).into_response(),
    }
}

/// The object of a captured review.
fn captured(review: &[u8]) -> Result<Value> {
    let mut review: Value = serde_json::from_slice(review)?;
    let mut object = review["request"]["object"].take();
    object["metadata"]["resourceVersion"] = json!("1");
    Ok(object)
}

fn copies(object: &Value, name: &str, count: usize) -> Vec<Value> {
    let copy = |index| {
        let mut copy = object.clone();
        copy["metadata"]["name"] = json!(format!("{name}-{index:05}"));
        copy["metadata"]["namespace"] = json!(format!("team-{:03}", index % 200));
        copy
    };
    (0..count).map(copy).collect()
}

fn pages(objects: &[Value]) -> Vec<Bytes> {
    let chunks = objects.chunks(PAGE);
    let last = chunks.len();
    chunks.enumerate().map(|(index, chunk)| Bytes::from(list(chunk, (index + 1 < last).then_some(index + 1)))).collect()
}

fn list(items: &[Value], next: Option<usize>) -> String {
    let next = next.map(|page| page.to_string());
    json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1", "continue": next}, "items": items})
        .to_string()
}
