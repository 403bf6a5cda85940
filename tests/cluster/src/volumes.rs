//! A pod's volumes, kept up to date while it lives.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    net::Ipv4Addr,
    os::unix::fs::{DirBuilderExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::{Pod, Volume};
use kube::{Client, ResourceExt};

pub use self::payload::{File, Payload};

mod payload;
mod source;

/// The volumes that stay when a pod goes.
#[derive(Debug)]
pub struct Claims {
    /// Where they lie, by namespace.
    pub folder: PathBuf,
    /// Whether a fresh one holds `lost+found`.
    pub lost_and_found: bool,
}

/// The volumes of one pod.
pub struct Volumes {
    client: Client,
    pod: std::sync::Arc<Pod>,
    address: Ipv4Addr,
    folder: PathBuf,
    claims: Claims,
    can_switch_user: bool,
    written: HashMap<String, Payload>,
    tokens: HashMap<String, source::Token>,
}

impl Volumes {
    /// Nothing is made yet; see [`Self::refresh`].
    pub fn new(
        client: Client,
        pod: std::sync::Arc<Pod>,
        address: Ipv4Addr,
        folder: PathBuf,
        claims: Claims,
        can_switch_user: bool,
    ) -> Self {
        let (written, tokens) = (HashMap::new(), HashMap::new());
        Self { client, pod, address, folder, claims, can_switch_user, written, tokens }
    }

    /// Where a volume lies on the node.
    ///
    /// # Errors
    /// When the pod has no volume of this name.
    pub fn path(&self, name: &str) -> Result<PathBuf> {
        let volumes = self.pod.spec.as_ref().and_then(|spec| spec.volumes.as_ref());
        let volume = volumes.into_iter().flatten().find(|volume| volume.name == name);
        Ok(self.place(volume.with_context(|| format!("no volume {name}"))?))
    }

    /// Whether a volume's files come from the API server; those are always mounted read-only.
    pub fn is_payload(&self, name: &str) -> bool {
        self.written.contains_key(name)
    }

    fn place(&self, volume: &Volume) -> PathBuf {
        if let Some(claim) = &volume.persistent_volume_claim {
            // No provisioner exists here; the claim stays Pending, but what is written under its name stays.
            return self.claims.folder.join(self.pod.namespace().unwrap_or_default()).join(&claim.claim_name);
        }
        match volume.host_path.as_ref() {
            Some(host) => PathBuf::from(&host.path),
            None => self.folder.join(&volume.name),
        }
    }

    /// Makes what is missing and writes what has changed.
    ///
    /// # Errors
    /// When something that a volume needs is missing (it may come: try again), or the volume's type is unknown.
    pub async fn refresh(&mut self) -> Result<()> {
        let pod = self.pod.clone();
        let spec = pod.spec.as_ref().context("a pod has a spec")?;
        let group = spec.security_context.as_ref().and_then(|context| context.fs_group);
        let group = group.filter(|_| self.can_switch_user).map(u32::try_from).transpose()?;
        for volume in spec.volumes.iter().flatten() {
            let place = self.place(volume);
            if let Some(payload) = self.payload(volume).await.with_context(|| format!("volume {}", volume.name))? {
                if self.written.get(&volume.name) != Some(&payload) {
                    payload.write(&place, group, self.can_switch_user)?;
                    self.written.insert(volume.name.clone(), payload);
                }
            } else if volume.empty_dir.is_some() || volume.persistent_volume_claim.is_some() {
                if !place.exists() {
                    make_writable(&place, group)?;
                    if self.claims.lost_and_found && volume.persistent_volume_claim.is_some() {
                        fs::DirBuilder::new().mode(0o700).create(place.join("lost+found"))?;
                    }
                }
            } else if volume.host_path.is_none() {
                bail!("volume {}: the node knows no such type of volume", volume.name);
            }
        }
        Ok(())
    }
}

/// A folder that any user may write to, and that belongs to the pod's group.
fn make_writable(place: &Path, group: Option<u32>) -> Result<()> {
    fs::create_dir_all(place)?;
    let mode = if group.is_some() { 0o2777 } else { 0o777 };
    chown(place, None, group)?;
    fs::set_permissions(place, fs::Permissions::from_mode(mode))?;
    Ok(())
}

/// Files by their path in the volume.
type Files = BTreeMap<String, File>;
