//! What an evaluation found, and what must be read before it may be told.

use crate::facts::{Question, Source};
use crate::rule::{Action, Asked, Finding, Fix};

/// What an evaluation found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The findings: denies first, then by code and place.
    pub findings: Vec<Finding>,
    /// What would have been found, had the object not been exempt.
    pub exempt: Vec<Finding>,
    /// Questions that nobody has answered yet.
    pub open: Vec<Question>,
}

impl Report {
    /// The questions to read live before the findings may be shown: the open ones, and those that rest on a store alone.
    pub fn needs(&self) -> Vec<Question> {
        let shown = self.findings.iter().filter(|finding| finding.action >= Action::Warn);
        self.unconfirmed(shown.flat_map(|finding| &finding.rests_on))
    }

    /// The questions to read live before the safe fixes may be made.
    pub fn fixes_need(&self) -> Vec<Question> {
        let fixable = self.findings.iter().filter(|finding| finding.action > Action::Off);
        let fixes = fixable.clone().filter_map(Finding::safe_fix).flat_map(|fix: &Fix| &fix.rests_on);
        self.unconfirmed(fixes)
    }

    fn unconfirmed<'r>(&'r self, asked: impl Iterator<Item = &'r Asked>) -> Vec<Question> {
        let stored = asked.filter(|(_, source)| *source == Source::Store).map(|(question, _)| question);
        let mut needs: Vec<_> = self.open.iter().chain(stored).cloned().collect();
        needs.sort();
        needs.dedup();
        needs
    }
}
