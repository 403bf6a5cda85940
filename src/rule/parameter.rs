//! Parameters: what a policy may set of a rule besides its action.

use std::fmt;

/// One parameter of a rule; it belongs to the rule's own file.
#[derive(Debug)]
pub struct Parameter {
    /// The rule's code.
    pub code: &'static str,
    /// The name in policies, in camel case.
    pub name: &'static str,
    /// What may be written.
    pub values: Values,
}

/// What may be written for a parameter.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// One of these words.
    Words {
        /// The words.
        words: &'static [&'static str],
        /// The one that counts when nothing is written.
        default: Option<&'static str>,
    },
    /// Whole seconds, at least one.
    Seconds {
        /// What counts when nothing is written.
        default: i64,
    },
}

/// What a policy has written for a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// A word.
    Word(&'static str),
    /// Seconds.
    Seconds(i64),
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Seconds(seconds) => write!(f, "{seconds}"),
        }
    }
}
