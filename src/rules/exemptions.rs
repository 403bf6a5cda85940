//! 0xx: the exemptions themselves.

mod invalid_exemption;

pub use invalid_exemption::InvalidExemption;
