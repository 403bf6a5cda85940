//! 4xx: configuration and secrets.

mod plaintext_password;

pub use plaintext_password::PlaintextPassword;
