//! 1xx: the stable identity that pods get from their governing Service and their names.

mod governing;
mod governing_service_deleted;
mod invalid_service_name;
mod missing_service;
mod non_headless_service;
mod overlong_name;
mod service_breaks_identity;
mod service_selector_mismatch;
mod unpublished_peers;
mod unset_service_name;

pub use governing_service_deleted::GoverningServiceDeleted;
pub use invalid_service_name::InvalidServiceName;
pub use missing_service::MissingService;
pub use non_headless_service::NonHeadlessService;
pub use overlong_name::OverlongName;
pub use service_breaks_identity::ServiceBreaksIdentity;
pub use service_selector_mismatch::ServiceSelectorMismatch;
pub use unpublished_peers::UnpublishedPeers;
pub use unset_service_name::UnsetServiceName;
