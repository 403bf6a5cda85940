//! The parts of a policy that count for some objects only.

use serde_json::{Map, Value};
use time::{Date, Month};

use super::reader::{ENFORCEMENTS, PROFILES, Reader};
use super::words::{describe, no_rule};
use crate::kubernetes::{LabelSelector, Labels, Requirement};
use crate::pointer::Pointer;
use crate::rule::{Catalogue, Exemption, Glob, Namespaces, Override, Policy};

/// The fields of an override.
pub(super) const OVERRIDE_FIELDS: &[&str] =
    &["namespaces", "namespaceSelector", "profile", "enforcement", "fixes", "rules"];
/// The fields of an exemption.
pub(super) const EXEMPTION_FIELDS: &[&str] = &["rules", "namespaces", "names", "selector", "reason", "expires"];
const SELECTOR_FIELDS: &[&str] = &["matchLabels", "matchExpressions"];
const REQUIREMENT_FIELDS: &[&str] = &["key", "operator", "values"];
/// The operators of a label selector, and whether they take values.
pub(super) const OPERATORS: &[(&str, bool)] =
    &[("In", true), ("NotIn", true), ("Exists", false), ("DoesNotExist", false)];

impl Reader<'_> {
    /// Reads what is different in some namespaces; what it leaves out is as in `policy`.
    pub(super) fn overrides(&mut self, at: &Pointer, value: &Value, policy: &Policy) -> Vec<Override> {
        let mut all = Vec::new();
        for (at, value) in self.list(at, value, "overrides") {
            let Some(map) = self.mapping(&at, value, "an override") else { continue };
            self.refuse_unknown(&at, map, OVERRIDE_FIELDS, "field of an override");
            let field = |name: &str| map.get(name).map(|value| (at.clone().field(name), value));
            let names = field("namespaces").map_or(Vec::new(), |(at, value)| self.globs(&at, value));
            let selector = field("namespaceSelector").and_then(|(at, value)| self.selector(&at, value));
            if !map.contains_key("namespaces") && !map.contains_key("namespaceSelector") {
                self.blame(
                    &at,
                    "this override says for no namespaces; write namespaces or namespaceSelector".to_owned(),
                );
            }
            let profile = field("profile").and_then(|(at, value)| self.word(&at, value, PROFILES));
            let enforcement = field("enforcement").and_then(|(at, value)| self.word(&at, value, ENFORCEMENTS));
            let fixes = field("fixes").and_then(|(at, value)| self.switch(&at, "fixes", value));
            let mut own = policy.blank();
            if let Some(profile) = profile {
                own.take_profile(profile);
            }
            if let Some((at, value)) = field("rules") {
                self.rules(&at, value, &mut own);
                self.refuse_binding(&at, value);
            }
            let (rules, parameters) = own.into_named();
            let namespaces = Namespaces { names, selector };
            all.push(Override { namespaces, profile, enforcement, fixes, rules, parameters });
        }
        all
    }

    /// Who may be exempt is decided for the whole cluster: who owns a namespace must not find it turned around there.
    fn refuse_binding(&mut self, at: &Pointer, rules: &Value) {
        for (name, rule) in rules.as_object().into_iter().flatten() {
            if rule.get("exemptable").is_some() {
                let at = at.clone().field(name).field("exemptable");
                self.blame_key(&at, "exemptable belongs to the rules of the whole policy; remove it here".to_owned());
            }
        }
    }

    /// Reads which objects are exempt.
    pub(super) fn exemptions(&mut self, at: &Pointer, value: &Value, rules: Catalogue) -> Vec<Exemption> {
        let mut all = Vec::new();
        for (at, value) in self.list(at, value, "exemptions") {
            let Some(map) = self.mapping(&at, value, "an exemption") else { continue };
            self.refuse_unknown(&at, map, EXEMPTION_FIELDS, "field of an exemption");
            let field = |name: &str| map.get(name).map(|value| (at.clone().field(name), value));
            let named = field("rules").map_or(Vec::new(), |(at, value)| self.rule_names(&at, value, rules));
            if !map.contains_key("rules") {
                self.blame(&at, "this exemption names no rules; write rules: [STS301]".to_owned());
            }
            if !["namespaces", "names", "selector"].iter().any(|name| map.contains_key(*name)) {
                let advice = "write namespaces, names or selector, or turn the rule off";
                self.blame(&at, format!("this exemption is about every object; {advice}"));
            }
            let reason = match field("reason") {
                Some((_, Value::String(reason))) if !reason.trim().is_empty() => reason.trim().to_owned(),
                found => {
                    let at = found.map_or_else(|| at.clone(), |(at, _)| at);
                    self.blame(&at, "this exemption gives no reason; write reason: and why".to_owned());
                    String::new()
                }
            };
            all.push(Exemption {
                rules: named,
                namespaces: field("namespaces").map_or(Vec::new(), |(at, value)| self.globs(&at, value)),
                names: field("names").map_or(Vec::new(), |(at, value)| self.globs(&at, value)),
                selector: field("selector").and_then(|(at, value)| self.selector(&at, value)),
                reason,
                expires: field("expires").and_then(|(at, value)| self.day(&at, value)),
            });
        }
        all
    }

    fn rule_names(&mut self, at: &Pointer, value: &Value, rules: Catalogue) -> Vec<usize> {
        let mut found = Vec::new();
        let list = self.list(at, value, "rules");
        if list.is_empty() && value.is_array() {
            self.blame(at, "no rule stands here; write rules: [STS301]".to_owned());
        }
        for (at, value) in list {
            match value {
                Value::String(name) => match rules.find(name) {
                    Some(index) => found.push(index),
                    None => self.blame(&at, no_rule(name, rules)),
                },
                other => self.blame(&at, format!("this is {}; write a rule's code or name", describe(other))),
            }
        }
        found
    }

    fn globs(&mut self, at: &Pointer, value: &Value) -> Vec<Glob> {
        let list = self.list(at, value, "this");
        if list.is_empty() && value.is_array() {
            self.blame(
                at,
                "an empty list matches nothing; remove it, or write a name or a pattern such as team-*".to_owned(),
            );
        }
        let mut globs = Vec::new();
        for (at, value) in list {
            match value.as_str().and_then(Glob::new) {
                Some(glob) => globs.push(glob),
                None => {
                    let advice = "write a name of small letters, digits, - and ., with * for any characters";
                    self.blame(&at, format!("no object can be called {}; {advice}", describe(value)));
                }
            }
        }
        globs
    }

    fn selector(&mut self, at: &Pointer, value: &Value) -> Option<LabelSelector> {
        let map = self.mapping(at, value, "the selector")?;
        self.refuse_unknown(at, map, SELECTOR_FIELDS, "field of a selector");
        let field = |name: &str| map.get(name).map(|value| (at.clone().field(name), value));
        let match_labels = field("matchLabels").map_or(Labels::new(), |(at, value)| self.match_labels(&at, value));
        let mut match_expressions = Vec::new();
        if let Some((at, value)) = field("matchExpressions") {
            for (at, value) in self.list(&at, value, "matchExpressions") {
                match_expressions.extend(self.requirement(&at, value));
            }
        }
        if map
            .values()
            .all(|value| value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty))
        {
            self.blame(at, "this selector selects everything; remove it, or write matchLabels".to_owned());
        }
        Some(LabelSelector { match_labels, match_expressions })
    }

    fn match_labels(&mut self, at: &Pointer, value: &Value) -> Labels {
        let Some(map) = self.mapping(at, value, "matchLabels") else { return Labels::new() };
        let mut labels = Labels::new();
        for (key, value) in map {
            match value.as_str() {
                Some(value) => drop(labels.insert(key.clone(), value.to_owned())),
                None => {
                    self.blame(&at.clone().field(key), format!("the label's value is {}; write text", describe(value)));
                }
            }
        }
        labels
    }

    fn requirement(&mut self, at: &Pointer, value: &Value) -> Option<Requirement> {
        let map = self.mapping(at, value, "a requirement")?;
        self.refuse_unknown(at, map, REQUIREMENT_FIELDS, "field of a requirement");
        let key = map.get("key").and_then(Value::as_str).filter(|key| !key.is_empty());
        let operator = map.get("operator").and_then(Value::as_str);
        let Some((operator, takes_values)) = OPERATORS.iter().find(|(word, _)| Some(*word) == operator) else {
            self.blame(at, "the operator is none of In, NotIn, Exists, DoesNotExist".to_owned());
            return None;
        };
        let written = map.get("values").map_or(Some(Vec::new()), |values| {
            values.as_array()?.iter().map(|value| value.as_str().map(str::to_owned)).collect()
        });
        let (Some(key), Some(values)) = (key, written) else {
            self.blame(at, "a requirement is {key: a label's key, operator: In, values: [text]}".to_owned());
            return None;
        };
        if values.is_empty() == *takes_values {
            let which = if *takes_values { "takes values, and has none" } else { "takes no values" };
            self.blame(at, format!("{operator} {which}"));
            return None;
        }
        Some(Requirement { key: key.to_owned(), operator: (*operator).to_owned(), values })
    }

    fn day(&mut self, at: &Pointer, value: &Value) -> Option<Date> {
        let day = value.as_str().and_then(|text| {
            let mut parts = text.split('-').map(|part| part.bytes().all(|b| b.is_ascii_digit()).then_some(part));
            let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
            let shaped = parts.next().is_none() && (year.len(), month.len(), day.len()) == (4, 2, 2);
            let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
            shaped.then(|| Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok())?
        });
        if day.is_none() {
            self.blame(at, format!("this is {}; write the last day on which it counts: 2027-06-30", describe(value)));
        }
        day
    }

    /// The elements of a list, each with its place.
    fn list<'v>(&mut self, at: &Pointer, value: &'v Value, what: &str) -> Vec<(Pointer, &'v Value)> {
        let Value::Array(list) = value else {
            self.blame(at, format!("{what} is {}; write a list", describe(value)));
            return Vec::new();
        };
        list.iter().enumerate().map(|(index, value)| (at.clone().index(index), value)).collect()
    }
}
