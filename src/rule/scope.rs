//! Parts of a policy that count for some objects only: overrides for namespaces, exemptions for objects.

use std::fmt;

use time::Date;

use super::action::Action;
use super::policy::{Policy, Profile, Setting, WrittenParameter};
use crate::kubernetes::{LabelSelector, Labels, ObjectMeta};

/// A name in which `*` stands for any characters, none included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// A pattern; `None` where no name of an object could match it.
    pub fn new(text: &str) -> Option<Self> {
        let is_good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '*');
        (!text.is_empty() && text.chars().all(is_good)).then(|| Self(text.to_owned()))
    }

    /// Whether a name is meant.
    pub fn matches(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(first) else { return false };
        let mut parts: Vec<_> = parts.collect();
        let Some(last) = parts.pop() else { return rest.is_empty() };
        // Each part where it comes first: what follows has the most room then.
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Some namespaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// Their names; where there are none, any name.
    pub names: Vec<Glob>,
    /// What their labels must be.
    pub selector: Option<LabelSelector>,
}

impl Namespaces {
    /// Whether a namespace is among them; `None` where its labels decide and are not known.
    pub fn contain(&self, name: &str, labels: Option<&Labels>) -> Option<bool> {
        if !self.names.is_empty() && !self.names.iter().any(|glob| glob.matches(name)) {
            return Some(false);
        }
        match &self.selector {
            None => Some(true),
            Some(selector) => selector.selects(labels?, |_| true),
        }
    }
}

/// What a policy says differently for some namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// For which.
    pub namespaces: Namespaces,
    /// Another profile for the rules that the policy does not name.
    pub profile: Option<Profile>,
    /// Another cap.
    pub enforcement: Option<Action>,
    /// Another switch of fixes.
    pub fixes: Option<bool>,
    /// The rules that are named here, by their index in the catalogue.
    pub rules: Vec<(usize, Setting)>,
    /// Their parameters that are written here.
    pub parameters: Vec<WrittenParameter>,
}

/// Objects that are exempt from rules, by the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    /// The rules, by their index in the catalogue.
    pub rules: Vec<usize>,
    /// The namespaces; where there are none, any.
    pub namespaces: Vec<Glob>,
    /// The objects' names; where there are none, any.
    pub names: Vec<Glob>,
    /// What the objects' labels must be.
    pub selector: Option<LabelSelector>,
    /// Why.
    pub reason: String,
    /// The last day on which it counts (UTC).
    pub expires: Option<Date>,
}

impl Exemption {
    /// Whether it is about this object, expired or not.
    pub fn is_about(&self, namespace: &str, metadata: &ObjectMeta) -> bool {
        let any = |globs: &[Glob], name: &str| globs.is_empty() || globs.iter().any(|glob| glob.matches(name));
        let name = metadata.name.as_deref().or(metadata.generate_name.as_deref()).unwrap_or_default();
        any(&self.namespaces, namespace)
            && any(&self.names, name)
            && self.selector.as_ref().is_none_or(|selector| selector.selects(&metadata.labels, |_| true) == Some(true))
    }

    /// Whether it counts no more.
    pub fn is_over(&self, today: Option<Date>) -> bool {
        self.expires.zip(today).is_some_and(|(last, today)| today > last)
    }
}

impl Policy {
    /// Whether what counts in a namespace of this name depends on its labels.
    pub fn asks_for_labels(&self, namespace: &str) -> bool {
        self.overrides.iter().any(|one| one.namespaces.contain(namespace, None).is_none())
    }

    /// What counts in a namespace: later overrides before earlier ones. Where its labels decide and are not known, the milder
    /// of what may count does.
    #[must_use]
    pub fn within(&self, namespace: &str, labels: Option<&Labels>) -> Option<Self> {
        let mut changed: Option<Self> = None;
        for one in &self.overrides {
            let contained = one.namespaces.contain(namespace, labels);
            if contained == Some(false) {
                continue;
            }
            let before = changed.unwrap_or_else(|| self.clone());
            let mut after = before.clone();
            after.apply(one);
            if contained.is_none() {
                after.soften(&before);
            }
            changed = Some(after);
        }
        changed
    }

    fn apply(&mut self, one: &Override) {
        if let Some(profile) = one.profile {
            self.take_profile(profile);
        }
        self.enforcement = one.enforcement.unwrap_or(self.enforcement);
        self.fixes = one.fixes.unwrap_or(self.fixes);
        for (index, setting) in &one.rules {
            self.set(*index, *setting);
        }
        for (code, name, written) in &one.parameters {
            self.write_parameter(code, name, *written);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Glob::new(pattern).expect("a pattern").matches(name)
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name) in
            [("*", ""), ("*", "a"), ("a*", "a"), ("a*c", "abc"), ("*-db-*", "x-db-1"), ("a*b*b", "abb")]
        {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("a", "ab"), ("a*", "ba"), ("*a", "ab"), ("a*a", "a"), ("a*b*b", "ab"), ("", "")] {
            assert!(pattern.is_empty() || !matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_that_no_name_can_match_is_none() {
        assert!(["", "Team", "a_b", "a b", "ä"].iter().all(|text| Glob::new(text).is_none()));
    }
}
