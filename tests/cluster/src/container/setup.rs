//! What a container sees, from its specification.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::Container;
use crate::{
    environment::{environment, expand},
    node::Program,
    sandbox::{Mount, Sandbox},
};

/// The user nobody of Linux systems.
const NOBODY: i64 = 65534;

/// Who runs a container that must not run as root and names nobody: the "nonroot" of distroless images.
const NOBODY_IN_PARTICULAR: i64 = 65532;

impl Container {
    pub(super) async fn sandbox(&self) -> Result<Sandbox> {
        let (binary, script) = match &self.program {
            Program::Binary(binary) => (binary, None),
            Program::Script(script) => (&script.entrypoint, Some(script)),
            Program::Pretended | Program::Unknown => bail!("the image has no program"),
        };
        let pod = &self.pod;
        let image = script.map(|script| script.environment.clone()).unwrap_or_default();
        let environment = environment(&pod.node.client, &pod.pod, &self.spec, pod.address, &image).await?;
        let context = self.spec.security_context.clone().unwrap_or_default();
        let folder = self.folder();
        Ok(Sandbox {
            root: folder.join("root"),
            pid_file: folder.join("pid"),
            binary: (binary.clone(), inside(binary)),
            system: script.map(|script| script.folders.clone()),
            command: self.command(binary).iter().map(|argument| expand(argument, &environment)).collect(),
            mounts: self.mounts().await?,
            files: vec![
                ("/etc/hosts".into(), self.hosts()),
                ("/etc/hostname".into(), pod.name().to_owned() + "\n"),
                ("/etc/resolv.conf".into(), String::new()),
            ],
            environment,
            read_only_root: context.read_only_root_filesystem == Some(true),
            no_new_privileges: context.allow_privilege_escalation == Some(false),
            user: self.user(),
            // Programs of the system may refuse to be root's.
            renumbered: (script.is_some() && !pod.node.can_switch_user).then_some(NOBODY),
        })
    }

    /// The image's program with `args`, or `command` with `args`.
    fn command(&self, binary: &Path) -> Vec<String> {
        let entry = inside(binary).to_string_lossy().into_owned();
        let mut command = self.spec.command.clone().unwrap_or_else(|| vec![entry.clone()]);
        if let Some(first) = command.first_mut()
            && Path::new(first.as_str()).file_name() == binary.file_name()
        {
            *first = entry; // it lies in the root, which is not in the search path
        }
        command.extend(self.spec.args.iter().flatten().cloned());
        command
    }

    async fn mounts(&self) -> Result<Vec<Mount>> {
        let mut mounts = Vec::new();
        let volumes = self.pod.volumes.lock().await;
        for mount in self.spec.volume_mounts.iter().flatten() {
            let mut source = volumes.path(&mount.name)?;
            if let Some(sub_path) = &mount.sub_path {
                source = source.join(sub_path);
                if !source.exists() {
                    std::fs::create_dir_all(&source)?;
                }
                source = source.canonicalize()?; // kubelet, too, binds what the link leads to at that moment
            }
            let read_only = mount.read_only == Some(true) || volumes.is_payload(&mount.name);
            mounts.push(Mount { source, target: PathBuf::from(&mount.mount_path), read_only });
        }
        Ok(mounts)
    }

    fn hosts(&self) -> String {
        format!(
            "127.0.0.1 localhost\n{} {}\n10.96.0.1 kubernetes.default.svc kubernetes.default\n",
            self.pod.address,
            self.pod.name()
        )
    }

    fn user(&self) -> Option<(i64, i64, Vec<i64>)> {
        let own = self.spec.security_context.clone().unwrap_or_default();
        let pods = self.pod.spec().security_context.clone().unwrap_or_default();
        let not_root = own.run_as_non_root.or(pods.run_as_non_root) == Some(true);
        let user = own.run_as_user.or(pods.run_as_user).or(not_root.then_some(NOBODY_IN_PARTICULAR));
        let user = user.filter(|_| self.pod.node.can_switch_user)?;
        let default_group = if not_root && user == NOBODY_IN_PARTICULAR { user } else { 0 };
        let group = own.run_as_group.or(pods.run_as_group).unwrap_or(default_group);
        let mut groups = vec![group];
        groups.extend(pods.supplemental_groups.into_iter().flatten());
        groups.extend(pods.fs_group);
        Some((user, group, groups))
    }
}

/// Where an image's program lies in its container.
fn inside(binary: &Path) -> PathBuf {
    Path::new("/").join(binary.file_name().unwrap_or_default())
}
