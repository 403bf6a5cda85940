//! 4xx: configuration and secrets.

mod floating_image_tag;
mod major_version_jump;
mod password_change_has_no_effect;
mod plaintext_password;
mod trust_authentication;

pub use floating_image_tag::FloatingImageTag;
pub use major_version_jump::MajorVersionJump;
pub use password_change_has_no_effect::PasswordChangeHasNoEffect;
pub use plaintext_password::PlaintextPassword;
pub use trust_authentication::TrustAuthentication;
