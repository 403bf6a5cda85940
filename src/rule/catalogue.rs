//! A table of rules, in the order of their codes: what evaluation and the policy's reader are handed.

use std::fmt;
use std::ops::Deref;

use super::Rule;

/// A table of rules, in the order of their codes.
#[derive(Clone, Copy)]
pub struct Catalogue(&'static [&'static dyn Rule]);

impl Catalogue {
    /// The catalogue of these rules.
    pub const fn new(rules: &'static [&'static dyn Rule]) -> Self {
        Self(rules)
    }

    /// The index of the rule with this code or name.
    pub fn find(self, code_or_name: &str) -> Option<usize> {
        self.iter().position(|rule| {
            let info = rule.info();
            info.code.eq_ignore_ascii_case(code_or_name) || info.name == code_or_name
        })
    }
}

impl Deref for Catalogue {
    type Target = [&'static dyn Rule];

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl PartialEq for Catalogue {
    fn eq(&self, other: &Self) -> bool {
        self.iter().map(|rule| rule.info().code).eq(other.iter().map(|rule| rule.info().code))
    }
}

impl Eq for Catalogue {}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|rule| rule.info().code)).finish()
    }
}
