//! Containers: their image, command, environment, mounts, probes and hooks.

use serde::Deserialize;

use super::{Present, nullable};

/// A container.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// The container's name, unique in its pod.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    /// The image reference; absent only in a partial object.
    pub image: Option<String>,
    /// Replaces the image's entrypoint when not empty.
    #[serde(default, deserialize_with = "nullable")]
    pub command: Vec<String>,
    /// Replaces the image's arguments when not empty.
    #[serde(default, deserialize_with = "nullable")]
    pub args: Vec<String>,
    /// Environment variables; of several with one name the last counts.
    #[serde(default, deserialize_with = "nullable")]
    pub env: Vec<EnvVar>,
    /// Whole ConfigMaps and Secrets as environment.
    #[serde(default, deserialize_with = "nullable")]
    pub env_from: Vec<EnvFrom>,
    /// Ports.
    #[serde(default, deserialize_with = "nullable")]
    pub ports: Vec<ContainerPort>,
    /// Mounted volumes.
    #[serde(default, deserialize_with = "nullable")]
    pub volume_mounts: Vec<VolumeMount>,
    /// Block devices.
    #[serde(default, deserialize_with = "nullable")]
    pub volume_devices: Vec<VolumeDevice>,
    /// Decides whether the pod is ready.
    pub readiness_probe: Option<Box<Probe>>,
    /// Restarts the container when it fails.
    pub liveness_probe: Option<Box<Probe>>,
    /// Holds the other probes back until it succeeds.
    pub startup_probe: Option<Box<Probe>>,
    /// What runs after start and before stop.
    pub lifecycle: Option<Lifecycle>,
    /// `Always` on an init container makes it a native sidecar.
    pub restart_policy: Option<String>,
}

/// A port of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerPort {
    /// The node's port that leads to it; zero for none.
    #[serde(default, deserialize_with = "nullable")]
    pub host_port: i32,
}

/// An environment variable.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvVar {
    /// The variable's name.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    /// A literal, which may hold `$(OTHER)` references. May be a secret: never print it.
    pub value: Option<String>,
    /// Set when the value comes from elsewhere.
    pub value_from: Option<Present>,
}

/// A source of many environment variables.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvFrom {
    /// Put before each key.
    #[serde(default, deserialize_with = "nullable")]
    pub prefix: String,
    /// A ConfigMap.
    pub config_map_ref: Option<NameReference>,
    /// A Secret.
    pub secret_ref: Option<Present>,
}

/// A reference by name to an object in the same namespace.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NameReference {
    /// The name.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
}

/// Where a volume appears in a container.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeMount {
    /// The volume's or claim template's name.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    /// The path in the container.
    #[serde(default, deserialize_with = "nullable")]
    pub mount_path: String,
    /// A subdirectory of the volume that is mounted instead of its root.
    pub sub_path: Option<String>,
    /// The same with variables.
    pub sub_path_expr: Option<String>,
    /// Whether the container can only read what is mounted.
    #[serde(default, deserialize_with = "nullable")]
    pub read_only: bool,
}

impl VolumeMount {
    /// The subPath, `None` when absent or empty.
    pub fn sub_path(&self) -> Option<&str> {
        self.sub_path.as_deref().filter(|path| !path.is_empty())
    }
    /// The subPathExpr, `None` when absent or empty.
    pub fn sub_path_expr(&self) -> Option<&str> {
        self.sub_path_expr.as_deref().filter(|path| !path.is_empty())
    }
    /// Whether the volume's root itself is mounted.
    pub fn is_root(&self) -> bool {
        self.sub_path().is_none() && self.sub_path_expr().is_none()
    }
}

/// A raw block device in a container.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeDevice {
    /// The volume's or claim template's name.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
}

/// A probe.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// A command run in the container.
    pub exec: Option<Exec>,
    /// A request by HTTP.
    pub http_get: Option<HttpGet>,
    /// A connection by TCP.
    pub tcp_socket: Option<TcpSocket>,
    /// Seconds from the container's start to the first try.
    pub initial_delay_seconds: Option<i32>,
    /// Seconds from one try to the next.
    pub period_seconds: Option<i32>,
    /// After how many failures in a row it counts as failed.
    pub failure_threshold: Option<i32>,
}

/// A request by HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct HttpGet {
    /// The path with its query.
    #[serde(default, deserialize_with = "nullable")]
    pub path: String,
}

/// A connection by TCP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct TcpSocket {
    /// To which port.
    pub port: Option<Port>,
}

/// A port by its number or by its name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "neither a number nor a name")]
pub enum Port {
    /// Its number.
    Number(i64),
    /// The name that the container gives it.
    Name(String),
}

impl Port {
    /// Its number, if that is what is written.
    pub fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Name(_) => None,
        }
    }
}

impl Probe {
    /// How many seconds a container has, from its start, until a probe that never succeeds counts as failed; with the API
    /// server's defaults of 0, 10 and 3, which a period and a threshold of 0 mean as well.
    pub fn patience(&self) -> i64 {
        let or = |value: Option<i32>, default: i64| value.map_or(default, i64::from);
        let period = or(self.period_seconds.filter(|period| *period != 0), 10);
        let failures = or(self.failure_threshold.filter(|failures| *failures != 0), 3);
        or(self.initial_delay_seconds, 0) + period * failures
    }
}

/// Hooks around a container's life.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lifecycle {
    /// Runs after the container's start.
    pub post_start: Option<Handler>,
    /// Runs before SIGTERM.
    pub pre_stop: Option<Handler>,
}

/// A lifecycle hook's action.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handler {
    /// A command run in the container.
    pub exec: Option<Exec>,
    /// Waits.
    pub sleep: Option<Sleep>,
}

/// How long a lifecycle hook waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Sleep {
    /// Seconds.
    #[serde(default, deserialize_with = "nullable")]
    pub seconds: i64,
}

/// A command run in a container, not in a shell.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exec {
    /// The command and its arguments.
    #[serde(default, deserialize_with = "nullable")]
    pub command: Vec<String>,
}
