//! The policy as resolved: what is done about each rule's findings, and the parameters that rules read.

use time::Date;

use super::action::Action;
use super::catalogue::Catalogue;
use super::info::Info;
use super::parameter::{Parameter, Values, Written};
use super::scope::{Exemption, Override};
use crate::engines::Mirror;
use crate::exemption::is_exempt;
use crate::kubernetes::ObjectMeta;

/// A set of default actions, the mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Profile {
    /// Denies only what surely breaks or loses data in every cluster.
    Baseline,
    /// The default.
    #[default]
    Recommended,
    /// For those who want every finding fixed.
    Strict,
}

impl Profile {
    /// All profiles, in the order of a rule's default actions.
    pub const ALL: [Self; 3] = [Self::Baseline, Self::Recommended, Self::Strict];

    /// The word for it in policies and documentation.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Recommended => "recommended",
            Self::Strict => "strict",
        }
    }
}

/// What a policy says of one rule: the action on a finding, and whether its safe fix is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// What is done about a finding.
    pub action: Action,
    /// Whether admission makes the rule's safe fix.
    pub fix: bool,
}

/// A parameter's rule by its code, its name, and what is written for it.
pub type WrittenParameter = (&'static str, &'static str, Written);

/// What is done about sets that belong to an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Owned {
    /// No fixes, and findings are at most `audit`: the operator would put its own template back.
    #[default]
    Audit,
    /// As if nobody owned them.
    Enforce,
}

/// A policy, resolved: every rule has a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The profile that the defaults came from.
    pub profile: Profile,
    /// Caps every action.
    pub enforcement: Action,
    /// Whether admission makes any safe fix; what an earlier fix has written is kept all the same.
    pub fixes: bool,
    /// An object with one of these labels comes from a restore: at most `warn`, no fix.
    pub restore_labels: Vec<String>,
    /// Image prefixes of registries that mirror the official images, with what they stand for.
    pub mirrors: Vec<Mirror>,
    /// What is done about sets with a controller owner.
    pub owned_by_controllers: Owned,
    /// What is different in some namespaces; a later one counts before an earlier one.
    pub overrides: Vec<Override>,
    /// What is exempt.
    pub exemptions: Vec<Exemption>,
    rules: Catalogue,
    settings: Vec<Setting>,
    /// Which rules' settings were changed, be it to what they were.
    named: Vec<bool>,
    /// From which rules an annotation exempts nobody.
    binding: Vec<usize>,
    parameters: Vec<WrittenParameter>,
}

impl Policy {
    /// The policy of a profile over these rules with nothing changed.
    pub fn new(rules: Catalogue, profile: Profile) -> Self {
        Self {
            profile,
            enforcement: Action::Deny,
            fixes: true,
            restore_labels: vec!["velero.io/restore-name".to_owned()],
            mirrors: Vec::new(),
            owned_by_controllers: Owned::default(),
            overrides: Vec::new(),
            exemptions: Vec::new(),
            binding: Vec::new(),
            settings: rules.iter().map(|rule| rule.info().defaults[profile as usize]).collect(),
            named: vec![false; rules.len()],
            parameters: Vec::new(),
            rules,
        }
    }

    /// The rules that it is about.
    pub fn rules(&self) -> Catalogue {
        self.rules
    }

    /// Whether no fix of this object may be made: a restore or an operator put it there.
    pub fn leaves_alone(&self, metadata: &ObjectMeta) -> bool {
        self.is_restored(metadata) || self.is_owned(metadata)
    }

    /// Whether the object carries a label that a restore gives.
    pub fn is_restored(&self, metadata: &ObjectMeta) -> bool {
        self.restore_labels.iter().any(|label| metadata.labels.contains_key(label))
    }

    /// Whether an operator answers for the object, and this policy leaves it alone.
    pub fn is_owned(&self, metadata: &ObjectMeta) -> bool {
        self.owned_by_controllers == Owned::Audit && metadata.has_controller()
    }

    /// What this policy says of the rule at `index` in its catalogue, the enforcement cap and the switch of fixes applied.
    pub fn setting(&self, index: usize) -> Setting {
        let setting = self.settings[index];
        let fix = setting.fix && self.fixes && self.enforcement != Action::Audit;
        Setting { action: setting.action.min(self.enforcement), fix }
    }

    /// Changes what this policy says of the rule at `index` in its catalogue.
    pub fn set(&mut self, index: usize, setting: Setting) {
        self.settings[index] = setting;
        self.named[index] = true;
    }

    /// What this policy says of the rule at `index` in its catalogue before the enforcement cap.
    pub fn written(&self, index: usize) -> Setting {
        self.settings[index]
    }

    /// Whether this policy says anything of a rule.
    pub fn names(&self, rule: &Info) -> bool {
        let index = self.rules.iter().position(|other| other.info().code == rule.code);
        index.is_some_and(|index| self.named[index])
    }

    /// The parameters that something was written for, with what was written.
    pub fn parameters(&self) -> impl Iterator<Item = WrittenParameter> {
        self.parameters.iter().copied()
    }

    /// Whether an annotation can exempt from a rule of this name; if not, the policy's list alone does.
    pub fn is_exemptable(&self, name: &str) -> bool {
        !self.binding.iter().any(|index| self.rules[*index].info().name == name)
    }

    /// Leaves only the policy's own list to exempt from the rule at `index` in its catalogue.
    pub fn bind(&mut self, index: usize) {
        self.binding.push(index);
    }

    /// Whether an object is exempt from the rule at `index` in its catalogue, by an annotation or by the policy's list.
    pub fn exempts(&self, index: usize, namespace: &str, metadata: &ObjectMeta, today: Option<Date>) -> bool {
        (!self.binding.contains(&index) && is_exempt(metadata, self.rules[index].info().name))
            || self
                .exemptions
                .iter()
                .any(|one| one.rules.contains(&index) && !one.is_over(today) && one.is_about(namespace, metadata))
    }

    /// Sets a parameter.
    pub fn set_parameter(&mut self, parameter: &Parameter, written: Written) {
        self.write_parameter(parameter.code, parameter.name, written);
    }

    pub(super) fn write_parameter(&mut self, code: &'static str, name: &'static str, written: Written) {
        self.parameters.retain(|(of, known, _)| (*of, *known) != (code, name));
        self.parameters.push((code, name, written));
    }

    /// The same policy in which nothing has been said of a rule yet, for what differs from it.
    #[must_use]
    pub fn blank(&self) -> Self {
        let named = vec![false; self.rules.len()];
        Self { named, binding: Vec::new(), parameters: Vec::new(), ..self.clone() }
    }

    /// What it says of rules: the settings of those that it names, and the parameters that are written.
    pub fn into_named(self) -> (Vec<(usize, Setting)>, Vec<WrittenParameter>) {
        let named = self.settings.iter().enumerate().filter(|(index, _)| self.named[*index]);
        (named.map(|(index, setting)| (index, *setting)).collect(), self.parameters)
    }

    /// Takes another profile for the rules that this policy does not name.
    pub fn take_profile(&mut self, profile: Profile) {
        self.profile = profile;
        for (index, rule) in self.rules.iter().enumerate() {
            if !self.named[index] {
                self.settings[index] = rule.info().defaults[profile as usize];
            }
        }
    }

    /// Does about nothing more than the other does.
    pub(super) fn soften(&mut self, other: &Self) {
        self.profile = self.profile.min(other.profile);
        self.enforcement = self.enforcement.min(other.enforcement);
        self.fixes &= other.fixes;
        for (setting, other) in self.settings.iter_mut().zip(&other.settings) {
            setting.action = setting.action.min(other.action);
            setting.fix &= other.fix;
        }
    }

    /// The word that counts for a parameter, `None` where nothing is written and there is no default.
    pub fn word(&self, parameter: &Parameter) -> Option<&'static str> {
        match (self.parameter(parameter), parameter.values) {
            (Some(Written::Word(word)), _) => Some(word),
            (_, Values::Words { default, .. }) => default,
            (_, Values::Seconds { .. }) => None,
        }
    }

    /// The seconds that count for a parameter; 0 where it takes none.
    pub fn seconds(&self, parameter: &Parameter) -> i64 {
        match (self.parameter(parameter), parameter.values) {
            (Some(Written::Seconds(seconds)), _) | (_, Values::Seconds { default: seconds }) => seconds,
            (_, Values::Words { .. }) => 0,
        }
    }

    fn parameter(&self, parameter: &Parameter) -> Option<Written> {
        let mut written = self.parameters.iter();
        written.find(|(code, name, _)| (*code, *name) == (parameter.code, parameter.name)).map(|(.., written)| *written)
    }
}
