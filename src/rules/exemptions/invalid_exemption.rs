use crate::exemption::EXEMPTION_PREFIX;
use crate::kubernetes::{Deployment, ObjectMeta, RunsPods, Service, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, rule};
use crate::rules::RULES;

rule! {
    /// Exemptions that exempt nothing.
    ///
    /// ## What it does
    /// Finds annotations `stsguard.dev/exempt-<rule name>` whose reason is blank, whose rule does not exist, or whose rule
    /// the policy leaves no exemptions by annotation (`exemptable: false`); and exemptions of the policy that have expired.
    ///
    /// ## Why it matters
    /// Whoever wrote the annotation believes that the object is exempt. It is not: an exemption needs the name of a rule
    /// (not its code) and a reason that the next reader understands.
    ///
    /// ## Example
    /// ```yaml
    /// metadata:
    ///   annotations:
    ///     stsguard.dev/exempt-short-grace-period: ""
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// metadata:
    ///   annotations:
    ///     stsguard.dev/exempt-short-grace-period: "read-only replica, nothing to flush"
    /// ```
    ///
    /// ## Fix
    /// None: only you know the reason.
    ///
    /// ## Exemptions
    /// Remove the annotation.
    ///
    /// ## References
    /// - `stsguard rules` lists the names.
    pub InvalidExemption {
        code: "STS001", name: "invalid-exemption", since: "0.1",
        hooks: [StatefulSet, Service, ServiceUpdate, Deployment],
        default: [Warn, Warn, Warn]
    }
}

impl Rule for InvalidExemption {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        inspect(set.metadata(), cx, found);
    }

    fn service(&self, service: &Service, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        inspect(&service.metadata, cx, found);
    }

    fn service_update(&self, _: &Service, new: &Service, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        inspect(&new.metadata, cx, found);
    }

    fn deployment(&self, deployment: &Workload<'_, Deployment>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        inspect(deployment.metadata(), cx, found);
    }
}

fn inspect(metadata: &ObjectMeta, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
    for (key, reason) in &metadata.annotations {
        let Some(name) = key.strip_prefix(EXEMPTION_PREFIX) else { continue };
        let at = Pointer::new("/metadata/annotations").field(key);
        if !RULES.iter().any(|rule| rule.info().name == name) {
            found
                .part(key, at)
                .say(format!("exempt-{name} names no rule, so it exempts nothing"))
                .help(format!("did you mean {EXEMPTION_PREFIX}{}? `stsguard rules` lists all names", nearest(name)));
        } else if reason.trim().is_empty() {
            found
                .part(key, at)
                .say(format!("exempt-{name} gives no reason, so it exempts nothing"))
                .help("write the reason as the annotation's value");
        } else if !cx.policy.is_exemptable(name) {
            found
                .part(key, at)
                .say(format!("exempt-{name} exempts nothing: from that rule the policy alone exempts"))
                .help("ask for an exemption in the policy, or remove the annotation");
        }
    }
    let over = cx.policy.exemptions.iter().filter(|one| one.is_over(cx.today) && one.is_about(cx.namespace, metadata));
    for (exemption, last) in over.filter_map(|one| Some((one, one.expires?))) {
        let rules: Vec<_> = exemption.rules.iter().map(|index| cx.policy.rules()[*index].info().code).collect();
        let rules = rules.join(", ");
        found
            .part(&rules, Pointer::new("/metadata/name"))
            .say(format!("the policy's exemption from {rules} expired on {last}, so it exempts nothing"))
            .help(format!("{:?} was its reason; renew it in the policy, or fix what it covered", exemption.reason));
    }
}

/// The rule name that was meant: the rule of that code, or the name with the fewest edits.
fn nearest(written: &str) -> &'static str {
    let infos = || RULES.iter().map(|rule| rule.info());
    let by_code = infos().find(|info| info.code.eq_ignore_ascii_case(written));
    let by_name = || infos().min_by_key(|info| strsim::damerau_levenshtein(info.name, written));
    by_code.or_else(by_name).map_or("", |info| info.name)
}

#[cfg(test)]
mod tests {
    use crate::rules::harness;
    use serde_json::json;

    fn annotated(key: &str, reason: &str) -> Vec<String> {
        harness::create("STS001", &json!({"metadata": {"name": "db", "annotations": {(key): reason}}}))
    }

    #[test]
    fn finds_a_blank_reason() {
        assert_eq!(
            annotated("stsguard.dev/exempt-short-grace-period", " "),
            ["exempt-short-grace-period gives no reason, so it exempts nothing"]
        );
    }

    #[test]
    fn finds_a_code_in_place_of_a_name_and_a_misspelt_name() {
        assert_eq!(annotated("stsguard.dev/exempt-sts101", "why").len(), 1);
        assert_eq!(super::nearest("sts101"), "non-headless-service");
        assert_eq!(super::nearest("short-grace-perod"), "short-grace-period");
    }

    #[test]
    fn accepts_a_reason_and_other_annotations() {
        assert!(annotated("stsguard.dev/exempt-short-grace-period", "cache only").is_empty());
        assert!(annotated("example.com/exempt-nothing", "").is_empty());
    }
}
