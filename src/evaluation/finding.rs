//! Findings: one breach in one object at one JSON pointer, and the builder that rules write them with.

use crate::kubernetes::Pointer;
use crate::policy::Action;
use crate::rules::Info;

use super::context::Context;
use super::facts::{Question, Source};
use super::fix::Fix;

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
    /// The cluster facts it rests on.
    pub rests_on: Vec<(Question, Source)>,
    pub(super) about: String,
    pub(super) despite_exemption: bool,
}

impl Finding {
    /// What makes it the same finding on the old object of an update.
    pub(super) fn identity(&self) -> (&'static str, &str) {
        (self.rule.code, &self.about)
    }

    /// Whether admission may apply its fix.
    pub fn safe_fix(&self) -> Option<&Fix> {
        self.fix.as_ref().filter(|fix| fix.applicability == super::fix::Applicability::Safe)
    }
}

/// Where a rule puts its findings.
pub struct Findings<'c, 'a> {
    context: &'c Context<'a>,
    rule: &'static Info,
    action: Action,
    list: Vec<Finding>,
}

impl<'c, 'a> Findings<'c, 'a> {
    pub(super) fn new(context: &'c Context<'a>, rule: &'static Info, action: Action) -> Self {
        Self { context, rule, action, list: Vec::new() }
    }

    pub(super) fn into_list(self) -> Vec<Finding> {
        self.list
    }

    /// Starts a finding at `pointer`.
    ///
    /// It rests on every question the rule has asked for this object so far; ask what only a fix depends on after this.
    pub fn at(&mut self, pointer: Pointer) -> &mut Finding {
        let rests_on = self.context.asked();
        self.list.push(Finding {
            rule: self.rule,
            action: self.action,
            pointer,
            message: String::new(),
            help: String::new(),
            fix: None,
            pre_existing: false,
            unconfirmed: rests_on.iter().any(|(_, source)| *source == Source::Unconfirmed),
            rests_on,
            about: String::new(),
            despite_exemption: false,
        });
        let last = self.list.len() - 1;
        &mut self.list[last]
    }
}

impl Finding {
    /// Says what is wrong: lower case, no final stop, the value at fault named, 100 characters at most.
    pub fn say(&mut self, message: impl Into<String>) -> &mut Self {
        self.message = message.into();
        self
    }

    /// Says what to do about it.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = help.into();
        self
    }

    /// Names the part of the object it is about (a container's or claim's name), so that an update that leaves that
    /// part alone is not blamed for it.
    pub fn about(&mut self, part: &str) -> &mut Self {
        part.clone_into(&mut self.about);
        self
    }

    /// Is shown although the object is exempt: it speaks of the exemption itself.
    pub fn despite_exemption(&mut self) -> &mut Self {
        self.despite_exemption = true;
        self
    }

    /// Caps the action.
    pub fn at_most(&mut self, action: Action) -> &mut Self {
        self.action = self.action.min(action);
        self
    }

    /// Proposes a change that ends it.
    pub fn fix(&mut self, fix: Fix) -> &mut Self {
        self.fix = Some(fix);
        self
    }
}
