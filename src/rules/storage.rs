//! 2xx: where the data lies, and whether it stays there.

mod data_directory_at_mount_root;
mod data_directory_moved;
mod data_directory_shadowed;
mod data_directory_unmounted;
mod mount_refused_by_image;
mod placement;
mod unknown_volume_mount;

pub use data_directory_at_mount_root::DataDirectoryAtMountRoot;
pub use data_directory_moved::DataDirectoryMoved;
pub use data_directory_shadowed::DataDirectoryShadowed;
pub use data_directory_unmounted::DataDirectoryUnmounted;
pub use mount_refused_by_image::MountRefusedByImage;
pub use unknown_volume_mount::UnknownVolumeMount;
