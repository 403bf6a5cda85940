//! The cluster's only node: takes every pod, runs those whose image it knows, pretends for others.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Node as NodeObject, Pod, Secret};
use kube::{
    Api, Client,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::json;
use tokio::sync::{broadcast, watch};

pub use self::intake::Steady;
use super::volumes::Claims;
use super::{Options, Script, network::NODE, process};

mod intake;
mod log_server;

/// The node's name.
pub const NAME: &str = "node-1";

/// What an image is taken for.
#[derive(Debug, Clone)]
pub enum Program {
    /// This executable is what the image holds.
    Binary(PathBuf),
    /// This script is, and what it calls is the machine's.
    Script(Arc<Script>),
    /// Running and ready at once, with no process.
    Pretended,
    /// An image that cannot be pulled.
    Unknown,
}

/// The agent that stands for kubelet, scheduler and container runtime.
pub struct Node {
    /// Speaks for the node.
    pub client: Client,
    /// Tells the namespace of every Secret and ConfigMap that changes.
    pub changes: broadcast::Sender<String>,
    /// Whether containers can run as the user they ask for.
    pub can_switch_user: bool,
    images: Vec<(String, PathBuf)>,
    scripts: Vec<Arc<Script>>,
    pretend_ready: Vec<String>,
    lost_and_found: bool,
    state: PathBuf,
    logs: PathBuf,
    pods: Mutex<HashMap<String, Known>>,
}

/// A pod that the node looks after.
struct Known {
    namespace: String,
    name: String,
    latest: watch::Sender<Option<Arc<Pod>>>,
}

impl Node {
    /// A node without pods yet; see [`Self::run`].
    pub fn new(client: Client, options: Options, state: PathBuf, logs: PathBuf, can_switch_user: bool) -> Self {
        let Options { images, scripts, pretend_ready, lost_and_found, .. } = options;
        let scripts = scripts.into_iter().map(Arc::new).collect();
        let (changes, pods) = (broadcast::channel(256).0, Mutex::default());
        Self { client, changes, can_switch_user, images, scripts, pretend_ready, lost_and_found, state, logs, pods }
    }

    /// What an image stands for.
    pub fn program(&self, image: &str) -> Program {
        if let Some((_, binary)) = self.images.iter().find(|(part, _)| image.contains(part.as_str())) {
            Program::Binary(binary.clone())
        } else if let Some(script) = self.scripts.iter().find(|script| image.contains(&script.image)) {
            Program::Script(script.clone())
        } else if self.pretend_ready.iter().any(|part| part == "*" || image.contains(part.as_str())) {
            Program::Pretended
        } else {
            Program::Unknown
        }
    }

    /// Where a pod's files are.
    pub fn pod_folder(&self, uid: &str) -> PathBuf {
        self.state.join("pods").join(uid)
    }

    /// The volumes of claims.
    pub fn claims(&self) -> Claims {
        Claims { folder: self.state.join("claims"), lost_and_found: self.lost_and_found }
    }

    /// Where a pod's logs are: one folder a container, one file a start.
    pub fn pod_logs_folder(&self, namespace: &str, name: &str, uid: &str) -> PathBuf {
        self.logs.join("pods").join(format!("{namespace}_{name}_{uid}"))
    }

    /// Registers the node and looks after pods until dropped.
    ///
    /// # Errors
    /// When the node cannot be registered.
    pub async fn run(self: Arc<Self>) -> Result<()> {
        self.register().await?;
        let ((), (), (), served) = tokio::join!(
            self.clone().watch_pods(),
            self.watch_for_changes::<Secret>(),
            self.watch_for_changes::<ConfigMap>(),
            self.clone().serve_logs(),
        );
        served
    }

    async fn register(&self) -> Result<()> {
        let nodes: Api<NodeObject> = Api::all(self.client.clone());
        let metadata = ObjectMeta {
            name: Some(NAME.into()),
            labels: Some(
                [("kubernetes.io/hostname".into(), NAME.into()), ("kubernetes.io/os".into(), "linux".into())].into(),
            ),
            ..ObjectMeta::default()
        };
        nodes.create(&PostParams::default(), &NodeObject { metadata, ..NodeObject::default() }).await?;
        let resources = json!({ "cpu": "64", "memory": "256Gi", "pods": "1000", "ephemeral-storage": "1Ti" });
        let status = json!({ "status": {
            "conditions": [{ "type": "Ready", "status": "True", "reason": "AgentReady", "message": "the agent runs" }],
            "addresses": [{ "type": "InternalIP", "address": NODE }, { "type": "Hostname", "address": NAME }],
            "daemonEndpoints": { "kubeletEndpoint": { "Port": log_server::PORT } },
            "capacity": resources, "allocatable": resources,
            "nodeInfo": {
                "kubeletVersion": self.client.apiserver_version().await?.git_version, "kubeProxyVersion": "",
                "containerRuntimeVersion": "none", "osImage": "this machine", "operatingSystem": "linux",
                "architecture": std::env::consts::ARCH, "kernelVersion": "", "machineID": "", "systemUUID": "", "bootID": "",
            },
        }});
        nodes.patch_status(NAME, &PatchParams::default(), &Patch::Strategic(status)).await?;
        Ok(())
    }

    /// The uid of a pod that the node looks after.
    fn uid_of(&self, namespace: &str, name: &str) -> Option<String> {
        let pods = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        let mut of_name = pods.iter().filter(|(_, known)| known.namespace == namespace && known.name == name);
        of_name.next().map(|(uid, _)| uid.clone())
    }

    /// Kills the first process of each container of a pod, as an out-of-memory kill would.
    ///
    /// # Errors
    /// When the node runs no process for this pod.
    pub async fn kill_processes(&self, namespace: &str, name: &str) -> Result<()> {
        let pids = self.processes_of(namespace, name)?;
        ensure!(!pids.is_empty(), "the pod {namespace}/{name} has no process");
        for pid in pids {
            process::send("KILL", pid).await?;
        }
        Ok(())
    }

    /// The first process of each container of a pod.
    ///
    /// # Errors
    /// When no such pod is here.
    pub fn processes_of(&self, namespace: &str, name: &str) -> Result<Vec<u32>> {
        let uid = self.uid_of(namespace, name).with_context(|| format!("no pod {namespace}/{name} is here"))?;
        Ok(self.processes(&uid))
    }

    /// Kills all processes of all pods.
    ///
    /// # Errors
    /// When no signal can be sent.
    pub async fn kill_all(&self) -> Result<()> {
        let uids: Vec<String> = self.pods.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        for pid in uids.iter().flat_map(|uid| self.processes(uid)) {
            process::send("KILL", pid).await?;
        }
        Ok(())
    }

    /// The first processes of a pod's containers.
    fn processes(&self, uid: &str) -> Vec<u32> {
        let containers = std::fs::read_dir(self.pod_folder(uid).join("containers")).into_iter().flatten();
        let pid = |container: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(container.ok()?.path().join("pid")).ok()?.parse().ok()
        };
        containers.filter_map(pid).collect()
    }

    /// The log files of pods whose `namespace_name_uid` begins so, those that are gone included, in the order of their
    /// start.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn log_files(&self, prefix: &str) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        let folder = self.logs.join("pods");
        for pod in std::fs::read_dir(&folder).into_iter().flatten() {
            let pod = pod?;
            if !pod.file_name().to_string_lossy().starts_with(prefix) {
                continue;
            }
            for container in std::fs::read_dir(pod.path())? {
                for file in std::fs::read_dir(container?.path())? {
                    let path = file?.path();
                    files.push((path.metadata()?.created().or_else(|_| path.metadata()?.modified())?, path));
                }
            }
        }
        files.sort();
        Ok(files.into_iter().map(|(_, path)| path).collect())
    }
}
