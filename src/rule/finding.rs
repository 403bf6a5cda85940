//! Findings: one breach in one object at one JSON pointer, and the builder that rules write them with.

use super::action::Action;
use super::context::{Asked, Context};
use super::fix::{Applicability, Fix};
use super::info::Info;
use crate::engines::{Degree, Server};
use crate::facts::Source;
use crate::pointer::Pointer;

/// One breach in one object at one JSON pointer.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule that made it.
    pub rule: &'static Info,
    /// What is done about it, all caps applied.
    pub action: Action,
    /// Where in the object.
    pub pointer: Pointer,
    /// What is wrong: one sentence, lower case, no final stop, without the code.
    pub message: String,
    /// What to do about it: the exact command or YAML, and how to exempt.
    pub help: String,
    /// The change that ends it.
    pub fix: Option<Fix>,
    /// Whether the old object of an update has it too.
    pub pre_existing: bool,
    /// Whether it rests on a store's answer that could not be confirmed live.
    pub unconfirmed: bool,
    /// Whether an annotation on the object would exempt it; if not, the policy's list alone would.
    pub exemptable: bool,
    /// The cluster facts it rests on.
    pub rests_on: Vec<Asked>,
    /// The part of the object that it is about, empty for the object as a whole.
    part: String,
    despite_exemption: bool,
}

impl Finding {
    /// What makes it the same finding on the old object of an update: the rule and the part of the object.
    pub fn identity(&self) -> (&'static str, &str) {
        (self.rule.code, &self.part)
    }

    /// Whether it is shown although the object is exempt.
    pub fn is_despite_exemption(&self) -> bool {
        self.despite_exemption
    }

    /// Whether admission may apply its fix.
    pub fn safe_fix(&self) -> Option<&Fix> {
        self.fix.as_ref().filter(|fix| fix.applicability == Applicability::Safe)
    }
}

/// Where a rule puts its findings.
///
/// Each begins by what it is about, which makes it the same finding before and after an update: the object as a whole, a
/// part of it by name, or a server that runs in it.
pub struct Findings<'c, 'a> {
    context: &'c Context<'a>,
    rule: &'static Info,
    action: Action,
    list: Vec<Finding>,
}

impl<'c, 'a> Findings<'c, 'a> {
    /// No findings yet of this rule, each with this action unless it is capped.
    pub fn new(context: &'c Context<'a>, rule: &'static Info, action: Action) -> Self {
        Self { context, rule, action, list: Vec::new() }
    }

    /// The findings.
    pub fn into_list(self) -> Vec<Finding> {
        self.list
    }

    /// Starts a finding about the object as a whole, which a rule makes once an object.
    ///
    /// It rests on every question the rule has asked for this object so far.
    pub fn object(&mut self, pointer: Pointer) -> Building<'_, 'c, 'a> {
        self.part("", pointer)
    }

    /// Starts a finding about a part of the object that has a name: a container, a claim template, an annotation. An
    /// update that leaves that part alone is not blamed for it.
    pub fn part(&mut self, part: &str, pointer: Pointer) -> Building<'_, 'c, 'a> {
        let rests_on = self.context.asked();
        self.list.push(Finding {
            rule: self.rule,
            action: self.action,
            pointer,
            message: String::new(),
            help: String::new(),
            fix: None,
            pre_existing: false,
            exemptable: self.context.policy.is_exemptable(self.rule.name),
            unconfirmed: rests_on.iter().any(|(_, source)| *source == Source::Unconfirmed),
            rests_on,
            part: part.to_owned(),
            despite_exemption: false,
        });
        let last = self.list.len() - 1;
        Building { finding: &mut self.list[last], context: self.context }
    }

    /// Starts a finding about a database server, by its container's name. Where the image is not surely the official one,
    /// or its major is not known, its layout is assumed, and the finding warns at most.
    pub fn server(&mut self, server: &Server<'_>, pointer: Pointer) -> Building<'_, 'c, 'a> {
        let finding = self.part(&server.container.name, pointer);
        if server.degree < Degree::Official || server.is_assumed { finding.at_most(Action::Warn) } else { finding }
    }
}

/// A finding that is being written.
pub struct Building<'f, 'c, 'a> {
    finding: &'f mut Finding,
    context: &'c Context<'a>,
}

#[allow(clippy::return_self_not_must_use, reason = "the last call of a chain ends the sentence")]
impl Building<'_, '_, '_> {
    /// Says what is wrong: lower case, no final stop, the value at fault named, 100 characters at most.
    pub fn say(self, message: impl Into<String>) -> Self {
        self.finding.message = message.into();
        self
    }

    /// Says what to do about it.
    pub fn help(self, help: impl Into<String>) -> Self {
        self.finding.help = help.into();
        self
    }

    /// Is shown although the object is exempt: it speaks of the exemption itself.
    pub fn despite_exemption(self) -> Self {
        self.finding.despite_exemption = true;
        self
    }

    /// Caps the action.
    pub fn at_most(self, action: Action) -> Self {
        self.finding.cap(action);
        self
    }

    /// Sharpens the action of a finding that weighs more than the rule's others, unless the policy says something of the
    /// rule itself; `enforcement` caps it still.
    pub fn at_least(self, action: Action) -> Self {
        let policy = &self.context.policy;
        if !policy.names(self.finding.rule) {
            self.finding.action = self.finding.action.max(action).min(policy.enforcement);
        }
        self
    }

    /// Proposes a change that ends it.
    ///
    /// The fix rests on every question the rule has asked for this object so far, also those asked after the finding
    /// began; a safe one is made only when each of them is confirmed.
    pub fn fix(self, fix: Fix) -> Self {
        self.finding.fix = Some(Fix { rests_on: self.context.asked(), ..fix });
        self
    }
}

impl Finding {
    /// Rests, with its fix, on these questions too.
    pub(crate) fn rest_on(&mut self, asked: &[Asked]) {
        self.rests_on.extend(asked.iter().cloned());
        if let Some(fix) = &mut self.fix {
            fix.rests_on.extend(asked.iter().cloned());
        }
        if asked.iter().any(|(_, source)| *source == Source::Unconfirmed) {
            self.unconfirmed = true;
            self.cap(Action::Warn);
        }
    }

    /// Caps the action.
    pub fn cap(&mut self, action: Action) {
        self.action = self.action.min(action);
    }
}
