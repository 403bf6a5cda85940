//! What kube-proxy does, in the open: listens on every ClusterIP and forwards connections to ready endpoints.
//!
//! As with kube-proxy a connection is given to one endpoint for its whole life, a Service without endpoints refuses
//! connections, and endpoints that are terminating but still serve are used when no other is left.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{BuildHasher, Hasher, RandomState},
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use futures::{StreamExt, stream::select};
use k8s_openapi::api::{
    core::v1::Service,
    discovery::v1::{Endpoint, EndpointSlice},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    runtime::{
        WatchStreamExt,
        reflector::{self, ObjectRef, Store, store::Writer},
        watcher::{self, watcher},
    },
};
use tokio::{
    net::TcpListener,
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use tracing::{info, warn};

use super::{
    node::Steady,
    wire::{Latency, forward},
};

/// Where connections to each ClusterIP and port go.
type Table = BTreeMap<SocketAddr, Vec<SocketAddr>>;

/// The service proxy.
#[derive(Default)]
pub struct Proxy {
    lag: Latency,
    wires: Wires,
}

/// What connections share.
#[derive(Clone, Default)]
struct Wires {
    latency: Latency,
    /// Who is connected, and to which endpoint.
    open: Arc<Mutex<BTreeSet<(SocketAddr, SocketAddr)>>>,
}

impl Proxy {
    /// How long a change of endpoints takes to arrive here, as in a large cluster; from the next change on.
    pub fn set_lag(&self, lag: Duration) {
        self.lag.set(lag);
    }

    /// How long bytes are under way, each way; for connections made from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.wires.latency.set(latency);
    }

    /// The endpoints that somebody is connected to.
    pub fn endpoints_of(&self, client: IpAddr) -> Vec<SocketAddr> {
        let open = self.wires.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.iter().filter(|(from, _)| from.ip() == client).map(|(_, endpoint)| *endpoint).collect()
    }

    /// Forwards until dropped.
    pub async fn run(self: Arc<Self>, client: Client) {
        let (services, service_changes) = watched::<Service>(&client);
        let (slices, slice_changes) = watched::<EndpointSlice>(&client);
        let mut changes = pin!(select(service_changes, slice_changes));
        let (sender, receiver) = mpsc::unbounded_channel();
        let follow = async {
            let mut last = Table::new();
            while changes.next().await.is_some() {
                let table = table(&services.state(), &slices.state());
                if table != last {
                    last.clone_from(&table);
                    let due = Instant::now() + self.lag.get();
                    sender.send((due, table)).ok();
                }
            }
        };
        tokio::join!(follow, apply(receiver, &self.wires));
    }
}

/// A store that follows the API server, and a stream that yields whenever it may have changed.
fn watched<K>(client: &Client) -> (Store<K>, impl futures::Stream<Item = ()> + use<K>)
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + Send + Sync + serde::de::DeserializeOwned + 'static,
    ObjectRef<K>: std::hash::Hash,
{
    let writer = Writer::<K>::default();
    let store = writer.as_reader();
    let events = watcher(Api::all(client.clone()), watcher::Config::default()).backoff(Steady);
    (store, reflector::reflector(writer, events).map(|_| ()))
}

fn table(services: &[Arc<Service>], slices: &[Arc<EndpointSlice>]) -> Table {
    let mut by_service: HashMap<(String, &str), Vec<&EndpointSlice>> = HashMap::new();
    for slice in slices {
        if let Some(service) = slice.labels().get("kubernetes.io/service-name") {
            by_service.entry((slice.namespace().unwrap_or_default(), service)).or_default().push(slice);
        }
    }
    let mut table = Table::new();
    for service in services {
        let Some(spec) = &service.spec else { continue };
        let Some(Ok(address)) = spec.cluster_ip.as_ref().map(|address| address.parse::<IpAddr>()) else { continue };
        let name = service.name_any();
        let slices = by_service.get(&(service.namespace().unwrap_or_default(), name.as_str()));
        for port in spec.ports.iter().flatten() {
            let Ok(number) = u16::try_from(port.port) else { continue };
            let endpoints = endpoints(slices.into_iter().flatten(), port.name.as_deref().unwrap_or_default());
            table.insert(SocketAddr::new(address, number), endpoints);
        }
    }
    table
}

/// The ready endpoints of a port, else those that still serve while they terminate.
fn endpoints<'a>(slices: impl Iterator<Item = &'a &'a EndpointSlice>, port: &str) -> Vec<SocketAddr> {
    let (mut ready, mut leaving) = (Vec::new(), Vec::new());
    for slice in slices {
        let same = slice.ports.iter().flatten().find(|candidate| candidate.name.as_deref().unwrap_or_default() == port);
        let Some(Ok(number)) = same.and_then(|port| port.port).map(u16::try_from) else { continue };
        for endpoint in slice.endpoints.iter().flatten() {
            let addresses = endpoint.addresses.iter().filter_map(|address| address.parse::<IpAddr>().ok());
            let addresses = addresses.map(|address| SocketAddr::new(address, number));
            match state(endpoint) {
                (true, _, _) => ready.extend(addresses),
                (false, true, true) => leaving.extend(addresses),
                _ => {}
            }
        }
    }
    if ready.is_empty() { leaving } else { ready }
}

/// Ready, serving, terminating; what is unknown counts as ready (so says the API).
fn state(endpoint: &Endpoint) -> (bool, bool, bool) {
    let conditions = endpoint.conditions.clone().unwrap_or_default();
    let ready = conditions.ready.unwrap_or(true);
    (ready, conditions.serving.unwrap_or(ready), conditions.terminating.unwrap_or(false))
}

struct Listener {
    task: JoinHandle<()>,
    endpoints: Arc<RwLock<Vec<SocketAddr>>>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort(); // connections have tasks of their own and go on
    }
}

/// Brings listeners in line with each table when it is due.
async fn apply(mut tables: mpsc::UnboundedReceiver<(Instant, Table)>, wires: &Wires) {
    let mut listeners: HashMap<SocketAddr, Listener> = HashMap::new();
    while let Some((due, table)) = tables.recv().await {
        sleep_until(due).await;
        listeners.retain(|address, _| table.get(address).is_some_and(|endpoints| !endpoints.is_empty()));
        for (address, targets) in table.into_iter().filter(|(_, targets)| !targets.is_empty()) {
            if let Some(listener) = listeners.get(&address) {
                let mut endpoints = listener.endpoints.write().unwrap_or_else(PoisonError::into_inner);
                if *endpoints != targets {
                    info!(%address, ?targets, "service");
                    *endpoints = targets;
                }
                continue;
            }
            info!(%address, ?targets, "service");
            match TcpListener::bind(address).await {
                Ok(socket) => {
                    let endpoints = Arc::new(RwLock::new(targets));
                    let task = tokio::spawn(listen(socket, endpoints.clone(), wires.clone()));
                    listeners.insert(address, Listener { task, endpoints });
                }
                Err(error) => warn!(%address, "cannot listen: {error}"),
            }
        }
    }
}

async fn listen(socket: TcpListener, endpoints: Arc<RwLock<Vec<SocketAddr>>>, wires: Wires) {
    loop {
        let Ok((client, address)) = socket.accept().await else { continue };
        let target = {
            let endpoints = endpoints.read().unwrap_or_else(PoisonError::into_inner);
            let random = usize::try_from(RandomState::new().build_hasher().finish() >> 33).unwrap_or_default();
            endpoints.get(random % endpoints.len().max(1)).copied()
        };
        if let Some(target) = target {
            let wires = wires.clone();
            tokio::spawn(async move {
                let open = || wires.open.lock().unwrap_or_else(PoisonError::into_inner);
                open().insert((address, target));
                forward(client, target, wires.latency.get()).await;
                open().remove(&(address, target));
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::endpoints;
    use k8s_openapi::api::discovery::v1::EndpointSlice;
    use serde_json::{Value, json};

    fn targets(conditions: &[Value]) -> Vec<String> {
        let each = conditions.iter().enumerate();
        let each =
            each.map(|(at, conditions)| json!({"addresses": [format!("10.0.0.{at}")], "conditions": conditions}));
        let ports = json!([{"name": "https", "port": 8443}]);
        let slice =
            json!({"addressType": "IPv4", "endpoints": each.collect::<Vec<_>>(), "ports": ports, "metadata": {}});
        let slice: EndpointSlice = serde_json::from_value(slice).expect("a slice");
        endpoints([&slice].iter(), "https").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn gives_connections_to_ready_endpoints() {
        let terminating = json!({"ready": false, "serving": true, "terminating": true});
        let starting = json!({"ready": false, "serving": false, "terminating": false});
        assert_eq!(
            targets(&[terminating, json!({"ready": true}), starting, json!({})]),
            ["10.0.0.1:8443", "10.0.0.3:8443"]
        );
    }

    #[test]
    fn gives_them_to_endpoints_that_leave_while_no_other_is_there() {
        let terminating = json!({"ready": false, "serving": true, "terminating": true});
        let gone = json!({"ready": false, "serving": false, "terminating": true});
        assert_eq!(targets(&[terminating, gone]), ["10.0.0.0:8443"]);
    }
}
