//! What a case is called.

/// The two names of a case.
pub(super) struct Names {
    /// See [`Case::name`](super::case::Case::name).
    pub name: String,
    /// See [`Case::key`](super::case::Case::key).
    pub key: String,
}

impl Names {
    pub(super) fn variant(&self, variant: &str) -> Self {
        Names {
            name: format!("{}/{variant}", self.name),
            key: format!("{}/{variant}", self.key),
        }
    }
}
