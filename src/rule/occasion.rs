//! Why an object is looked at.

/// Why an object is being looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// It is being created in a cluster.
    Create,
    /// It is being changed in a cluster, by an update or a scale.
    Update,
    /// It is being deleted from a cluster.
    Delete,
    /// It stands in a file, to be created.
    Check,
    /// It stands in a file as a cluster shows it, with a uid or a status: it exists, and may hold data.
    Dump,
    /// It stands in a cluster and nobody touches it.
    Audit,
}

impl Occasion {
    /// Whether what the files do not show may yet exist.
    pub fn is_in_files(self) -> bool {
        matches!(self, Self::Check | Self::Dump)
    }

    /// Whether the object does not exist yet, so that immutable fields can still be chosen and no data is hidden.
    pub fn is_new(self) -> bool {
        matches!(self, Self::Create | Self::Check)
    }
}
