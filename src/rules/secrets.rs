//! 4xx: configuration and secrets.

mod floating_image_tag;
mod plaintext_password;

pub use floating_image_tag::FloatingImageTag;
pub use plaintext_password::PlaintextPassword;
