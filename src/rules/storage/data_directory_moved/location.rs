//! Where data lies in its volume, wherever the volume is mounted.

use crate::engines::{self, BackingSource, Directory, Server, SetBy};
use crate::kubernetes::{RunsPods, StatefulSet};
use crate::rule::Workload;

/// Where data lies in its volume.
pub(super) struct Location {
    /// Equal when the files are the same.
    pub(super) identity: (String, String),
    /// For people.
    pub(super) text: String,
    /// Whether it outlives the pod.
    pub(super) is_kept: bool,
    /// Whether a part of it is not sure: a subPathExpr, which only the node expands, or a default of a major that the image
    /// need not have.
    pub(super) is_assumed: bool,
}

impl Location {
    /// In the container, on no volume.
    pub(super) fn nowhere(path: &str) -> Self {
        let identity = (String::new(), path.to_owned());
        Self { identity, text: format!("{path} on no volume"), is_kept: false, is_assumed: false }
    }

    pub(super) fn of(directory: &Directory, set: &Workload<'_, StatefulSet>, server: &Server<'_>) -> Option<Self> {
        let backing = engines::backing(&directory.path, server.container, set.pod(), set.claim_templates())?;
        let (volume, shown, kept) = match backing.source {
            BackingSource::ClaimTemplate(template) => {
                (format!("template:{}", template.name()), format!("claim {}", template.name()), true)
            }
            BackingSource::Claim(claim) => {
                (format!("claim:{}", claim.claim_name), format!("claim {}", claim.claim_name), true)
            }
            BackingSource::HostPath(host) => (format!("host:{}", host.path), format!("hostPath {}", host.path), true),
            BackingSource::EmptyDir => ("emptyDir".to_owned(), "an emptyDir".to_owned(), false),
            BackingSource::Ephemeral => ("ephemeral".to_owned(), "an ephemeral volume".to_owned(), false),
            BackingSource::Other | BackingSource::Missing => {
                (format!("volume:{}", backing.mount.name), format!("volume {}", backing.mount.name), false)
            }
        };
        let expression = backing.mount.sub_path_expr();
        let sub = backing.mount.sub_path().or(expression).unwrap_or_default();
        let inside = engines::normalise(&format!("/{sub}/{}", backing.inside));
        Some(Self {
            text: format!("{shown}:{inside}"),
            identity: (volume, inside),
            is_kept: kept,
            is_assumed: expression.is_some() || (server.is_assumed && directory.set_by == SetBy::Image),
        })
    }
}
