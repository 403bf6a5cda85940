//! The policy as written: a YAML file in which unknown fields, rules and words are refused, all at once and with places.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod did_you_mean;
mod parameters;
mod reader;
mod schema;
mod scopes;
mod words;

use std::fmt;
use std::path::Path;

use thiserror::Error;

pub use self::did_you_mean::did_you_mean;

use self::reader::Reader;
pub use self::schema::schema;
use crate::rule::{Catalogue, Policy, Profile};
use crate::yaml::{self, Position, Positions};

/// Why a policy cannot be used.
#[derive(Debug, Error)]
pub enum Unusable {
    /// The file cannot be read.
    #[error("cannot read the policy {path}; name a file that exists and may be read")]
    Unreadable {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The file says something that is no policy.
    #[error("{}", Listed(path, faults))]
    Faulty {
        /// The file.
        path: String,
        /// Everything that is wrong with it, in the order of the file.
        faults: Vec<Fault>,
    },
}

/// One thing that is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub position: Position,
    /// What, with the value at fault and the remedy.
    pub message: String,
}

struct Listed<'a>(&'a str, &'a [Fault]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Fault { position, message }) in self.1.iter().enumerate() {
            let newline = if index > 0 { "\n" } else { "" };
            write!(f, "{newline}{}:{}:{}: {message}", self.0, position.line, position.column)?;
        }
        Ok(())
    }
}

/// Reads the policy over these rules in a file's bytes; the path is for messages alone.
///
/// # Errors
/// Bytes that are no text, or all that is wrong with it.
pub fn decode(path: &Path, bytes: &[u8], rules: Catalogue) -> Result<Policy, Unusable> {
    let shown = || path.display().to_string();
    let text = std::str::from_utf8(bytes).map_err(|error| Unusable::Unreadable {
        path: shown(),
        source: std::io::Error::new(std::io::ErrorKind::InvalidData, error),
    })?;
    parse(text, rules).map_err(|faults| Unusable::Faulty { path: shown(), faults })
}

/// Reads a policy over these rules; an empty text is the default one.
///
/// # Errors
/// All that is wrong with it, in the order of the text.
pub fn parse(text: &str, rules: Catalogue) -> Result<Policy, Vec<Fault>> {
    let documents = yaml::documents(text);
    let positions = Positions::of(text);
    let fault = |offset, message| vec![Fault { position: positions.at(text, offset), message }];
    let (document, read) = match documents.as_slice() {
        [] => return Ok(Policy::new(rules, Profile::default())),
        [document] => (document, document.read().map_err(|error| fault(error.offset, error.message))?),
        [_, second, ..] => {
            let message = "a policy is one document; remove what follows the first";
            return Err(fault(second.start(), message.to_owned()));
        }
    };
    let mut reader = Reader::new(text, &positions, document.places());
    let policy = reader.policy(&read.value, rules);
    let mut faults = reader.into_faults();
    for key in read.duplicates {
        faults.extend(fault(key.offset, format!("{:?} is written twice; remove one of the two", key.name)));
    }
    faults.sort_by_key(|fault| fault.position);
    if faults.is_empty() { Ok(policy) } else { Err(faults) }
}

#[cfg(test)]
mod tests;
