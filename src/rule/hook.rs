//! What rules can look at, and where that is looked at.

/// Something that a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// A StatefulSet in its final state: created, updated, scaled, in a file.
    StatefulSet,
    /// What an update or a scale changes in a StatefulSet.
    StatefulSetUpdate,
    /// The deletion of a StatefulSet.
    StatefulSetDelete,
    /// A Service that is created.
    Service,
    /// What an update changes in a Service.
    ServiceUpdate,
    /// The deletion of a Service.
    ServiceDelete,
    /// A Deployment in its final state.
    Deployment,
}

/// Who brings objects before the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// The webhook.
    Admission,
    /// `stsguard check`.
    Check,
}

impl Hook {
    /// Every hook.
    pub const ALL: [Self; 7] = [
        Self::StatefulSet,
        Self::StatefulSetUpdate,
        Self::StatefulSetDelete,
        Self::Service,
        Self::ServiceUpdate,
        Self::ServiceDelete,
        Self::Deployment,
    ];

    /// Whether this front runs it: files show no changes, and Services are only context there; Deployments are not sent to
    /// the webhook.
    pub fn is_run_by(self, front: Front) -> bool {
        match front {
            Front::Admission => self != Self::Deployment,
            Front::Check => matches!(self, Self::StatefulSet | Self::Deployment),
        }
    }

    /// The words for it in documentation.
    pub fn describe(self) -> &'static str {
        match self {
            Self::StatefulSet => "StatefulSets",
            Self::StatefulSetUpdate => "updates and scales of StatefulSets",
            Self::StatefulSetDelete => "deletions of StatefulSets",
            Self::Service => "new Services",
            Self::ServiceUpdate => "updates of Services",
            Self::ServiceDelete => "deletions of Services",
            Self::Deployment => "Deployments",
        }
    }

    /// The resource and the operations of an AdmissionReview that runs it; none where admission does not.
    pub fn reviewed(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::StatefulSet => {
                &[("statefulsets", "CREATE"), ("statefulsets", "UPDATE"), ("statefulsets/scale", "UPDATE")]
            }
            Self::StatefulSetUpdate => &[("statefulsets", "UPDATE"), ("statefulsets/scale", "UPDATE")],
            Self::StatefulSetDelete => &[("statefulsets", "DELETE")],
            Self::Service => &[("services", "CREATE")],
            Self::ServiceUpdate => &[("services", "UPDATE")],
            Self::ServiceDelete => &[("services", "DELETE")],
            Self::Deployment => &[],
        }
    }
}
