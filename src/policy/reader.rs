//! From a YAML value to a policy.

use serde_json::{Map, Value};

use super::Fault;
use super::did_you_mean::did_you_mean;
use super::words::{describe, list, no_rule};
use crate::engines::Mirror;
use crate::pointer::Pointer;
use crate::rule::{Action, Catalogue, Owned, Policy, Profile, Setting};
use crate::yaml::{Places, Positions};

/// The top fields, in the order of the documentation.
const FIELDS: &[&str] = &[
    "apiVersion",
    "kind",
    "profile",
    "enforcement",
    "fixes",
    "restoreLabels",
    "ownedByControllers",
    "mirrors",
    "rules",
    "overrides",
    "exemptions",
];
/// What a policy may say that it is.
pub(super) const IDENTITY: [(&str, &str); 2] = [("apiVersion", "stsguard.dev/v1"), ("kind", "Policy")];
/// The fields of one rule's entry.
pub(super) const RULE_FIELDS: &[&str] = &["action", "fix", "exemptable", "parameters"];
pub(super) const ACTIONS: &[(&str, Action)] =
    &[("deny", Action::Deny), ("warn", Action::Warn), ("audit", Action::Audit), ("off", Action::Off)];
pub(super) const ENFORCEMENTS: &[(&str, Action)] =
    &[("deny", Action::Deny), ("warn", Action::Warn), ("audit", Action::Audit)];
pub(super) const PROFILES: &[(&str, Profile)] =
    &[("baseline", Profile::Baseline), ("recommended", Profile::Recommended), ("strict", Profile::Strict)];
pub(super) const OWNED: &[(&str, Owned)] = &[("audit", Owned::Audit), ("enforce", Owned::Enforce)];

/// Reads a policy and collects what is wrong with it.
pub(super) struct Reader<'t> {
    text: &'t str,
    places: Places,
    positions: &'t Positions,
    faults: Vec<Fault>,
}

impl<'t> Reader<'t> {
    /// A reader of the policy `text`, whose values stand at `places`.
    pub(super) fn new(text: &'t str, positions: &'t Positions, places: Places) -> Self {
        Self { text, places, positions, faults: Vec::new() }
    }

    /// All that is wrong, in the order in which it was met.
    pub(super) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// The policy, as far as it could be read.
    pub(super) fn policy(&mut self, value: &Value, rules: Catalogue) -> Policy {
        let root = Pointer::default();
        let default = Policy::new(rules, Profile::default());
        let Some(map) = self.mapping(&root, value, "the policy") else { return default };
        self.refuse_unknown(&root, map, FIELDS, "field");
        let field =
            |name| map.get(name).filter(|value| !value.is_null()).map(|value| (root.clone().field(name), value));
        for (name, only) in IDENTITY {
            if let Some((at, value)) = field(name).filter(|(_, value)| *value != only) {
                self.blame(&at, format!("{name} is {}; write {only}, or leave it out", describe(value)));
            }
        }
        let profile = field("profile").and_then(|(at, value)| self.word(&at, value, PROFILES));
        let mut policy = profile.map_or(default, |profile| Policy::new(rules, profile));
        if let Some((at, value)) = field("enforcement") {
            policy.enforcement = self.word(&at, value, ENFORCEMENTS).unwrap_or(policy.enforcement);
        }
        if let Some((at, value)) = field("fixes") {
            policy.fixes = self.switch(&at, "fixes", value).unwrap_or(policy.fixes);
        }
        if let Some((at, value)) = field("ownedByControllers") {
            policy.owned_by_controllers = self.word(&at, value, OWNED).unwrap_or_default();
        }
        if let Some((at, value)) = field("restoreLabels") {
            policy.restore_labels = self.labels(&at, value);
        }
        if let Some((at, value)) = field("mirrors") {
            policy.mirrors = self.mirrors(&at, value);
        }
        if let Some((at, value)) = field("rules") {
            self.rules(&at, value, &mut policy);
        }
        if let Some((at, value)) = field("overrides") {
            policy.overrides = self.overrides(&at, value, &policy);
        }
        if let Some((at, value)) = field("exemptions") {
            policy.exemptions = self.exemptions(&at, value, rules);
        }
        policy
    }

    pub(super) fn rules(&mut self, at: &Pointer, value: &Value, policy: &mut Policy) {
        let Some(map) = self.mapping(at, value, "rules") else { return };
        let rules = policy.rules();
        let mut named = vec![None; rules.len()];
        for (key, value) in map {
            let at = at.clone().field(key);
            let Some(index) = rules.find(key) else {
                self.blame_key(&at, no_rule(key, rules));
                continue;
            };
            if let Some(earlier) = named[index].replace(key) {
                self.blame_key(&at, format!("{key} is the same rule as {earlier:?} above; write it once"));
                continue;
            }
            let setting = self.rule(&at, index, value, policy);
            policy.set(index, setting);
        }
    }

    /// True or false.
    pub(super) fn switch(&mut self, at: &Pointer, name: &str, value: &Value) -> Option<bool> {
        if !value.is_boolean() {
            self.blame(at, format!("{name} is {}; write true or false", describe(value)));
        }
        value.as_bool()
    }

    /// One rule's entry: an action alone, or a mapping.
    fn rule(&mut self, at: &Pointer, index: usize, value: &Value, policy: &mut Policy) -> Setting {
        let mut setting = policy.written(index);
        let Value::Object(map) = value else {
            setting.action = self.word(at, value, ACTIONS).unwrap_or(setting.action);
            return setting;
        };
        let info = policy.rules()[index].info();
        self.refuse_unknown(at, map, RULE_FIELDS, "field");
        if let Some(value) = map.get("action") {
            let action = self.word(&at.clone().field("action"), value, ACTIONS);
            setting.action = action.unwrap_or(setting.action);
        }
        if let Some(value) = map.get("fix") {
            let at = at.clone().field("fix");
            let has_fix = info.defaults.iter().any(|setting| setting.fix);
            match self.switch(&at, "fix", value) {
                Some(true) if !has_fix => {
                    self.blame(&at, format!("{} has no fix that admission could make; remove this line", info.code));
                }
                fix => setting.fix = fix.unwrap_or(setting.fix),
            }
        }
        if let Some(value) = map.get("exemptable")
            && self.switch(&at.clone().field("exemptable"), "exemptable", value) == Some(false)
        {
            policy.bind(index);
        }
        if let Some(value) = map.get("parameters") {
            self.parameters(&at.clone().field("parameters"), info, value, policy);
        }
        setting
    }

    fn labels(&mut self, at: &Pointer, value: &Value) -> Vec<String> {
        let Value::Array(list) = value else {
            self.blame(at, format!("restoreLabels is {}; write a list of label keys", describe(value)));
            return Vec::new();
        };
        let mut labels = Vec::new();
        for (index, value) in list.iter().enumerate() {
            match value {
                Value::String(label) if !label.is_empty() => labels.push(label.clone()),
                other => {
                    self.blame(&at.clone().index(index), format!("this is {}; write a label's key", describe(other)));
                }
            }
        }
        labels
    }

    fn mirrors(&mut self, at: &Pointer, value: &Value) -> Vec<Mirror> {
        let Some(map) = self.mapping(at, value, "mirrors") else { return Vec::new() };
        let mut mirrors = Vec::new();
        for (prefix, value) in map {
            let slashed = |path: &str| format!("{}/", path.trim_end_matches('/'));
            match value {
                Value::String(path) if !path.is_empty() && !prefix.is_empty() => {
                    mirrors.push(Mirror { prefix: slashed(prefix), stands_for: slashed(path) });
                }
                other => {
                    let at = at.clone().field(prefix);
                    let advice = "write the registry path that it mirrors, for example docker.io/";
                    self.blame(&at, format!("the mirror {prefix:?} is {}; {advice}", describe(other)));
                }
            }
        }
        mirrors
    }

    pub(super) fn mapping<'v>(&mut self, at: &Pointer, value: &'v Value, what: &str) -> Option<&'v Map<String, Value>> {
        if let Value::Object(map) = value {
            return Some(map);
        }
        self.blame(at, format!("{what} is {}; write a mapping", describe(value)));
        None
    }

    /// One of a few words. YAML reads an unquoted `off` as false; it is taken for the word where there is one.
    pub(super) fn word<T: Copy>(&mut self, at: &Pointer, value: &Value, words: &[(&str, T)]) -> Option<T> {
        let written = match value {
            Value::String(word) => word,
            Value::Bool(false) => "off",
            other => {
                self.blame(at, format!("this is {}; write one of {}", describe(other), list(words)));
                return None;
            }
        };
        let found = words.iter().find(|(word, _)| *word == written);
        if found.is_none() {
            self.blame(at, format!("{written:?} is none of {}", list(words)));
        }
        found.map(|(_, meaning)| *meaning)
    }

    pub(super) fn refuse_unknown(&mut self, at: &Pointer, map: &Map<String, Value>, known: &[&str], what: &str) {
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            let one_of = || format!("known here: {}", known.join(", "));
            let advice = did_you_mean(key, known.iter().copied()).unwrap_or_else(one_of);
            self.blame_key(&at.clone().field(key), format!("there is no {what} {key:?}; {advice}"));
        }
    }

    pub(super) fn blame(&mut self, at: &Pointer, message: String) {
        let offset = self.places.nearest(at).value.start;
        self.faults.push(Fault { position: self.positions.at(self.text, offset), message });
    }

    pub(super) fn blame_key(&mut self, at: &Pointer, message: String) {
        let mark = self.places.nearest(at);
        let offset = mark.key.unwrap_or(mark.value).start;
        self.faults.push(Fault { position: self.positions.at(self.text, offset), message });
    }
}
