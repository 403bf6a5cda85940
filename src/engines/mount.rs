//! Paths in a container and the volumes they lie on.

use crate::kubernetes::{ClaimTemplate, ClaimVolume, Container, HostPath, PodSpec, VolumeMount};

/// What a container's path lies on.
#[derive(Debug)]
pub struct Backing<'a> {
    /// The mount's place in `volumeMounts`.
    pub mount_index: usize,
    /// The mount.
    pub mount: &'a VolumeMount,
    /// What is mounted.
    pub source: BackingSource<'a>,
    /// The path relative to the mount, empty at its root.
    pub inside: String,
}

/// What a mount shows.
#[derive(Debug, Clone, Copy)]
pub enum BackingSource<'a> {
    /// A claim made from this template, one for each pod.
    ClaimTemplate(&'a ClaimTemplate),
    /// A claim that all pods share.
    Claim(&'a ClaimVolume),
    /// A directory that goes with the pod.
    EmptyDir,
    /// A directory of the node.
    HostPath(&'a HostPath),
    /// A claim that goes with the pod.
    Ephemeral,
    /// Another kind of volume.
    Other,
    /// Nothing of that name.
    Missing,
}

/// An absolute path without empty segments, `.` and `..`, resolved by text alone.
pub fn normalise(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    format!("/{}", segments.join("/"))
}

/// Whether `path` lies below `ancestor`, segment by segment; a path does not lie below itself. Both must be normalised.
pub fn is_below(path: &str, ancestor: &str) -> bool {
    let ancestor = ancestor.trim_end_matches('/');
    path.strip_prefix(ancestor).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
}

/// The mount that `path` lies on: the longest mount path that holds it. A claim template takes the place of a pod volume
/// of the same name.
pub fn backing<'a>(
    path: &str,
    container: &'a Container,
    pod: &'a PodSpec,
    templates: &'a [ClaimTemplate],
) -> Option<Backing<'a>> {
    let path = normalise(path);
    let holding = container.volume_mounts.iter().enumerate().filter_map(|(index, mount)| {
        let at = normalise(&mount.mount_path);
        (path == at || is_below(&path, &at)).then_some((index, mount, at))
    });
    let (mount_index, mount, at) = holding.max_by_key(|(_, _, at)| at.len())?;
    let inside = path[at.trim_end_matches('/').len()..].trim_start_matches('/').to_owned();
    Some(Backing { mount_index, mount, source: source(&mount.name, pod, templates), inside })
}

fn source<'a>(name: &str, pod: &'a PodSpec, templates: &'a [ClaimTemplate]) -> BackingSource<'a> {
    if let Some(template) = templates.iter().find(|template| template.name() == name) {
        return BackingSource::ClaimTemplate(template);
    }
    let Some(volume) = pod.volume(name) else { return BackingSource::Missing };
    if let Some(claim) = &volume.persistent_volume_claim {
        BackingSource::Claim(claim)
    } else if let Some(host) = &volume.host_path {
        BackingSource::HostPath(host)
    } else if volume.empty_dir.is_some() {
        BackingSource::EmptyDir
    } else if volume.ephemeral.is_some() {
        BackingSource::Ephemeral
    } else {
        BackingSource::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn normalises_and_compares_by_segment() {
        assert_eq!(normalise("/data/"), "/data");
        assert_eq!(normalise("//a/./b/../c"), "/a/c");
        assert_eq!(normalise("/../.."), "/");
        assert!(is_below("/data/pg", "/data") && is_below("/data", "/"));
        assert!(!is_below("/database", "/data") && !is_below("/data", "/data"));
    }

    #[test]
    fn takes_the_longest_mount_and_prefers_claim_templates() {
        let pod: PodSpec = serde_json::from_value(json!({
            "containers": [{"volumeMounts": [
                {"name": "root", "mountPath": "/var/lib/"},
                {"name": "data", "mountPath": "/var/lib/postgresql/data"},
            ]}],
            "volumes": [{"name": "data", "emptyDir": {}}, {"name": "root", "hostPath": {"path": "/mnt"}}],
        }))
        .expect("a pod");
        let templates: Vec<ClaimTemplate> =
            serde_json::from_value(json!([{"metadata": {"name": "data"}}])).expect("templates");
        let found = backing("/var/lib/postgresql/data/pgdata/", &pod.containers[0], &pod, &templates).expect("a mount");
        assert_eq!((found.mount_index, found.inside.as_str()), (1, "pgdata"));
        assert!(matches!(found.source, BackingSource::ClaimTemplate(_)));
        let found = backing("/var/lib/mysql", &pod.containers[0], &pod, &[]).expect("a mount");
        assert!(matches!(found.source, BackingSource::HostPath(_)));
        assert!(backing("/opt", &pod.containers[0], &pod, &[]).is_none());
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(path in "[/.a-z]{0,30}") {
            let once = normalise(&path);
            prop_assert_eq!(normalise(&once), once);
        }
    }
}
