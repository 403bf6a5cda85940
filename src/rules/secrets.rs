//! 4xx: configuration and secrets.

mod floating_image_tag;
mod plaintext_password;
mod trust_authentication;

pub use floating_image_tag::FloatingImageTag;
pub use plaintext_password::PlaintextPassword;
pub use trust_authentication::TrustAuthentication;
