//! Reads YAML and JSON as kubectl does, so that a file means here what it means to the API server.
//!
//! kubectl turns YAML 1.1 into JSON with a port of libyaml: an unquoted `yes` is a boolean, `0644` is octal, of two equal
//! keys the last counts, `<<` merges where it stands. The syntax is left to a parser; what it means is decided here.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod compose;
mod document;
mod place;
mod position;
mod scalar;
mod typed;

pub use document::{Document, DuplicateKey, Read, Unparsable, documents};
pub use place::{Mark, Places, Steps};
pub use position::{Position, Positions, position};
pub use typed::{Mismatch, read};

#[cfg(test)]
mod tests;
