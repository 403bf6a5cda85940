//! What rules can look at, and where that is looked at.

/// Something that a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// A StatefulSet in its final state: created, updated, scaled, in a file.
    StatefulSet,
    /// A StatefulSet that a cluster is asked to create, with what exists there.
    StatefulSetCreate,
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
    pub const ALL: [Self; 8] = [
        Self::StatefulSet,
        Self::StatefulSetCreate,
        Self::StatefulSetUpdate,
        Self::StatefulSetDelete,
        Self::Service,
        Self::ServiceUpdate,
        Self::ServiceDelete,
        Self::Deployment,
    ];

    /// Whether this front runs it: files show no changes, and Services are only context there.
    pub fn is_run_by(self, front: Front) -> bool {
        match front {
            Front::Admission => true,
            Front::Check => matches!(self, Self::StatefulSet | Self::Deployment),
        }
    }

    /// The chart's value without which no webhook entry asks for it.
    pub fn asked_with(self) -> Option<&'static str> {
        (self == Self::Deployment).then_some("webhook.deployments")
    }

    /// The kind of object that it looks at.
    pub fn kind(self) -> &'static str {
        match self {
            Self::StatefulSet | Self::StatefulSetCreate | Self::StatefulSetUpdate | Self::StatefulSetDelete => {
                "StatefulSet"
            }
            Self::Service | Self::ServiceUpdate | Self::ServiceDelete => "Service",
            Self::Deployment => "Deployment",
        }
    }

    /// The resource and the operations of an AdmissionReview that runs it.
    pub fn reviewed(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::StatefulSet => {
                &[("statefulsets", "CREATE"), ("statefulsets", "UPDATE"), ("statefulsets/scale", "UPDATE")]
            }
            Self::StatefulSetCreate => &[("statefulsets", "CREATE")],
            Self::StatefulSetUpdate => &[("statefulsets", "UPDATE"), ("statefulsets/scale", "UPDATE")],
            Self::StatefulSetDelete => &[("statefulsets", "DELETE")],
            Self::Service => &[("services", "CREATE")],
            Self::ServiceUpdate => &[("services", "UPDATE")],
            Self::ServiceDelete => &[("services", "DELETE")],
            Self::Deployment => &[("deployments", "CREATE"), ("deployments", "UPDATE")],
        }
    }
}
