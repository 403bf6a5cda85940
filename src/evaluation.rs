//! One evaluation for all fronts: run the rules on a subject, then apply ratchet, exemptions, caps and order.
//!
//! Pure: cluster facts come through the [`Context`], and what could not be answered comes back as open questions.
//! The front answers them and evaluates again.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod context;
mod exemption;
mod facts;
mod finding;
mod fix;
mod update;
mod workload;

pub use context::{Context, Occasion};
pub use exemption::{exemption, exempts, is_left_alone};
use exemption::{is_owned, is_restored};
pub use facts::{
    Address, Answer, Answers, Facts, Lookup, NoFacts, Pairs, Question, ServiceFacts, SetFacts, Source,
    StorageClassFacts,
};
pub use finding::{Finding, Findings};
pub use fix::{Applicability, Fix, Operation};
pub use update::{Specs, Update};
pub use workload::{Workload, config_map, data_directory};

use std::collections::HashSet;

use crate::kubernetes::{Deployment, ObjectMeta, RunsPods, Scale, Service, StatefulSet};
use crate::policy::Action;
use crate::rules::{DeleteOptions, RULES, Rule};

/// What is evaluated.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A StatefulSet in its final state: on CREATE, in a file, in an audit.
    StatefulSet(&'a StatefulSet),
    /// An update of a StatefulSet.
    StatefulSetUpdate {
        /// Before.
        old: &'a StatefulSet,
        /// After.
        new: &'a StatefulSet,
        /// Both specs as text.
        specs: Specs<'a>,
    },
    /// The deletion of a StatefulSet.
    StatefulSetDelete {
        /// The set.
        set: &'a StatefulSet,
        /// How it is deleted.
        options: &'a DeleteOptions,
    },
    /// A scale of the StatefulSet of this name; the set itself is asked of the context.
    Scale {
        /// The set's name.
        name: &'a str,
        /// The scale before.
        old: &'a Scale,
        /// The scale after.
        new: &'a Scale,
    },
    /// A new Service.
    Service(&'a Service),
    /// An update of a Service.
    ServiceUpdate {
        /// Before.
        old: &'a Service,
        /// After.
        new: &'a Service,
    },
    /// The deletion of a Service.
    ServiceDelete(&'a Service),
    /// A Deployment.
    Deployment(&'a Deployment),
}

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
    /// The questions to read live before this report may be shown: the open ones, and those of findings that rest on
    /// a store alone.
    pub fn needs(&self) -> Vec<Question> {
        let shown = self.findings.iter().filter(|finding| finding.action >= Action::Warn);
        let stores = shown.flat_map(|finding| &finding.rests_on).filter(|(_, source)| *source == Source::Store);
        let mut needs: Vec<_> = self.open.iter().chain(stores.map(|(question, _)| question)).cloned().collect();
        needs.sort();
        needs.dedup();
        needs
    }
}

/// Evaluates one subject.
pub fn evaluate(subject: &Subject<'_>, cx: Context<'_>) -> Report {
    let mut report = Report::default();
    match *subject {
        Subject::StatefulSet(set) => {
            let set = Workload::new(set, cx.policy);
            run(&cx, set.metadata(), &mut report, |rule, cx, found| rule.stateful_set(&set, cx, found));
        }
        Subject::StatefulSetUpdate { old, new, specs } => update(old, new, specs, &cx, &mut report),
        Subject::StatefulSetDelete { set, options } => {
            let set = Workload::new(set, cx.policy);
            if set.metadata().deletion_timestamp.is_none() {
                deletion(&cx, set.metadata(), &mut report, |rule, cx, found| {
                    rule.stateful_set_delete(&set, options, cx, found);
                });
            }
        }
        Subject::Scale { name, old, new } => {
            let found = cx.stateful_set(name);
            if let Lookup::Found(set) = found
                && set.metadata.deletion_timestamp.is_none()
            {
                let before = scaled(&set, old.spec.replicas);
                let after = scaled(&set, new.spec.replicas);
                cx.take_asked();
                // The template stays, whatever the sets' model leaves out of it.
                update(&before, &after, Specs::Equal, &cx, &mut report);
            }
        }
        Subject::Service(service) => {
            run(&cx, &service.metadata, &mut report, |rule, cx, found| rule.service(service, cx, found));
        }
        Subject::ServiceUpdate { old, new } => {
            run(&cx, &new.metadata, &mut report, |rule, cx, found| rule.service_update(old, new, cx, found));
        }
        Subject::ServiceDelete(service) => {
            deletion(&cx, &service.metadata, &mut report, |rule, cx, found| rule.service_delete(service, cx, found));
        }
        Subject::Deployment(deployment) => {
            let deployment = Workload::new(deployment, cx.policy);
            run(&cx, deployment.metadata(), &mut report, |rule, cx, found| rule.deployment(&deployment, cx, found));
        }
    }
    report.findings.sort_by(|a, b| {
        b.action.cmp(&a.action).then(a.rule.code.cmp(b.rule.code)).then_with(|| a.pointer.cmp(&b.pointer))
    });
    report.open = cx.into_open();
    report
}

fn scaled(set: &StatefulSet, replicas: i32) -> StatefulSet {
    let mut set = set.clone();
    set.spec.replicas = Some(replicas);
    set
}

/// Runs the rules on an update and ratchets: what the old object has too is pre-existing and drops one step.
fn update(old: &StatefulSet, new: &StatefulSet, specs: Specs<'_>, cx: &Context<'_>, report: &mut Report) {
    let old = Workload::new(old, cx.policy);
    let new = Workload::new(new, cx.policy);
    let change = Update { old: &old, new: &new, specs };
    run(cx, new.metadata(), report, |rule, cx, found| rule.stateful_set(&new, cx, found));
    if !report.findings.is_empty() {
        ratchet(&old, &new, cx, report);
    }
    run(cx, new.metadata(), report, |rule, cx, found| rule.stateful_set_update(&change, cx, found));
}

fn ratchet(old: &Workload<'_, StatefulSet>, new: &Workload<'_, StatefulSet>, cx: &Context<'_>, report: &mut Report) {
    // A change of replicas alone introduces nothing when the set stood at 0: it was scaled down before.
    let awake;
    let awake_workload;
    let old = if old.replicas() == 0 {
        awake = scaled(old.object(), new.replicas());
        awake_workload = Workload::new(&awake, cx.policy);
        &awake_workload
    } else {
        old
    };
    let mut before = Vec::new();
    for (index, rule) in RULES.iter().enumerate() {
        // An exemption on the old object does not count: removing one must not turn what it covered into a denial.
        if report.findings.iter().any(|finding| finding.rule.code == rule.info().code) {
            before.extend(findings_of(*rule, cx, cx.policy.setting(index).action, |rule, cx, found| {
                rule.stateful_set(old, cx, found);
            }));
        }
    }
    let known: HashSet<_> = before.iter().map(Finding::identity).collect();
    for finding in &mut report.findings {
        if known.contains(&finding.identity()) {
            finding.pre_existing = true;
            finding.action = finding.action.milder();
        }
    }
}

fn run<F>(cx: &Context<'_>, metadata: &ObjectMeta, report: &mut Report, hook: F)
where
    F: Fn(&dyn Rule, &Context<'_>, &mut Findings<'_, '_>),
{
    let restored = is_restored(metadata, cx.policy);
    let owned = is_owned(metadata, cx.policy);
    for (index, rule) in RULES.iter().enumerate() {
        let setting = cx.policy.setting(index);
        if setting.action == Action::Off || (cx.fixes_only && !setting.fix) {
            continue;
        }
        let exempt = exemption(metadata, *rule).is_some();
        if exempt && cx.fixes_only {
            continue;
        }
        for mut finding in findings_of(*rule, cx, setting.action, &hook) {
            if owned {
                finding.at_most(Action::Audit);
            }
            if restored || finding.unconfirmed {
                finding.at_most(Action::Warn);
            }
            if restored || owned || !setting.fix {
                demote(&mut finding);
            }
            if exempt && !finding.despite_exemption {
                report.exempt.push(finding);
            } else {
                report.findings.push(finding);
            }
        }
    }
}

/// Runs the rules on a deletion: nothing is said in a namespace that is going itself, and what is said rests on that.
fn deletion<F>(cx: &Context<'_>, metadata: &ObjectMeta, report: &mut Report, hook: F)
where
    F: Fn(&dyn Rule, &Context<'_>, &mut Findings<'_, '_>),
{
    cx.take_asked();
    let terminating = cx.namespace_terminating();
    if terminating == Lookup::Found(true) {
        return;
    }
    let asked = cx.take_asked();
    run(cx, metadata, report, hook);
    for finding in &mut report.findings {
        finding.rests_on.extend(asked.iter().cloned());
        if terminating == Lookup::Unknown || asked.iter().any(|(_, source)| *source == Source::Unconfirmed) {
            finding.unconfirmed = true;
            finding.at_most(Action::Warn);
        }
    }
}

/// A safe fix that this policy or this object rules out is still worth showing.
fn demote(finding: &mut Finding) {
    if let Some(fix) = &mut finding.fix {
        fix.applicability = fix.applicability.min(Applicability::Unsafe);
    }
}

fn findings_of<F>(rule: &dyn Rule, cx: &Context<'_>, action: Action, hook: F) -> Vec<Finding>
where
    F: Fn(&dyn Rule, &Context<'_>, &mut Findings<'_, '_>),
{
    cx.take_asked();
    let mut found = Findings::new(cx, rule.info(), action);
    hook(rule, cx, &mut found);
    found.into_list()
}
