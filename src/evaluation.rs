//! One evaluation for all fronts: run the rules on a subject, then apply ratchet, exemptions, caps and order.
//!
//! Pure: the rules come with the policy, cluster facts through the [`Context`], and what could not be answered comes back
//! as open questions. The front answers them and evaluates again.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod report;
mod subject;

pub use report::Report;
pub use subject::{Change, Subject};

use std::collections::HashSet;

use crate::facts::Lookup;
use crate::kubernetes::{ObjectMeta, RunsPods, StatefulSet};
use crate::rule::{Action, Context, Finding, Findings, Hook, Occasion, Rule, Specs, Update, Workload};

/// Evaluates one subject.
pub fn evaluate(subject: &Subject<'_>, mut cx: Context<'_>) -> Report {
    let chosen_by = cx.enter_namespace();
    let mut report = Report::default();
    match *subject {
        Subject::StatefulSet(set, Change::State) => {
            let set = Workload::new(set, &cx.policy);
            run(Hook::StatefulSet, &cx, set.metadata(), &mut report, |rule, found| rule.stateful_set(&set, &cx, found));
            if cx.occasion == Occasion::Create {
                let hook = |rule: &dyn Rule, found: &mut Findings<'_, '_>| rule.stateful_set_create(&set, &cx, found);
                run(Hook::StatefulSetCreate, &cx, set.metadata(), &mut report, hook);
            }
        }
        Subject::StatefulSet(new, Change::Update { old, specs }) => update(old, new, specs, &cx, &mut report),
        Subject::StatefulSet(set, Change::Delete(options)) => {
            let set = Workload::new(set, &cx.policy);
            if set.metadata().deletion_timestamp.is_none() {
                deletion(Hook::StatefulSetDelete, &cx, set.metadata(), &mut report, |rule, found| {
                    rule.stateful_set_delete(&set, options, &cx, found);
                });
            }
        }
        Subject::Scale { name, old, new } => {
            if let Lookup::Found(set) = cx.get::<StatefulSet>(name)
                && set.metadata.deletion_timestamp.is_none()
            {
                let before = scaled(&set, old.spec.replicas);
                let after = scaled(&set, new.spec.replicas);
                cx.take_asked();
                // The template stays, whatever the sets' model leaves out of it.
                update(&before, &after, Specs::Equal, &cx, &mut report);
            }
        }
        Subject::Service(service, Change::State) => {
            let hook = |rule: &dyn Rule, found: &mut Findings<'_, '_>| rule.service(service, &cx, found);
            run(Hook::Service, &cx, &service.metadata, &mut report, hook);
        }
        Subject::Service(new, Change::Update { old, .. }) => {
            let hook = |rule: &dyn Rule, found: &mut Findings<'_, '_>| rule.service_update(old, new, &cx, found);
            run(Hook::ServiceUpdate, &cx, &new.metadata, &mut report, hook);
        }
        Subject::Service(service, Change::Delete(_)) => {
            deletion(Hook::ServiceDelete, &cx, &service.metadata, &mut report, |rule, found| {
                rule.service_delete(service, &cx, found);
            });
        }
        Subject::Deployment { deployment, old } => {
            let deployment = Workload::new(deployment, &cx.policy);
            let hook = |rule: &dyn Rule, found: &mut Findings<'_, '_>| rule.deployment(&deployment, &cx, found);
            run(Hook::Deployment, &cx, deployment.metadata(), &mut report, hook);
            if let Some(old) = old {
                let old = Workload::new(old, &cx.policy);
                ratchet(&cx, &mut report, |rule, found| rule.deployment(&old, &cx, found));
            }
        }
    }
    for finding in &mut report.findings {
        finding.rest_on(&chosen_by);
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

/// Runs the rules on an update of a set or on a scale, and ratchets.
fn update(old: &StatefulSet, new: &StatefulSet, specs: Specs<'_>, cx: &Context<'_>, report: &mut Report) {
    let old = Workload::new(old, &cx.policy);
    let new = Workload::new(new, &cx.policy);
    let change = Update { old: &old, new: &new, specs };
    run(Hook::StatefulSet, cx, new.metadata(), report, |rule, found| rule.stateful_set(&new, cx, found));
    // A change of replicas alone introduces nothing when the set stood at 0: it was scaled down before.
    let awake = (old.replicas() == 0 && !report.findings.is_empty()).then(|| scaled(old.object(), new.replicas()));
    let awake = awake.as_ref().map(|awake| Workload::new(awake, &cx.policy));
    let before = awake.as_ref().unwrap_or(&old);
    ratchet(cx, report, |rule, found| rule.stateful_set(before, cx, found));
    let hook = |rule: &dyn Rule, found: &mut Findings<'_, '_>| rule.stateful_set_update(&change, cx, found);
    run(Hook::StatefulSetUpdate, cx, new.metadata(), report, hook);
    drop_explained(report);
}

/// What an update brings about, and what is seen of it in the new object: where the first speaks of a server, the second
/// would say the same of it once more.
const EXPLAINED: [(&str, &str); 1] = [("STS202", "STS204")];

fn drop_explained(report: &mut Report) {
    let explains: Vec<_> =
        report.findings.iter().map(Finding::identity).map(|(code, part)| (code, part.to_owned())).collect();
    report.findings.retain(|finding| {
        let (code, part) = finding.identity();
        !EXPLAINED
            .iter()
            .any(|(by, of)| *of == code && explains.iter().any(|(said, about)| said == by && about == part))
    });
}

/// What the old object has too, as `call` finds it, is pre-existing and drops one step.
fn ratchet<F>(cx: &Context<'_>, report: &mut Report, call: F)
where
    F: Fn(&dyn Rule, &mut Findings<'_, '_>),
{
    let mut before = Vec::new();
    for (index, rule) in cx.policy.rules().iter().enumerate() {
        // An exemption on the old object does not count: removing one must not turn what it covered into a denial.
        if report.findings.iter().any(|finding| finding.rule.code == rule.info().code) {
            before.extend(findings_of(*rule, cx, cx.policy.setting(index).action, &call));
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

fn run<F>(hook: Hook, cx: &Context<'_>, metadata: &ObjectMeta, report: &mut Report, call: F)
where
    F: Fn(&dyn Rule, &mut Findings<'_, '_>),
{
    let restored = cx.policy.is_restored(metadata);
    let owned = cx.policy.is_owned(metadata);
    for (index, rule) in cx.policy.rules().iter().enumerate() {
        let setting = cx.policy.setting(index);
        let info = rule.info();
        if setting.action == Action::Off || (cx.is_fixes_only() && !setting.fix) || !info.hooks.contains(&hook) {
            continue;
        }
        let exempt = cx.policy.exempts(index, cx.namespace, metadata, cx.today);
        if exempt && cx.is_fixes_only() {
            continue;
        }
        for mut finding in findings_of(*rule, cx, setting.action, &call) {
            if owned {
                finding.cap(Action::Audit);
            }
            // What is on its way out, in a dump, hurts nobody for long.
            let is_going = metadata.deletion_timestamp.is_some();
            if restored || is_going || finding.unconfirmed {
                finding.cap(Action::Warn);
            }
            if let Some(fix) = &mut finding.fix
                && (restored || owned || !setting.fix || fix.is_unconfirmed())
            {
                fix.demote();
            }
            if exempt && !finding.is_despite_exemption() {
                report.exempt.push(finding);
            } else {
                report.findings.push(finding);
            }
        }
    }
}

/// Runs the rules on a deletion: nothing is said in a namespace that is going itself, and what is said rests on that.
fn deletion<F>(hook: Hook, cx: &Context<'_>, metadata: &ObjectMeta, report: &mut Report, call: F)
where
    F: Fn(&dyn Rule, &mut Findings<'_, '_>),
{
    cx.take_asked();
    let terminating = cx.namespace_terminates();
    if terminating == Lookup::Found(true) {
        return;
    }
    let asked = cx.take_asked();
    run(hook, cx, metadata, report, call);
    for finding in &mut report.findings {
        finding.rest_on(&asked);
        if terminating == Lookup::Unknown {
            finding.unconfirmed = true;
            finding.cap(Action::Warn);
        }
    }
}

fn findings_of<F>(rule: &dyn Rule, cx: &Context<'_>, action: Action, call: F) -> Vec<Finding>
where
    F: Fn(&dyn Rule, &mut Findings<'_, '_>),
{
    cx.take_asked();
    let opened = cx.opened();
    let mut found = Findings::new(cx, rule.info(), action);
    call(rule, &mut found);
    if cx.is_fixes_only() && cx.opened() > opened {
        // The fix that waits for an answer would rest on the others too: one round of live reads brings all.
        cx.confirm_asked();
    }
    found.into_list()
}

#[cfg(test)]
mod properties;
