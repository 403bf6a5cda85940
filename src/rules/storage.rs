//! 2xx: where the data lies, and whether it stays there.

mod claims_deleted;
mod data_directory_at_mount_root;
mod data_directory_moved;
mod data_directory_shadowed;
mod data_directory_unmounted;
mod host_path_data;
mod mount_refused_by_image;
mod placement;
mod retained_claims_reused;
mod shared_access_mode;
mod shared_claim;
mod template_shadows_volume;
mod unknown_volume_mount;
mod unmounted_claim_template;

pub use claims_deleted::ClaimsDeleted;
pub use data_directory_at_mount_root::DataDirectoryAtMountRoot;
pub use data_directory_moved::DataDirectoryMoved;
pub(super) use data_directory_moved::goes_on;
pub use data_directory_shadowed::DataDirectoryShadowed;
pub use data_directory_unmounted::DataDirectoryUnmounted;
pub use host_path_data::HostPathData;
pub use mount_refused_by_image::MountRefusedByImage;
pub use retained_claims_reused::RetainedClaimsReused;
pub use shared_access_mode::SharedAccessMode;
pub use shared_claim::SharedClaim;
pub use template_shadows_volume::TemplateShadowsVolume;
pub use unknown_volume_mount::UnknownVolumeMount;
pub use unmounted_claim_template::UnmountedClaimTemplate;
